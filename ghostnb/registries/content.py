"""Content that can be sent: opened as often as it takes, from any byte on."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, nullcontext

from ghostnb.oci import Descriptor
from ghostnb.registries.protocol import BlobContent, Registry

__all__ = ["blob_pieces", "content_of", "content_read_by"]

_PIECE_BYTES = 2**18


async def blob_pieces(
    registry: Registry, repository: str, blob: Descriptor
) -> AsyncGenerator[bytes, None]:
    """Iterate over a blob's bytes; closed early, it closes what they come by."""
    pieces = registry.open_blob(repository, blob)
    async with aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext():
        async for piece in pieces:
            yield piece


def content_of(data: bytes) -> BlobContent:
    """Make content of bytes."""

    async def pieces(first: int) -> AsyncIterator[bytes]:
        for start in range(first, len(data), _PIECE_BYTES):
            yield data[start : start + _PIECE_BYTES]

    return pieces


def content_read_by(read: Callable[[], AsyncGenerator[bytes, None]]) -> BlobContent:
    """Make content of what reads a blob from its beginning.

    The bytes before the first that is wanted are read, too: so they are all held against
    their digest.
    """

    async def pieces(first: int) -> AsyncIterator[bytes]:
        skip = first
        # With it the connection is closed at once, when who sends it leaves early.
        async with aclosing(read()) as whole:
            async for piece in whole:
                kept = piece[skip:] if skip else piece
                skip -= min(skip, len(piece))
                if kept:
                    yield kept

    return pieces
