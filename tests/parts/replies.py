"""What a faulty server can answer: from a plain 200 to a body that breaks off."""

from __future__ import annotations

import datetime as dt
import email.utils
import http
import json as codec
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked. Header names are in lower case; ``target`` has the query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}


@dataclass(frozen=True)
class Reply:
    """Bytes to send and the manner of sending them.

    Attributes
    ----------
    delay_seconds : before the first byte.
    sent_bytes : break off after so much of the body, though Content-Length states all of it.
    piece_bytes, pause_seconds : send the body in pieces, with pauses.
    verbatim : send exactly this instead of head and body.
    hangs : then stay silent until the client goes away.
    closes : then close the connection.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_seconds: float = 0
    sent_bytes: int | None = None
    piece_bytes: int = 1 << 20
    pause_seconds: float = 0
    verbatim: bytes | None = None
    hangs: bool = False
    closes: bool = False

    def pieces(self, request: Request) -> Iterator[bytes]:
        """Give the bytes to send in reply to ``request``."""
        if self.verbatim is not None:
            yield self.verbatim
            return
        yield self._head()
        body = b"" if request.method == "HEAD" else self.body[: self.sent_bytes]
        for start in range(0, len(body), self.piece_bytes):
            yield body[start : start + self.piece_bytes]

    def _head(self) -> bytes:
        known = {status.value: status.phrase for status in http.HTTPStatus}
        given = {name.lower() for name, _ in self.headers}
        lines = [f"HTTP/1.1 {self.status} {known.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if given.isdisjoint({"content-length", "transfer-encoding"}) and self.status != 204:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(
    status: int = 200,
    *,
    json: Any = None,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    **manner: Any,
) -> Reply:
    """Answer properly. Further keywords are attributes of `Reply`."""
    fields = dict(headers or {})
    if json is not None:
        body = codec.dumps(json).encode()
        fields.setdefault("Content-Type", "application/json")
    return Reply(status, tuple(fields.items()), body, **manner)


def error(status: int, code: str, message: str = "", **options: Any) -> Reply:
    """Answer with an error as registries write it (OCI distribution-spec, "Error Codes")."""
    return reply(status, json={"errors": [{"code": code, "message": message}]}, **options)


def html(status: int = 200, text: str = "<html><body>Sign in</body></html>") -> Reply:
    """Answer as a captive portal, a proxy or a login page does."""
    return reply(status, body=text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def redirect(location: str, status: int = 307, **options: Any) -> Reply:
    return reply(status, headers={"Location": location}, **options)


def too_many(retry_after_seconds: float = 1, *, as_date: bool = False) -> Reply:
    """Answer 429 with Retry-After in seconds, or as an HTTP date (whole seconds only)."""
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=retry_after_seconds)
    after = email.utils.format_datetime(moment, usegmt=True) if as_date else retry_after_seconds
    return error(429, "TOOMANYREQUESTS", headers={"Retry-After": f"{after}"})


def hang() -> Reply:
    """Take the request and never answer."""
    return Reply(verbatim=b"", hangs=True)


def drop() -> Reply:
    """Close the connection without an answer."""
    return Reply(verbatim=b"", closes=True)


def cut(body: bytes, sent_bytes: int, **options: Any) -> Reply:
    """Promise the whole body and close the connection in its middle."""
    return reply(200, body=body, sent_bytes=sent_bytes, closes=True, **options)


def stall(body: bytes, sent_bytes: int, **options: Any) -> Reply:
    """Promise the whole body and fall silent in its middle."""
    return reply(200, body=body, sent_bytes=sent_bytes, hangs=True, **options)


def verbatim(data: bytes) -> Reply:
    """Send these bytes, which need not be HTTP, and close."""
    return Reply(verbatim=data, closes=True)
