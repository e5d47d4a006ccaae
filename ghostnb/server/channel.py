"""What goes from one task to another, on any event loop, no faster than it is taken."""

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

__all__ = ["Channel"]

Item = TypeVar("Item")

_LIMIT_BYTES = 2**20


class Channel(Generic[Item]):
    """A queue with one who puts and one who takes, each on any loop.

    Parameters
    ----------
    limit_bytes : int, optional
        Who puts more waits until it is taken.
    """

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._items: deque[Item] = deque()
        self._size_bytes = 0
        self._is_over = False
        self._is_left = False
        self._waiting: list[asyncio.Future[None]] = []

    async def put(self, item: Item, size_bytes: int) -> None:
        """Hand something over, once there is room; what nobody takes any more is let go of."""
        while True:
            with self._lock:
                if self._is_left:
                    return
                if self._size_bytes < self._limit_bytes:
                    self._items.append(item)
                    self._size_bytes += size_bytes
                    self._wake()
                    return
                turn = self._turn()
            await turn

    async def take(self) -> list[Item]:
        """Take all that is there, once there is something; nothing at the end."""
        while True:
            with self._lock:
                if self._items or self._is_over:
                    items = list(self._items)
                    self._items.clear()
                    self._size_bytes = 0
                    self._wake()
                    return items
                turn = self._turn()
            await turn

    def end(self) -> None:
        """Say that nothing more comes; on any thread."""
        with self._lock:
            self._is_over = True
            self._wake()

    def leave(self) -> None:
        """Say that nothing more is taken; on any thread."""
        with self._lock:
            self._is_left = True
            self._items.clear()
            self._wake()

    def _turn(self) -> asyncio.Future[None]:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return turn

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            # Its loop may have been closed meanwhile, at the end of the program.
            with suppress(RuntimeError):
                turn.get_loop().call_soon_threadsafe(_settle, turn)


def _settle(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
