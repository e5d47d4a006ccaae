"""Put a registry far away: a TCP relay that holds back what the client sends.

Run as a program, in a process of its own, so that it does not take the client's GIL. It works
on protocols, not streams, to cost little: the measured program shares the machine with it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class Far(asyncio.Protocol):
    """The connection to the registry."""

    def __init__(self, near: Near) -> None:
        self.near = near

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.near.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.near.transport.close()

    def pause_writing(self) -> None:
        self.near.transport.pause_reading()

    def resume_writing(self) -> None:
        self.near.transport.resume_reading()


class Near(asyncio.Protocol):
    """The connection to the client; every piece waits the same time, so the order holds."""

    def __init__(self, host: str, port: int, delay_seconds: float, connect_seconds: float) -> None:
        self.target = (host, port)
        self.delay_seconds = delay_seconds
        self.connect_seconds = connect_seconds
        self.held: deque[bytes] = deque()
        self.due = 0
        self.far: Far | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.pause_reading()
        self.loop = asyncio.get_running_loop()
        self.opening = self.loop.create_task(self.open())

    async def open(self) -> None:
        """Connect onwards; the client's first bytes wait for it."""
        await asyncio.sleep(self.connect_seconds)
        try:
            _, self.far = await self.loop.create_connection(lambda: Far(self), *self.target)
        except OSError:
            self.transport.abort()
            return
        if self.lost:
            self.far.transport.close()
        self.transport.resume_reading()
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.held.append(data)
        self.loop.call_later(self.delay_seconds, self.release)

    def release(self) -> None:
        self.due += 1
        self.flush()

    def flush(self) -> None:
        """Pass on what has waited long enough; older Pythons read on although they are paused."""
        while self.far and self.due:
            self.due -= 1
            self.far.transport.write(self.held.popleft())

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self.far:
            self.loop.call_later(self.delay_seconds, self.far.transport.close)

    def pause_writing(self) -> None:
        if self.far:
            self.far.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.far:
            self.far.transport.resume_reading()


async def relay(host: str, port: int, delay_seconds: float, connect_seconds: float) -> None:
    """Listen on a free port, print it, and relay until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Near(host, port, delay_seconds, connect_seconds), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, target_host, target_port, delay, connect = sys.argv
    asyncio.run(relay(target_host, int(target_port), float(delay), float(connect)))
