"""Images across registries: searched, and pulled by the server's daemon."""

from ghostnb.server.answers import Found, FoundImage, JobAnswer, PullEnded, RegistryFailure
from ghostnb.server.asks import FoundBy, Pull, PullOptions, Search
from ghostnb.server.failures import failure_of
from ghostnb.server.handler import AgentHandler
from ghostnb.server.handlers.streams import NDJSON, send_progress
from ghostnb.server.operations import ENGINE, REGISTRY, operation
from ghostnb.server.pulls import begin_pull

__all__ = ["ImageSearch", "Pulls"]


class ImageSearch(AgentHandler):
    """A search in one registry, or in all at once."""

    auth_resource = "ghostnb.images"

    @operation("images.find", "Search images", fails=REGISTRY)
    async def get(self, *, query: FoundBy) -> Found:
        """Search for what stands in the URL."""
        return await self._found(query.q, query.registry, query.limit)

    @operation("images.search", "Search images", fails=REGISTRY)
    async def post(self, *, body: Search) -> Found:
        """Search for what stands in the body."""
        return await self._found(body.query, body.registry, body.limit)

    async def _found(self, query: str, registry: str | None, limit: int) -> Found:
        name = self.agent.client(registry).name if registry else None
        found, failures = await self.agent.fleet.find(query, name, limit=limit)
        return Found(
            images=[FoundImage.of(record) for record in found if record.error is None],
            errors=[
                RegistryFailure(
                    registry=one.registry,
                    repository=one.repository,
                    tag=one.tag,
                    message=str(one.error),
                    code=failure_of(one.error).code,
                )
                for one in failures
            ],
        )


class Pulls(AgentHandler):
    """Pulls by the server's daemon."""

    auth_resource = "ghostnb.images"

    @operation(
        "images.pull",
        "Have the daemon pull an image",
        action="write",
        also={202: JobAnswer},
        media_types=(NDJSON,),
        fails=(*REGISTRY, *ENGINE),
    )
    async def post(self, *, query: PullOptions, body: Pull) -> PullEnded | JobAnswer | None:
        """Answer at its end, or with each step, or at once with the job."""
        job = begin_pull(self.agent, body, actor=self.actor)
        self.about(job=job.entry.id)
        if query.stream or NDJSON in self.request.headers.get("Accept", ""):
            await send_progress(self, job)
        elif query.wait:
            done = await job.wait()
            return PullEnded(message=done.message, job=done.id)
        else:
            self.answer(JobAnswer(job=job.entry), 202)
        return None
