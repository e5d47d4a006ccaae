"""Listening to a feed of events, also over its outages."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Protocol

from ghostnb.errors import ProtocolError, RateLimitedError, ServerError, TransportError
from ghostnb.widgets.states import state
from ghostnb.widgets.words import counted
from ghostnb.wire.event_stream import Heard
from ghostnb.wire.events import Event

__all__ = ["EventFeed", "Listening"]

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_ENDED = "It has ended the connection."
_MISSING = "Some of what happened may be missing here."
_WHY_MISSING = "The agent was started anew, or more has happened meanwhile than it keeps."


class EventFeed(Protocol):
    """Who tells what happens, and keeps what has happened: an agent, as `AgentFeed` is.

    Attributes
    ----------
    url : str
        Where it is.
    retry_seconds : float or None
        How long it wants to be left alone after it has ended a connection; None if it does not
        say.
    """

    url: str
    retry_seconds: float | None

    def listen(self, since: int) -> AsyncGenerator[Heard | None]:
        """Iterate over what happens, after the number that was heard last; 0 is for all.

        None comes first, as soon as it has answered; then each event with its number, or why it
        cannot be read. Numbers grow by one.
        """
        ...


class Listening:
    """Listens to a feed again and again, and goes on where it was.

    Parameters
    ----------
    feed : EventFeed
    on_event : callable
        Told each event, on the loop that `run` is on.
    on_change : callable
        Called when `state` is another.
    first_wait_seconds : float, optional
        How long an outage is waited for at first; each time twice as long, up to half a minute.

    Attributes
    ----------
    state : dict
        As `ghostnb.widgets.states.state`: ``ready`` while it is heard, else why not.
    """

    def __init__(
        self,
        feed: EventFeed,
        *,
        on_event: Callable[[Event], object],
        on_change: Callable[[], object],
        first_wait_seconds: float = _FIRST_WAIT_SECONDS,
    ) -> None:
        self._feed, self._on_event, self._on_change = feed, on_event, on_change
        self._first_wait_seconds = first_wait_seconds
        self._since = 0
        self._attempts = 0
        self._unread = 0
        self._why_unread = ""
        self._is_missing = False
        # By what the connection was lost; empty while there is one, or was none yet.
        self._why_lost = ""
        self.state = self._asking

    async def run(self) -> None:
        """Listen, until this is cancelled.

        Raises
        ------
        GhostnbError
            What does not go by itself: a token that is refused, another answer than an agent's.
        """
        while True:
            self._change(self._lost("trying again now") if self._why_lost else self._asking)
            why = _ENDED
            try:
                await self._listen()
            except (TransportError, ServerError, RateLimitedError) as e:
                why = str(e)
            self._attempts += 1
            self._why_lost, wait_seconds = why, self._wait_seconds()
            self._change(self._lost(f"trying again in {math.ceil(wait_seconds)} s"))
            await asyncio.sleep(wait_seconds)

    def forget_missing(self) -> None:
        """Say no more that something may be missing: whoever sees it has been told."""
        self._is_missing = False
        if self.state["kind"] == "partial" and not self.state["retry"]:
            self._hear()

    async def _listen(self) -> None:
        async with aclosing(self._feed.listen(self._since)) as heard:
            async for one in heard:
                if one is None:
                    self._attempts, self._why_lost = 0, ""
                else:
                    self._take(*one)
                self._hear()

    def _take(self, number: int, told: Event | ProtocolError) -> None:
        if self._since and number != self._since + 1:
            self._is_missing = True
        self._since = number
        if isinstance(told, Event):
            self._on_event(told)
        else:
            self._unread += 1
            self._why_unread = str(told)

    def _wait_seconds(self) -> float:
        doubled = self._first_wait_seconds * 2 ** min(self._attempts - 1, 10)
        # Pages that lost it together do not come back together.
        wait = doubled * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)
        return min(max(wait, self._feed.retry_seconds or 0), _LONGEST_WAIT_SECONDS)

    @property
    def _asking(self) -> dict[str, Any]:
        return state("loading", f"Asking the agent at {self._feed.url} …")

    def _lost(self, when: str) -> dict[str, Any]:
        text = f"The agent at {self._feed.url} does not answer; {when}."
        return state("partial", text, self._why_lost, retry=True)

    def _hear(self) -> None:
        if self._unread:
            text = f"{counted(self._unread, 'event')} could not be read."
            self._change(state("partial", text, self._why_unread))
        elif self._is_missing:
            self._change(state("partial", _MISSING, _WHY_MISSING))
        else:
            self._change(state("ready"))

    def _change(self, now: dict[str, Any]) -> None:
        if now != self.state:
            self.state = now
            self._on_change()
