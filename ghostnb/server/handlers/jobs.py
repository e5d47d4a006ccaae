"""Jobs: what runs, and what has ended."""

from ghostnb.server.answers import JobAnswer, JobList
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
        """Stop it; one that has ended stays as it is."""
        known = await self.agent.jobs.entry(job)
        running = self.agent.jobs.find(job)
        if running is not None:
            await running.stop()
        elif known.ended is None:
            message = "It runs in another agent that keeps its jobs here: cancel it there."
            raise FailureError(409, "elsewhere", message)
        return JobAnswer(job=await self.agent.jobs.entry(job))
