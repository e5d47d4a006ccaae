"""Bytes that come on a loop, for a thread that reads them."""

import asyncio
from queue import SimpleQueue
from typing import Self

__all__ = ["Pipe"]

# Pieces of a blob are of 256 KiB at most.
_AHEAD = 8


class Pipe:
    """Takes pieces on the loop that it is made on, and gives them to one thread.

    No more than a few wait: who puts more waits, and blocks no loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(_AHEAD)
        self._pieces: SimpleQueue[bytes] = SimpleQueue()
        self._is_over = False

    async def put(self, piece: bytes) -> None:
        """Pass a piece on."""
        if piece:
            await self._room.acquire()
            self._pieces.put(piece)

    def end(self) -> None:
        """Say that nothing more comes; the thread then reads to the end. More than once is fine."""
        self._pieces.put(b"")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Read on the thread; what has ended stays so."""
        piece = b"" if self._is_over else self._pieces.get()
        if not piece:
            self._is_over = True
            raise StopIteration
        self._loop.call_soon_threadsafe(self._room.release)
        return piece
