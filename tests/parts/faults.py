"""A server that misbehaves as told, to see how a client takes it.

>>> with faulty_server({"/v2/": reply(200), "/v2/app/tags/list": hang()}) as server:
...     server.count("/v2/")
0

It writes its replies byte by byte itself: an HTTP library would mend what is to be broken.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from tests.parts.loops import serving
from tests.parts.replies import Reply, Request, reply

Answer = Reply | Callable[["Request"], Reply]
Route = Answer | Sequence[Answer]
Routes = MutableMapping[str | tuple[str, str], Route]

NOT_SCRIPTED = reply(404, json={"errors": [{"code": "NAME_UNKNOWN", "message": "not scripted"}]})


@dataclass
class FaultyServer:
    """Routes that may be changed while it runs, and what was asked of it.

    Attributes
    ----------
    routes : path or (method, path) to a reply, a function of the request, or a list of those
        that is answered one after the other, the last one for ever. A path is tried with its
        query, without, and then as the longest prefix that a ``*`` ends.
    requests : everything asked, in order of arrival.
    connections : how many were opened.
    """

    routes: Routes
    host_name: str
    scheme: str = "http"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _answered: dict[int, int] = field(default_factory=lambda: defaultdict(int), repr=False)

    @property
    def host(self) -> str:
        return f"{self.host_name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def seen(self, path: str | None = None, method: str | None = None) -> list[Request]:
        """List requests of this path (the query does not count) and method."""
        return [
            request
            for request in list(self.requests)
            if path in (None, request.path, request.target) and method in (None, request.method)
        ]

    def count(self, path: str | None = None, method: str | None = None) -> int:
        return len(self.seen(path, method))

    @property
    def authorizations(self) -> list[str]:
        """List the Authorization headers that arrived: empty where none may."""
        headers = (request.headers.get("authorization") for request in list(self.requests))
        return [header for header in headers if header is not None]

    def answer(self, request: Request) -> Reply:
        """Record a request and choose its reply."""
        self.requests.append(request)
        route = self._route(request)
        if isinstance(route, Sequence):
            route = self._next(route)
        return route(request) if callable(route) else route

    def _next(self, answers: Sequence[Answer]) -> Answer:
        position = self._answered[id(answers)]
        self._answered[id(answers)] += 1
        return answers[min(position, len(answers) - 1)]

    def _route(self, request: Request) -> Route:
        for path in (request.target, request.path, *_prefixes(self.routes, request.path)):
            for key in ((request.method, path), path):
                if key in self.routes:
                    return self.routes[key]
        return NOT_SCRIPTED


def _prefixes(routes: Mapping[str | tuple[str, str], Route], path: str) -> list[str]:
    patterns = [key if isinstance(key, str) else key[1] for key in routes]
    fitting = {p for p in patterns if p.endswith("*") and path.startswith(p[:-1])}
    return sorted(fitting, key=len, reverse=True)


@contextlib.contextmanager
def faulty_server(
    routes: Routes | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[FaultyServer]:
    """Serve ``routes`` on loopback from a thread.

    Parameters
    ----------
    routes : see `FaultyServer`. Routes that need the server's own URL are added inside the
        context: ``server.routes["/old"] = redirect(f"{server.url}/new")``.
    host : ``127.0.0.2`` is another host to a client, and this machine all the same.
    tls : for example ``certificates.server_context()``.
    """
    server = FaultyServer(routes if routes is not None else {}, host, "https" if tls else "http")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        await _converse(server, reader, writer)

    with serving(connected, host, port, tls) as server.port:
        yield server


async def _converse(
    server: FaultyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        request = await read_request(reader, writer)
        answer = server.answer(request)
        await asyncio.sleep(answer.delay_seconds)
        for piece in answer.pieces(request):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(answer.pause_seconds)
        if answer.hangs:
            await _until_gone(reader)
        if answer.closes or request.headers.get("connection", "").lower() == "close":
            return


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Say nothing more until the client gives up."""
    while await reader.read(65536):
        pass


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Read one request with its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.rstrip().split("\r\n")
    method, target, _ = line.split(" ", 2)
    pairs = (field.split(":", 1) for field in fields)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, target, headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readuntil(b"\r\n")
    return body
