"""A registry in memory: for tests, and for trying something out."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ghostnb.oci import (
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Reference,
    check_repository,
    check_tag,
)
from ghostnb.registries.catalog import details_of_tags, search_catalog
from ghostnb.registries.records import Ping, RepositoryRecord, SearchRecord, TagRecord
from ghostnb.registries.storing import (
    MAX_BLOB_BYTES,
    checked_manifest,
    no_such_blob,
    no_such_manifest,
    no_such_repository,
)
from ghostnb.registries.verify import check_content, check_pieces, check_size
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["MemoryRegistry"]

_PIECE_BYTES = 2**20


@dataclass(slots=True)
class _Repository:
    manifests: dict[Digest, Manifest | Index] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)


class MemoryRegistry:
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
        self._repositories: dict[str, _Repository] = {}
        self._blobs: dict[Digest, bytes] = {}

    def __repr__(self) -> str:
        return f"<MemoryRegistry {self.name}: {len(self._repositories)} repositories>"

    @property
    def kind(self) -> str:
        """Always ``memory``."""
        return "memory"

    @property
    def rate_limit(self) -> RateLimit | None:
        """None: memory has no limit of pulls."""
        return None

    def repository(self, name: str) -> str:
        """Check a repository's name."""
        return check_repository(name)

    def reference(self, text: str) -> Reference:
        """Read ``repository[:tag][@digest]``."""
        return Reference.within(text, host="")

    async def ping(self) -> Ping:
        """Answer at once."""
        started = time.perf_counter()
        return Ping(self.name, self.url, self.kind, False, time.perf_counter() - started)

    async def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, in the order of their names."""
        for name, content in sorted(self._repositories.items()):
            if namespace is None or name.startswith(f"{namespace}/"):
                yield RepositoryRecord(self.name, name, tag_count=len(content.tags))

    async def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags, in lexical order."""
        for tag in sorted(self._content(repository).tags):
            yield tag

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags with all that their manifests tell."""
        async for record in details_of_tags(self, repository):
            yield record

    async def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over at most `limit` repositories whose names hold the query."""
        async for record in search_catalog(self, query, limit=limit):
            yield record

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
        content = self._blob(repository, descriptor)
        return check_content(content, descriptor.digest, descriptor.size_bytes, source=source)

    async def open_blob(self, repository: str, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes, in pieces."""
        pieces = _pieces(self._blob(repository, descriptor))
        async for piece in check_pieces(pieces, descriptor, source=f"{repository} in {self.name}"):
            yield piece

    async def push_blob(
        self, repository: str, descriptor: Descriptor, pieces: AsyncIterator[bytes]
    ) -> None:
        """Store a blob under its digest."""
        check_repository(repository)
        checked = check_pieces(pieces, descriptor, source=f"The pushed blob of {repository}")
        self._blobs[descriptor.digest] = b"".join([piece async for piece in checked])

    async def push_manifest(
        self, repository: str, raw: bytes, media_type: str, *, tag: str = ""
    ) -> Digest:
        """Store a manifest exactly as it is, and move a tag to it."""
        check_repository(repository)
        if tag:
            check_tag(tag)
        manifest = checked_manifest(raw, media_type, source=f"The pushed manifest of {repository}")
        content = self._repositories.setdefault(repository, _Repository())
        content.manifests[manifest.digest] = manifest
        if tag:
            content.tags[tag] = manifest.digest
        return manifest.digest

    async def aclose(self) -> None:
        """Keep everything: there is nothing to let go of."""

    def _content(self, repository: str) -> _Repository:
        found = self._repositories.get(check_repository(repository))
        if found is None:
            raise no_such_repository(self.name, repository)
        return found

    def _blob(self, repository: str, descriptor: Descriptor) -> bytes:
        check_repository(repository)
        found = self._blobs.get(descriptor.digest)
        if found is None:
            raise no_such_blob(self.name, repository, descriptor)
        return found


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]
        # As from a network: others may go on between two pieces.
        await asyncio.sleep(0)
