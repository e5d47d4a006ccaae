"""The seam below the protocol: what carries a request to a host and back."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx2

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.wire.urls import is_internal, keeps_credentials

__all__ = ["Transport", "is_fast_wanted", "open_transport"]


_FIRST_PROCESS = os.getpid()


class Transport(Protocol):
    """Carries one request; follows no redirect, knows no credentials.

    httpx2's transports have this shape, its `httpx2.ASGITransport` too.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response's stream is still to be read and closed."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


def open_transport(config: RegistryConfig) -> Transport:
    """Make the transport for a registry; nothing is opened before the first request."""
    return RoutingTransport(config)


class RoutingTransport:
    """Sends each request directly or by the proxy that the environment names for it.

    Parameters
    ----------
    config : RegistryConfig

    Notes
    -----
    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in either
    case, read when the transport is made. The configuration's certificates
    hold for the registry's own host; other hosts (token servers, storage)
    see the system's authorities and no client certificate.

    Where the extra ``fast`` is installed, hosts that need neither a proxy nor
    certificates of their own are asked by pyreqwest; httpx2 does the rest.
    ``GHOSTNB_FAST=off`` leaves all to httpx2.
    """

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self._proxies = getproxies_environment()
        self._transports: dict[tuple[str, str], Transport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request by the transport that its host needs."""
        url = request.url
        key = (url.scheme, url.netloc.decode("ascii"))
        transport = self._transports.get(key)
        if transport is None:
            transport = self._transports[key] = self._open(*key, host=url.host)
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    def _open(self, scheme: str, netloc: str, *, host: str) -> Transport:
        config = self._config
        proxy = self._proxy(scheme, host, netloc)
        # Not by their texts: the port may be left out, and letters may be capital.
        is_own = keeps_credentials(config.url, f"{scheme}://{netloc}")
        is_special = is_own and scheme == "https" and _has_certificates(config)
        if proxy is None and not is_special and (fast := _fast_transport(config)) is not None:
            return fast
        # Keeping fewer connections alive than are in use would open a new one
        # for nearly every request.
        limits = httpx2.Limits(
            max_connections=config.max_connections,
            max_keepalive_connections=config.max_connections,
        )
        context = tls_context(config, is_own=is_own, is_needed=scheme == "https")
        return httpx2.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)

    def _proxy(self, scheme: str, host: str, netloc: str) -> httpx2.Proxy | None:
        # This machine is never asked for by a proxy, as in Go's and so Docker's clients.
        if is_internal(host) or proxy_bypass_environment(netloc, self._proxies):
            return None
        address = self._proxies.get(scheme) or self._proxies.get("all")
        return _parse_proxy(address, scheme) if address else None


def _parse_proxy(address: str, scheme: str) -> httpx2.Proxy:
    try:
        # curl and Docker take HOST:PORT alone, too.
        return httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (httpx2.InvalidURL, ValueError) as e:
        # Neither shown nor chained: the address may hold a password.
        raise ConfigError(
            f"The proxy for {scheme} that the environment names cannot be used "
            f"({type(e).__name__}).",
            hint="HTTP_PROXY, HTTPS_PROXY and ALL_PROXY must be like http://HOST:PORT.",
        ) from None


def is_fast_wanted() -> bool:
    """Tell whether what the extra ``fast`` brings is to be used, where it is installed.

    Not in a forked child: pyreqwest's threads do not live on there, and it
    would wait for them for ever.
    """
    return os.getpid() == _FIRST_PROCESS and os.environ.get("GHOSTNB_FAST") != "off"


def _fast_transport(config: RegistryConfig) -> Transport | None:
    """Make pyreqwest's transport; None if the extra ``fast`` is not installed or not wanted."""
    if not is_fast_wanted():
        return None
    try:
        from ghostnb.registries.session.fast import FastTransport
    except ImportError:
        return None
    return FastTransport(
        max_connections=config.max_connections, timeout_seconds=config.timeout_seconds
    )


def tls_context(config: RegistryConfig, *, is_own: bool, is_needed: bool) -> ssl.SSLContext:
    """Make the TLS settings for a host.

    Parameters
    ----------
    config : RegistryConfig
    is_own : bool
        True for the registry's own host, which the configuration is about.
    is_needed : bool
        False for plain HTTP: loading the system's authorities costs tens of
        milliseconds.

    Raises
    ------
    ConfigError
        If a certificate cannot be read.
    """
    if not is_needed:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if is_own and config.insecure:
        context = httpx2.create_ssl_context(verify=False)
    else:
        context = httpx2.create_ssl_context()
    if is_own:
        _load_certificates(context, config)
    return context


def _load_certificates(context: ssl.SSLContext, config: RegistryConfig) -> None:
    ca_files, cert, key = _certificates(config)
    for ca_file in ca_files:
        with _naming(config, ca_file):
            context.load_verify_locations(cafile=ca_file)
    if cert:
        with _naming(config, *filter(None, (cert, key))):
            # Left alone, it asks the terminal for an encrypted key's password.
            context.load_cert_chain(cert, key, password=lambda: b"")


@contextmanager
def _naming(config: RegistryConfig, *files: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise ConfigError(
            f"The certificate of {config.name} in {' and '.join(files)} cannot be read: {e}.",
            hint="ca_file, client_cert and client_key must be PEM files without a password.",
        ) from e


def _has_certificates(config: RegistryConfig) -> bool:
    return config.insecure or any(_certificates(config))


def _certificates(config: RegistryConfig) -> tuple[list[str], str | None, str | None]:
    """Give the configured certificates, else those that Docker or Podman have for the host.

    Notes
    -----
    Source: Docker, "Verify repository client with certificates":
    ``/etc/docker/certs.d/HOST:PORT/{*.crt,*.cert,*.key}``; Podman,
    containers-certs.d(5).
    """
    ca_file, cert, key = map(_expanded, (config.ca_file, config.client_cert, config.client_key))
    if ca_file or cert:
        return [ca_file] if ca_file else [], cert, key
    for folder in ("~/.config/containers", "/etc/containers", "~/.docker", "/etc/docker"):
        directory = Path(folder).expanduser() / "certs.d" / config.host
        ca_files = sorted(map(str, directory.glob("*.crt")))
        certs = sorted(directory.glob("*.cert"))
        if ca_files or certs:
            cert = str(certs[0]) if certs else None
            return ca_files, cert, cert and str(Path(cert).with_suffix(".key"))
    return [], None, None


def _expanded(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path else None
