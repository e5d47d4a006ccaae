"""One request's way from the server's loop to an application on ghostnb's, and back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Scope

from ghostnb.loop import launch
from ghostnb.server.channel import Channel

__all__ = ["Passage"]


class Passage:
    """Runs an application for one request; to be made, and used, on the server's loop.

    Parameters
    ----------
    app : ASGI application
        Belongs to ghostnb's I/O loop, as the registry below it.
    scope : dict

    Notes
    -----
    Source: ASGI specification, "HTTP & WebSocket ASGI Message Format", version 2.4: to send what
    a client no longer takes is an OSError.
    """

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._bodies: Channel[bytes] = Channel()
        self._answers: Channel[Message] = Channel()
        self._is_gone = False
        self._is_complete = False
        self._has_ended = False
        self._running = launch(self._run(app, scope))

    async def put(self, piece: bytes) -> None:
        """Hand a piece of the request's body over; one that is not wanted is let go of."""
        await self._bodies.put(piece, len(piece))

    def end_body(self) -> None:
        """Say that the request's body is complete."""
        self._is_complete = True
        self._bodies.end()

    def leave(self) -> None:
        """Say that the client is gone.

        What he asked for completely is done to its end, as if he were still there; what is only
        sent to him is not.
        """
        self._is_gone = True
        self._bodies.end()

    async def messages(self) -> AsyncIterator[Message]:
        """Iterate over the answer, as it comes."""
        while messages := await self._answers.take():
            for message in messages:
                yield message

    async def finish(self) -> None:
        """Wait for the application's end, and raise what it raised."""
        await asyncio.wrap_future(self._running)

    def cancel(self) -> None:
        """Break it off."""
        self._running.cancel()

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            # Whoever has left is told nothing.
            with suppress(ClientDisconnect):
                await app(scope, self._receive, self._send)
        finally:
            self._answers.end()
            self._bodies.leave()

    async def _receive(self) -> Message:
        pieces = [] if self._has_ended else await self._bodies.take()
        if pieces:
            return {"type": "http.request", "body": b"".join(pieces), "more_body": True}
        if self._has_ended or not self._is_complete:
            return {"type": "http.disconnect"}
        self._has_ended = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        if self._is_gone and message.get("more_body"):
            raise OSError("The client is gone.")
        await self._answers.put(message, len(message.get("body", b"")))
