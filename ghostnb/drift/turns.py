"""Who comes when: one at a time, so many at once, or many but none beside one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ghostnb.drift.replies import RefusedError

__all__ = ["Places", "SharedLock"]


class Places:
    """So many at once; one more is not waited for, but told to come again.

    Parameters
    ----------
    limit : int
    what : str
        What takes a place, for the message: ``uploads``.
    """

    def __init__(self, limit: int, what: str) -> None:
        self._limit = limit
        self._what = what
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place until the end of the block.

        Raises
        ------
        RefusedError
            429, if there is none.
        """
        if self._taken >= self._limit:
            raise RefusedError(
                429,
                "TOOMANYREQUESTS",
                f"{self._taken} {self._what} are under way; try again in a moment.",
                headers={"retry-after": "1"},
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class SharedLock:
    """Many at once, or one alone, who waits until the many are gone."""

    def __init__(self) -> None:
        self.count = 0
        self.alone = asyncio.Lock()
        self.none = asyncio.Event()
        self.none.set()

    def shared(self) -> "_Shared":
        """Be one of many."""
        return _Shared(self)

    def exclusive(self) -> "_Exclusive":
        """Be alone."""
        return _Exclusive(self)


@dataclass(frozen=True, slots=True)
class _Shared:
    lock: SharedLock

    async def __aenter__(self) -> None:
        async with self.lock.alone:
            self.lock.count += 1
            self.lock.none.clear()

    async def __aexit__(self, *error: object) -> None:
        self.lock.count -= 1
        if self.lock.count == 0:
            self.lock.none.set()


@dataclass(frozen=True, slots=True)
class _Exclusive:
    lock: SharedLock

    async def __aenter__(self) -> None:
        await self.lock.alone.acquire()
        try:
            await self.lock.none.wait()
        except BaseException:
            self.lock.alone.release()
            raise

    async def __aexit__(self, *error: object) -> None:
        self.lock.alone.release()
