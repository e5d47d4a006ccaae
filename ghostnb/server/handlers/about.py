"""What the agent is, and what it can do."""

from importlib.metadata import version
from typing import Any

from ghostnb.server.answers import Health
from ghostnb.server.failures import FailureError
from ghostnb.server.handler import AgentHandler
from ghostnb.server.openapi import description
from ghostnb.server.operations import operation
from ghostnb.wire.clock import now

__all__ = ["Description", "HealthCheck", "Nowhere"]

_VERSION = version("ghostnb")


class HealthCheck(AgentHandler):
    """Whether the agent answers, and can remember what is done."""

    auth_resource = "ghostnb.registries"

    @operation("health", "Say that the agent answers")
    async def get(self) -> Health:
        """Answer."""
        status = "ok" if self.agent.audit.is_written else "the audit cannot be written"
        return Health(status=status, service="ghostnb-agent", timestamp=now(), version=_VERSION)


class Description(AgentHandler):
    """The OpenAPI description of all that the agent does."""

    auth_resource = "ghostnb.registries"

    @operation("openapi", "Describe the agent")
    async def get(self) -> dict[str, Any]:
        """Answer."""
        routes = self.extensionapp.routes  # type: ignore[attr-defined]
        return description(routes, self.routes_url)


class Nowhere(AgentHandler):
    """What is not there, told as everything else is."""

    auth_resource = "ghostnb.registries"

    @operation("nowhere", "Say that it is not there", fails=(404,))
    async def get(self, path: str) -> None:
        """Fail."""
        raise FailureError(404, "not_found", f"There is no {self.request.path[:200]} here.")

    post = put = patch = delete = get
