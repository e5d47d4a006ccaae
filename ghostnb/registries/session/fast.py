"""pyreqwest behind the seam: a third of the processor time a request.

Taken where the extra ``fast`` is installed, for hosts that need neither a
proxy nor certificates of their own.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
from pyreqwest import exceptions as failures
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.response import Response

from ghostnb.registries.session.transport import Opened, complete_headers
from ghostnb.wire.messages import Request

__all__ = ["FastCarrier"]

# pyreqwest reads so much ahead by itself.
_AT_HAND_BYTES = 64 * 1024

_OS_ERROR = re.compile(r"os error (\d+)")

# rustls names its errors, or explains them.
_VERIFY_CODES = {
    "expired": 10,
    "not valid yet": 9,
    "notvalidyet": 9,
    "validforname": 62,
    "not valid for name": 62,
}
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


class FastCarrier:
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
        self._patience = 2 * wait
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

    async def send(self, request: Request, authorization: str | None, *, is_small: bool) -> Opened:
        """Send a request; the reply's stream is still to be read and closed."""
        try:
            builder = self._client.request(request.method, request.url)
        except ValueError as e:
            raise httpx2.InvalidURL(f"not an address: {e}") from e
        builder = builder.headers(complete_headers(tuple(request.headers.items())))
        if authorization is not None:
            builder = builder.header("authorization", authorization, is_sensitive=True)
        if request.body:
            builder = builder.body_bytes(request.body)
        if is_small:
            # Its read timeout begins anew at every byte, and small bodies are
            # read whole before the headers are given out.
            builder = builder.timeout(self._patience)
        else:
            # What came of a large body must not be lost when the rest does not come.
            builder = builder.streamed_read_buffer_limit(0)
        opened = builder.build_streamed()
        try:
            response = await opened.__aenter__()
        except failures.PyreqwestError as e:
            raise _translated(e) from _cause(_reason(e))
        try:
            headers = _header_map(response)
        except ValueError as e:
            await opened.__aexit__(None, None, None)
            raise httpx2.RemoteProtocolError("a header is not text") from e
        is_at_hand = is_small and _is_at_hand(headers.get("content-length", ""))
        return Opened(response.status, headers, request.url, _Body(opened, response, is_at_hand))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()


class _Body:
    """A body that is read piece by piece, and lets go of its connection at the end.

    Parameters
    ----------
    opened : pyreqwest's streamed request
    response : pyreqwest's response
    is_at_hand : bool
        True if it was read already: then it is one piece.
    """

    def __init__(self, opened: object, response: Response, is_at_hand: bool) -> None:
        self._opened: Any = opened
        self._reader = response.body_reader
        self._is_at_hand = is_at_hand

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            if self._is_at_hand:
                yield bytes(await self._reader.bytes())
            else:
                while (piece := await self._reader.read_chunk()) is not None:
                    yield bytes(piece)
            # At its end the connection is free already.
            self._opened = None
        except failures.PyreqwestError as e:
            raise _translated(e) from _cause(_reason(e))

    async def aclose(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.__aexit__(None, None, None)


def _header_map(response: Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_at_hand(length: str) -> bool:
    """Tell by its Content-Length whether a small body came with the headers."""
    return len(length) <= 5 and length.isdecimal() and int(length) <= _AT_HAND_BYTES


def _translated(error: failures.PyreqwestError) -> httpx2.TransportError:
    """Make what httpx2's own transports raise."""
    kind = next((to for of, to in _BY_KIND if isinstance(error, of)), httpx2.TransportError)
    reason = _reason(error)
    if "closed before message completed" in reason:  # told as a failure to connect
        kind = httpx2.RemoteProtocolError
    return kind(reason)


def _reason(error: Exception) -> str:
    """Give the innermost of the causes, which says most."""
    details = getattr(error, "details", None) or {}
    causes = details.get("causes") or [{"message": str(error)}]
    return str(causes[-1]["message"])


def _verify_code(reason: str) -> int:
    """Give OpenSSL's number, X509_V_ERR_*, for what rustls says of a certificate."""
    said = reason.lower()
    return next((code for words, code in _VERIFY_CODES.items() if words in said), 20)


def _cause(reason: str) -> Exception:
    """Make of a text what Python's own sockets would have raised."""
    if code := _OS_ERROR.search(reason):
        return OSError(int(code[1]), reason)
    if "lookup address" in reason:
        return socket.gaierror(socket.EAI_NONAME, reason)
    if "invalid peer certificate" in reason:
        untrusted = ssl.SSLCertVerificationError(reason)
        untrusted.verify_message, untrusted.verify_code = reason, _verify_code(reason)
        return untrusted
    if "corrupt message" in reason:
        plain = ssl.SSLError(reason)
        plain.reason = "WRONG_VERSION_NUMBER"
        return plain
    return ConnectionError(reason)
