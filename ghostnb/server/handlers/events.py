"""What happened, at once or as it comes."""

from contextlib import aclosing

import msgspec

from ghostnb.server.answers import EventList
from ghostnb.server.asks import Limit
from ghostnb.server.feed import Numbered
from ghostnb.server.handler import AgentHandler
from ghostnb.server.operations import operation

__all__ = ["Events"]

SSE = "text/event-stream"


class Events(AgentHandler):
    """What happened in the registries and to the agent."""

    auth_resource = "ghostnb.events"

    @operation(
        "events.list", "Tell what happened last, or as it comes", media_types=(SSE,), fails=(422,)
    )
    async def get(self, *, query: Limit) -> EventList | None:
        """Answer the last events, or go on with ``Accept: text/event-stream``.

        Notes
        -----
        Source: HTML standard, "Server-sent events". Last-Event-ID goes on after that event.
        """
        if SSE not in self.request.headers.get("Accept", ""):
            return EventList(events=self.agent.feed.newest(query.limit))
        await self._stream()
        return None

    async def _stream(self) -> None:
        self.set_header("Content-Type", SSE)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        self.write(": ghostnb\n\n")
        await self.flush_in_time()
        async with aclosing(self.agent.feed.listen(_number(self))) as events:
            async for numbered in events:
                self.write(_written(numbered))
                await self.flush_in_time()


def _number(handler: AgentHandler) -> int | None:
    given = handler.request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None


def _written(numbered: Numbered | None) -> str:
    if numbered is None:
        return ": still there\n\n"
    number, event = numbered
    return f"id: {number}\ndata: {msgspec.json.encode(event).decode()}\n\n"
