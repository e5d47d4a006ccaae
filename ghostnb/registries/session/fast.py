"""pyreqwest behind the transport seam: a third of the processor time a request.

Taken where the extra ``fast`` is installed, for hosts that need neither a
proxy nor certificates of their own.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
from pyreqwest import exceptions as failures
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.response import Response

__all__ = ["FastTransport"]

_OS_ERROR = re.compile(r"os error (\d+)")

_BY_KIND: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (failures.ConnectTimeoutError, httpx2.ConnectTimeout),
    (failures.ReadTimeoutError, httpx2.ReadTimeout),
    (failures.WriteTimeoutError, httpx2.WriteTimeout),
    (failures.RequestTimeoutError, httpx2.ReadTimeout),
    (failures.ConnectError, httpx2.ConnectError),
    (failures.WriteError, httpx2.WriteError),
    (failures.ReadError, httpx2.ReadError),
    (failures.NetworkError, httpx2.ReadError),
    # A body that breaks off is told as one that cannot be decoded.
    (failures.DecodeError, httpx2.RemoteProtocolError),
    (failures.RequestError, httpx2.RemoteProtocolError),
)


class FastTransport:
    """Carries requests by pyreqwest; follows no redirect and knows no proxy.

    Parameters
    ----------
    max_connections : int
        How many connections are kept open.
    timeout_seconds : float
        How long to wait for a connection, and for each piece of an answer.
    """

    def __init__(self, *, max_connections: int, timeout_seconds: float) -> None:
        # Left alone it follows redirects by itself and sends Authorization to
        # the other host, decodes bodies that digests are of, and reads the
        # proxies from the environment.
        wait = timedelta(seconds=timeout_seconds)
        self._client: Client = (
            ClientBuilder()
            .follow_redirects(False)
            .no_proxy()
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .referer(False)
            .pool_max_idle_per_host(max_connections)
            .connect_timeout(min(wait, timedelta(seconds=10)))
            .read_timeout(wait)
            .build()
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response's stream is still to be read and closed."""
        try:
            builder = self._client.request(request.method, str(request.url))
        except ValueError as e:
            raise httpx2.UnsupportedProtocol(f"not an address: {e}") from e
        builder = builder.headers(request.headers.multi_items())
        body = await request.aread()
        if body:
            builder = builder.body_bytes(body)
        total_seconds = request.extensions.get("timeout", {}).get("total")
        if total_seconds is not None:
            # Its read timeout begins anew at every byte, and small bodies are
            # read whole before the headers are given out.
            builder = builder.timeout(timedelta(seconds=total_seconds))
        else:
            # What came of a large body must not be lost when the rest does not come.
            builder = builder.streamed_read_buffer_limit(0)
        opened = builder.build_streamed()
        with _translated():
            response = await opened.__aenter__()
        stream = _Body(opened, response)
        try:
            headers = list(response.headers.items())
        except ValueError as e:
            await stream.aclose()
            raise httpx2.RemoteProtocolError("a header is not text") from e
        return httpx2.Response(response.status, headers=headers, stream=stream)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()


class _Body(httpx2.AsyncByteStream):
    """A body that is read piece by piece, and lets go of its connection at the end."""

    def __init__(self, opened: object, response: Response) -> None:
        self._opened: Any = opened
        self._reader = response.body_reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            while (piece := await self._reader.read_chunk()) is not None:
                yield bytes(piece)

    async def aclose(self) -> None:
        # May be called again, as on httpx2's streams; pyreqwest's takes it once.
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.__aexit__(None, None, None)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what httpx2's own transports raise."""
    try:
        yield
    except failures.PyreqwestError as e:
        kind = next((to for of, to in _BY_KIND if isinstance(e, of)), httpx2.TransportError)
        reason = _reason(e)
        if "closed before message completed" in reason:  # told as a failure to connect
            kind = httpx2.RemoteProtocolError
        raise kind(reason) from _cause(reason)


def _reason(error: Exception) -> str:
    """Give the innermost of the causes, which says most."""
    details = getattr(error, "details", None) or {}
    causes = details.get("causes") or [{"message": str(error)}]
    return str(causes[-1]["message"])


def _cause(reason: str) -> Exception:
    """Make of a text what Python's own sockets would have raised."""
    if code := _OS_ERROR.search(reason):
        return OSError(int(code[1]), reason)
    if "lookup address" in reason:
        return socket.gaierror(socket.EAI_NONAME, reason)
    if "invalid peer certificate" in reason:
        untrusted = ssl.SSLCertVerificationError(reason)
        untrusted.verify_message = reason
        return untrusted
    if "corrupt message" in reason:
        plain = ssl.SSLError(reason)
        plain.reason = "WRONG_VERSION_NUMBER"
        return plain
    return ConnectionError(reason)
