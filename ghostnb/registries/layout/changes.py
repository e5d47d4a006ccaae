"""Changes of an image layout's index: written together, by one thread alone."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ghostnb.registries.layout.lock import WriteLock

__all__ = ["Change", "Changes"]

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    change: Change
    written: Future[None] = field(default_factory=Future)


class Changes:
    """What is to be changed in the index.

    However many wait, one thread waits for the lock, which another process may
    hold: the others go on reading. What has come by then is written at once.

    Parameters
    ----------
    lock : WriteLock
    rewrite : callable
        Writes the index with some changes; called with the lock.
    """

    def __init__(self, lock: WriteLock, rewrite: Callable[[Sequence[Change]], None]) -> None:
        self._lock = lock
        self._rewrite = rewrite
        self._turn = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._is_writing = False

    def add(self, change: Change) -> Future[None]:
        """Let a change be written, and give what is done when it is on disk."""
        one = _Waiting(change)
        # From now on nobody can take it back.
        one.written.set_running_or_notify_cancel()
        with self._turn:
            self._waiting.append(one)
            if self._is_writing:
                return one.written
            self._is_writing = True
        threading.Thread(target=self._write_on, name="ghostnb-layout").start()
        return one.written

    def _write_on(self) -> None:
        """Write until nothing waits."""
        while True:
            with self._turn:
                first = list(self._waiting)
                if not first:
                    self._is_writing = False
                    return
            try:
                with self._lock.held():
                    self._write(self._taken())
            except BaseException as e:
                self._refuse(first, e)

    def _taken(self) -> list[_Waiting]:
        with self._turn:
            taken, self._waiting = self._waiting, []
        return taken

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            self._rewrite([one.change for one in batch])
        except BaseException as e:
            if len(batch) == 1:
                batch[0].written.set_exception(e)
                return
            # One of them is to blame, and only its owner is to hear of it.
            for one in batch:
                self._write([one])
            return
        for one in batch:
            one.written.set_result(None)

    def _refuse(self, first: list[_Waiting], error: BaseException) -> None:
        """Tell those who have waited for the lock; who came later waits on."""
        with self._turn:
            self._waiting = [one for one in self._waiting if one not in first]
        for one in first:
            if not one.written.done():
                one.written.set_exception(error)
