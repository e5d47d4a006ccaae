"""One request and its reply, redirects followed under guard."""

import ssl
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import httpx2

from ghostnb.errors import ProtocolError, TransportError, UnsafeRedirectError, redact_url
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.failures import transport_error
from ghostnb.registries.session.transport import Transport, open_transport
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.urls import guard, keeps_credentials

__all__ = ["Exchange", "Opened"]

_MAX_REDIRECTS = 5
# A redirect's body is read to keep the connection, unless it is as large as this.
_MAX_REDIRECT_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "ghostnb"
# What transports raise: a TLS failure may come as it is.
_FAILURES = (httpx2.TransportError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Opened:
    """A reply whose body is still to be read.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in lower case.
    url : str
        After redirects.
    stream : httpx2.AsyncByteStream
    """

    status: int
    headers: Mapping[str, str]
    url: str
    stream: httpx2.AsyncByteStream


class Exchange:
    """Sends requests over a transport; knows no retries and asks for no credentials.

    Parameters
    ----------
    config : RegistryConfig
    transport : Transport, optional
        By default one for the configuration, opened at the first request.
    """

    def __init__(self, config: RegistryConfig, transport: Transport | None = None) -> None:
        self._config = config
        self._given = self._transport = transport
        self._shown_warnings: set[str] = set()
        wait = config.timeout_seconds
        timeout = {"connect": min(wait, 10.0), "read": wait, "write": wait, "pool": None}
        self._large = {"timeout": timeout}
        # Against a server that sends a byte now and then, for ever.
        self._patience_seconds = 2 * wait
        self._small = {"timeout": {**timeout, "total": self._patience_seconds}}

    async def send(
        self, request: Request, authorization: str | None, *, is_small: bool = True
    ) -> Opened:
        """Send a request, and follow where its replies lead.

        Parameters
        ----------
        request : Request
        authorization : str or None
            For the request's own host; never sent to another.
        is_small : bool
            False for a body that may rightly take long.

        Raises
        ------
        TransportError
            If no reply came.
        UnsafeRedirectError
            If a redirect leads where it must not.
        ProtocolError
            If there is no end to the redirects, or no place in one.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            opened = await self._send_once(request, authorization, is_small)
            if opened.status not in _REDIRECTS:
                return opened
            await self._drain(opened)
            following = self._redirected(request, opened.headers.get("location", ""))
            if not keeps_credentials(request.url, following.url):
                authorization = None
            request = following
        raise ProtocolError(
            f"{self._config.name} redirected {request.what} more than {_MAX_REDIRECTS} times.",
            hint="Check the registry's configuration, or a proxy between.",
            registry=self._config.name,
            url=request.url,
        )

    async def read(self, opened: Opened, max_bytes: int) -> Reply:
        """Read a body whole, and give the connection back.

        Raises
        ------
        TransportError
            If the body breaks off.
        ProtocolError
            If it is longer than `max_bytes`.
        """
        pieces, count = [], 0
        deadline = time.monotonic() + self._patience_seconds
        try:
            async for piece in opened.stream:
                pieces.append(piece)
                count += len(piece)
                if count > max_bytes:
                    raise self._too_large(opened, max_bytes)
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("the answer takes too long")
        except _FAILURES as e:
            raise self._failure(e, opened.url) from e
        finally:
            await opened.stream.aclose()
        return Reply(opened.status, opened.headers, b"".join(pieces), opened.url)

    async def pieces(self, opened: Opened) -> AsyncIterator[bytes]:
        """Iterate over a body as it comes over the wire.

        Raises
        ------
        TransportError
            If it breaks off.
        """
        try:
            async for piece in opened.stream:
                yield piece
        except _FAILURES as e:
            raise self._failure(e, opened.url) from e

    async def aclose(self) -> None:
        """Close every connection."""
        # One that was given is kept: used again, it must not become the network.
        transport, self._transport = self._transport, self._given
        if transport is not None:
            await transport.aclose()

    async def _drain(self, opened: Opened) -> None:
        """Read what nobody wants, so that the connection can be used again."""
        count = 0
        try:
            async for piece in self.pieces(opened):
                count += len(piece)
                if count > _MAX_REDIRECT_BYTES:
                    return
        finally:
            await opened.stream.aclose()

    async def _send_once(
        self, request: Request, authorization: str | None, is_small: bool
    ) -> Opened:
        headers = _headers(tuple(request.headers.items()))
        if authorization is not None:
            headers = headers.copy()
            headers["authorization"] = authorization
        if self._transport is None:
            self._transport = open_transport(self._config)
        extensions = self._small if is_small else self._large
        message = self._message(request, headers, extensions)
        try:
            response = await self._transport.handle_async_request(message)
            if response.status_code == 407:
                # Of a plain request; for a tunnel the transport itself says so.
                await response.aclose()
                raise httpx2.ProxyError("407 Proxy Authentication Required")
        except _FAILURES as e:
            raise self._failure(e, request.url) from e
        found = _header_map(response.headers.raw)
        if "warning" in found:
            self._show_warning(found["warning"])
        stream = cast(httpx2.AsyncByteStream, response.stream)
        return Opened(response.status_code, found, request.url, stream)

    def _message(
        self, request: Request, headers: httpx2.Headers, extensions: dict[str, Any]
    ) -> httpx2.Request:
        try:
            return httpx2.Request(
                request.method,
                request.url,
                headers=headers,
                content=request.body or None,
                extensions=extensions,
            )
        except (httpx2.InvalidURL, ValueError) as e:
            raise ProtocolError(
                f"{self._config.name} led to an address that cannot be asked: "
                f"{redact_url(request.url)[:200]} ({e}).",
                hint="Check the registry's configuration, or a proxy between.",
                registry=self._config.name,
                url=request.url[:200],
            ) from e

    def _redirected(self, request: Request, location: str) -> Request:
        if not location:
            raise ProtocolError(
                f"{self._config.name} redirected {request.what}, but did not say where to.",
                hint="Check the registry's configuration, or a proxy between.",
                registry=self._config.name,
                url=request.url,
            )
        url = guard(request.url, location, registry=self._config.name, role="redirect")
        if request.body and not keeps_credentials(request.url, url):
            raise UnsafeRedirectError(
                f"{self._config.name} redirected {request.what} to another host, "
                "and what would be sent there may be secret; it was not sent.",
                registry=self._config.name,
                url=request.url,
            )
        return replace(request, url=url)

    def _show_warning(self, text: str) -> None:
        """Show what the registry wants its users to know, once.

        Notes
        -----
        Source: OCI distribution-spec v1.1, "Warnings".
        """
        if text.startswith("299") and text not in self._shown_warnings:
            self._shown_warnings.add(text)
            warnings.warn(f"{self._config.name} says: {text[:300]}", UserWarning, stacklevel=2)

    def _failure(self, error: Exception, url: str) -> TransportError:
        config = self._config
        return transport_error(error, registry=config.name, base_url=config.url, url=url)

    def _too_large(self, opened: Opened, max_bytes: int) -> ProtocolError:
        return ProtocolError(
            f"{self._config.name} sent more than {max_bytes:,} bytes "
            "where so many cannot be right; the rest was not read.",
            registry=self._config.name,
            url=opened.url,
        )


@lru_cache(maxsize=16)
def _headers(own: tuple[tuple[str, str], ...]) -> httpx2.Headers:
    """Complete a request's headers; nearly all requests have the same few."""
    return httpx2.Headers({"user-agent": _USER_AGENT, "accept-encoding": "identity", **dict(own)})


def _header_map(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
