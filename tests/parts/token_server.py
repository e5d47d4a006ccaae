"""A token server whose tokens docker-registry verifies.

Sources: distribution's "Docker Registry v2 authentication via central service"
(docs/spec/auth/token.md) and its OAuth2 variant (docs/spec/auth/oauth.md).

docker-registry 2.8.2 checks the signature against the chain in the JWT's ``x5c`` header, which
must end at a certificate of its ``auth.token.rootcertbundle``. It grants **60 seconds of
leeway** on ``exp``: to see a token refused for its age set ``lifetime_seconds`` to -60 or less.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import fnmatch
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.parts.certificates import Issued, issue, issue_authority
from tests.parts.registries import Token

EVERYTHING = {"*": ("pull", "push", "delete", "*")}


@dataclass(frozen=True)
class User:
    """A password and what it opens: repository patterns (fnmatch) to actions.

    ``catalog`` allows listing all repositories.
    """

    password: str = field(repr=False)
    grants: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EVERYTHING)
    catalog: bool = True


@dataclass(frozen=True)
class TokenRequest:
    """What a client asked for. ``grant_type`` is None for a GET."""

    method: str
    scopes: tuple[str, ...]
    username: str | None
    status: int
    grant_type: str | None
    parameters: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)


class NotAllowedError(Exception):
    """Who asks is not who they say."""


@dataclass
class TokenServer:
    """Settings may be changed while it runs; tests that share it put them back.

    Attributes
    ----------
    users : by name; ``ghost`` may do everything and ``reader`` only pull ``library/*``.
    anonymous : what needs no user, as ``User.grants``.
    fields : under which names the token is answered: ``token``, ``access_token`` or both.
    expires_in : what the reply states, or None to state nothing (the specification's 60 s).
    lifetime_seconds : what the token itself says; negative is expired already.
    oauth : whether POST is understood (404 otherwise, as on many servers).
    refuse : answer this status to everything.
    """

    url: str = ""
    service: str = "ghostnb test registry"
    issuer: str = "ghostnb test issuer"
    users: dict[str, User] = field(
        default_factory=lambda: {
            "ghost": User("nb-s3cret"),
            "reader": User("nb-reader", {"library/*": ("pull",)}, catalog=False),
        }
    )
    anonymous: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"library/*": ("pull",)}
    )
    fields: tuple[str, ...] = ("token", "access_token")
    expires_in: int | None = 300
    lifetime_seconds: int = 300
    oauth: bool = True
    refuse: int | None = None
    requests: list[TokenRequest] = field(default_factory=list)
    refresh_tokens: dict[str, str] = field(default_factory=dict, repr=False)
    signer: Issued = field(init=False, repr=False)
    root_certificates: Path = field(init=False)

    def auth(self) -> Token:
        """Give what `docker_registry` takes as ``auth``."""
        passwords = {name: user.password for name, user in self.users.items()}
        realm = f"{self.url}/token"
        return Token(realm, self.service, self.issuer, self.root_certificates, passwords)

    def count(self, scope: str | None = None) -> int:
        """Count the tokens asked for, or those for exactly this one scope."""
        return sum(scope is None or request.scopes == (scope,) for request in list(self.requests))

    def token(self, *scopes: str, username: str | None = None) -> str:
        """Sign a token with as much of ``scopes`` as the user may have."""
        now = int(time.time())
        granted = (self._granted(scope, username) for scope in scopes)
        claims = {
            "iss": self.issuer,
            "sub": username or "",
            "aud": self.service,
            "iat": now,
            "nbf": now - 60,
            "exp": now + self.lifetime_seconds,
            "jti": secrets.token_hex(8),
            "access": [access for access in granted if access["actions"]],
        }
        header = {"typ": "JWT", "alg": "ES256", "x5c": [_der(self.signer)]}
        return jwt.encode(header, claims, ECKey.import_key(self.signer.key_pem))

    def refresh_token(self, username: str) -> str:
        token = secrets.token_urlsafe(24)
        self.refresh_tokens[token] = username
        return token

    def identify(self, username: str, password: str) -> str:
        user = self.users.get(username)
        if user is None or user.password != password:
            raise NotAllowedError
        return username

    def reply(self, scopes: tuple[str, ...], username: str | None) -> dict[str, Any]:
        """Give the JSON that a token endpoint answers."""
        token = self.token(*scopes, username=username)
        body: dict[str, Any] = dict.fromkeys(self.fields, token)
        body["issued_at"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return body if self.expires_in is None else body | {"expires_in": self.expires_in}

    def _granted(self, scope: str, username: str | None) -> dict[str, Any]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        user = self.users.get(username or "")
        if kind == "registry":
            allowed = {"*"} if user and user.catalog else set()
        else:
            allowed = self._actions(name, user.grants if user else self.anonymous)
        wanted = actions.split(",")
        return {"type": kind, "name": name, "actions": [a for a in wanted if a in allowed]}

    def _actions(self, name: str, grants: Mapping[str, tuple[str, ...]]) -> set[str]:
        fitting = [actions for pattern, actions in grants.items() if fnmatch.fnmatch(name, pattern)]
        return {action for actions in fitting for action in actions}


def _der(issued: Issued) -> str:
    der = issued.certificate.public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode()


@contextlib.contextmanager
def token_server(
    *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, **settings: Any
) -> Iterator[TokenServer]:
    """Serve tokens at ``.url + "/token"``.

    Parameters
    ----------
    host : ``127.0.0.2`` puts the realm on another host than the registry.
    tls : for an https realm, ``certificates.server_context()``.
    settings : attributes of `TokenServer`.
    """
    from tests.parts.token_endpoint import listen

    server = TokenServer(**settings)
    authority = issue_authority("token authority")
    server.signer = issue(authority, "token signer")
    with tempfile.TemporaryDirectory(prefix="ghostnb-tokens-") as directory:
        server.root_certificates = Path(directory) / "roots.pem"
        server.root_certificates.write_bytes(authority.certificate_pem)
        listener = listen(server, host, tls)
        server.url = f"{'https' if tls else 'http'}://{host}:{listener.server_port}"
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown()
            listener.server_close()


@contextlib.contextmanager
def changed(server: TokenServer, **settings: Any) -> Iterator[TokenServer]:
    """Change settings of a shared server for a while, and forget what it was asked before."""
    before = {name: getattr(server, name) for name in settings}
    server.requests.clear()
    for name, value in settings.items():
        setattr(server, name, value)
    try:
        yield server
    finally:
        for name, value in before.items():
            setattr(server, name, value)
