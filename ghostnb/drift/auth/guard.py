"""What a web page makes a browser send is refused: nobody meant it."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ghostnb.drift.replies import RefusedError, error_response
from ghostnb.errors import ConfigError, redact_url

__all__ = ["BrowserGuard", "checked_public_url", "is_loopback"]

_NETLOC = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?"
_HOST = re.compile(_NETLOC)
_PUBLIC_URL = re.compile(rf"(https?)://{_NETLOC}/?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What containers call the machine that they run on.
_LOCAL_NAMES = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})


class BrowserGuard:
    """Refuses what pages of other sites send.

    Parameters
    ----------
    app : ASGI application
    public_url : str
        How clients reach this registry through a proxy; may be empty.
    local_only : bool
        Only this machine is served, and not asked who it is. Then a name that
        is not this machine's was made to point here by the page's owner (DNS
        rebinding).

    Notes
    -----
    A browser sends Origin with whatever may change something (Fetch standard,
    "Append a request Origin header"); other clients send none. Two Hosts, or
    one that is none, are answered 400 (RFC 9112, section 3.2).
    """

    def __init__(self, app: ASGIApp, *, public_url: str = "", local_only: bool = False) -> None:
        self._app = app
        self._public_url = public_url
        self._local_only = local_only
        self._names = _LOCAL_NAMES | {socket.gethostname().lower()}
        if public_url:
            self._names |= {urlsplit(public_url).hostname or ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await error_response(refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> RefusedError | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        found = [_HOST.fullmatch(host) for host in hosts]
        if len(hosts) > 1 or not all(found):
            return RefusedError(400, "UNSUPPORTED", "The Host header is not one host.")
        # No browser leaves it out.
        if self._local_only and found and found[0] and not self._is_ours(found[0][1]):
            return _refused("By this name only other machines are reached; use localhost.")
        origin = headers.get("origin")
        if origin is None or scope["method"] in _READING:
            return None
        if self._is_own(origin, hosts[0] if hosts else ""):
            return None
        message = "A page of another site may not change anything here."
        if origin.lower().partition("://")[2] == "".join(hosts).lower():
            message += " If this is Drift's own, start it with --public-url and this address."
        return _refused(message)

    def _is_ours(self, name: str) -> bool:
        name = name.lower().strip("[]").rstrip(".")
        return name in self._names or name.endswith(".localhost") or is_loopback(name)

    def _is_own(self, origin: str, host: str) -> bool:
        origin = origin.lower()
        if self._public_url and origin == self._public_url:
            return True
        found = _HOST.fullmatch(host)
        # By any other name, its owner may have made it point here (DNS rebinding).
        can_be_trusted = found is not None and (self._is_ours(found[1]) or _is_address(found[1]))
        return can_be_trusted and origin.partition("://")[2] == host.lower()


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def checked_public_url(text: str) -> str:
    """Give a registry's address as browsers write origins.

    Raises
    ------
    ConfigError
        If it is more or less than scheme, host and port.

    Examples
    --------
    >>> checked_public_url("https://Registry.example.com:443/")
    'https://registry.example.com'
    """
    found = _PUBLIC_URL.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"--public-url {redact_url(text)} is not a registry's address.",
            hint="Write scheme and host alone: https://registry.example.com",
        )
    scheme, host, port = found[1].lower(), found[2].lower(), found[3] or ""
    return f"{scheme}://{host}{'' if port == _DEFAULT_PORTS[scheme] else port}"


def _refused(message: str) -> RefusedError:
    return RefusedError(403, "DENIED", message)
