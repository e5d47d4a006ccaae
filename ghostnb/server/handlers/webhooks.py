"""What registries tell by their webhooks."""

from urllib.parse import parse_qsl

from ghostnb.server.answers import Taken
from ghostnb.server.handler import AgentHandler
from ghostnb.server.operations import operation
from ghostnb.server.webhooks import MAX_BODY_BYTES

__all__ = ["Webhook"]


class Webhook(AgentHandler):
    """Takes one source's deliveries; each source proves itself by its own secret."""

    auth_resource = "ghostnb.webhooks"
    max_body_bytes = MAX_BODY_BYTES

    @operation(
        "webhooks.take",
        "Take what a registry tells",
        status=202,
        fails=(404, 413, 429),
        is_open=True,
    )
    async def post(self, source: str) -> Taken:
        """Take it, and hand it on; what is already known counts for nothing."""
        query = dict(parse_qsl(self.request.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.request.headers.items()}
        registry = query.get("registry")
        new = await self.agent.inbox.take(source, headers, query, self.raw_body, registry)
        return Taken(new=new)
