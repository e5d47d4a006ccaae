"""Answers that come piece by piece, no faster than they are taken."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
from tornado.iostream import StreamClosedError

from ghostnb.errors import GhostnbError
from ghostnb.server.channel import Channel
from ghostnb.server.failures import FailureError, failure_of
from ghostnb.server.handler import AgentHandler
from ghostnb.server.jobs.job import Job

__all__ = ["NDJSON", "send_line", "send_lines", "send_progress", "send_text", "while_there"]

NDJSON = "application/x-ndjson"
# What waits to be sent; a daemon that has more waits, too.
_OUTBOX_BYTES = 65_536
Result = TypeVar("Result")
Value = TypeVar("Value")


async def send_progress(handler: AgentHandler, job: Job) -> None:
    """Send a line of JSON for each step of a job, and one for its end.

    A stream's status is 200 whatever becomes of the job: its last line has ``success``. Who
    leaves stops nothing: the job goes on, and can be cancelled.
    """
    _begin(handler, NDJSON)
    await send_line(handler, {"job": job.entry.id})
    async for step in job.follow():
        await send_line(handler, step)
    await send_line(handler, await _end(job))


async def send_line(handler: AgentHandler, value: Any) -> None:
    """Send one value, and wait until the network has taken it."""
    handler.write(msgspec.json.encode(value) + b"\n")
    await handler.flush_in_time()


async def send_lines(
    handler: AgentHandler, values: AsyncGenerator[Value, None], tell: Callable[[Value], Any]
) -> None:
    """Send a line of JSON for each value as it comes, as long as somebody is there.

    What fails before the first is the answer; what fails later is the last line.
    """

    async def send() -> None:
        async with aclosing(values):
            async for value in values:
                if not handler.has_begun:
                    _begin(handler, NDJSON)
                await send_line(handler, tell(value))
        if not handler.has_begun:  # there was nothing to tell: a stream all the same
            _begin(handler, NDJSON)

    try:
        await while_there(handler, send())
    except GhostnbError as e:
        if not handler.has_begun:
            raise
        failure = failure_of(e)
        line = {"success": False, "message": failure.message, "code": failure.code}
        await send_line(handler, line)


async def send_text(handler: AgentHandler, lines: AsyncGenerator[str, None]) -> None:
    """Send lines as they come, as long as somebody is there; one that breaks off has no end."""
    outbox: Channel[bytes] = Channel(_OUTBOX_BYTES)

    async def fill() -> None:
        try:
            async with aclosing(lines):
                async for line in lines:
                    piece = f"{line}\n".encode()
                    await outbox.put(piece, len(piece))
        finally:
            outbox.end()

    async def send() -> None:
        filling = asyncio.ensure_future(fill())
        try:
            while pieces := await outbox.take():
                handler.write(b"".join(pieces))
                await handler.flush_in_time()
            await filling
        finally:
            filling.cancel()
            await asyncio.wait((filling,))

    _begin(handler, "text/plain; charset=utf-8")
    await handler.flush_in_time()
    await while_there(handler, send())


async def while_there(handler: AgentHandler, work: Coroutine[Any, Any, Result]) -> Result:
    """Do something as long as somebody is there to be answered; then it is cancelled.

    Raises
    ------
    StreamClosedError
        If nobody is there any more.
    """
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(handler.left())
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise StreamClosedError
        return doing.result()
    finally:
        leaving.cancel()
        doing.cancel()
        await asyncio.wait((doing,))


def _begin(handler: AgentHandler, media_type: str) -> None:
    handler.set_header("Content-Type", media_type)
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("X-Accel-Buffering", "no")  # nginx would gather it


async def _end(job: Job) -> dict[str, Any]:
    try:
        entry = await job.wait()
    except (GhostnbError, FailureError) as e:
        failure = failure_of(e)
        return {"success": False, "message": failure.message, "code": failure.code}
    return {"success": True, "message": entry.message}
