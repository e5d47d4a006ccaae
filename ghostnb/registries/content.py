"""Content that can be sent: opened as often as it takes, from any byte on."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from ghostnb.registries.protocol import BlobContent

__all__ = ["content_of", "content_read_by"]

_PIECE_BYTES = 2**18


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
