"""Where a webhook goes."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from ghostnb.errors import ConfigError, redact_url
from ghostnb.server.subscriptions.addresses import Address, objection
from ghostnb.wire.urls import is_internal, is_plain_host

__all__ = ["Target", "parse_target"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_CHARACTERS = 2000
# RFC 3986, section 2: all others are written as %XX. Parsers leave some of them out without a word.
_NOT_PLAIN = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a webhook's URL.

    Attributes
    ----------
    scheme : str
        ``http`` or ``https``.
    host : str
        A name or an address, in small letters; an IPv6 address without brackets.
    port : int
    path : str
        With the query, and not shown: many services put a secret in one of them.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Give what the Host header says; the scheme's own port is left out."""
        host = _bracketed(self.host)
        is_default = self.port == _DEFAULT_PORTS[self.scheme]
        return host if is_default else f"{host}:{self.port}"

    @property
    def server_name(self) -> str:
        """Give the name that the certificate must be for (RFC 6066, section 3: no dot ends it)."""
        return self.host.removesuffix(".")

    def url_at(self, address: Address) -> str:
        """Give the URL with an address in the host's place."""
        return f"{self.scheme}://{_bracketed(str(address))}:{self.port}{self.path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def parse_target(url: str, *, allow_internal: bool = False) -> Target:
    """Read a webhook's URL, or say why it cannot be one.

    Parameters
    ----------
    url : str
    allow_internal : bool
        Take this machine and link-local addresses, too.

    Raises
    ------
    ConfigError
        If it is no HTTP address, holds user information, has a host that others may read
        differently, or leads to where events are not sent. Names are not looked up here: that is
        done at each delivery.
    """
    problem = _spelling_problem(url)
    if problem:
        raise _refused(url, problem)
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise _refused(url, "has a port that cannot be one") from None
    problem = _problem(parts, port) or ("" if allow_internal else _place_problem(parts))
    if problem:
        raise _refused(url, problem)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return Target(parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS[parts.scheme], path)


def _spelling_problem(url: str) -> str:
    # A handler hands on what was in the JSON.
    if not isinstance(url, str):
        return "is no text"
    if len(url) > _MAX_CHARACTERS:
        return f"is longer than {_MAX_CHARACTERS:,} characters"
    if _NOT_PLAIN.search(url):
        return "has blanks or characters in it that must be written as %XX"
    try:
        urlsplit(url)
    except ValueError:
        return "is not a URL"
    return ""


def _problem(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return "is no address that begins with https:// or http://"
    if "@" in parts.netloc:
        return "holds a user name or password"
    if not is_plain_host(host) or "%" in host:
        return "has a host that others may read differently"
    if port == 0:
        return "has a port that cannot be one"
    return "has a fragment" if parts.fragment else ""


def _place_problem(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        why = objection(ipaddress.ip_address(host.removesuffix(".")))
    except ValueError:
        why = ""
    if not why and is_internal(host):
        why = "this machine or a link-local address"
    return f"leads to {why}" if why else ""


def _refused(url: str, problem: str) -> ConfigError:
    shown = redact_url(url)[:200] if isinstance(url, str) and "@" not in url else "…"
    return ConfigError(
        f"The webhook's URL {shown!r} {problem}.",
        hint="Events are sent to https://HOST/… or http://HOST/… on another machine, "
        "unless the agent is configured to allow internal addresses.",
    )
