"""Lines of a log: how they travel."""

from __future__ import annotations

import asyncio
from typing import Any

from ghostnb import run
from ghostnb.widgets.log import Log
from tests.serving import wait_until


class Watched(Log):
    """A log whose messages are kept, as a page would get them."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__("Log")

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append(content)

    def lines(self) -> list[str]:
        lines: list[str] = []
        for message in list(self.sent):
            lines = [] if message["kind"] == "clear" else lines + message["lines"]
        return lines


def test_what_floods_is_told_in_few_messages_of_a_bounded_size() -> None:
    log = Watched()

    async def flood() -> None:
        for number in range(20_000):
            log.add([f"line {number}"])
            if number % 1000 == 0:
                await asyncio.sleep(0)

    run(flood())
    wait_until(lambda: log.lines()[-1:] == ["line 19999"])
    assert len(log.sent) < 20
    assert max(len(message["lines"]) for message in log.sent) <= 5000
    log.close()


def test_a_page_that_opens_between_gets_every_line_once() -> None:
    log = Watched()
    log.add(["one"])
    log._answer(log, {"kind": "ready"}, [])
    log.add(["two"])
    wait_until(lambda: log.lines()[-1:] == ["two"])
    assert log.lines() == ["one", "two"]
    log.close()


def test_nothing_comes_after_it_was_cleared() -> None:
    log = Watched()
    log.add(["old"])
    log.clear()
    log.add(["new"])
    wait_until(lambda: log.lines() != [])
    assert log.lines() == ["new"]
    log.close()
