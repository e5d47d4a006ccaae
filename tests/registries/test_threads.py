"""What must not be left half done, whoever cancels and how often."""

import asyncio

import pytest

from ghostnb.registries.threads import settled


def test_it_is_waited_for_however_often_it_is_cancelled():
    done = []

    async def work(go: asyncio.Event) -> None:
        await go.wait()
        done.append(True)

    async def question() -> None:
        go = asyncio.Event()
        task = asyncio.create_task(settled(work(go)))
        for _ in range(3):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [True]

    asyncio.run(question())
