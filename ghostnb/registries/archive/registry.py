"""A registry that is an archive of images: one file."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import ParamSpec, TypeVar

from ghostnb.oci import AnyManifest, Descriptor, Digest, Reference, check_repository, check_tag
from ghostnb.registries.archive.store import ArchiveStore
from ghostnb.registries.config import LAYOUT_SCHEME, RegistryConfig
from ghostnb.registries.own import OwnContent
from ghostnb.registries.records import ManifestRecord, Ping, RepositoryRecord
from ghostnb.registries.storing import MAX_BLOB_BYTES
from ghostnb.registries.verify import check_pieces, check_size

__all__ = ["ArchiveRegistry"]

P = ParamSpec("P")
Result = TypeVar("Result")
# More threads would only wait for each other.
_CONCURRENCY = 4
_BLOCK_BYTES = 2**20


class ArchiveRegistry(OwnContent):
    """An archive of images, as a registry that is read.

    Parameters
    ----------
    path : Path or str
        The file: a tar, not compressed as a whole. It is never changed, and nothing of
        it is extracted; it is read again when another program has changed it.
    name : str, optional
        By default made of the file's name.

    Attributes
    ----------
    name : str
    url : str
        ``oci:PATH``.

    Notes
    -----
    Two kinds are read. An OCI image layout in a tar, as ``RegistryClient.save``,
    ``skopeo copy … oci-archive:``, ``podman save --format oci-archive`` and ``docker save``
    since version 25 write it: repositories and tags are those that `LayoutRegistry`
    reads in its ``index.json``. And what ``docker save`` wrote before, and ``podman save``
    and ``skopeo copy … docker-archive:`` do: repositories and tags are its ``RepoTags``,
    a host before them left out. Such an archive has no manifests: an OCI manifest is made
    of an image's config and layers, always the same, but not the one by which a registry
    knows the image. An archive that is both is read as a layout.

    What has no name is in a repository called after the file, without ``.tar``.

    The headers of the tar are read once, so that the first question to a long archive
    takes longer than those after it; compressed layers of a Docker archive are read
    then, too, since their digests stand nowhere.

    Source: OCI image-spec v1.1, "Image Layout"; Docker Image Specification v1.2,
    "Combined Image JSON + Filesystem Changeset Format". POSIX systems only.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        file = os.path.abspath(os.path.expanduser(path))
        self.url = f"{LAYOUT_SCHEME}{file}"
        self.concurrency = _CONCURRENCY
        self.name = name or RegistryConfig.from_url(self.url).name
        self._store = ArchiveStore(file, self.name)
        self._first = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<ArchiveRegistry {self.name} at {self.url}>"

    @property
    def kind(self) -> str:
        """Always ``archive``."""
        return "archive"

    def repository(self, name: str) -> str:
        """Check a repository's name."""
        return check_repository(name)

    def reference(self, text: str) -> Reference:
        """Read ``repository[:tag][@digest]``."""
        return Reference.within(text, host="")

    async def ping(self) -> Ping:
        """See what the archive holds.

        Raises
        ------
        NotFoundError
            If there is no file (any more).
        ProtocolError
            If it is no archive of images, or is damaged.
        UnsupportedError
            If it is compressed as a whole.
        ForbiddenError
            If it may not be read.
        """
        started = time.perf_counter()
        await self._asked(self._store.load)
        return Ping(self.name, self.url, self.kind, False, time.perf_counter() - started)

    async def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, in the order of their names."""
        for name, contents in (await self._asked(self._store.load)).items():
            if namespace is None or name.startswith(f"{namespace}/"):
                yield RepositoryRecord(self.name, name, tag_count=len(contents.tags))

    async def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags, in lexical order."""
        check_repository(repository)
        for tag in (await self._asked(self._store.contents, repository)).tags:
            yield tag

    async def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read the manifest of a tag or digest."""
        check_repository(repository)
        checked = Digest(locator) if ":" in locator else check_tag(locator)
        return await self._asked(self._store.manifest, repository, checked)

    async def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a small blob whole."""
        check_repository(repository)
        check_size(descriptor, MAX_BLOB_BYTES, source=f"{repository} in {self.name}")
        return await self._asked(self._store.blob, repository, descriptor)

    async def open_blob(self, repository: str, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes, in pieces."""
        source = f"{check_repository(repository)} in {self.name}"
        async with aclosing(self._pieces(repository, descriptor)) as pieces:
            async for piece in check_pieces(pieces, descriptor, source=source):
                yield piece

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Look how large a blob is."""
        check_repository(repository)
        return await self._asked(self._store.blob_size, repository, digest)

    async def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest; a manifest is read once for it."""
        check_repository(repository)
        return await self._asked(self._store.referrers, repository, digest)

    async def manifests(self, repository: str) -> AsyncIterator[ManifestRecord]:
        """Iterate over the entries of a repository, in the order of the index."""
        check_repository(repository)
        for record in (await self._asked(self._store.contents, repository)).records():
            yield record

    async def read_catalogue(self) -> bytes | None:
        """Read the catalogue that a backup put beside the content; None if there is none."""
        return await self._asked(self._store.catalogue)

    async def is_made(self, digest: Digest) -> bool:
        """Tell whether a manifest was made here, since the archive's format has none."""
        return await self._asked(self._store.is_made, digest)

    async def aclose(self) -> None:
        """Forget what was read; no file is open between calls."""
        self._store.forget()

    async def _asked(
        self, question: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Ask on a thread; who asks first reads the headers, and the others wait on none."""
        if not self._store.is_read:
            async with self._first:
                return await asyncio.to_thread(question, *args, **kwargs)
        return await asyncio.to_thread(question, *args, **kwargs)

    async def _pieces(self, repository: str, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        file, member = await self._asked(self._store.open_blob, repository, descriptor)
        try:
            end = member.offset + member.size_bytes
            for start in range(member.offset, end, _BLOCK_BYTES):
                yield await asyncio.to_thread(file.read_at, start, min(_BLOCK_BYTES, end - start))
        finally:
            file.close()
