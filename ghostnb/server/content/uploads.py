"""Blobs on their way through the agent, to registries that take them only whole."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing

from ghostnb.oci import Descriptor, Digest, check_repository
from ghostnb.registries.layout.registry import blocks
from ghostnb.registries.protocol import WritableRegistry
from ghostnb.registries.storing import no_such_upload
from ghostnb.registries.verify import check_digest
from ghostnb.server.content.staging import Staged, Staging

__all__ = ["Uploads"]


class Uploads:
    """Takes a registry's blobs in pieces, and sends them on; see `TakesUploads`.

    Parameters
    ----------
    registry : WritableRegistry
    staging : Staging
    """

    def __init__(self, registry: WritableRegistry, staging: Staging) -> None:
        self._registry = registry
        self._staging = staging
        # A registry that was removed, and one of its name, have nothing in common.
        self._owner = secrets.token_hex(8)

    async def begin_upload(self, repository: str) -> str:
        """Begin a blob that comes in pieces."""
        return await self._staging.open(self._owned(repository))

    async def upload_size(self, repository: str, upload: str) -> int:
        """Say how many bytes have come."""
        return self._staged(repository, upload).size_bytes

    async def append_upload(
        self, repository: str, upload: str, pieces: AsyncIterator[bytes]
    ) -> int:
        """Append bytes; what came before an error stays."""
        staged = self._staged(repository, upload)
        async for block in blocks(pieces):
            await self._staging.write(staged, block)
        return staged.size_bytes

    async def finish_upload(self, repository: str, upload: str, digest: Digest) -> None:
        """Send a complete upload on; it stays until the registry has it."""
        staged = self._staged(repository, upload)
        await self._check(repository, staged, digest)
        await self._send(repository, staged, digest, staged.size_bytes)
        self._staging.drop(self._owned(repository), upload)

    async def finish_with(
        self,
        repository: str,
        upload: str,
        digest: Digest,
        pieces: AsyncIterator[bytes],
        size_bytes: int,
    ) -> None:
        """Send an upload on while the rest of it still comes; see `SendsOn`.

        Notes
        -----
        The registry is a little behind, and who sends waits for it. What has come is kept all
        the same: the connection to the registry may break, and then it is sent again.
        """
        staged = self._staged(repository, upload)
        total = staged.size_bytes + size_bytes
        receiving = asyncio.ensure_future(self._receive(staged, pieces))
        try:
            await self._send(repository, staged, digest, total)
            # A registry that has the blob already may not have read it to its end.
            staged.let_go(total)
            await receiving
            await self._check(repository, staged, digest)
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])
        self._staging.drop(self._owned(repository), upload)

    async def cancel_upload(self, repository: str, upload: str) -> None:
        """Forget an upload."""
        self._staged(repository, upload)
        self._staging.drop(self._owned(repository), upload)

    async def _receive(self, staged: Staged, pieces: AsyncIterator[bytes]) -> None:
        staged.note_break(None)
        try:
            async for block in blocks(pieces):
                await self._staging.write(staged, block)
                await staged.room()
        except BaseException as e:
            staged.note_break(e)
            raise

    async def _send(self, repository: str, staged: Staged, digest: Digest, size: int) -> None:
        async def pieces(first: int) -> AsyncIterator[bytes]:
            async with aclosing(staged.read(first, size)) as read:
                async for piece in read:
                    yield piece
            # An error at the end keeps the registry from making a blob of it.
            await self._check(repository, staged, digest)

        blob = Descriptor("application/octet-stream", digest, size)
        await self._registry.push_blob(repository, blob, pieces)

    async def _check(self, repository: str, staged: Staged, digest: Digest) -> None:
        source = f"What was pushed to {repository} in {self._registry.name}"
        check_digest(await staged.digest(digest.algorithm), digest, source=source)

    def _owned(self, repository: str) -> str:
        return f"{self._owner} {check_repository(repository)}"

    def _staged(self, repository: str, upload: str) -> Staged:
        found = self._staging.find(self._owned(repository), upload)
        if found is None:
            raise no_such_upload(self._registry.name, repository, upload)
        return found
