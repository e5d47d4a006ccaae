"""What an agent tells, over HTTP: what has happened, and then what happens."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NoReturn

import httpx2
import msgspec

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from ghostnb.registries.agents import ROUTES, agent_config
from ghostnb.registries.session.failures import transport_error
from ghostnb.registries.session.routing import RoutingCarrier
from ghostnb.registries.session.transport import Opened
from ghostnb.wire.event_stream import EventStream, Heard, Message, decode_event
from ghostnb.wire.messages import Request
from ghostnb.wire.notifications.reading import text_of

__all__ = ["AgentFeed"]

_EVENTS = "text/event-stream"
# An agent that has nothing to tell says so four times a minute.
_SILENCE_SECONDS = 45.0
_MAX_REFUSAL_BYTES = 64 * 1024
_FAILURES = (httpx2.TransportError, ssl.SSLError, TimeoutError)
_REFUSALS: dict[int, tuple[type[RegistryError], str]] = {
    401: (UnauthorizedError, "Give the token that ghostnb agent shows, or a user's own."),
    403: (ForbiddenError, "Whoever runs the agent can make you a viewer, at least."),
    404: (NotFoundError, "Is this the address of an agent?"),
    429: (RateLimitedError, "Wait and try again."),
}


class AgentFeed:
    """The events of an agent.

    Parameters
    ----------
    url : str
        Of the agent, or of its ``/api/v1/``; ``http://`` only on this machine, or if `insecure`.
    token : str, optional
        The owner's, or a user's, as for `Fleet.from_agent`. It is never shown.
    ca_file : str, optional
        PEM file of an authority that signs the agent's certificate.
    insecure : bool, optional
        Allow plain HTTP, and HTTPS with a certificate that cannot be verified.

    Attributes
    ----------
    url : str
    retry_seconds : float or None
        How long the agent wants to be left alone after a connection has ended, if it said so.

    Raises
    ------
    ConfigError
        If the address or the token cannot be right.

    Notes
    -----
    Each listening has a connection of its own, on the loop that it is iterated over on. No
    redirect is followed.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        ca_file: str | None = None,
        insecure: bool = False,
    ) -> None:
        config = agent_config(url, token, ca_file=ca_file, insecure=insecure)
        self._config = replace(config, max_connections=1, timeout_seconds=_SILENCE_SECONDS)
        self.url = config.url.removesuffix(ROUTES)
        self.retry_seconds: float | None = None

    def __repr__(self) -> str:
        return f"<AgentFeed of {self.url}>"

    async def listen(self, since: int = 0) -> AsyncGenerator[Heard | None]:
        """Iterate over events as they come, until the agent ends it.

        Parameters
        ----------
        since : int, optional
            The number of the last that was heard. Those after it that the agent keeps come
            first; of 0, all.

        Yields
        ------
        Heard or None
            None once, when the agent has answered; then each event with its number.

        Raises
        ------
        ConfigError
            If the token is in a variable that is not set.
        TransportError
            If there is no answer, or it breaks off.
        RegistryError
            If the agent refuses: `UnauthorizedError`, `ForbiddenError` and so on.
        ProtocolError
            If what comes is no such stream, or leads elsewhere.
        """
        stream = EventStream(self._who)
        async with self._opened(since) as opened:
            yield None
            async for piece in opened.stream:
                for message in stream.feed(piece):
                    # What else a later agent may tell is not for everybody.
                    if message.type == "message":
                        yield self._heard(message)
                self.retry_seconds = stream.retry_seconds

    @property
    def _who(self) -> str:
        return f"The agent at {self.url}"

    @asynccontextmanager
    async def _opened(self, since: int) -> AsyncGenerator[Opened]:
        request = Request(
            "GET",
            f"{self._config.url}/events",
            "its events",
            headers={"accept": _EVENTS, "cache-control": "no-store", "last-event-id": str(since)},
        )
        credentials = await self._config.credentials()
        authorization = credentials.bearer() if credentials else None
        carrier = RoutingCarrier(self._config)
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                opened = await carrier.send(request, authorization, is_small=False)
            try:
                await self._check(opened)
                yield opened
            finally:
                await opened.stream.aclose()
        except _FAILURES as e:
            raise transport_error(
                e, registry="the agent", base_url=self.url, url=request.url, what="agent"
            ) from e
        finally:
            await carrier.aclose()

    async def _check(self, opened: Opened) -> None:
        if opened.status != 200:
            await self._refuse(opened)
        kind = opened.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _EVENTS:
            raise self._error(
                ProtocolError, opened, f"answers with {text_of(kind) or 'nothing'}, not with events"
            )

    async def _refuse(self, opened: Opened) -> NoReturn:
        if 300 <= opened.status < 400:
            hint = "Is this the address of an agent? If it leads to one, give that one's."
            raise self._error(ProtocolError, opened, "leads elsewhere, and is not followed", hint)
        async with asyncio.timeout(_SILENCE_SECONDS):
            said = await _said(opened)
        other = ServerError if opened.status >= 500 else RejectedError
        kind, hint = _REFUSALS.get(opened.status, (other, "Its log says more."))
        raise self._error(kind, opened, f"refuses to tell its events ({said})", hint)

    def _error(
        self,
        kind: type[RegistryError],
        opened: Opened,
        problem: str,
        hint: str = "Is this the address of an agent?",
    ) -> RegistryError:
        message = f"{self._who} {problem}."
        return kind(message, hint=hint, url=opened.url, status=opened.status)

    def _heard(self, message: Message) -> Heard:
        if not (message.id.isascii() and message.id.isdigit() and len(message.id) < 18):
            raise ProtocolError(
                f"{self._who} told of an event without a number, so that nobody could go on there.",
                hint="Is this the address of an agent?",
            )
        try:
            return int(message.id), decode_event(message.data, self._who)
        except ProtocolError as e:
            return int(message.id), e


class _Refusal(msgspec.Struct):
    message: str


async def _said(opened: Opened) -> str:
    """Give what a refusal says, or its status."""
    body = bytearray()
    async for piece in opened.stream:
        body += piece
        if len(body) > _MAX_REFUSAL_BYTES:
            break
    try:
        said = text_of(msgspec.json.decode(body, type=_Refusal).message).rstrip(".")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = ""  # a proxy's page, perhaps: the status says enough
    return said or f"HTTP {opened.status}"
