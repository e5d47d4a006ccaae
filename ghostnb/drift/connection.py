"""A connection to Drift: who sends headers without end, or never to their end, is let go."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ghostnb.drift.service import Limits

__all__ = ["protocol_for"]

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


def protocol_for(limits: Limits) -> type[HttpToolsProtocol]:
    """Give the protocol that keeps these limits; uvicorn makes one for each connection."""
    return type("CarefulProtocol", (_CarefulProtocol,), {"limits": limits})


class _CarefulProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to the headers that it takes, and to their time."""

    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    # Of one request: bytes that came before its headers were complete, and of its headers alone.
    _pending_bytes = 0
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._pending_bytes >= 0:
            if self._timer is None:
                self._expect_headers()
            self._pending_bytes += len(data)
        super().data_received(data)
        # Still counted: a header goes on and on, of which the parser has said nothing yet.
        if self._pending_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._pending_bytes = -1
        self._expect_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._header_bytes > self.limits.header_bytes:
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _count(self, size_bytes: int) -> None:
        self._header_bytes += size_bytes
        if self._header_bytes > self.limits.header_bytes:
            # The parser stops at this, and `send_400_response` answers.
            raise ValueError("the headers are too large")

    def _expect_headers(self) -> None:
        self._timer = self.loop.call_later(self.limits.header_seconds, self._give_up)

    def _expect_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(_TOO_SLOW)

    def _refuse(self, status: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status
        )
        self.transport.close()
