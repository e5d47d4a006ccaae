"""Bodies of answers that are sent as they are read."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, nullcontext
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

__all__ = ["Streamed", "closed", "joined"]


class Streamed(StreamingResponse):
    """A body that is let go of as soon as the client is gone, not when memory is cleaned up.

    Parameters
    ----------
    pieces : async iterable of bytes
    held : AsyncExitStack
        What is held for it; closed with the answer.
    status : int
    headers : mapping of str to str
    """

    def __init__(
        self,
        pieces: AsyncIterable[bytes],
        held: AsyncExitStack,
        status: int = 200,
        *,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, status, headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self._held, closed(self.body_iterator):
            await super().__call__(scope, receive, send)


def closed(pieces: AsyncIterable[Any]) -> AbstractAsyncContextManager[Any]:
    """Close what can be closed at the end of a block."""
    return aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext()


async def joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Iterate over a piece that has been read already, and the rest."""
    async with closed(rest):
        if first:
            yield first
        # A slow client would hold it in memory until the end.
        del first
        async for piece in rest:
            yield piece
