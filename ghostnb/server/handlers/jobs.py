"""Jobs: what runs, and what has ended."""

from ghostnb.server.answers import JobAnswer, JobEntry, JobList
from ghostnb.server.asks import Limit
from ghostnb.server.failures import FailureError
from ghostnb.server.handler import AgentHandler
from ghostnb.server.operations import operation

__all__ = ["Job", "Jobs"]


class Jobs(AgentHandler):
    """All jobs."""

    auth_resource = "ghostnb.jobs"

    @operation("jobs.list", "List jobs, the newest first", fails=(422,))
    async def get(self, *, query: Limit) -> JobList:
        """Answer those that run, and those that are remembered."""
        return JobList(jobs=await self.agent.jobs.entries(query.limit))


class Job(AgentHandler):
    """One job."""

    auth_resource = "ghostnb.jobs"

    @operation("jobs.get", "Tell how a job is", fails=(404,))
    async def get(self, job: str) -> JobAnswer:
        """Answer, also after its end."""
        return JobAnswer(job=await self.agent.jobs.entry(job))

    @operation("jobs.cancel", "Cancel a job", action="write", status=202, fails=(404, 409))
    async def delete(self, job: str) -> JobAnswer:
        """Stop it; another's only admins may."""
        known = await self.agent.jobs.entry(job)
        if known.actor != self.actor:
            await self.require("write", "ghostnb.others-jobs")
        running = self.agent.jobs.find(job)
        if running is None:
            raise _not_here(known)
        await running.stop()
        return JobAnswer(job=await self.agent.jobs.entry(job))


def _not_here(entry: JobEntry) -> FailureError:
    if entry.ended is not None:
        return FailureError(409, "ended", f"The job has ended already: it is {entry.state}.")
    message = "It runs in another agent that keeps its jobs here: cancel it there."
    return FailureError(409, "elsewhere", message)
