"""The running work of a panel."""

import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from ghostnb.errors import GhostnbError
from ghostnb.loop import launch

__all__ = ["Tasks"]

_log = logging.getLogger("ghostnb.widgets")
OnError = Callable[[GhostnbError], object]


class Tasks:
    """Starts what callbacks want done, on ghostnb's I/O loop, one thing at a time for each key.

    Notes
    -----
    A callback runs on whichever thread the kernel chooses, and what it would
    await there is never awaited. So it only spawns; all that a panel shows
    changes on the one loop, where an answer that comes too late finds its task
    cancelled and changes nothing.
    """

    def __init__(self) -> None:
        self._running: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def spawn(self, work: Coroutine[Any, Any, None], *, key: str, on_error: OnError) -> None:
        """Start something in place of what goes on under the same key.

        Parameters
        ----------
        work : coroutine
        key : str
        on_error : callable
            Shows what went wrong, where it did.
        """
        self.cancel(key)
        future = self._running[key] = launch(_guarded(work, on_error))
        future.add_done_callback(lambda _: self._forget(key, future))

    def show(self, change: Callable[[], object], *, key: str) -> None:
        """Show something in place of what goes on under a key: at once, and after that.

        What is cancelled may be showing its answer just now, on the other thread.

        Parameters
        ----------
        change : callable
        key : str
        """

        async def again() -> None:
            change()

        change()
        self.spawn(again(), key=key, on_error=lambda error: None)

    def cancel(self, *keys: str) -> None:
        """End what goes on under these keys; without any, all."""
        for key in keys or tuple(self._running):
            with self._lock:
                running = self._running.pop(key, None)
            if running is not None:
                running.cancel()

    def _forget(self, key: str, future: Future[None]) -> None:
        with self._lock:
            # By now something else may go on under the key.
            if self._running.get(key) is future:
                del self._running[key]


async def _guarded(work: Coroutine[Any, Any, None], on_error: OnError) -> None:
    try:
        await work
    except GhostnbError as e:
        on_error(e)
    except Exception as e:
        # A mistake of ours: nobody awaits this, so it is shown and logged here or never.
        _log.exception("A panel failed.")
        on_error(GhostnbError(f"This panel failed ({type(e).__name__}: {e}).", hint="Try again."))
