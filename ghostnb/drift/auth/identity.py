"""Who sends a request, and what that allows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request

from ghostnb.drift.auth.scopes import Scope
from ghostnb.errors import ConfigError

__all__ = ["ANYBODY", "Identity", "Role", "User", "check_one_role", "identity_of", "role_needed"]


class Role(StrEnum):
    """What a user is; each role also has what the ones before it have."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    ADMIN = "admin"

    def allows(self, action: str) -> bool:
        """Tell whether who has this role may do something; see `Access.check`."""
        return action in _ACTIONS[self]


_ACTIONS = {
    Role.VIEWER: frozenset({"none", "pull"}),
    Role.DEVELOPER: frozenset({"none", "pull", "push"}),
    Role.ADMIN: frozenset({"none", "pull", "push", "delete", "admin"}),
}


def role_needed(action: str) -> Role:
    """Give the least role that allows an action."""
    return next(role for role in Role if role.allows(action))


def check_one_role(admins: Iterable[str], developers: Iterable[str]) -> None:
    """Raise if a command gives somebody two roles.

    Raises
    ------
    ConfigError
    """
    if twice := sorted(set(admins) & set(developers)):
        raise ConfigError(
            f"{', '.join(twice)} is given two roles.",
            hint="An admin may do all that a developer does: --admin alone is enough.",
        )


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in.

    Attributes
    ----------
    name : str
    role : Role
    password_hash : bytes
        By bcrypt; never shown.
    """

    name: str
    role: Role
    password_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request.

    Attributes
    ----------
    username : str or None
        None for who is not logged in.
    role : Role
    scopes : tuple of Scope or None
        What a token was given for; None allows all that the role does.
    """

    username: str | None
    role: Role
    scopes: tuple[Scope, ...] | None = None


# Where no users are configured.
ANYBODY = Identity(None, Role.ADMIN)


def identity_of(request: Request) -> Identity:
    """Give who sent a request that has passed `Access.check`."""
    identity: Identity = request.state.identity
    return identity
