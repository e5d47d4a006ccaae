"""How far a transfer has come, item by item."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ghostnb.progress import Progress

__all__ = ["TransferTally"]

FAILED, STOPPED = "Failed", "Stopped"
Result = TypeVar("Result")


@dataclass(slots=True)
class _Item:
    total_bytes: int
    current_bytes: int = 0
    status: str = "Waiting"
    is_done: bool = False
    is_given_up: bool = False


class TransferTally:
    """Counts on one thread, and tells on another.

    Parameters
    ----------
    planned_bytes : int, optional
        What is to come in all, known before its parts are: until all is over, the total is not
        less, and what is shown does not run backwards.

    Attributes
    ----------
    done, total : int
        Bytes that have come, and that there are as far as is known.
    items_done, items_total : int
        The same of items: what counts where they have no bytes.
    """

    def __init__(self, planned_bytes: int = 0) -> None:
        self.done = self._expected = 0
        self._planned = planned_bytes
        self.items_done = self.items_total = 0
        self._items: dict[str, _Item] = {}
        self._changed: dict[str, None] = {}
        self._lock = threading.Lock()

    def expect(self, item: str, total_bytes: int) -> None:
        """Note that something will come; what was given up before counts no more."""
        with self._lock:
            before = self._items.get(item)
            if before is not None and (before.is_given_up or not before.is_done):
                self._expected -= before.total_bytes
                self.done -= before.current_bytes
                self.items_total -= 1
                self.items_done -= before.is_done
            self._items[item] = _Item(total_bytes)
            self._changed[item] = None
            self._expected += total_bytes
            self.items_total += 1

    @property
    def total(self) -> int:
        """Bytes that there are as far as is known."""
        is_over = 0 < self.items_total == self.items_done
        return self._expected if is_over else max(self._planned, self._expected)

    def advance(self, item: str, size_bytes: int, doing: str = "Downloading") -> None:
        """Note that some of it has come, and what is being done with it."""
        with self._lock:
            known = self._items[item]
            known.current_bytes += size_bytes
            known.status = doing
            self._changed[item] = None
            self.done += size_bytes

    def reach(self, item: str, size_bytes: int, doing: str = "Downloading") -> None:
        """Note that so much of it has come in all; what comes again does not count again."""
        with self._lock:
            more = max(0, size_bytes - self._items[item].current_bytes)
        if more:
            self.advance(item, more, doing)

    def finish(self, item: str, status: str = "Download complete") -> None:
        """Note that it is there, and is what it should be; or else what became of it."""
        with self._lock:
            known = self._items[item]
            self.items_done += not known.is_done
            known.status, known.is_done = status, True
            self._changed[item] = None

    def give_up(self, item: str, status: str = FAILED) -> None:
        """Note that it will not come, unless it is expected anew."""
        self.finish(item, status)
        with self._lock:
            self._items[item].is_given_up = True

    @contextmanager
    def moving(self, item: str, total_bytes: int, status: str) -> Iterator[None]:
        """Expect an item, and note at the end what became of it.

        Parameters
        ----------
        item : str
        total_bytes : int
        status : str
            What is said of it if all went well.
        """
        self.expect(item, total_bytes)
        with self.failing(item):
            yield
        self.finish(item, status)

    @contextmanager
    def failing(self, item: str) -> Iterator[None]:
        """Note it if an item that is expected fails, or is stopped."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.give_up(item, STOPPED)
            raise
        except BaseException:
            self.give_up(item)
            raise

    async def watch(self, work: Awaitable[Result]) -> Result:
        """Wait for the whole; if it fails, nothing is left that seems to go on."""
        try:
            return await work
        except BaseException:
            with self._lock:
                left = [name for name, item in self._items.items() if not item.is_done]
            for name in left:
                self.give_up(name, STOPPED)
            raise

    def changes(self) -> list[Progress]:
        """Give each item that has changed since this was last asked, as it is now."""
        with self._lock:
            changed, self._changed = self._changed, {}
            return [self._progress(item) for item in changed]

    def reporting(self, function: Callable[[Progress], None]) -> Callable[[int, int], None]:
        """Make of a function that takes steps one that is called now and then."""

        def report(done: int, total: int) -> None:
            for step in self.changes():
                function(step)

        return report

    def _progress(self, name: str) -> Progress:
        item = self._items[name]
        return Progress(
            item=name,
            status=item.status,
            current_bytes=item.current_bytes,
            total_bytes=item.total_bytes,
            overall_current_bytes=self.done,
            overall_total_bytes=self.total,
            done=item.is_done,
        )
