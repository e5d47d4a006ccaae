"""Who asks: the owner's token, users' own tokens, and users with passwords."""

import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jupyter_server.auth import IdentityProvider, User
from traitlets import Dict, Unicode

from ghostnb.drift.auth.passwords import Passwords, decode_login
from ghostnb.drift.auth.users import Users
from ghostnb.drift.replies import RefusedError
from ghostnb.errors import ConfigError
from ghostnb.server.failures import FailureError
from ghostnb.server.variables import value_of

__all__ = ["OWNER", "AgentIdentityProvider", "check_name"]

OWNER = "owner"


class AgentIdentityProvider(IdentityProvider):
    """Knows users by ``Authorization`` alone: no cookie, no login page, no token in a URL.

    Bearer is the owner's token or one of `user_tokens`; Basic is a user of `users_file`.

    Notes
    -----
    A browser sends nothing of that by itself, so that no page of somebody else's can make it
    do anything here.
    """

    # Not `token`, which Jupyter Server writes into every page that it answers with.
    owner_token = Unicode(help="The token of who may do everything.").tag(config=True)
    users_file = Unicode(
        help="Users, as `htpasswd -B` writes them; read again when it changes."
    ).tag(config=True)
    user_tokens = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="A token for each user: the token, or env:NAME for one in the environment.",
    ).tag(config=True)

    _passwords: Passwords | None = None

    def check(self, named: Iterable[str] = ()) -> None:
        """See that what is configured can be used.

        Parameters
        ----------
        named : iterable of str
            Who is given a role.

        Raises
        ------
        ConfigError
        """
        self.token = ""
        if not self.owner_token:
            raise ConfigError("The agent has no token.", hint="Set GHOSTNB_TOKEN, or leave it out.")
        for name, token in self.user_tokens.items():
            check_name(name)
            _token(name, token)
        if self.users_file:
            users = Users(Path(self.users_file), {})
            if users.get(OWNER) is not None:
                check_name(OWNER)
            self._passwords = Passwords(users)
        known = users.get if self.users_file else (lambda name: None)
        for name in named:
            if name not in self.user_tokens and known(name) is None:
                raise ConfigError(
                    f"{name} is given a role, and is no user here.",
                    hint="Is the name right? Users stand in --htpasswd FILE, or in user_tokens.",
                )

    async def get_user(self, handler: Any) -> User | None:
        """Find out who asks; None for nobody who is known."""
        scheme, _, value = handler.request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() in ("bearer", "token"):
            return self._by_token(value.strip())
        if scheme.lower() == "basic" and self._passwords is not None:
            return await self._by_password(value.strip(), handler.request.remote_ip)
        return None

    def is_token_authenticated(self, handler: Any) -> bool:
        """Say so of everybody: there is no cookie."""
        return True

    def get_handlers(self) -> list[tuple[str, object]]:
        """Give none: nobody logs in by a page."""
        return []

    def _by_token(self, given: str) -> User | None:
        tokens = {OWNER: str(self.owner_token)}
        tokens |= {name: _token(name, token) for name, token in self.user_tokens.items()}
        # All of them are compared: the time that it takes says nothing.
        found = [name for name, token in tokens.items() if _is_same(given, token)]
        return User(found[0]) if found and given else None

    async def _by_password(self, value: str, address: str) -> User | None:
        pair = decode_login(value)
        if pair is None or self._passwords is None:
            return None
        try:
            user = await self._passwords.check(*pair, address)
        except RefusedError as e:
            raise FailureError(429, "too_many_requests", str(e), dict(e.headers)) from e
        # The file may have changed: nobody in it is the owner.
        return User(user.name) if user is not None and user.name != OWNER else None


def _token(name: str, token: str) -> str:
    return value_of(token, f"The token of {name}")


def check_name(name: str) -> None:
    """See that somebody can be called so.

    Raises
    ------
    ConfigError
        For the name of who has the agent's own token.
    """
    if name == OWNER or not name:
        raise ConfigError(
            f"No user can be called {name!r}: that is who has the agent's own token.",
            hint="Choose another name.",
        )


def _is_same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
