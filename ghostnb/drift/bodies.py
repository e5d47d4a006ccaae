"""Bodies of requests: each comes within a time, and what is held of all has a limit."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.requests import Request

from ghostnb.drift.auth.access import address_of
from ghostnb.drift.limits import Limits
from ghostnb.drift.replies import RefusedError

__all__ = ["Bodies", "pieces", "whole"]

# What is made of a body takes as much again.
_MAX_BYTES_AT_ONCE = 256 * 2**20
# As much of it as one address may have: the largest upload fits, and others still have room.
_MAX_BYTES_OF_ONE = 128 * 2**20


async def pieces(
    request: Request, limits: Limits, *, is_kept: bool = False
) -> AsyncGenerator[bytes, None]:
    """Iterate over a body as it comes.

    Parameters
    ----------
    request : Request
    limits : Limits
    is_kept : bool, optional
        What has come is not lost when the rest does not, for the message.

    Raises
    ------
    RefusedError
        408, if not enough comes within `Limits.idle_seconds`. Those who take the
        pieces may take their time.
    """
    stream, waited, came = request.stream(), 0.0, 0
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(limits.idle_seconds - waited):
                piece = await anext(stream, None)
        except TimeoutError as e:
            raise _too_slow(limits, is_kept) from e
        if piece is None:
            return
        waited, came = waited + time.monotonic() - started, came + len(piece)
        if came >= limits.idle_bytes:
            waited, came = 0.0, 0
        if piece:
            yield piece


async def whole(
    request: Request,
    limits: Limits,
    size_bytes: int,
    what: str,
    *,
    code: str = "SIZE_INVALID",
    note: Callable[[int], None] | None = None,
) -> bytearray:
    """Read a body whole.

    Parameters
    ----------
    request : Request
    limits : Limits
    size_bytes : int
        As many as it may have.
    what : str
        Whose body it is, for the message.
    code : str, optional
        Of the refusal of what is larger.
    note : callable, optional
        Is told the size of each piece, and may refuse it.

    Raises
    ------
    RefusedError
        413 if it is larger, 408 if it does not come.
    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > 15 or int(told) > size_bytes):
        raise _too_large(size_bytes, what, code)
    body = bytearray()
    async for piece in pieces(request, limits):
        if note is not None:
            note(len(piece))
        body += piece
        if len(body) > size_bytes:
            raise _too_large(size_bytes, what, code)
    return body


class Bodies:
    """Reads bodies whole, and keeps count of what they take in memory.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held_bytes: Counter[str] = Counter()

    @asynccontextmanager
    async def read(
        self, request: Request, size_bytes: int, what: str, *, code: str = "SIZE_INVALID"
    ) -> AsyncIterator[bytearray]:
        """Read a request's body, as `whole`; until the end of the block it counts as held.

        Raises
        ------
        RefusedError
            429, too, if others take all the room.
        """
        held, address = 0, address_of(request)

        def hold(count: int) -> None:
            nonlocal held
            held += count
            self._held_bytes[address] += count
            if not self._has_room(address):
                raise _no_room()

        try:
            yield await whole(request, self._limits, size_bytes, what, code=code, note=hold)
        finally:
            self._held_bytes[address] -= held
            # Who holds nothing is forgotten.
            self._held_bytes = +self._held_bytes

    def _has_room(self, address: str) -> bool:
        return (
            self._held_bytes[address] <= _MAX_BYTES_OF_ONE
            and self._held_bytes.total() <= _MAX_BYTES_AT_ONCE
        )


def _too_slow(limits: Limits, is_kept: bool) -> RefusedError:
    message = (
        f"Less than {limits.idle_bytes:,} bytes have come within {limits.idle_seconds:g} seconds; "
        f"{'what came before is kept' if is_kept else 'nothing was done'}."
    )
    code = "BLOB_UPLOAD_INVALID" if is_kept else "BODY_INVALID"
    return RefusedError(408, code, message, headers={"connection": "close"})


def _too_large(size_bytes: int, what: str, code: str) -> RefusedError:
    message = f"{what} may have {size_bytes:,} bytes; this body has more."
    return RefusedError(413, code, message)


def _no_room() -> RefusedError:
    message = "Other uploads take all the room that there is; try again in a moment."
    return RefusedError(429, "TOOMANYREQUESTS", message, headers={"retry-after": "1"})
