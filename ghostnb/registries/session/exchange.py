"""One request and its reply, redirects followed under guard."""

import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx2

from ghostnb.errors import ProtocolError, RegistryError, UnsafeRedirectError, redact_url
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.certificates import takes_ca_file
from ghostnb.registries.session.failures import transport_error
from ghostnb.registries.session.routing import RoutingCarrier
from ghostnb.registries.session.transport import Carrier, Opened, Transport, TransportCarrier
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.urls import guard, keeps_credentials

__all__ = ["Exchange"]

_MAX_REDIRECTS = 5
# A redirect's body is read to keep the connection, unless it is as large as this.
_MAX_REDIRECT_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What transports raise: a TLS failure may come as it is.
_FAILURES = (httpx2.TransportError, ssl.SSLError)


class Exchange:
    """Sends requests over a transport; knows no retries and asks for no credentials.

    Parameters
    ----------
    config : RegistryConfig
    transport : Transport, optional
        By default one for the configuration, opened at the first request.
    refine : callable, optional
        Has its own word on what went wrong on the way.
    """

    def __init__(
        self,
        config: RegistryConfig,
        transport: Transport | None = None,
        *,
        refine: Callable[[RegistryError], RegistryError] = lambda error: error,
    ) -> None:
        self._config = config
        self._refine = refine
        wait = config.timeout_seconds
        self._given: Carrier | None = (
            TransportCarrier(transport, timeout_seconds=wait) if transport is not None else None
        )
        self._carrier: Carrier | None = self._given
        self._shown_warnings: set[str] = set()
        # Against a server that sends a byte now and then, for ever.
        self._patience_seconds = 2 * wait

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

    async def read(self, opened: Opened, max_bytes: int, *, is_small: bool = True) -> Reply:
        """Read a body whole, and give the connection back.

        Parameters
        ----------
        opened : Opened
        max_bytes : int
        is_small : bool, optional
            False for a body that may rightly take long.

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
                if is_small and time.monotonic() > deadline:
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
        carrier, self._carrier = self._carrier, self._given
        if carrier is not None:
            await carrier.aclose()

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
        if self._carrier is None:
            self._carrier = RoutingCarrier(self._config)
        try:
            opened = await self._carrier.send(request, authorization, is_small=is_small)
            if opened.status == 407:
                # Of a plain request; for a tunnel the transport itself says so.
                await opened.stream.aclose()
                raise httpx2.ProxyError("407 Proxy Authentication Required")
        except _FAILURES as e:
            raise self._failure(e, request.url) from e
        except httpx2.InvalidURL as e:
            raise self._no_address(request, e) from e
        if "warning" in opened.headers:
            self._show_warning(opened.headers["warning"])
        return opened

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

    def _failure(self, error: Exception, url: str) -> RegistryError:
        config = self._config
        translated = transport_error(
            error,
            registry=config.name,
            base_url=config.url,
            url=url,
            takes_ca_file=takes_ca_file(config, url),
        )
        return self._refine(translated)

    def _no_address(self, request: Request, error: Exception) -> ProtocolError:
        return ProtocolError(
            f"{self._config.name} led to an address that cannot be asked: "
            f"{redact_url(request.url)[:200]} ({error}).",
            hint="Check the registry's configuration, or a proxy between.",
            registry=self._config.name,
            url=request.url[:200],
        )

    def _too_large(self, opened: Opened, max_bytes: int) -> ProtocolError:
        return ProtocolError(
            f"{self._config.name} sent more than {max_bytes:,} bytes "
            "where so many cannot be right; the rest was not read.",
            registry=self._config.name,
            url=opened.url,
        )
