"""Bearer tokens: how one is asked for, and what comes."""

import base64
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from ghostnb.errors import ProtocolError, UnauthorizedError, redact_url
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import not_json
from ghostnb.wire.token_hosts import belongs_to
from ghostnb.wire.urls import guard, origin

# distribution, "Token Authentication Specification": "If omitted, this defaults
# to 60 seconds."
_DEFAULT_LIFETIME_SECONDS = 60
_CLIENT_ID = "ghostnb"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a user proves himself with; never shown.

    Attributes
    ----------
    username, password : str
    identity_token : str
        An OAuth2 refresh token, used instead of the password where there is one.
    access_token : str
        A bearer token that is sent as it is, where there is neither of them.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)

    def bearer(self) -> str:
        """Give the value of an Authorization header for the access token (RFC 6750)."""
        return f"Bearer {self.access_token}"

    def basic(self) -> str:
        """Give the value of an Authorization header (RFC 7617, in UTF-8)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token.

    Attributes
    ----------
    value : str
        Never shown.
    lifetime_seconds : float
        From the moment at which it came: the issuer's clock may differ.
    """

    value: str = field(repr=False)
    lifetime_seconds: float


class _TokenReply(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


_decoder = msgspec.json.Decoder(_TokenReply)


def token_request(
    challenge: Challenge,
    scopes: tuple[str, ...],
    credentials: Credentials | None,
    *,
    registry: str,
    registry_url: str,
    token_host: str = "",
) -> Request:
    """Build the request for a token.

    Parameters
    ----------
    challenge : Challenge
        The registry's, of scheme ``bearer``.
    scopes : tuple of str
        What the token should allow.
    credentials : Credentials or None
        None asks for an anonymous token.
    registry, registry_url : str
        Whose challenge it was.
    token_host : str
        A host that the user has named as this registry's token server. Without
        it, credentials go only to the registry's own host, to a domain above or
        below it, and to the token servers that are known by name.

    Returns
    -------
    Request
        With an Authorization header for a password, or an OAuth2 form for an
        identity token.

    Raises
    ------
    UnsafeRedirectError
        If the realm must not be asked at all.
    UnauthorizedError
        If credentials would go to a host that is not the registry's.

    Notes
    -----
    Source: distribution, "Token Authentication Specification" and "OAuth2
    Token Authentication".
    """
    realm = token_realm(
        challenge, credentials, registry=registry, registry_url=registry_url, token_host=token_host
    )
    what = f"a token for {' '.join(scopes) or 'the registry'}"
    if credentials is not None and credentials.identity_token:
        return _refresh_request(realm, challenge, scopes, credentials, what)
    pairs = [("service", challenge.service)] if challenge.service else []
    pairs += [("scope", scope) for scope in scopes]
    headers = {}
    if credentials is not None:
        pairs.append(("account", credentials.username))
        headers["authorization"] = credentials.basic()
    separator = "&" if urlsplit(realm).query else "?"
    return Request("GET", f"{realm}{separator}{urlencode(pairs)}", what, headers=headers)


def token_realm(
    challenge: Challenge,
    credentials: Credentials | None,
    *,
    registry: str,
    registry_url: str,
    token_host: str = "",
) -> str:
    """Give a token server's address, if it may be asked with these credentials.

    Parameters and what is raised are those of `token_request`.
    """
    realm = guard(registry_url, challenge.realm, registry=registry, role="token realm")
    if credentials is not None:
        _check_host(registry, registry_url, realm, token_host)
    return realm


def _refresh_request(
    realm: str,
    challenge: Challenge,
    scopes: tuple[str, ...],
    credentials: Credentials,
    what: str,
) -> Request:
    form = {
        "grant_type": "refresh_token",
        "service": challenge.service,
        "client_id": _CLIENT_ID,
        "scope": " ".join(scopes),
        "refresh_token": credentials.identity_token,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Request("POST", realm, what, headers=headers, body=urlencode(form).encode())


def decode_token(reply: Reply, *, registry: str) -> Token:
    """Read a token server's answer: ``token``, or ``access_token`` as OAuth2 has it.

    Raises
    ------
    ProtocolError
        If there is no token in it.
    """
    try:
        answer = _decoder.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        # Not chained: a decoding error holds what it could not decode, perhaps a token.
        raise not_json(reply, f"The token server of {registry}", e) from None
    value = answer.token or answer.access_token
    if not value or not value.isascii() or not value.isprintable():
        raise ProtocolError(
            f"The token server of {registry} at {redact_url(reply.url)} answered without a token.",
            registry=registry,
            url=reply.url,
            status=reply.status,
        )
    return Token(value, answer.expires_in or _DEFAULT_LIFETIME_SECONDS)


def _check_host(registry: str, registry_url: str, realm: str, token_host: str) -> None:
    here, there = origin(registry_url)[1], origin(realm)[1]
    if there != token_host.lower() and not belongs_to(there, here):
        raise UnauthorizedError(
            f"{registry} sends its users to {there} for a token; "
            f"the credentials for {here} were not sent there.",
            hint=f'If that is right, say so: token_host = "{there}" in registries.toml, '
            f'or RegistryConfig(name, url, token_host="{there}") in code.',
            registry=registry,
            url=realm,
        )
