"""One event loop on one thread of ghostnb's own, where all its I/O happens.

An HTTP client belongs to one loop; a notebook has several (the kernel's, those
of widget callbacks) and scripts have none. So an operation hops here once as
a whole, and its result comes back to whoever asked.
"""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ghostnb.registries.session.routing import is_fast_wanted

__all__ = ["hop", "launch", "new_loop", "run", "schedule", "schedule_if_running"]

Result = TypeVar("Result")

# A kernel's interrupt is noticed only when its loop wakes up.
_WAKE_SECONDS = 0.2
_STOP_SECONDS = 2.0
_STOP_ROUNDS = 5
_LAST_SECONDS = 0.05


class _LoopThread:
    """A daemon thread that runs a loop until it is stopped."""

    def __init__(self) -> None:
        self.loop = new_loop()
        self._thread = threading.Thread(target=self._serve, name="ghostnb-io", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_SECONDS)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._finish()

    def _finish(self) -> None:
        # What is cancelled may begin something else, such as to clean up.
        for _ in range(_STOP_ROUNDS):
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop: uvloop's where the extra ``fast`` is installed.

    pyreqwest wakes the loop from a thread of its own for every answer, which
    costs a third less there. And that thread keeps Python meanwhile: see `_stop`.
    """
    if not is_fast_wanted():
        return asyncio.new_event_loop()
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


_lock = threading.Lock()
_current: _LoopThread | None = None


def _io_loop() -> asyncio.AbstractEventLoop:
    """Give the loop, started at the first use."""
    global _current
    with _lock:
        if _current is None:
            _current = _LoopThread()
        return _current.loop


def _stop() -> None:
    global _current
    with _lock:
        stopping, _current = _current, None
    if stopping is not None:
        stopping.stop()
    if "pyreqwest" in sys.modules and "uvloop" not in sys.modules:
        # Another loop is woken by a socket. While its thread writes to that, it lets go of Python;
        # it aborts the process if Python is ending when it wants it back.
        time.sleep(_LAST_SECONDS)


def _forget() -> None:
    """Start afresh in a forked child: threads do not live on there."""
    global _current, _lock
    _lock = threading.Lock()
    _current = None


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def schedule(coroutine: Coroutine[Any, Any, Result]) -> None:
    """Start something on the I/O loop that nobody waits for."""
    _io_loop().call_soon_threadsafe(_start, coroutine)


def launch(coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
    """Start something on the I/O loop, to be cancelled or waited for by who keeps the future."""
    return asyncio.run_coroutine_threadsafe(coroutine, _io_loop())


def schedule_if_running(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start something on the I/O loop, if there is one.

    For finalizers: they run on any thread and at any time, so that waiting
    for a lock could wait for ever.
    """
    running = _current
    if running is not None:
        with contextlib.suppress(RuntimeError):  # closed in this very moment
            running.loop.call_soon_threadsafe(lambda: _start(function()))


# Loops have weak references to their tasks, and nobody has another to these.
_started: set[asyncio.Task[Any]] = set()


def _start(coroutine: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.get_running_loop().create_task(coroutine)
    _started.add(task)
    task.add_done_callback(_started.discard)


_Call = tuple[Callable[[], None], Future[Exception | None]]


class _Waiter:
    """A thread that waits in `run`, and meanwhile calls what shows progress.

    A bar belongs to the cell that asked, and a function of the user's may take
    its time or use `run` itself: none of it is for the I/O loop's own thread.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._has_left = False

    async def call(self, function: Callable[[], None]) -> None:
        """Have it call a function, and wait until it has; on the I/O loop."""
        called: Future[Exception | None] = Future()
        self._calls.put((function, called))
        if self._has_left:  # perhaps in this very moment, and overlooked it
            self.leave()
        error = await asyncio.wrap_future(called)
        if error is not None:
            raise error

    def serve(self) -> None:
        """Wait a while for something to call, and call it."""
        try:
            function, called = self._calls.get(timeout=_WAKE_SECONDS)
        except Empty:
            return
        _call(function, called)

    def wake(self, _: object) -> None:
        """Let it look up, for what it waits for is there."""
        self._calls.put((_do_nothing, Future()))

    def leave(self) -> None:
        """Wait no more; what was not called yet is not called."""
        self._has_left = True
        with contextlib.suppress(Empty):
            while True:
                _call(_do_nothing, self._calls.get_nowait()[1])


def _call(function: Callable[[], None], called: Future[Exception | None]) -> None:
    if not called.set_running_or_notify_cancel():
        return
    # Not by `set_exception`: no future of asyncio takes a StopIteration.
    error: Exception | None = None
    try:
        function()
    except Exception as e:
        error = e
    finally:
        # After an interrupt, too, which is for the thread that waits alone.
        called.set_result(error)


def _do_nothing() -> None:
    pass


# Who waits in `run` for what goes on in this context.
_waiter: ContextVar[_Waiter | None] = ContextVar("_waiter", default=None)


async def hop(
    coroutine: Coroutine[Any, Any, Result], *, on_tick: Callable[[], None] | None = None
) -> Result:
    """Run a coroutine on the I/O loop, and await it on any loop.

    Parameters
    ----------
    coroutine : coroutine
    on_tick : callable, optional
        Called where the caller is, on its loop or on the thread that waits in
        `run`, several times a second and once at the end; for showing progress.

    Returns
    -------
    The coroutine's result. A cancelled caller cancels the coroutine.
    """
    loop = _io_loop()
    is_here = asyncio.get_running_loop() is loop
    if is_here and on_tick is None:
        return await coroutine
    future: asyncio.Future[Result] = (
        asyncio.ensure_future(coroutine)
        if is_here
        else asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
    )
    waiter = _waiter.get() if is_here else None
    is_done = False
    try:
        while not is_done:
            await asyncio.wait({future}, timeout=_WAKE_SECONDS)
            is_done = future.done()  # before what is shown: it may end meanwhile
            if on_tick is not None and waiter is not None:
                await waiter.call(on_tick)
            elif on_tick is not None:
                on_tick()
    except BaseException:
        future.cancel()
        raise
    return future.result()


def run(awaitable: Awaitable[Result]) -> Result:
    """Run something on ghostnb's I/O loop, and wait for it.

    For where there is no ``await``: scripts, callbacks, functions that a cell
    calls. In a cell itself ``await`` does the same.

    Parameters
    ----------
    awaitable : awaitable
        For example ``registry.tags("library/nginx")``.

    Returns
    -------
    The awaitable's result.

    Raises
    ------
    RuntimeError
        If called on the I/O loop itself, which would wait for itself.

    Notes
    -----
    Ctrl-C, or interrupting the kernel, cancels what is awaited.
    """
    loop = _io_loop()
    if _is_running_on(loop):
        if asyncio.iscoroutine(awaitable):
            awaitable.close()
        raise RuntimeError("ghostnb.run() cannot be used on ghostnb's own loop: use await.")
    waiter = _Waiter()
    future = asyncio.run_coroutine_threadsafe(_awaited(awaitable, waiter), loop)
    future.add_done_callback(waiter.wake)
    try:
        # A signal that came to another thread is noticed only when this one wakes up.
        while not future.done():
            waiter.serve()
        return future.result()
    except BaseException:
        future.cancel()
        raise
    finally:
        waiter.leave()


def _is_running_on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


async def _awaited(awaitable: Awaitable[Result], waiter: _Waiter) -> Result:
    _waiter.set(waiter)
    return await awaitable
