"""Bodies that must be read whole: each within a limit, all together within another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from ghostnb.drift.auth.access import address_of
from ghostnb.drift.replies import RefusedError

__all__ = ["Bodies"]

# What is made of a body takes as much again.
_MAX_BYTES_AT_ONCE = 256 * 2**20
# As much of it as one address may have: the largest upload fits, and others still have room.
_MAX_BYTES_OF_ONE = 128 * 2**20


class Bodies:
    """Reads bodies, and keeps count of what they take in memory.

    Parameters
    ----------
    idle_seconds : float
        How long a body may pause.
    """

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._held_bytes: Counter[str] = Counter()

    @asynccontextmanager
    async def read(self, request: Request, limit: int, what: str) -> AsyncIterator[bytearray]:
        """Read a request's body; until the end of the block it counts as held.

        Parameters
        ----------
        request : Request
        limit : int
            As many bytes as it may have.
        what : str
            For the message.

        Raises
        ------
        RefusedError
            413 if it is larger, 429 if others take all the room, 408 if it does not come.
        """
        told = request.headers.get("content-length", "")
        if told.isdecimal() and (len(told) > 15 or int(told) > limit):
            raise _too_large(limit, what)
        body, address = bytearray(), address_of(request)
        try:
            async for piece in self._pieces(request):
                body += piece
                self._held_bytes[address] += len(piece)
                if len(body) > limit:
                    raise _too_large(limit, what)
                if not self._has_room(address):
                    raise _no_room()
            yield body
        finally:
            self._held_bytes[address] -= len(body)
            # Who holds nothing is forgotten.
            self._held_bytes = +self._held_bytes

    def _has_room(self, address: str) -> bool:
        return (
            self._held_bytes[address] <= _MAX_BYTES_OF_ONE
            and self._held_bytes.total() <= _MAX_BYTES_AT_ONCE
        )

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        stream = request.stream()
        while True:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    piece = await anext(stream, None)
            except TimeoutError as e:
                message = f"Nothing has come for {self._idle_seconds:g} s; nothing was stored."
                headers = {"connection": "close"}
                raise RefusedError(408, "BODY_INVALID", message, headers=headers) from e
            if piece is None:
                return
            yield piece


def _too_large(limit: int, what: str) -> RefusedError:
    message = f"{what} may have {limit:,} bytes; this body has more."
    return RefusedError(413, "SIZE_INVALID", message)


def _no_room() -> RefusedError:
    message = "Other uploads take all the room that there is; try again in a moment."
    return RefusedError(429, "TOOMANYREQUESTS", message, headers={"retry-after": "1"})
