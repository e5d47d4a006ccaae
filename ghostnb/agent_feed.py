"""What an agent tells, over HTTP: what has happened, and then what happens."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from ghostnb.errors import ProtocolError, RateLimitedError
from ghostnb.registries.agents import ROUTES, agent_config, agent_session
from ghostnb.registries.session.transport import Opened
from ghostnb.wire.event_stream import EventStream, Heard, Message, decode_event
from ghostnb.wire.messages import Request
from ghostnb.wire.notifications.reading import text_of

__all__ = ["AgentFeed"]

_EVENTS = "text/event-stream"
# An agent that has nothing to tell says so four times a minute.
_SILENCE_SECONDS = 45.0


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
        How long the agent wants to be left alone after a connection has ended, or was refused, if
        it said so.

    Raises
    ------
    ConfigError
        If the address or the token cannot be right.

    Notes
    -----
    Each listening has a connection of its own, on the loop that it is iterated over on. The token
    goes to the agent alone, wherever a redirect leads.
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
            If the token is in a variable that is not set, or is empty.
        TransportError
            If there is no answer, or it breaks off.
        RegistryError
            If the agent refuses: `UnauthorizedError`, `ForbiddenError` and so on.
        ProtocolError
            If what comes is no such stream, or leads where it must not.
        """
        stream, session = EventStream(self._who), agent_session(self._config)
        try:
            async with session.open(self._request(since)) as (opened, pieces):
                self._check(opened)
                yield None
                async for piece in pieces:
                    for message in stream.feed(piece):
                        # What else a later agent may tell is not for everybody.
                        if message.type == "message":
                            yield self._heard(message)
                    self.retry_seconds = stream.retry_seconds
        except RateLimitedError as e:
            self.retry_seconds = e.retry_after_seconds or self.retry_seconds
            raise
        finally:
            await session.aclose()

    @property
    def _who(self) -> str:
        return f"The agent at {self.url}"

    def _request(self, since: int) -> Request:
        return Request(
            "GET",
            f"{self._config.url}/events",
            "its events",
            headers={"accept": _EVENTS, "cache-control": "no-store", "last-event-id": str(since)},
        )

    def _check(self, opened: Opened) -> None:
        kind = opened.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _EVENTS:
            raise ProtocolError(
                f"{self._who} answers with {text_of(kind) or 'nothing'}, not with events.",
                hint="Is this the address of an agent?",
                registry=self._config.name,
                url=opened.url,
                status=opened.status,
            )

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
