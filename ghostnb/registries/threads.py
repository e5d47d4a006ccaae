"""Calls on threads: waited for to their end, or no longer than they may take."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

__all__ = ["answered", "finished", "settled"]

P = ParamSpec("P")
Result = TypeVar("Result")


async def finished(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Call on a thread. Who is cancelled meanwhile waits until the call has ended.

    Nothing of a push goes on behind the back of a caller who was told that it
    was cancelled.
    """
    return await settled(asyncio.to_thread(function, *args, **kwargs))


async def settled(work: Coroutine[Any, Any, Result]) -> Result:
    """Await; who is cancelled meanwhile is so when the work has ended."""
    call = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            # Cancelled once more, at a program's end perhaps: it is waited for all the same.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call])
        # Asked for, so that it is not reported as lost: the cancellation is what is told.
        call.cancelled() or call.exception()
        raise


async def answered(function: Callable[[], Result], *, name: str, seconds: float) -> Result:
    """Call what may never answer, on a thread of its own.

    Parameters
    ----------
    function : callable
    name : str
        The thread's. It is no executor's: one that waits for ever must not keep Python from
        ending.
    seconds : float
        How long it is waited for.

    Raises
    ------
    TimeoutError
        If there is no answer in time.
    """
    answer: Future[Result] = Future()
    answer.set_running_or_notify_cancel()  # else an answer that is too late would be an error

    def work() -> None:
        try:
            answer.set_result(function())
        except Exception as e:  # whatever it is, it is for who waits
            answer.set_exception(e)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await asyncio.wait_for(asyncio.wrap_future(answer), seconds)
