"""Work that panels start: what is kept of it."""

from __future__ import annotations

import asyncio
import threading

from ghostnb.widgets.tasks import Tasks
from tests.serving import wait_until


async def nothing() -> None:
    pass


def test_what_has_ended_is_not_kept() -> None:
    tasks = Tasks()
    for number in range(50):
        tasks.spawn(nothing(), key=f"job {number}", on_error=print)
    wait_until(lambda: tasks._running == {})


def test_the_end_of_an_earlier_one_leaves_the_later_one_to_be_cancelled() -> None:
    tasks = Tasks()
    is_begun, is_ended = [threading.Event() for _ in "ab"], [threading.Event() for _ in "ab"]

    async def long(number: int) -> None:
        is_begun[number].set()
        try:
            await asyncio.Event().wait()
        finally:
            is_ended[number].set()

    for number in (0, 1):
        tasks.spawn(long(number), key="row", on_error=print)
        assert is_begun[number].wait(10)
    assert is_ended[0].wait(10)
    tasks.cancel("row")
    assert is_ended[1].wait(10)
    assert tasks._running == {}
