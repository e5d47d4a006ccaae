"""The daemon's containers: listed, made, run, read and removed."""

from collections.abc import Iterable

import msgspec

from ghostnb.engine import Container
from ghostnb.server.answers import ContainerAnswer, ContainerEntry, ContainerList, Done, StatsEntry
from ghostnb.server.asks import (
    ContainerOptions,
    EndOptions,
    LogOptions,
    NewContainer,
    RemoveOptions,
    StatsOptions,
)
from ghostnb.server.containers import spec_of, uses_host
from ghostnb.server.handler import AgentHandler
from ghostnb.server.handlers.streams import NDJSON, send_lines, send_text, while_there
from ghostnb.server.operations import ENGINE, operation

__all__ = [
    "ContainerItem",
    "ContainerLogs",
    "ContainerRestart",
    "ContainerStart",
    "ContainerStatistics",
    "ContainerStop",
    "ContainerTable",
]


class ContainerHandler(AgentHandler):
    """What all of them have in common."""

    auth_resource = "ghostnb.containers"

    async def told(self, container: str) -> ContainerAnswer:
        """Tell how a container is now."""
        found = await self.agent.engine.container(container)
        [entry] = await self.shown([found])
        return ContainerAnswer(container=entry)

    async def shown(self, containers: Iterable[Container]) -> list[ContainerEntry]:
        """Tell containers, their commands only to who may read logs: both hold passwords."""
        entries = [ContainerEntry.of(container) for container in containers]
        if await self.may("read", "ghostnb.logs"):
            return entries
        return [msgspec.structs.replace(entry, command="") for entry in entries]


class ContainerTable(ContainerHandler):
    """All containers."""

    @operation("containers.list", "List the daemon's containers", fails=ENGINE)
    async def get(self, *, query: ContainerOptions) -> ContainerList:
        """Answer those that run, and with ``all`` the others, too."""
        found = await self.agent.engine.list_containers(all=query.all)
        return ContainerList(containers=await self.shown(found))

    @operation(
        "containers.create",
        "Create a container, and start it",
        action="write",
        status=201,
        fails=ENGINE,
    )
    async def post(self, *, body: NewContainer) -> ContainerAnswer:
        """Make it of an image that the daemon has: none is pulled by itself.

        One that mounts paths of the host, or is on its network, only admins may make: whoever
        can do that can do everything there.
        """
        self.about(image=body.image, **({"name": body.name} if body.name else {}))
        spec = spec_of(body)
        if await uses_host(self.agent.engine, spec):
            await self.require("write", "ghostnb.host")
        made = await self.agent.engine.create_container(spec, start=body.start)
        self.about(container=made)
        return await self.told(made)


class ContainerItem(ContainerHandler):
    """One container, by its name, its id or the beginning of its id."""

    @operation("containers.get", "Tell how a container is", fails=ENGINE)
    async def get(self, container: str) -> ContainerAnswer:
        """Answer as it is now, without its environment."""
        return await self.told(container)

    @operation("containers.remove", "Remove a container", action="write", fails=ENGINE)
    async def delete(self, container: str, *, query: RemoveOptions) -> Done:
        """Remove it; one that runs only with ``force``. Its volumes stay."""
        await self.agent.engine.remove(container, force=query.force)
        return Done(message=f"{container} was removed. Its volumes stay.")


class ContainerStart(ContainerHandler):
    """Starts one."""

    @operation("containers.start", "Start a container", action="write", fails=ENGINE)
    async def post(self, container: str) -> ContainerAnswer:
        """Start it; one that runs is in conflict with that."""
        await self.agent.engine.start(container)
        return await self.told(container)


class ContainerStop(ContainerHandler):
    """Stops one."""

    @operation("containers.stop", "Stop a container", action="write", fails=ENGINE)
    async def post(self, container: str, *, query: EndOptions) -> ContainerAnswer:
        """Ask it to end, and kill it when it does not; one that does not run is fine."""
        await self.agent.engine.stop(container, timeout_seconds=query.timeout_seconds)
        return await self.told(container)


class ContainerRestart(ContainerHandler):
    """Restarts one."""

    @operation("containers.restart", "Restart a container", action="write", fails=ENGINE)
    async def post(self, container: str, *, query: EndOptions) -> ContainerAnswer:
        """Stop it if it runs, and start it."""
        await self.agent.engine.restart(container, timeout_seconds=query.timeout_seconds)
        return await self.told(container)


class ContainerLogs(ContainerHandler):
    """What one has written."""

    @operation(
        "containers.logs",
        "Read what a container has written",
        media_types=("text/plain",),
        fails=ENGINE,
        resource="ghostnb.logs",
    )
    async def get(self, container: str, *, query: LogOptions) -> None:
        """Send its last lines; with ``follow`` go on until it ends, or nobody is there.

        A daemon that is lost meanwhile breaks the answer off, so that its end is missing.
        """
        tail = None if query.tail == "all" else query.tail
        lines = self.agent.engine.logs(container, tail=tail, follow=query.follow)
        # Whether it is there is known before the answer begins: a silent one says nothing.
        await self.agent.engine.container(container)
        await send_text(self, lines)


class ContainerStatistics(ContainerHandler):
    """What one uses."""

    @operation(
        "containers.stats",
        "Read what a container uses",
        media_types=(NDJSON,),
        fails=ENGINE,
    )
    async def get(self, container: str, *, query: StatsOptions) -> StatsEntry | None:
        """Answer once, or with ``stream`` a line of JSON a second until it ends.

        Of a stream that a daemon breaks off, the last line has ``success``: false.
        """
        if not query.stream:
            return StatsEntry.of(await while_there(self, self.agent.engine.stats(container)))
        readings = self.agent.engine.follow_stats(container)
        await send_lines(self, readings, StatsEntry.of)
        return None
