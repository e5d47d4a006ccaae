"""Serve TCP from a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def serving(
    handler: Handler, host: str, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Give every connection to ``handler`` and yield the port; a lost connection is no error."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            contextlib.closing(writer),
            contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError),
        ):
            await handler(reader, writer)

    with _own_loop() as loop:
        start = asyncio.start_server(connected, host, port, ssl=tls, backlog=512)
        listener = asyncio.run_coroutine_threadsafe(start, loop).result(10)
        try:
            yield listener.sockets[0].getsockname()[1]
        finally:
            asyncio.run_coroutine_threadsafe(_end(listener), loop).result(30)


@contextlib.contextmanager
def _own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=[loop], name="test server", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    # A task that is not done when its loop closes is complained of in whichever test comes then.
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


async def _end(listener: asyncio.Server) -> None:
    """Hang up on everybody, the clients that wait included."""
    listener.close()
    # Who has just been let in has a task in one of the loop's next rounds; and closed transports
    # go then.
    quiet_rounds = 0
    while quiet_rounds < 3:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        quiet_rounds = 0 if tasks else quiet_rounds + 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
