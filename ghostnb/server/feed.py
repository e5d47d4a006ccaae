"""What happened last, for whoever asks and for whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from itertools import islice

from ghostnb.wire.events import Event

__all__ = ["Feed", "Numbered"]

Numbered = tuple[int, Event]
Listener = asyncio.Queue[Numbered | None]

_KEPT = 1000
# Proxies end what is silent for a minute.
_PULSE_SECONDS = 15.0


class Feed:
    """Keeps the last events in memory, and hands new ones to who listens.

    Parameters
    ----------
    limit : int, optional
        So many are kept; as many may wait for one listener, who is let go of then: what he
        missed he finds by `since`.
    start : int, optional
        Numbers are larger than this. Who begins with the time has larger ones at each start than
        ever before: then who was away over a restart is told all that is new.
    """

    def __init__(self, limit: int = _KEPT, *, start: int = 0) -> None:
        self._events: deque[Numbered] = deque(maxlen=limit)
        self._count = start
        self._limit = limit
        self._listeners: set[Listener] = set()

    def add(self, events: Iterable[Event]) -> None:
        """Take what happened, the oldest first."""
        for event in events:
            self._count += 1
            one = (self._count, event)
            self._events.append(one)
            for listener in list(self._listeners):
                self._tell(listener, one)

    def newest(self, limit: int) -> list[Event]:
        """Give the last events, the newest first."""
        return [event for _, event in islice(reversed(self._events), limit)]

    async def listen(
        self, since: int | None = None, *, pulse_seconds: float = _PULSE_SECONDS
    ) -> AsyncGenerator[Numbered | None]:
        """Iterate over events as they come, each with its number.

        Parameters
        ----------
        since : int, optional
            The number of the last that was heard; those after it that are kept come first: all
            of them after 0, or after a number that is none of this feed.
        pulse_seconds : float, optional
            None comes after so long a silence.
        """
        listener: Listener = asyncio.Queue(self._limit + 1)
        for one in self._missed(since):
            listener.put_nowait(one)
        self._listeners.add(listener)
        try:
            while True:
                try:
                    one_or_end = await asyncio.wait_for(listener.get(), pulse_seconds)
                except TimeoutError:
                    yield None
                    continue
                if one_or_end is None:
                    return
                yield one_or_end
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Let everybody go."""
        for listener in list(self._listeners):
            self._end(listener)

    def _missed(self, since: int | None) -> list[Numbered]:
        if since is None:
            return []
        is_of_before = since > self._count
        return [one for one in self._events if is_of_before or one[0] > since]

    def _tell(self, listener: Listener, one: Numbered) -> None:
        if listener.qsize() >= self._limit:
            self._end(listener)
        else:
            listener.put_nowait(one)

    def _end(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        while not listener.empty():
            listener.get_nowait()
        listener.put_nowait(None)
