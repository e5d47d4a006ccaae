"""Content sent to one repository, each blob once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext
from weakref import WeakValueDictionary

from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.media_types import OCI_MANIFEST
from ghostnb.registries.protocol import BlobContent, WritableRegistry
from ghostnb.registries.storing import size_of_blob, still_damaged
from ghostnb.transfer.tally import TransferTally

__all__ = ["Sender"]


class Sender:
    """Sends what a repository lacks.

    Parameters
    ----------
    target : WritableRegistry
    repository : str
    tally : TransferTally
        Kept up to date, by blob.

    Attributes
    ----------
    bytes_moved : int
        Sent so far: blobs and manifests.
    """

    def __init__(self, target: WritableRegistry, repository: str, tally: TransferTally) -> None:
        self.bytes_moved = 0
        self.tally = tally
        self._target, self._repository = target, repository
        self._turns: WeakValueDictionary[Digest, asyncio.Lock] = WeakValueDictionary()

    async def send(self, blob: Descriptor, content: BlobContent) -> None:
        """Send a blob, unless it is there.

        Raises
        ------
        IntegrityError
            If the registry has it damaged, and keeps it so.
        RegistryError
        """
        # One at a time: whoever comes second finds it there.
        async with self._turns.setdefault(blob.digest, asyncio.Lock()):
            before = await self._size(blob)
            if before == blob.size_bytes:
                return
            with self.tally.moving(blob.digest, blob.size_bytes, "Pushed"):
                await self._target.push_blob(self._repository, blob, self._counted(blob, content))
            self.bytes_moved += blob.size_bytes
            # Some registries keep a damaged file that they have.
            if before is not None and (now := await self._size(blob)) != blob.size_bytes:
                raise still_damaged(self._target.name, self._repository, blob, now or 0)

    async def send_manifest(self, raw: bytes, tag: str) -> Digest:
        """Send a manifest, and point a tag to it.

        Raises
        ------
        RegistryError
        """
        digest = await self._target.push_manifest(self._repository, raw, OCI_MANIFEST, tag=tag)
        self.bytes_moved += len(raw)
        return digest

    async def _size(self, blob: Descriptor) -> int | None:
        return await size_of_blob(self._target, self._repository, blob.digest)

    def _counted(self, blob: Descriptor, content: BlobContent) -> BlobContent:
        async def pieces(first: int) -> AsyncIterator[bytes]:
            done, opened = first, content(first)
            async with aclosing(opened) if isinstance(opened, AsyncGenerator) else nullcontext():
                async for piece in opened:
                    done += len(piece)
                    self.tally.reach(blob.digest, done, "Pushing")
                    yield piece

        return pieces
