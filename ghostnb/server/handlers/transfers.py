"""Images on their way: pushed by the agent, copied from registry to registry, synced."""

from ghostnb.server.answers import JobAnswer, SyncPlanned
from ghostnb.server.asks import Copy, Push, Sync
from ghostnb.server.copies import begin_copy, begin_sync, draft_sync
from ghostnb.server.handler import AgentHandler
from ghostnb.server.handlers.streams import while_there
from ghostnb.server.operations import REGISTRY, operation
from ghostnb.server.pushes import begin_push

__all__ = ["Copies", "Pushes", "Syncs"]


class Pushes(AgentHandler):
    """Pushes of the daemon's images."""

    auth_resource = "ghostnb.images"

    @operation(
        "images.push",
        "Push an image of the daemon to a registry",
        action="write",
        status=202,
        fails=(404, 409, 422, 429, 502, 503),
    )
    async def post(self, *, body: Push) -> JobAnswer:
        """Begin, and answer with the job."""
        self.about(image=body.image)
        job = await begin_push(self.agent, body, actor=self.actor)
        self.about(job=job.entry.id)
        return JobAnswer(job=job.entry)


class Copies(AgentHandler):
    """Copies of single images."""

    auth_resource = "ghostnb.images"

    @operation(
        "images.copy",
        "Copy an image from registry to registry",
        action="write",
        status=202,
        fails=(404, 422, 429, 503),
    )
    async def post(self, *, body: Copy) -> JobAnswer:
        """Begin, and answer with the job."""
        self.about(source=body.source, registry=body.target)
        job = begin_copy(self.agent, body, actor=self.actor)
        self.about(job=job.entry.id)
        return JobAnswer(job=job.entry)


class Syncs(AgentHandler):
    """Registries made alike."""

    auth_resource = "ghostnb.images"

    @operation(
        "images.sync",
        "Let a registry have what another has, or say what that would mean",
        action="write",
        status=202,
        also={200: SyncPlanned},
        fails=(*REGISTRY, 503),
    )
    async def post(self, *, body: Sync) -> JobAnswer | None:
        """Begin, and answer with the job; or with the plan.

        What prunes deletes: that only who may delete may begin.
        """
        self.about(source=body.source, registry=body.target)
        if body.prune:
            await self.require("write", "ghostnb.deletions")
        if body.dry_run:
            self.answer(await while_there(self, draft_sync(self.agent, body)))
            return None
        job = begin_sync(self.agent, body, actor=self.actor)
        self.about(job=job.entry.id)
        return JobAnswer(job=job.entry)
