"""Who asks: the owner's token, users' own tokens, and users with passwords."""

import hmac
import os
from pathlib import Path
from typing import Any

from jupyter_server.auth import IdentityProvider, User
from tornado.web import HTTPError
from traitlets import Dict, Unicode

from ghostnb.drift.auth.passwords import Passwords, decode_login
from ghostnb.drift.auth.users import Users
from ghostnb.drift.replies import RefusedError
from ghostnb.errors import ConfigError

__all__ = ["OWNER", "AgentIdentityProvider"]

OWNER = "owner"
_VARIABLE = "env:"


class AgentIdentityProvider(IdentityProvider):
    """Knows users by ``Authorization`` alone: no cookie, no login page, no token in a URL.

    Bearer is the owner's token or one of `user_tokens`; Basic is a user of `users_file`.

    Notes
    -----
    A browser sends nothing of that by itself, so that no page of somebody else's can make it
    do anything here.
    """

    users_file = Unicode(
        help="Users, as `htpasswd -B` writes them; read again when it changes."
    ).tag(config=True)
    user_tokens = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="A token for each user: the token, or env:NAME for one in the environment.",
    ).tag(config=True)

    _passwords: Passwords | None = None

    def check(self) -> None:
        """See that what is configured can be used.

        Raises
        ------
        ConfigError
        """
        if not self.token:
            raise ConfigError("The agent has no token.", hint="Set GHOSTNB_TOKEN, or leave it out.")
        for name, token in self.user_tokens.items():
            if name == OWNER or not name:
                raise ConfigError(f"A user cannot be called {name!r}.", hint="Choose another name.")
            self._value(name, token)
        if self.users_file:
            self._passwords = Passwords(Users(Path(self.users_file), {}))

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
        tokens = {OWNER: str(self.token)}
        tokens |= {name: self._value(name, token) for name, token in self.user_tokens.items()}
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
            raise HTTPError(429, str(e)) from e
        return User(user.name) if user is not None else None

    def _value(self, name: str, token: str) -> str:
        if not token.startswith(_VARIABLE):
            return token
        variable = token.removeprefix(_VARIABLE)
        if not os.environ.get(variable):
            raise ConfigError(
                f"The token of {name} is in the environment variable {variable}, which is not set.",
                hint=f"Set {variable}, or change user_tokens.",
            )
        return os.environ[variable]


def _is_same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
