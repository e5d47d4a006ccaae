"""Ways to a port of this machine: slow ones, and ones that know TLS when they see it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

CHUNK_BYTES = 16_384
PAUSE_SECONDS = 0.08
# what Go's server answers, and what makes a client say "server gave HTTP response"
NO_TLS_HERE = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
TLS_HANDSHAKE = b"\x16"


@dataclass(frozen=True)
class Proxy:
    """Where it listens."""

    address: str
    port: int

    @property
    def host(self) -> str:
        name = "localhost" if self.address == "127.0.0.1" else self.address
        return f"{name}:{self.port}"


@contextlib.contextmanager
def proxy(
    target_port: int,
    *,
    pause_seconds: float = 0,
    asking_pause_seconds: float = 0,
    address: str = "127.0.0.1",
) -> Iterator[Proxy]:
    """Pass on what is plain HTTP, and refuse TLS at once.

    Parameters
    ----------
    target_port : on 127.0.0.1.
    pause_seconds : after each 16 KB of an answer.
    asking_pause_seconds : after each 16 KB of what is asked.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    serving = _serve(address, target_port, pause_seconds, asking_pause_seconds)
    try:
        server = asyncio.run_coroutine_threadsafe(serving, loop).result(10)
        yield Proxy(address, server.sockets[0].getsockname()[1])
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(
    address: str, target_port: int, pause_seconds: float, asking_pause_seconds: float
) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            first = await reader.read(CHUNK_BYTES)
            if first.startswith(TLS_HANDSHAKE):
                writer.write(NO_TLS_HERE)
                await writer.drain()
                writer.close()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target_port)
            far_writer.write(first)
            await asyncio.gather(
                _copy(reader, far_writer, asking_pause_seconds),
                _copy(far_reader, writer, pause_seconds),
            )

    return await asyncio.start_server(connected, address, 0)


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause_seconds: float
) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(pause_seconds)
    finally:
        writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
