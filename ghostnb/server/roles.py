"""Who may do what at the agent: roles, as Jupyter Server's authorizer."""

from typing import Any, cast

from jupyter_server.auth import Authorizer
from traitlets import Dict, Enum, Unicode

from ghostnb.drift.auth.identity import Role

__all__ = ["RoleAuthorizer", "role_needed"]

# The least role by resource and action; what is not here only an admin may.
_NEEDED: dict[tuple[str, str], Role] = {
    ("ghostnb.registries", "read"): Role.VIEWER,
    ("ghostnb.images", "read"): Role.VIEWER,
    ("ghostnb.images", "write"): Role.DEVELOPER,
    ("ghostnb.content", "read"): Role.VIEWER,
    ("ghostnb.content", "write"): Role.DEVELOPER,
    ("ghostnb.jobs", "read"): Role.VIEWER,
    ("ghostnb.jobs", "write"): Role.DEVELOPER,
    ("ghostnb.containers", "read"): Role.VIEWER,
    ("ghostnb.containers", "write"): Role.DEVELOPER,
    # What a container writes may be anything, passwords included.
    ("ghostnb.logs", "read"): Role.DEVELOPER,
    ("ghostnb.events", "read"): Role.VIEWER,
}


def role_needed(resource: str, action: str) -> Role:
    """Give the least role that may do something at the agent.

    Parameters
    ----------
    resource : str
        ``ghostnb.registries`` and so on.
    action : str
        ``read``, ``write`` or ``execute``.
    """
    return _NEEDED.get((resource, action), Role.ADMIN)


class RoleAuthorizer(Authorizer):
    """Maps users to roles: viewers read, developers also pull, push and run, admins do all.

    Set in Jupyter's configuration::

        c.ServerApp.authorizer_class = "ghostnb.server.RoleAuthorizer"
        c.RoleAuthorizer.roles = {"alice": "admin", "ci": "developer"}
        c.RoleAuthorizer.default_role = "viewer"

    Notes
    -----
    What is not the agent's (kernels, files, terminals of the same server) only admins may
    use: who runs a kernel there can read all that the server can.
    """

    roles = Dict(
        value_trait=Enum([role.value for role in Role]),
        key_trait=Unicode(),
        help="Each user's role: viewer, developer or admin.",
    ).tag(config=True)
    default_role = Enum(
        ["", *(role.value for role in Role)],
        default_value="",
        help="The role of users who are not in `roles`; empty: they may do nothing.",
    ).tag(config=True)

    def role_of(self, username: str) -> Role | None:
        """Give a user's role; None for who has none."""
        name = self.roles.get(username, self.default_role)
        return Role(name) if name else None

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Tell whether a user's role allows something.

        Notes
        -----
        Source: Jupyter Server, "Authorization in a simple Jupyter Server". An action that is
        not known is refused.
        """
        role = self.role_of(cast(str, user.username))
        if role is None:
            return False
        order = list(Role)
        return order.index(role) >= order.index(role_needed(resource, action))
