"""Which way a request takes to its host: directly or by a proxy, by which library."""

import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx2

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.certificates import has_certificates, tls_context
from ghostnb.registries.session.transport import Carrier, Opened, TransportCarrier
from ghostnb.wire.messages import Request
from ghostnb.wire.urls import is_internal

__all__ = ["RoutingCarrier", "is_fast_wanted"]

_FIRST_PROCESS = os.getpid()


class RoutingCarrier:
    """Sends each request directly or by the proxy that the environment names for it.

    Parameters
    ----------
    config : RegistryConfig
    context : ssl.SSLContext, optional
        TLS settings for all hosts, in the place of the configuration's.

    Notes
    -----
    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in either
    case, read when the carrier is made. The configuration's client
    certificate is shown to the registry's own host alone; its authority counts
    there and at hosts that are the registry's by their names
    (`takes_ca_file`); at others, the system's authorities do.

    Where the extra ``fast`` is installed, hosts that need neither a proxy nor
    certificates of their own are asked by pyreqwest; httpx2 does the rest.
    ``GHOSTNB_FAST=off`` leaves all to httpx2.
    """

    def __init__(self, config: RegistryConfig, *, context: ssl.SSLContext | None = None) -> None:
        self._config = config
        self._context = context
        self._proxies = getproxies_environment()
        # By host, and apart for large uploads.
        self._carriers: dict[tuple[str, bool], Carrier] = {}

    async def send(self, request: Request, authorization: str | None, *, is_small: bool) -> Opened:
        """Send a request by the carrier that its host needs."""
        root = _root(request.url)
        key = root, request.content is not None and is_fast_wanted()
        carrier = self._carriers.get(key)
        if carrier is None:
            carrier = self._carriers[key] = self._open(root, is_upload=key[1])
        return await carrier.send(request, authorization, is_small=is_small)

    async def aclose(self) -> None:
        """Close every connection."""
        carriers, self._carriers = self._carriers, {}
        for carrier in carriers.values():
            await carrier.aclose()

    def is_by_proxy(self, url: str) -> bool:
        """Tell whether a proxy stands between."""
        return self._proxy_for(_root(url)) is not None

    def _open(self, root: str, *, is_upload: bool) -> Carrier:
        config = self._config
        proxy = self._proxy_for(root)
        # pyreqwest 0.15 may abort the process at its end after it has sent a body piece by piece.
        may_be_fast = proxy is None and not is_upload and self._context is None
        if may_be_fast and not has_certificates(config, root):
            fast = _fast_carrier(config)
            if fast is not None:
                return fast
        # Keeping fewer connections alive than are in use would open a new one for nearly every
        # request. Twice: those that read, and those that upload what they read.
        count = 2 * config.max_connections
        limits = httpx2.Limits(max_connections=count, max_keepalive_connections=count)
        context = self._context or tls_context(config, root)
        try:
            transport = httpx2.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)
        except (ImportError, ValueError) as e:
            if proxy is None:
                raise
            raise _unusable_proxy(urlsplit(root).scheme, e) from None
        return TransportCarrier(transport, timeout_seconds=config.timeout_seconds)

    def _proxy_for(self, root: str) -> httpx2.Proxy | None:
        parts = urlsplit(root)
        netloc = parts.netloc.rpartition("@")[2]
        # This machine is never asked for by a proxy, as in Go's and so Docker's clients.
        if is_internal(parts.hostname or "") or proxy_bypass_environment(netloc, self._proxies):
            return None
        address = self._proxies.get(parts.scheme) or self._proxies.get("all")
        return _parse_proxy(address, parts.scheme) if address else None


def _root(url: str) -> str:
    """Give a URL up to its path; not parsed, since every request comes through here."""
    end = url.find("/", url.find("://") + 3)
    return url if end < 0 else url[:end]


def _parse_proxy(address: str, scheme: str) -> httpx2.Proxy:
    try:
        # curl and Docker take HOST:PORT alone, too.
        return httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (httpx2.InvalidURL, ValueError) as e:
        raise _unusable_proxy(scheme, e) from None


def _unusable_proxy(scheme: str, error: Exception) -> ConfigError:
    # Neither shown nor to be chained: the address may hold a password.
    problem = type(error).__name__
    hint = "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY must be like http://HOST:PORT."
    if isinstance(error, ImportError):
        problem = "it speaks SOCKS, and the package for that is not installed"
        # Its own words name another package than the one that is used here.
        hint = f"Install it: pip install 'httpx2[socks]'. Without, {hint}"
    return ConfigError(
        f"The proxy for {scheme} that the environment names cannot be used ({problem}).", hint=hint
    )


def is_fast_wanted() -> bool:
    """Tell whether what the extra ``fast`` brings is to be used, where it is installed.

    Not in a forked child: pyreqwest's threads do not live on there, and it
    would wait for them for ever.
    """
    return os.getpid() == _FIRST_PROCESS and os.environ.get("GHOSTNB_FAST") != "off"


def _fast_carrier(config: RegistryConfig) -> Carrier | None:
    """Make pyreqwest's carrier; None if the extra ``fast`` is not installed or not wanted."""
    if not is_fast_wanted():
        return None
    try:
        from ghostnb.registries.session.fast import FastCarrier
    except ImportError:
        return None
    return FastCarrier(
        max_connections=config.max_connections, timeout_seconds=config.timeout_seconds
    )
