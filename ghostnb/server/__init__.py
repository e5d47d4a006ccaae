"""The REST agent: a Jupyter Server extension, and the command ``ghostnb agent``."""

from typing import Any

from ghostnb.server.extension import AgentExtension
from ghostnb.server.identity import AgentIdentityProvider
from ghostnb.server.roles import RoleAuthorizer

__all__ = ["AgentExtension", "AgentIdentityProvider", "RoleAuthorizer"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "ghostnb.server", "app": AgentExtension}]
