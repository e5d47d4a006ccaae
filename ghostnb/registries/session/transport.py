"""The seam below the protocol: what carries a request to a host and back."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

import httpx2

from ghostnb.wire.messages import Request

__all__ = ["Body", "Carrier", "Opened", "Transport", "TransportCarrier", "complete_headers"]

_CONNECT_SECONDS = 10.0


class Transport(Protocol):
    """Carries one request as httpx2 has it; follows no redirect, knows no credentials.

    httpx2's transports have this shape, its `httpx2.ASGITransport` too.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response's stream is still to be read and closed."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Body(Protocol):
    """A reply's body: its pieces, as they come over the wire."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Let go of the connection; it may be called again."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A reply whose body is still to be read.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in lower case; a repeated header's values are joined by ``, ``.
    url : str
    stream : Body
    """

    status: int
    headers: Mapping[str, str]
    url: str
    stream: Body


class Carrier(Protocol):
    """Carries one request of ours; follows no redirect, knows no credentials.

    A seam of its own above `Transport`, since making an `httpx2.Request` and
    an `httpx2.Response` costs as much as sending and reading a small reply.

    Raises what httpx2's transports raise, and `httpx2.InvalidURL`.
    """

    async def send(self, request: Request, authorization: str | None, *, is_small: bool) -> Opened:
        """Send a request.

        Parameters
        ----------
        request : Request
        authorization : str or None
            The header's value.
        is_small : bool
            True if the reply's headers must come within twice the timeout. The
            body's time is its reader's to bound.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class TransportCarrier:
    """Carries requests by a transport of httpx2's shape.

    Parameters
    ----------
    transport : Transport
    timeout_seconds : float
        How long to wait for a connection, and for each piece of an answer.
    """

    def __init__(self, transport: Transport, *, timeout_seconds: float) -> None:
        self._transport = transport
        wait = timeout_seconds
        connect = min(wait, _CONNECT_SECONDS)
        self._patience_seconds = 2 * wait
        self._extensions = {
            "timeout": {"connect": connect, "read": wait, "write": wait, "pool": None}
        }

    async def send(self, request: Request, authorization: str | None, *, is_small: bool) -> Opened:
        """Send a request; the reply's stream is still to be read and closed."""
        message = self._message(request, authorization)
        # The read timeout begins anew at every byte of the headers, too.
        patience_seconds = self._patience_seconds if is_small else None
        try:
            async with asyncio.timeout(patience_seconds):
                response = await self._transport.handle_async_request(message)
        except TimeoutError as e:
            raise httpx2.ReadTimeout("the headers take too long") from e
        stream = cast(httpx2.AsyncByteStream, response.stream)
        return Opened(response.status_code, _header_map(response.headers), request.url, stream)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def _message(self, request: Request, authorization: str | None) -> httpx2.Request:
        headers = _headers(tuple(request.headers.items()))
        if authorization is not None:
            headers = headers.copy()
            headers["authorization"] = authorization
        try:
            return httpx2.Request(
                request.method,
                request.url,
                headers=headers,
                content=request.content() if request.content else request.body or None,
                extensions=self._extensions,
            )
        except ValueError as e:
            raise httpx2.InvalidURL(str(e)) from e


@lru_cache(maxsize=16)
def complete_headers(own: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Complete a request's headers; nearly all requests have the same few."""
    return {"user-agent": "ghostnb", "accept-encoding": "identity", **dict(own)}


@lru_cache(maxsize=16)
def _headers(own: tuple[tuple[str, str], ...]) -> httpx2.Headers:
    return httpx2.Headers(complete_headers(own))


def _header_map(headers: httpx2.Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
