"""Lists that take their time: read once for all who ask, and for all of their pages."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Lists"]

Key = tuple[str, ...]
Result = TypeVar("Result")

_WALK_SECONDS = 30.0
# Clocks are not exact, and what expires together goes together.
_LATER_SECONDS = 0.01


@dataclass(slots=True)
class _List:
    """A list, or the reading of it; `read_at` is None until it was read (monotonic seconds)."""

    reading: asyncio.Future[Any]
    read_at: float | None = None

    def is_older(self, seconds: float) -> bool:
        return self.read_at is not None and time.monotonic() - self.read_at >= seconds


class Lists:
    """Keeps the last lists for a moment; it lives on one event loop.

    Parameters
    ----------
    fresh_seconds : float
        For so long after it was read a list is given to who begins to ask for it.
    walk_seconds : float, optional
        For so long after it was read it is given to who goes on: each page is cut from the whole
        list, and without this one of a hundred pages would be read a hundred times. It is not
        prolonged: who asks for a last page again and again sees what is new.
    most : int
        How many are kept.
    """

    def __init__(
        self, *, fresh_seconds: float, most: int, walk_seconds: float = _WALK_SECONDS
    ) -> None:
        self._fresh_seconds, self._walk_seconds = fresh_seconds, max(fresh_seconds, walk_seconds)
        self._most = most
        self._kept: OrderedDict[Key, _List] = OrderedDict()
        self._is_watched = False

    async def get(
        self, key: Key, read: Callable[[], Awaitable[Result]], *, is_following: bool
    ) -> Result:
        """Give what was read a moment ago, or is being read; else read it.

        What fails is not kept. Reading goes on when nobody waits for it any more: whoever asks
        next finds it.

        Parameters
        ----------
        key : tuple of str
            What is listed.
        read : callable
            Lists it anew.
        is_following : bool
            True for a page that is not the first.
        """
        found = self._kept.get(key)
        limit = self._walk_seconds if is_following else self._fresh_seconds
        if found is None or found.is_older(limit):
            found = self._begin(key, asyncio.ensure_future(read()))
        result: Result = await asyncio.shield(found.reading)
        return result

    def forget(self, has_changed: Callable[[Key], bool]) -> None:
        """Read anew what has changed, also what is being read already."""
        for key in filter(has_changed, list(self._kept)):
            del self._kept[key]

    def _begin(self, key: Key, reading: asyncio.Future[Any]) -> _List:
        begun = self._kept[key] = _List(reading)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        reading.add_done_callback(lambda done: self._settle(key, begun))
        return begun

    def _settle(self, key: Key, ended: _List) -> None:
        ended.read_at = time.monotonic()
        has_failed = ended.reading.cancelled() or ended.reading.exception() is not None
        if has_failed and self._kept.get(key) is ended:
            del self._kept[key]
        self._watch()

    def _watch(self) -> None:
        """Let go of what expires next, also where nobody asks for another one."""
        read = [one.read_at for one in self._kept.values() if one.read_at is not None]
        if read and not self._is_watched:
            self._is_watched = True
            wait = min(read) + self._walk_seconds - time.monotonic()
            asyncio.get_running_loop().call_later(wait + _LATER_SECONDS, self._expire)

    def _expire(self) -> None:
        self._is_watched = False
        for key, one in list(self._kept.items()):
            if one.is_older(self._walk_seconds):
                del self._kept[key]
        self._watch()
