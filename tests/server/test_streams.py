"""Streams of lines, as handlers send them."""

from __future__ import annotations

import asyncio

from ghostnb.server.handlers.streams import NDJSON, send_lines


class Handler:
    """Somebody is there, and has been sent nothing yet."""

    has_begun = False

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def set_header(self, name: str, value: str) -> None:
        self.headers[name] = value

    async def left(self) -> None:
        await asyncio.Event().wait()


async def nothing():
    for line in ():
        yield line


def test_a_stream_of_no_lines_is_one_all_the_same():
    """A container may end before its first reading."""
    handler = Handler()
    asyncio.run(send_lines(handler, nothing(), str))
    assert handler.headers["Content-Type"] == NDJSON
