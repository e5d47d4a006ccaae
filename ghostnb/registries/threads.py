"""Calls on threads that are waited for to their end: a thread cannot be cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

__all__ = ["finished", "settled"]

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
