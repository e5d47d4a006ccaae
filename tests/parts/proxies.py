"""Things between a client and a registry: distance, bad lines, a corporate forward proxy."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlsplit

from tests.parts import distance
from tests.parts.faults import read_request
from tests.parts.loops import serving
from tests.parts.processes import PartError, end, launch, log_tail
from tests.parts.replies import Request, reply

START_SECONDS = 10
SEND_BUFFER_BYTES = 65536


@contextlib.contextmanager
def delaying_proxy(
    host: str, port: int, *, delay_seconds: float = 0.05, connect_seconds: float = 0.0
) -> Iterator[int]:
    """Relay to ``host:port`` from a process of its own, and yield the port it listens on.

    Parameters
    ----------
    delay_seconds : how long every request waits before it is passed on.
    connect_seconds : the same for a new connection, as a TCP handshake far away would.
    """
    with tempfile.TemporaryDirectory(prefix="ghostnb-distance-") as directory:
        log_file = Path(directory) / "log"
        numbers = (str(port), str(delay_seconds), str(connect_seconds))
        # -I: the file's folder must not come before the standard library
        process = launch([sys.executable, "-I", distance.__file__, host, *numbers], log_file)
        try:
            yield _printed_port(process, log_file)
        finally:
            end(process)


def _printed_port(process: Popen[bytes], log_file: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        line = log_tail(log_file)
        if line.endswith("\n"):
            return int(line)
        time.sleep(0.01)
    raise PartError(f"The delaying proxy did not start. Its log:\n{log_tail(log_file)}")


@dataclass(frozen=True)
class Cut:
    """How many bytes of a connection go through, up to the registry and down from it."""

    up: int | None = None
    down: int | None = None


def random_cuts(seed: int, mean_bytes: int) -> Iterator[Cut]:
    """Cut every connection, without end, each after a random count in either direction."""
    chance = random.Random(seed)
    while True:
        up, down = (int(chance.expovariate(1 / mean_bytes)) for _ in range(2))
        yield Cut(up, down)


@dataclass
class CuttingProxy:
    """What went through a bad line, and how it is to behave.

    Attributes
    ----------
    target : where it leads; may be changed.
    cuts : for each new connection in turn; when there are no more, connections last.
    lost : when one of these goes up, it goes, but its answer is lost with the connection. Each
        once.
    breaks : cut whichever connection brings `up_bytes` to the first of these; each once.
    up_bytes, down_bytes, broken : bytes that went through, and connections that were cut.
    """

    target: tuple[str, int]
    cuts: Iterator[Cut]
    lost: list[bytes] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    port: int = 0
    up_bytes: int = 0
    down_bytes: int = 0
    broken: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hears(self, data: bytes) -> bool:
        """Tell whether the answer to this is to be lost."""
        found = next((marker for marker in self.lost if marker in data), None)
        if found is not None:
            self.lost.remove(found)
        return found is not None


@contextlib.contextmanager
def cutting_proxy(host: str, port: int, cuts: Iterable[Cut] = ()) -> Iterator[CuttingProxy]:
    """Relay to ``host:port`` from a thread, and cut connections in the middle."""
    proxy = CuttingProxy((host, port), iter(cuts))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Line(proxy, next(proxy.cuts, Cut())).carry(reader, writer)

    with serving(connected, "127.0.0.1") as proxy.port:
        yield proxy


class _Line:
    """One connection through a `CuttingProxy`."""

    def __init__(self, proxy: CuttingProxy, cut: Cut) -> None:
        self.proxy, self.cut = proxy, cut
        self.up_bytes = self.down_bytes = 0
        self.is_mute = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, target = await asyncio.open_connection(*self.proxy.target)
        # what waits in buffers is lost when the line breaks: a slow registry shall lose little
        line = target.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        ways = [
            asyncio.ensure_future(self._up(reader, target)),
            asyncio.ensure_future(self._down(onward, writer)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not any(one.exception() or one.result() for one in done):
                await asyncio.wait(ways)
            else:
                self.proxy.broken += 1
        finally:
            for one in ways:
                one.cancel()
            writer.transport.abort()
            target.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while data := await reader.read(65536):
            data, is_cut = _until(data, self.cut.up, self.up_bytes)
            if self.proxy.breaks and self.proxy.up_bytes + len(data) >= self.proxy.breaks[0]:
                data, is_cut = _until(data, self.proxy.breaks.pop(0), self.proxy.up_bytes)
            self.is_mute = self.is_mute or self.proxy.hears(data)
            self.up_bytes += len(data)
            self.proxy.up_bytes += len(data)
            writer.write(data)
            await writer.drain()
            if is_cut:
                return True
        writer.write_eof()
        return False

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while data := await reader.read(65536):
            data, is_cut = _until(data, self.cut.down, self.down_bytes)
            if self.is_mute:
                return True
            self.down_bytes += len(data)
            self.proxy.down_bytes += len(data)
            writer.write(data)
            await writer.drain()
            if is_cut:
                return True
        writer.write_eof()
        return False


def _until(data: bytes, limit: int | None, before: int) -> tuple[bytes, bool]:
    """Shorten data to what may still go through."""
    if limit is None or before + len(data) < limit:
        return data, False
    return data[: max(0, limit - before)], True


@dataclass
class ForwardProxy:
    """What went through a forward proxy.

    Attributes
    ----------
    requests : ``target`` is absolute, or ``host:port`` for CONNECT.
    hosts : where names lead: ``{"registry.example:80": "127.0.0.1:5000"}`` lets a client use a
        public name; what is not there is connected to as asked.
    credentials : (user, password) that the proxy wants, or None.
    """

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    hosts: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The value for HTTP_PROXY; add credentials yourself."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [f"{request.method} {request.target}" for request in list(self.requests)]

    def place(self, host: str, port: int) -> tuple[str, int]:
        found = self.hosts.get(f"{host}:{port}", f"{host}:{port}")
        name, _, number = found.rpartition(":")
        return name, int(number)

    def admits(self, request: Request) -> bool:
        if self.credentials is None:
            return True
        pair = base64.b64encode(":".join(self.credentials).encode()).decode()
        return request.headers.get("proxy-authorization") == f"Basic {pair}"


@contextlib.contextmanager
def forward_proxy(
    *, hosts: Mapping[str, str] | None = None, credentials: tuple[str, str] | None = None
) -> Iterator[ForwardProxy]:
    """Run an HTTP forward proxy that takes absolute-form requests and CONNECT."""
    proxy = ForwardProxy(hosts=hosts or {}, credentials=credentials)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader, writer)
        proxy.requests.append(request)
        if not proxy.admits(request):
            asks = {"Proxy-Authenticate": 'Basic realm="proxy"', "Connection": "close"}
            writer.writelines(reply(407, headers=asks).pieces(request))
        elif request.method == "CONNECT":
            await _tunnel(proxy, request, reader, writer)
        else:
            await _forward(proxy, request, writer)

    with serving(connected, "127.0.0.1") as proxy.port:
        yield proxy


async def _tunnel(
    proxy: ForwardProxy,
    request: Request,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    host, _, port = request.target.rpartition(":")
    onward, target = await _open(proxy, host, int(port), writer)
    with contextlib.closing(target):
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, target), _pump(onward, writer))


async def _forward(proxy: ForwardProxy, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass one request on, closing after its reply."""
    parts = urlsplit(request.target)
    onward, target = await _open(proxy, parts.hostname or "", parts.port or 80, writer)
    with contextlib.closing(target):
        target.write(_in_origin_form(request))
        await _pump(onward, writer)


def _in_origin_form(request: Request) -> bytes:
    """Write a request as its server wants it (RFC 9112, section 3.2.1)."""
    parts = urlsplit(request.target)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    left_out = {"connection", "proxy-connection", "proxy-authorization", "transfer-encoding"}
    fields = {name: text for name, text in request.headers.items() if name not in left_out}
    fields |= {"connection": "close"}
    if request.body:
        fields["content-length"] = str(len(request.body))
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


async def _open(
    proxy: ForwardProxy, host: str, port: int, writer: asyncio.StreamWriter
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect onwards, or say 502 and give the connection up."""
    try:
        return await asyncio.open_connection(*proxy.place(host, port))
    except OSError:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        raise


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
