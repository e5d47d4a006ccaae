"""Lists that are read once for all who ask, and never kept for long."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from ghostnb.drift.lists import Lists

KEY = ("registry", "app")


class Source:
    """A list that changes with each reading, and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.reads = 0

    async def read(self) -> list[int]:
        self.reads += 1
        reads = self.reads
        await asyncio.sleep(self.seconds)
        return [reads]


def test_who_asks_at_once_shares_one_reading():
    async def work():
        lists, source = Lists(fresh_seconds=0.0, most=8), Source(0.05)
        asks = [lists.get(KEY, source.read, is_following=i > 2) for i in range(5)]
        return await asyncio.gather(*asks)

    assert asyncio.run(work()) == [[1]] * 5


def test_a_first_page_is_of_what_is_there_now():
    async def work():
        lists, source = Lists(fresh_seconds=0.0, most=8), Source()
        return [await lists.get(KEY, source.read, is_following=False) for _ in range(2)]

    assert asyncio.run(work()) == [[1], [2]]


def test_who_asks_for_a_later_page_again_and_again_sees_what_is_new():
    async def work():
        lists, source = Lists(fresh_seconds=0.0, most=8, walk_seconds=0.2), Source()
        for _ in range(30):
            found = await lists.get(KEY, source.read, is_following=True)
            await asyncio.sleep(0.01)
        return found

    assert asyncio.run(work()) == [2]


def test_a_list_is_as_old_as_the_end_of_its_reading():
    async def work():
        lists, source = Lists(fresh_seconds=0.2, most=8, walk_seconds=0.2), Source(0.3)
        await lists.get(KEY, source.read, is_following=False)
        return await lists.get(KEY, source.read, is_following=False)

    assert asyncio.run(work()) == [1]


def test_a_walk_is_through_the_list_that_it_began_with():
    async def work():
        lists, source = Lists(fresh_seconds=0.01, most=8), Source(0.02)
        found = [await lists.get(KEY, source.read, is_following=False)]
        for _ in range(3):
            await asyncio.sleep(0.02)
            found.append(await lists.get(KEY, source.read, is_following=True))
        return found

    assert asyncio.run(work()) == [[1]] * 4


def test_what_has_expired_is_let_go_of_though_nobody_asks():
    class Large(list):
        """What can be watched."""

    async def work():
        lists = Lists(fresh_seconds=0.0, most=8, walk_seconds=0.05)

        async def read():
            return Large()

        kept = weakref.ref(await lists.get(KEY, read, is_following=False))
        is_kept_first = kept() is not None
        await asyncio.sleep(0.2)
        gc.collect()
        return is_kept_first, kept() is not None

    assert asyncio.run(work()) == (True, False)


def test_only_so_many_are_kept():
    async def work():
        lists, source = Lists(fresh_seconds=9.0, most=2), Source()
        for name in "abca":
            found = await lists.get((name,), source.read, is_following=True)
        return found

    assert asyncio.run(work()) == [4]


def test_what_was_forgotten_is_read_anew_also_while_it_is_read():
    async def work():
        lists, source = Lists(fresh_seconds=9.0, most=8), Source(0.05)
        other = await lists.get(("other",), source.read, is_following=False)
        before = asyncio.ensure_future(lists.get(KEY, source.read, is_following=False))
        await asyncio.sleep(0)
        lists.forget(lambda key: key == KEY)
        after = [await lists.get(KEY, source.read, is_following=True) for _ in range(2)]
        kept = await lists.get(("other",), source.read, is_following=False)
        return other, await before, after, kept

    assert asyncio.run(work()) == ([1], [2], [[3], [3]], [1])


def test_what_failed_is_not_kept_and_who_left_stops_nothing():
    async def work():
        lists, source = Lists(fresh_seconds=9.0, most=8), Source(0.05)

        async def fail():
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            await lists.get(KEY, fail, is_following=False)
        leaving = asyncio.ensure_future(lists.get(KEY, source.read, is_following=False))
        await asyncio.sleep(0.01)
        leaving.cancel()
        return await lists.get(KEY, source.read, is_following=False)

    assert asyncio.run(work()) == [1]
