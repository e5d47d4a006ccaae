"""Which access token goes to Google with a registry's credentials."""

import time
import warnings
from functools import partial

from ghostnb.errors import RegistryError, UnsupportedError
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.google.pauses import Pauses
from ghostnb.registries.vendors.google.sign_in import (
    SignIn,
    default_credentials,
    is_long,
    key_account,
    key_credentials,
    may_have_defaults,
    signs,
)
from ghostnb.wire.tokens import Credentials

__all__ = ["TOKEN_USER", "AccessTokens"]

TOKEN_USER = "oauth2accesstoken"  # noqa: S105 (a user's name)
# Whose password is an access token, and whose is the key file of a service account. Sources:
# Artifact Registry, "Configure authentication to Artifact Registry for Docker"; github.com/google/
# go-containerregistry, pkg/v1/google/auth.go; docker-credential-gcr.
_TOKEN_USERS = frozenset({TOKEN_USER, "_token", "_dcgcloud_token"})
_KEY_USERS = frozenset({"_json_key", "_json_key_base64"})

_IN_VAIN = (
    " Who waits for them waits in vain, so they are asked for less and less often. If this machine "
    "has none, set stored_credentials = false for the registry; else name a key file in "
    "GOOGLE_APPLICATION_CREDENTIALS."
)


class AccessTokens:
    """Gives the access token that a registry's credentials are, or are good for.

    Parameters
    ----------
    session : Session
    is_google : bool
        False for a registry at another host: nothing is found or made for that.
    """

    def __init__(self, session: Session, *, is_google: bool) -> None:
        self._session = session
        self._is_google = is_google
        who = "the application default credentials"
        self._defaults = SignIn(session.config, who, default_credentials)
        # Of a key: what it is, and what was made of it.
        self._key: tuple[str, SignIn] | None = None
        # What the machine's own sign-in gave last.
        self._own = ""
        self._pauses = Pauses()
        self._has_warned: set[str] = set()

    def __repr__(self) -> str:
        return f"<AccessTokens for {self._session.config.name}>"

    async def supplied(self) -> Credentials | None:
        """Give the machine's own credentials in the registry's form; None if there are none.

        Warns
        -----
        UserWarning
            Once, if there are some that are good for nothing; and once, if they are waited for in
            vain. These are left alone for a while then, unless somebody has given others meanwhile.
        """
        if not self._is_google or not may_have_defaults() or self._pauses.holds(signs()):
            return None
        asked, started = signs(), time.monotonic()
        try:
            self._own = await self._defaults.token()
        except UnsupportedError:
            return None  # google-auth is not installed: a refusal says so
        except RegistryError as e:
            advice = ""
            if is_long(time.monotonic() - started):
                self._pauses.begin(asked)
                advice = _IN_VAIN
            self._warn(f"They were not used.{advice}", e)
            return None
        self._pauses.reset()
        return Credentials(TOKEN_USER, self._own)

    async def current(self) -> str | None:
        """Give the access token; None if there are no credentials, or they are good for none.

        Raises
        ------
        UnsupportedError
            If google-auth would be needed for a key, and is not installed.
        RegistryError
            If Google gives none for a key.
        """
        credentials = await self._credentials()
        if credentials is not None and credentials.username in _KEY_USERS:
            return await self._sign_in(credentials.password).token()
        return _token_in(credentials)

    async def direct(self) -> str | None:
        """Give the access token that the credentials are; a key goes to the token server."""
        return _token_in(await self._credentials())

    def quota_project(self, token: str) -> str:
        """Give the project to which requests with a token are counted, if that is told apart."""
        return self._defaults.quota_project if token == self._own else ""

    async def owner(self) -> str:
        """Say whose credentials they are; empty for anonymous use."""
        credentials = await self._session.auth.credentials()
        if credentials is None:
            return ""
        if credentials.username in _KEY_USERS:
            return key_account(credentials.password) or "a service account"
        if self._own and credentials.password == self._own:
            return self._defaults.account or "the application default credentials"
        if credentials.access_token or credentials.username in _TOKEN_USERS:
            return "the access token"
        return credentials.username

    def _warn(self, outcome: str, error: RegistryError) -> None:
        if outcome not in self._has_warned:
            self._has_warned.add(outcome)
            warnings.warn(f"{error} {outcome}", UserWarning, stacklevel=3)

    async def _credentials(self) -> Credentials | None:
        return await self._session.auth.credentials() if self._is_google else None

    def _sign_in(self, key: str) -> SignIn:
        if self._key is None or self._key[0] != key:
            who = f"the key of {key_account(key) or 'a service account'}"
            load = partial(key_credentials, key)
            self._key = key, SignIn(self._session.config, who, load)
        return self._key[1]


def _token_in(credentials: Credentials | None) -> str | None:
    if credentials is None:
        return None
    is_token = credentials.username in _TOKEN_USERS
    return (credentials.password if is_token else credentials.access_token) or None
