"""Many reads at once, answered in order."""

import asyncio
from contextlib import aclosing

import pytest

from ghostnb.registries.concurrency import ordered_map


async def numbers(count, taken=None):
    for n in range(count):
        if taken is not None:
            taken.append(n)
        yield n


def test_results_come_in_the_order_of_the_items():
    async def work():
        async def late(n):
            await asyncio.sleep((10 - n) / 200)
            return n * n

        return [result async for result in ordered_map(late, numbers(10), workers=4)]

    assert asyncio.run(work()) == [n * n for n in range(10)]


@pytest.mark.parametrize("window", [1, 3, 100])
def test_as_many_as_the_window_run_at_once_and_no_more(window):
    under_way, most = set(), []

    async def call(n):
        under_way.add(n)
        await asyncio.sleep(0.005)
        most.append(len(under_way))
        under_way.discard(n)

    async def work():
        return [one async for one in ordered_map(call, numbers(12), workers=window)]

    assert len(asyncio.run(work())) == 12
    assert max(most) == min(window, 12)


def test_items_are_taken_no_further_than_the_window():
    async def work():
        taken = []

        async def same(n):
            return n

        results = ordered_map(same, numbers(1000, taken), workers=8)
        await anext(results)
        await asyncio.sleep(0.01)
        await results.aclose()
        return taken

    assert len(asyncio.run(work())) <= 8


def test_the_first_error_ends_all():
    cancelled = []

    async def call(n):
        if n == 2:
            raise KeyError(n)
        try:
            await asyncio.sleep(0 if n < 2 else 60)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    async def work():
        results = ordered_map(call, numbers(6), workers=6)
        first = [await anext(results), await anext(results)]
        with pytest.raises(KeyError):
            await anext(results)
        return first, asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(work()) == ([0, 1], set())
    assert cancelled == [3, 4, 5]


def test_leaving_closes_what_gives_the_items():
    closed = []

    async def items():
        try:
            for n in range(100):
                yield n
        finally:
            closed.append("items")

    async def same(n):
        return n

    async def work():
        results = ordered_map(same, items(), workers=2)
        await anext(results)
        await results.aclose()
        # At once, not when the garbage collector finds it.
        return list(closed)

    assert asyncio.run(work()) == ["items"]


@pytest.mark.parametrize("kind", [numbers, range])
def test_without_items_there_is_nothing(kind):
    async def work():
        return [one async for one in ordered_map(asyncio.sleep, kind(0), workers=3)]

    assert asyncio.run(work()) == []


def test_items_may_be_of_any_iterable_and_are_taken_no_further_than_the_window():
    taken = []

    def items():
        for n in range(1000):
            taken.append(n)
            yield n

    async def negative(n):
        return -n

    async def work():
        async with aclosing(ordered_map(negative, items(), workers=8)) as results:
            return [await anext(results), await anext(results)]

    assert asyncio.run(work()) == [0, -1]
    assert len(taken) <= 10


@pytest.mark.parametrize("workers", [1, 3])
def test_a_call_that_is_cancelled_from_within_ends_all(workers):
    """As a task within it may be: whoever reads must not wait for a result for ever."""
    given = []

    async def call(n):
        if n == 2:
            raise asyncio.CancelledError
        return n

    async def work():
        async with asyncio.timeout(5):
            async for result in ordered_map(call, numbers(6), workers=workers):
                given.append(result)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    assert given == [0, 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_items_whose_reading_is_cancelled_from_within_do_not_look_like_all(workers):
    given = []

    async def broken():
        yield 0
        yield 1
        raise asyncio.CancelledError

    async def same(n):
        return n

    async def work():
        async with asyncio.timeout(5):
            async for result in ordered_map(same, broken(), workers=workers):
                given.append(result)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    assert given == [0, 1]
