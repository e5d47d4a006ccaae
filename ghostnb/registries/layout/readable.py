"""What a registry that is an image layout answers, be that a directory or an archive."""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from ghostnb.oci import AnyManifest, Descriptor, Digest, check_repository, check_tag, is_within
from ghostnb.registries.config import LAYOUT_SCHEME, RegistryConfig
from ghostnb.registries.layout.reader import LayoutReader
from ghostnb.registries.own import OwnContent
from ghostnb.registries.records import ManifestRecord, Ping, RepositoryRecord
from ghostnb.registries.storing import MAX_BLOB_BYTES, no_such_blob
from ghostnb.registries.verify import check_pieces, check_size

__all__ = ["BLOCK_BYTES", "ReadableLayout"]

P = ParamSpec("P")
Result = TypeVar("Result")
Store = TypeVar("Store", bound=LayoutReader[Any])
# More threads would only wait for each other.
_CONCURRENCY = 4
BLOCK_BYTES = 2**20
"""How much a thread reads or writes at once."""


class ReadableLayout(OwnContent, ABC, Generic[Store]):
    """An image layout, as a registry that is read.

    Parameters
    ----------
    path : Path or str
    name : str, optional
        By default made of the path's last part.
    open_store : callable
        Makes what reads it, of its absolute path and the registry's name.
    """

    def __init__(
        self, path: Path | str, name: str | None, open_store: Callable[[str, str], Store]
    ) -> None:
        place = os.path.abspath(os.path.expanduser(path))
        self.url = f"{LAYOUT_SCHEME}{place}"
        self.concurrency = _CONCURRENCY
        self.name = name or RegistryConfig.from_url(self.url).name
        self._store = open_store(place, self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self.url}>"

    @property
    @abstractmethod
    def kind(self) -> str:
        """The sort of registry."""

    async def ping(self) -> Ping:
        """Read what is there."""
        started = time.perf_counter()
        await self._asked(self._store.load)
        return Ping(self.name, self.url, self.kind, False, time.perf_counter() - started)

    async def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, in the order of their names."""
        for name, contents in (await self._asked(self._store.load)).items():
            if is_within(name, namespace):
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
        size = await self._asked(self._store.blob_size, digest)
        if size is None:
            raise no_such_blob(self.name, repository, digest)
        return size

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

    async def aclose(self) -> None:
        """Forget what was read; no file is open between calls."""
        self._store.forget()

    async def _asked(
        self, question: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Ask on a thread."""
        return await asyncio.to_thread(question, *args, **kwargs)

    async def _pieces(self, repository: str, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        file = await self._asked(self._store.open_blob, repository, descriptor)
        try:
            while piece := await asyncio.to_thread(file.read, BLOCK_BYTES):
                yield piece
                # The last is shorter: no thread is asked for what comes after it.
                if len(piece) < BLOCK_BYTES:
                    return
        finally:
            file.close()
