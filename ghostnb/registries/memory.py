"""A registry in memory: for tests, and for trying something out."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field

from ghostnb.oci import (
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    Manifest,
    check_repository,
    check_tag,
    is_within,
)
from ghostnb.registries.garbage import GarbageReport, orphans, reachable
from ghostnb.registries.memory_contents import Contents
from ghostnb.registries.own import SharedBlobs
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.records import ManifestRecord, Ping, RepositoryRecord
from ghostnb.registries.referrers import as_referrer
from ghostnb.registries.storing import (
    MAX_BLOB_BYTES,
    checked_manifest,
    no_such_blob,
    no_such_manifest,
    no_such_repository,
    no_such_upload,
    still_needed,
    tag_moved,
)
from ghostnb.registries.verify import check_content, check_pieces, check_size

__all__ = ["MemoryRegistry"]

_PIECE_BYTES = 2**20


@dataclass(slots=True)
class _Upload:
    content: bytearray = field(default_factory=bytearray)
    begun: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)


class MemoryRegistry(SharedBlobs):
    """A registry that is gone with the process. It can be written to.

    Parameters
    ----------
    name : str

    Attributes
    ----------
    name : str
    url : str
        ``memory:NAME``.

    Notes
    -----
    A repository is there from its first manifest on. Manifests belong to the
    repository that they were pushed to; blobs are shared by all.
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.url = f"memory:{name}"
        self.concurrency = 1
        self._repositories: dict[str, Contents] = {}
        self._blobs: dict[Digest, bytes] = {}
        self._used: dict[Digest, float] = {}
        self._uploads: dict[tuple[str, str], _Upload] = {}

    def __repr__(self) -> str:
        return f"<MemoryRegistry {self.name}: {len(self._repositories)} repositories>"

    @property
    def kind(self) -> str:
        """Always ``memory``."""
        return "memory"

    async def ping(self) -> Ping:
        """Answer at once."""
        started = time.perf_counter()
        return Ping(self.name, self.url, self.kind, False, time.perf_counter() - started)

    async def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, in the order of their names."""
        for name, content in sorted(self._repositories.items()):
            if is_within(name, namespace):
                yield RepositoryRecord(self.name, name, tag_count=len(content.tags))

    async def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags, in lexical order."""
        for tag in sorted(self._content(repository).tags):
            yield tag

    async def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Give the manifest of a tag or digest."""
        content = self._content(repository)
        digest = Digest(locator) if ":" in locator else content.tags.get(check_tag(locator))
        found = content.manifests.get(digest) if digest else None
        if found is None:
            raise no_such_manifest(self.name, repository, locator)
        return found

    async def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Give a blob whole."""
        source = f"{repository} in {self.name}"
        check_size(descriptor, MAX_BLOB_BYTES, source=source)
        check_repository(repository)
        content = self._blob(repository, descriptor.digest, descriptor.urls)
        return check_content(content, descriptor.digest, descriptor.size_bytes, source=source)

    async def open_blob(self, repository: str, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes, in pieces."""
        check_repository(repository)
        pieces = _pieces(self._blob(repository, descriptor.digest, descriptor.urls))
        async for piece in check_pieces(pieces, descriptor, source=f"{repository} in {self.name}"):
            yield piece

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Say how many bytes a blob has."""
        return len(self._blob(repository, digest))

    async def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest."""
        check_repository(repository)
        content = self._repositories.get(repository, Contents())
        found = map(as_referrer, content.manifests.values())
        return [one[1] for one in found if one is not None and one[0] == digest]

    async def push_blob(
        self, repository: str, descriptor: Descriptor, content: BlobContent
    ) -> None:
        """Store a blob under its digest."""
        check_repository(repository)
        checked = check_pieces(content(0), descriptor, source=f"The pushed blob of {repository}")
        self._keep(descriptor.digest, b"".join([piece async for piece in checked]))

    async def push_manifest(
        self,
        repository: str,
        raw: bytes,
        media_type: str,
        *,
        tag: str = "",
        digest: Digest | None = None,
    ) -> Digest:
        """Store a manifest exactly as it is, and move a tag to it."""
        check_repository(repository)
        if tag:
            check_tag(tag)
        source = f"The pushed manifest of {repository}"
        manifest = checked_manifest(raw, media_type, digest=digest, source=source)
        content = self._repositories.setdefault(repository, Contents())
        content.manifests[manifest.digest] = manifest
        self._used[manifest.digest] = time.monotonic()
        if tag:
            content.tags[tag] = manifest.digest
        return manifest.digest

    async def manifests(self, repository: str) -> AsyncIterator[ManifestRecord]:
        """Iterate over a repository's manifests, in the order in which they first came."""
        for record in self._content(repository).records():
            yield record

    async def check_deletable(self, repository: str) -> None:
        """Do nothing: memory can always be forgotten."""

    async def delete_tag(
        self, repository: str, tag: str, *, expected: Digest | None = None
    ) -> None:
        """Take a tag away; its manifest stays, and so do other tags of it."""
        tags = self._content(repository).tags
        found = tags.get(check_tag(tag))
        if found is None:
            raise no_such_manifest(self.name, repository, tag)
        if expected not in (None, found):
            raise tag_moved(self.name, repository, tag, found, expected)
        del tags[tag]

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Delete a manifest with its tags."""
        content = self._content(repository)
        if digest not in content.manifests:
            raise no_such_manifest(self.name, repository, digest)
        for index in content.manifests.values():
            if isinstance(index, Index) and any(one.digest == digest for one in index.manifests):
                raise still_needed(self.name, repository, digest, f"the index {index.digest}")
        self._forget(repository, digest)

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob that no manifest of any repository needs."""
        self._blob(repository, digest)
        if digest in self._reachable():
            raise still_needed(self.name, repository, digest, "a manifest")
        del self._blobs[digest]

    async def prepare(self) -> None:
        """Do nothing: memory is there."""

    async def probe(self) -> None:
        """Do nothing: memory is there."""

    async def touch_blobs(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Keep blobs and manifests from garbage collections for their time of grace."""
        sizes = {one: size for one in digests if (size := self._size(one)) is not None}
        self._used |= dict.fromkeys(sizes, time.monotonic())
        return sizes

    async def open_range(self, digest: Digest, first: int, last: int) -> AsyncIterator[bytes]:
        """Iterate over a part of a blob."""
        async for piece in _pieces(self._blob("", digest)[first : last + 1]):
            yield piece

    async def begin_upload(self, repository: str) -> str:
        """Begin a blob that comes in pieces."""
        upload = secrets.token_hex(16)
        self._uploads[check_repository(repository), upload] = _Upload()
        return upload

    async def upload_size(self, repository: str, upload: str) -> int:
        """Say how many bytes of an upload have come."""
        return len(self._upload(repository, upload).content)

    async def append_upload(
        self, repository: str, upload: str, pieces: AsyncIterator[bytes]
    ) -> int:
        """Append bytes to an upload; what came before an error stays."""
        found = self._upload(repository, upload)
        async for piece in pieces:
            found.content += piece
            found.used = time.monotonic()
        return len(found.content)

    async def finish_upload(self, repository: str, upload: str, digest: Digest) -> None:
        """Make a blob of a complete upload."""
        content = bytes(self._upload(repository, upload).content)
        source = f"What was pushed to {repository} in {self.name}"
        self._keep(digest, check_content(content, digest, source=source))
        del self._uploads[repository, upload]

    async def cancel_upload(self, repository: str, upload: str) -> None:
        """Forget an upload."""
        self._upload(repository, upload)
        del self._uploads[repository, upload]

    async def usage(self) -> tuple[int, int]:
        """Count the blobs and manifests that are kept, and their bytes."""
        sizes = {**self._manifest_sizes(), **{key: len(blob) for key, blob in self._blobs.items()}}
        return len(sizes), sum(sizes.values())

    async def collect_garbage(
        self, *, dry_run: bool = False, untagged: bool = False, grace_seconds: float = 3600
    ) -> GarbageReport:
        """Remove what nothing points to."""
        started = time.monotonic()
        limit = started - grace_seconds
        stale = {key: len(up.content) for key, up in self._uploads.items() if up.used <= limit}
        begins = [up.begun for key, up in self._uploads.items() if key not in stale]
        # A push may take longer than the grace: what it sent before, it needs at the end.
        deadline = min([started, *begins]) - grace_seconds
        young = {key for key, used in self._used.items() if used > deadline}
        orphaned = self._orphans()
        leaving = self._orphans(young) if untagged else set()
        kept = self._reachable(without=leaving)
        loose = {key: len(blob) for key, blob in self._blobs.items() if key not in kept}
        going = {key: size for key, size in loose.items() if key not in young}
        freed = {key: size for key, size in self._manifest_sizes().items() if key not in kept}
        if not dry_run:
            self._remove(leaving, going, stale)
        return GarbageReport(
            orphaned_blobs_found=len(loose),
            orphaned_manifests_found=len(orphaned),
            blobs_deleted=len(going),
            manifests_deleted=len(leaving),
            bytes_freed=sum(going.values()) + sum(freed.values()) + sum(stale.values()),
            run_duration_seconds=time.monotonic() - started,
        )

    async def aclose(self) -> None:
        """Keep everything: there is nothing to let go of."""

    def _content(self, repository: str) -> Contents:
        found = self._repositories.get(check_repository(repository))
        if found is None:
            raise no_such_repository(self.name, repository)
        return found

    def _blob(self, repository: str, digest: Digest, urls: tuple[str, ...] | None = None) -> bytes:
        found = self._blobs.get(digest)
        if found is None:
            raise no_such_blob(self.name, repository, digest, urls)
        return found

    def _size(self, digest: Digest) -> int | None:
        if digest in self._blobs:
            return len(self._blobs[digest])
        contents = self._repositories.values()
        found = (content.manifests.get(digest) for content in contents)
        return next((len(one.raw) for one in found if one is not None), None)

    def _keep(self, digest: Digest, content: bytes) -> None:
        self._blobs[digest] = content
        self._used[digest] = time.monotonic()

    def _upload(self, repository: str, upload: str) -> _Upload:
        found = self._uploads.get((repository, upload))
        if found is None:
            raise no_such_upload(self.name, repository, upload)
        return found

    def _forget(self, repository: str, digest: Digest) -> None:
        content = self._repositories[repository]
        content.forget(digest)
        if not content.manifests:
            del self._repositories[repository]

    def _orphans(self, young: Collection[Digest] = ()) -> set[tuple[str, Digest]]:
        return {
            (name, digest)
            for name, content in self._repositories.items()
            for digest in orphans(content.roots(young), content.described, self._read)
        }

    def _remove(
        self,
        manifests: Iterable[tuple[str, Digest]],
        blobs: Iterable[Digest],
        uploads: Iterable[tuple[str, str]],
    ) -> None:
        for name, digest in manifests:
            self._forget(name, digest)
        for digest in blobs:
            del self._blobs[digest]
        for key in uploads:
            del self._uploads[key]
        there = self._blobs.keys() | self._manifest_sizes()
        self._used = {key: used for key, used in self._used.items() if key in there}

    def _reachable(self, without: Collection[tuple[str, Digest]] = ()) -> set[Digest]:
        roots = [
            entry
            for name, content in self._repositories.items()
            for digest, entry in content.described.items()
            if (name, digest) not in without
        ]
        return reachable(roots, self._read)

    def _read(self, descriptor: Descriptor) -> Manifest | Index | None:
        contents = self._repositories.values()
        found = (content.manifests.get(descriptor.digest) for content in contents)
        return next((manifest for manifest in found if manifest is not None), None)

    def _manifest_sizes(self) -> dict[Digest, int]:
        return {
            digest: len(manifest.raw)
            for content in self._repositories.values()
            for digest, manifest in content.manifests.items()
        }


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]
        # As from a network: others may go on between two pieces.
        await asyncio.sleep(0)
