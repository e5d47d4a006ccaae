"""Webhooks in: verified, read, and handed on, each event once."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

from ghostnb.server.webhooks.memory import Memory
from ghostnb.server.webhooks.refusals import BusyError, UnknownSourceError
from ghostnb.server.webhooks.secrets import Secrets
from ghostnb.wire.events import Event
from ghostnb.wire.notifications import MAX_EVENTS, SOURCES, Delivery, NotificationError, Source

__all__ = ["Inbox"]

_log = logging.getLogger("ghostnb.server")
_RETRY_SECONDS = 5
# Enough for all layers of a push, few enough that nobody who listens is overrun.
_AT_ONCE = 100
_WEEK_SECONDS = 7 * 86_400
# As RegistryConfig has them.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Inbox:
    """Takes what registries tell, and hands it on.

    Parameters
    ----------
    secrets : mapping of str to str
        A source's name to the secret that its sender shares; ``env:NAME`` reads the environment
        variable, now. A source without one is refused.
    on_events : async callable
        Is given the events, up to a hundred at a time and in order, by one task. What it raises
        is logged, and the next events come all the same.
    find_registry : callable
        A host and port to the name of the registry there, or None; for deliveries that do not
        say whose they are.
    max_age_seconds : float
        Events from longer ago, or as far in the future, are passed over.
    max_waiting : int
        How many events may wait for `on_events`; at least a thousand, as one delivery may have.
    max_remembered : int
        How many events are known again when they are told once more.

    Raises
    ------
    ConfigError
        If a secret is for no source that there is, or its variable is not set.

    Notes
    -----
    Events are hints to look anew, and no more than that. What holds against repeats: an event
    that is remembered is passed over, and so is one that is older than the window. Who has
    overheard a delivery, and could not make one, can repeat it once it is forgotten and until it
    is too old: one needless look at a registry. Quay tells neither ids nor times, so that all it
    sends counts.

    The window is a week. Distribution tries again until it is heard, and what happened while the
    agent was down counts when it is back; GitHub makes deliveries of the last three days again
    when asked. What is too old is taken and passed over, since a refusal would bring it back.

    Use one from one event loop.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        on_events: Callable[[list[Event]], Awaitable[object]],
        *,
        find_registry: Callable[[str], str | None] = lambda host: None,
        max_age_seconds: float = _WEEK_SECONDS,
        max_waiting: int = 10_000,
        max_remembered: int = 20_000,
    ) -> None:
        if max_waiting < MAX_EVENTS:
            raise ValueError(f"max_waiting must be at least {MAX_EVENTS:,}, not {max_waiting:,}.")
        self._secrets = Secrets(secrets)
        self._on_events = on_events
        self._find_registry = find_registry
        self._max_age_seconds = max_age_seconds
        self._taken = Memory(max_remembered)
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(max_waiting)
        self._worker: asyncio.Task[None] | None = None
        self._is_closed = False

    async def take(
        self,
        source: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        registry: str | None = None,
    ) -> int:
        """Take one request of a webhook.

        Parameters
        ----------
        source : str
            Who sends, by the webhook's URL: ``distribution``, ``harbor``, ``docker-hub``,
            ``quay``, ``github`` or ``gitlab``.
        headers : mapping of str to str
            With names in lower case.
        query : mapping of str to str
            Of the webhook's URL, decoded.
        body : bytes
            As it came.
        registry : str or None
            Whose events they are, by its name in the configuration; without it, their hosts
            tell.

        Returns
        -------
        int
            How many events are new.

        Raises
        ------
        UnknownSourceError
            No source is called so.
        NotAuthenticError
            The sender does not know the secret, or none is configured.
        NotificationError
            The body is not what the source is documented to send.
        BusyError
            Too many events wait.
        """
        kind = _find(source)
        delivery = Delivery(body, headers, query)
        self._secrets.check(kind, delivery)
        events = self._taken.fresh(self._current(kind, delivery))
        events = [self._placed(event, _checked(registry)) for event in events]
        self._enqueue(events)
        return len(events)

    async def close(self) -> None:
        """End the task. What still waits is dropped: whoever starts anew looks anew."""
        self._is_closed = True
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    def _current(self, kind: Source, delivery: Delivery) -> list[Event]:
        events = kind.decode(delivery)
        current = [event for event in events if self._is_current(event, delivery.received)]
        if len(current) < len(events):
            _log.warning(
                "%d of %d events that %s told were passed over: their times are more than %d hours "
                "from now. Is the clock right, here and there?",
                len(events) - len(current),
                len(events),
                kind.title,
                self._max_age_seconds / 3600,
            )
        return current

    def _is_current(self, event: Event, now: datetime) -> bool:
        age = now - datetime.fromisoformat(event.time)
        return abs(age.total_seconds()) <= self._max_age_seconds

    def _placed(self, event: Event, registry: str | None) -> Event:
        if registry is None and event.host is not None:
            registry = self._find_registry(event.host)
        return replace(event, registry=registry)

    def _enqueue(self, events: list[Event]) -> None:
        """Let all wait, or none: what is refused comes again whole, and is new then, too."""
        if self._is_closed or self._waiting.maxsize - self._waiting.qsize() < len(events):
            raise BusyError(
                f"{self._waiting.qsize():,} events wait already. Send this again later.",
                _RETRY_SECONDS,
            )
        for event in events:
            self._waiting.put_nowait(event)
        self._taken.add(events)
        if events and self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="ghostnb webhooks")

    async def _work(self) -> None:
        while True:
            events = [await self._waiting.get()]
            while len(events) < _AT_ONCE and not self._waiting.empty():
                events.append(self._waiting.get_nowait())
            try:
                await self._on_events(events)
            except Exception:
                # Theirs is not ours: what comes next must still be handed on.
                _log.exception("%d events of webhooks could not be handed on.", len(events))
            # Others have their turn, also where neither this nor `on_events` has to wait.
            await asyncio.sleep(0)


def _find(source: str) -> Source:
    if source not in SOURCES:
        raise UnknownSourceError(
            f"There are no webhooks of {source[:100]!r}. There are: {', '.join(SOURCES)}."
        )
    return SOURCES[source]


def _checked(registry: str | None) -> str | None:
    if registry is not None and not _NAME.fullmatch(registry):
        raise NotificationError("?registry", f"{registry[:200]!r} cannot be a registry's name.")
    return registry
