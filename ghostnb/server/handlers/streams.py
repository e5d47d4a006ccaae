"""Answers that come piece by piece, no faster than they are taken."""

from typing import Any

import msgspec

from ghostnb.errors import GhostnbError
from ghostnb.server.failures import FailureError, failure_of
from ghostnb.server.handler import AgentHandler
from ghostnb.server.jobs.job import Job

__all__ = ["send_line", "send_progress"]


async def send_progress(handler: AgentHandler, job: Job) -> None:
    """Send a line of JSON for each step of a job, and one for its end.

    A stream's status is 200 whatever becomes of the job: its last line has ``success``. Who
    leaves stops nothing: the job goes on, and can be cancelled.
    """
    handler.set_header("Content-Type", "application/x-ndjson")
    handler.set_header("X-Accel-Buffering", "no")
    await send_line(handler, {"job": job.entry.id})
    async for step in job.follow():
        await send_line(handler, step)
    await send_line(handler, await _end(job))


async def send_line(handler: AgentHandler, value: Any) -> None:
    """Send one value, and wait until the network has taken it."""
    handler.write(msgspec.json.encode(value) + b"\n")
    await handler.flush()


async def _end(job: Job) -> dict[str, Any]:
    try:
        entry = await job.wait()
    except (GhostnbError, FailureError) as e:
        failure = failure_of(e)
        return {"success": False, "message": failure.message, "code": failure.code}
    return {"success": True, "message": entry.message}
