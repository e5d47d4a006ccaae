"""A registry that is an OCI image layout: a directory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from typing import ParamSpec

from ghostnb.oci import Descriptor, Digest, check_repository, check_tag
from ghostnb.registries.abilities import CATALOGUE
from ghostnb.registries.garbage import GarbageReport
from ghostnb.registries.layout.index import Entry
from ghostnb.registries.layout.readable import BLOCK_BYTES, ReadableLayout
from ghostnb.registries.layout.removal import Removal
from ghostnb.registries.layout.store import LayoutStore
from ghostnb.registries.own import SharedBlobs
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.records import Ping
from ghostnb.registries.storing import checked_manifest
from ghostnb.registries.threads import finished, settled
from ghostnb.registries.verify import check_pieces

__all__ = ["LayoutRegistry"]

P = ParamSpec("P")


class LayoutRegistry(ReadableLayout[LayoutStore], SharedBlobs):
    """An OCI image layout on disk, as a registry with any number of repositories.

    Parameters
    ----------
    path : Path or str
        The layout's directory. The first push makes it; reading never
        changes anything.
    name : str, optional
        By default made of the directory's name.

    Attributes
    ----------
    name : str
    url : str
        ``oci:PATH``.

    Notes
    -----
    A layout knows no repositories, so their names are in the annotations of
    the entries of ``index.json``. The first that applies counts:

    1. ``org.opencontainers.image.ref.name`` with a whole reference, as
       ``skopeo copy … oci:DIR:team/app:1.0`` writes it: repository and tag. A
       host before it (``localhost:5000/team/app:1.0``) is left out.
    2. ``io.containerd.image.name`` with a whole reference, as ``docker save``,
       ``docker buildx`` and containerd write it beside a ``ref.name`` that
       holds the tag alone.
    3. ``io.ghostnb.repository``: the repository alone.
    4. Else the entry belongs to a repository called after the directory
       (`default_repository`), and a ``ref.name`` is its tag.

    An entry without a tag is reached by digest alone. Two entries of one name:
    the first counts, as for skopeo. The manifests in an index belong to the
    index's repository; blobs are shared by all repositories.

    A push writes ``ref.name`` as ``repository:tag``, one entry a tag, and
    ``io.ghostnb.repository`` beside it, so that a manifest that loses its tag
    (to skopeo, too) stays in its repository. Other annotations, entries and
    fields stay. Writers take turns by a lock on ``.ghostnb.lock``.

    skopeo reads only entries of the OCI's media types, not Docker's.

    Source: OCI image-spec v1.1, "Image Layout" and "Annotations"; containers/image,
    oci/layout; containerd, images/annotations.go. POSIX systems only.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        super().__init__(path, name, LayoutStore)
        self._removal = Removal(self._store)

    @property
    def kind(self) -> str:
        """Always ``layout``."""
        return "layout"

    async def ping(self) -> Ping:
        """Read the layout's index.

        Raises
        ------
        NotFoundError
            If there is no layout (yet).
        ProtocolError
            If it is none.
        ForbiddenError
            If it may not be read.
        """
        return await super().ping()

    async def push_blob(
        self, repository: str, descriptor: Descriptor, content: BlobContent
    ) -> None:
        """Store a blob under its digest; one that is there is written again, and so mended."""
        source = f"What was pushed to {check_repository(repository)} in {self.name}"
        await finished(self._store.make)
        upload = self._store.upload(descriptor.digest)
        try:
            async for block in blocks(check_pieces(content(0), descriptor, source=source)):
                await finished(upload.write, block)
            await finished(upload.commit)
        finally:
            await finished(upload.discard)

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
        source = f"The manifest pushed to {repository} in {self.name}"
        manifest = checked_manifest(raw, media_type, digest=digest, source=source)
        entry = Entry(repository, tag, manifest.media_type, manifest.digest, len(raw))
        await _written(self._store.push, entry, raw)
        return manifest.digest

    async def check_deletable(self, repository: str) -> None:
        """See whether the directory can be written to."""
        check_repository(repository)
        await asyncio.to_thread(self._removal.check)

    async def delete_tag(
        self, repository: str, tag: str, *, expected: Digest | None = None
    ) -> None:
        """Take a tag away; its manifest stays, and so do other tags of it."""
        await _written(self._removal.tag, check_repository(repository), check_tag(tag), expected)

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Delete a manifest with its tags; its file stays until garbage is collected."""
        await _written(self._removal.manifest, check_repository(repository), digest)

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob that no manifest of any repository needs."""
        await finished(self._removal.blob, check_repository(repository), digest)

    async def prepare(self) -> None:
        """Make the layout, unless there is one; what is served is never made anew later."""
        await finished(self._store.serve)

    async def probe(self) -> None:
        """Read the index, then write a few bytes beside the content."""
        await finished(self._store.probe)

    async def touch_blobs(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Keep blobs and manifests from garbage collections for their time of grace."""
        return await asyncio.to_thread(self._store.touch, digests)

    async def open_range(self, digest: Digest, first: int, last: int) -> AsyncIterator[bytes]:
        """Iterate over a part of a blob's file, unchecked."""
        file = await asyncio.to_thread(self._store.open_range, digest, first)
        try:
            left = last - first + 1
            while left > 0:
                size = min(left, BLOCK_BYTES)
                piece = await asyncio.to_thread(file.read, size)
                if not piece:
                    return
                left -= len(piece)
                yield piece
        finally:
            file.close()

    async def begin_upload(self, repository: str) -> str:
        """Begin a blob that comes in pieces."""
        check_repository(repository)
        await finished(self._store.make)
        return await finished(self._store.staging.begin, repository)

    async def upload_size(self, repository: str, upload: str) -> int:
        """Look how large an upload's file is."""
        return await asyncio.to_thread(self._store.staging.size_bytes, repository, upload)

    async def append_upload(
        self, repository: str, upload: str, pieces: AsyncIterator[bytes]
    ) -> int:
        """Append bytes to an upload's file; what came before an error stays."""
        staging = self._store.staging
        size = await self.upload_size(repository, upload)
        async for block in blocks(pieces):
            size = await finished(staging.append, repository, upload, block)
        return size

    async def finish_upload(self, repository: str, upload: str, digest: Digest) -> None:
        """Make a blob of a complete upload, on disk before this returns."""
        await finished(self._store.finish_upload, repository, upload, digest)

    async def cancel_upload(self, repository: str, upload: str) -> None:
        """Remove an upload's file."""
        await finished(self._store.staging.cancel, repository, upload)

    async def usage(self) -> tuple[int, int]:
        """Count the files of blobs and manifests, and their bytes."""
        return await asyncio.to_thread(self._store.usage)

    async def collect_garbage(
        self, *, dry_run: bool = False, untagged: bool = False, grace_seconds: float = 3600
    ) -> GarbageReport:
        """Remove what nothing points to; writers wait meanwhile."""
        return await finished(
            self._removal.garbage,
            dry_run=dry_run,
            untagged=untagged,
            grace_seconds=grace_seconds,
        )

    async def check_usable(self) -> bool:
        """See whether there is a layout, or one can be made; nothing is written.

        Returns
        -------
        bool
            Whether there is one.

        Raises
        ------
        ProtocolError
            If the directory holds something else.
        ForbiddenError
            If it may not be written to.
        """
        return await asyncio.to_thread(self._store.check_usable)

    async def make(self) -> None:
        """Make the layout, unless there is one."""
        await finished(self._store.make)

    async def remove_leftovers(self) -> None:
        """Remove what writes left that were cut off over a day ago, as far as that is allowed."""
        await finished(self._removal.leftovers)

    async def write_catalogue(self, raw: bytes) -> None:
        """Replace the catalogue, in one step."""
        await self.make()
        await finished(self._store.files.replace, raw, *CATALOGUE)


async def _written(function: Callable[P, Future[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call on a thread what changes the index, and wait on none until that is written."""

    async def work() -> None:
        await asyncio.wrap_future(await asyncio.to_thread(function, *args, **kwargs))

    await settled(work())


async def blocks(pieces: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Gather pieces, so that a thread is asked once a mebibyte; what came before an error too."""
    block: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            block.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                yield block
                block, size = [], 0
    except Exception:
        if block:
            yield block
        raise
    if block:
        yield block
