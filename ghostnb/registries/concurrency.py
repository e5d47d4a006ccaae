"""Many reads at once, answered in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import TypeVar

__all__ = ["ordered_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")


async def ordered_map(
    function: Callable[[Item], Awaitable[Result]], items: AsyncIterable[Item], *, window: int
) -> AsyncGenerator[Result]:
    """Call a function for each item, several at once, and give the results in order.

    Parameters
    ----------
    function : callable
        Its first exception ends all and is raised.
    items : async iterable
        Read no further than the window, so that memory stays bounded.
    window : int
        How many calls may be begun and not yet given out.

    Yields
    ------
    The function's results, in the items' order.
    """
    running: deque[asyncio.Task[Result]] = deque()
    try:
        async for item in items:
            running.append(asyncio.ensure_future(function(item)))
            if len(running) >= window:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # A generator that was left half-way may have reads of its own under way.
        if isinstance(items, AsyncGenerator):
            await items.aclose()
