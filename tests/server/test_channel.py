"""What goes between two event loops."""

from __future__ import annotations

import asyncio
import threading

from ghostnb.server.channel import Channel


def on_a_thread(work) -> threading.Thread:
    """Run a coroutine on another thread's loop."""
    thread = threading.Thread(target=lambda: asyncio.run(work))
    thread.start()
    return thread


def test_all_that_is_put_is_taken_in_order_on_another_loop():
    channel: Channel[int] = Channel(limit_bytes=100)
    found: list[int] = []

    async def put() -> None:
        for number in range(5000):
            await channel.put(number, 10)
        channel.end()

    async def take() -> None:
        while numbers := await channel.take():
            found.extend(numbers)

    thread = on_a_thread(put())
    asyncio.run(take())
    thread.join()
    assert found == list(range(5000))


def test_who_puts_waits_for_room():
    async def work() -> None:
        channel: Channel[bytes] = Channel(limit_bytes=10)
        await channel.put(b"a", 10)
        waiting = asyncio.ensure_future(channel.put(b"b", 1))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert await channel.take() == [b"a"]
        await waiting
        assert await channel.take() == [b"b"]

    asyncio.run(work())


def test_what_came_before_the_end_is_taken():
    async def work() -> None:
        channel: Channel[bytes] = Channel()
        await channel.put(b"a", 1)
        channel.end()
        assert await channel.take() == [b"a"]
        assert await channel.take() == []

    asyncio.run(work())


def test_nobody_waits_for_who_has_left():
    async def work() -> None:
        channel: Channel[bytes] = Channel(limit_bytes=1)
        await channel.put(b"a", 1)
        waiting = asyncio.ensure_future(channel.put(b"b", 1))
        await asyncio.sleep(0.01)
        channel.leave()
        await waiting
        await channel.put(b"c", 1)
        channel.end()
        assert await channel.take() == []

    asyncio.run(work())
