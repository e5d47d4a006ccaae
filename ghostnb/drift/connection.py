"""A connection to Drift: who sends headers without end, or takes no answer, is let go.

An offer of another protocol is declined (RFC 9110, section 7.8).
"""

import asyncio
import struct

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ghostnb.drift.limits import Limits

try:
    import fcntl
    import termios
except ImportError:  # Windows has neither.
    fcntl = termios = None  # type: ignore[assignment]

__all__ = ["SHUTDOWN_SECONDS", "protocol_for"]

SHUTDOWN_SECONDS = 5.0
"""How long those who are being answered have when Drift ends."""

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"
_ENDING = b"503 Service Unavailable"
_OFFERS = frozenset({b"upgrade", b"http2-settings"})


def protocol_for(limits: Limits) -> type[HttpToolsProtocol]:
    """Give the protocol that keeps these limits; uvicorn makes one for each connection."""
    return type("CarefulProtocol", (_CarefulProtocol,), {"limits": limits})


class _CarefulProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to the headers that it takes, and to its patience."""

    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    # Of one request: bytes that came before its headers were complete, and of its headers alone.
    _pending_bytes = 0
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_no_more()
        self._watch_no_more()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch_no_more()

    def data_received(self, data: bytes) -> None:
        if self._pending_bytes >= 0:
            if self._timer is None:
                self._expect_headers()
            self._pending_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
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
        if self.parser.should_upgrade():
            # They come again, without the offer.
            return
        self._pending_bytes = -1
        self._expect_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._pending_bytes = 0
        super().on_message_complete()

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(SHUTDOWN_SECONDS, self._end)

    def send_400_response(self, msg: str) -> None:
        if self._header_bytes > self.limits.header_bytes:
            self._refuse(_TOO_LARGE)
        elif self._is_answering():
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _parse(self, data: bytes) -> None:
        """Read requests; where another protocol is offered, as if it were not.

        Java's HttpClient and curl --http2 offer one, also before a body. The
        parser takes all that follows such headers for the other protocol: a
        new one is given the headers without the offer, and then the rest.
        """
        pieces = [memoryview(data)]
        while pieces:
            piece = pieces.pop()
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as e:
                if self.parser.get_method() == b"CONNECT":
                    # An offer by itself.
                    self.send_400_response("This is no proxy.")
                    return
                pieces += [piece[e.args[0] :], memoryview(self._head_without_offer())]
                self.parser = httptools.HttpRequestParser(self)
                # As uvicorn's own: what was pipelined before the last request is answered.
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(one for one in value.split(b",") if _is_kept(one))
            if _is_kept(name):
                lines.append(b"%s: %s" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

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
        self._timer = None
        if self._is_answering():
            # Who is still being answered may have begun to ask the next.
            self._expect_headers()
        elif not self.transport.is_closing():
            self._refuse(_TOO_SLOW)

    def _watch_writing(self) -> None:
        """Look now and then whether the client takes what waits for it."""
        left = _left_bytes(self.transport)
        self._writing = self.loop.call_later(self.limits.idle_seconds, self._check_writing, left)

    def _watch_no_more(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _check_writing(self, left_before: int) -> None:
        if left_before - _left_bytes(self.transport) >= self.limits.idle_bytes:
            self._watch_writing()
        else:
            # Not closed: that would wait for what is left to be taken.
            self.transport.abort()

    def _end(self) -> None:
        """Let go of who is still here, as if he had gone: handlers end as they do then."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started:
            self.transport.abort()
        else:
            self._answer(_ENDING)

    def _is_answering(self) -> bool:
        """Tell whether what is written now would be taken for another request's answer."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body or bool(self.pipeline)

    def _refuse(self, status: bytes) -> None:
        if self._is_answering():
            self.transport.close()
        else:
            self._answer(status)

    def _answer(self, status: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status
        )
        self.transport.close()


def _left_bytes(transport: asyncio.Transport) -> int:
    """Count what the client has not taken yet, as far as that is known."""
    left = transport.get_write_buffer_size()
    own = transport.get_extra_info("socket")
    if fcntl is None or own is None:
        return left
    try:
        # The kernel holds some MiB, and takes more only when a third of that is gone.
        queued = fcntl.ioctl(own.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return left
    return left + int(struct.unpack("i", queued)[0])


def _is_kept(name: bytes) -> bool:
    return name.strip().lower() not in _OFFERS
