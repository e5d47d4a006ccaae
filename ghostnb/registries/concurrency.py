"""Many reads at once, answered in order."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import aclosing
from typing import Generic, TypeVar

__all__ = ["both", "for_each", "ordered_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Other = TypeVar("Other")


async def both(first: Awaitable[Result], second: Awaitable[Other]) -> tuple[Result, Other]:
    """Await two at once. The first that fails ends the other, and is what is raised."""
    one, other = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        # Not a TaskGroup: whoever calls wants the error itself, not a group of one.
        return await asyncio.gather(one, other)
    finally:
        one.cancel()
        other.cancel()
        await asyncio.gather(one, other, return_exceptions=True)


async def for_each(
    function: Callable[[Item], Awaitable[object]],
    items: AsyncIterable[Item] | Iterable[Item],
    *,
    workers: int,
) -> None:
    """Call a function for each item, as `ordered_map` does, where nobody wants the results."""
    async with aclosing(ordered_map(function, items, workers=workers)) as done:
        async for _ in done:
            pass


async def ordered_map(
    function: Callable[[Item], Awaitable[Result]],
    items: AsyncIterable[Item] | Iterable[Item],
    *,
    workers: int,
    window: int | None = None,
) -> AsyncGenerator[Result]:
    """Call a function for each item, several at once, and give the results in order.

    Parameters
    ----------
    function : callable
        The first item whose call fails ends all; its exception is raised.
    items : iterable or async iterable
        Read no further than the window, so that memory stays bounded.
    workers : int
        How many calls run at once.
    window : int, optional
        How many calls may be begun and not yet given out; by default as many
        as there are workers. More keeps them busy while one of them is slow.

    Yields
    ------
    The function's results, in the items' order.
    """
    source = aiter(items) if isinstance(items, AsyncIterable) else _each(items)
    desk = _Desk(function, source, window or workers)
    tasks = [asyncio.create_task(desk.work()) for _ in range(workers)]
    try:
        while (result := await desk.begun.get()) is not None:
            yield await result
            desk.room.release()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A generator that was left half-way may have reads of its own under way.
        if isinstance(source, AsyncGenerator):
            await source.aclose()


class _Desk(Generic[Item, Result]):
    """Where workers take items, and leave results in the items' order.

    A fixed number of workers, and not a task an item: each sends its next
    request in the step in which it read the last answer.
    """

    def __init__(
        self,
        function: Callable[[Item], Awaitable[Result]],
        items: AsyncIterator[Item],
        window: int,
    ) -> None:
        self.begun: asyncio.Queue[asyncio.Future[Result] | None] = asyncio.Queue()
        self.room = asyncio.Semaphore(window)
        self._function = function
        self._items = items
        self._turn = asyncio.Lock()

    async def work(self) -> None:
        """Take one item after the other, until there are no more."""
        loop = asyncio.get_running_loop()
        while True:
            await self.room.acquire()
            result: asyncio.Future[Result] = loop.create_future()
            try:
                async with self._turn:
                    item = await anext(self._items)
                    self.begun.put_nowait(result)
            except StopAsyncIteration:
                self.begun.put_nowait(None)
                return
            except asyncio.CancelledError:
                self.begun.put_nowait(result)
                result.cancel()
                raise
            except Exception as e:
                self.begun.put_nowait(result)
                _fail(result, e)
                return
            try:
                result.set_result(await self._function(item))
            except asyncio.CancelledError:
                # Not always this worker's own end: something within may have been
                # cancelled. Whoever reads must not wait for what nobody will give.
                result.cancel()
                raise
            except Exception as e:
                _fail(result, e)


async def _each(items: Iterable[Item]) -> AsyncGenerator[Item]:
    for item in items:
        yield item


def _fail(result: asyncio.Future[Result], error: Exception) -> None:
    result.set_exception(error)
    # Whoever reads may have left: then nobody asks for it, and that is right.
    result.exception()
