"""Which events have been taken already."""

from collections.abc import Iterable

from ghostnb.wire.events import Event

__all__ = ["Memory"]


class Memory:
    """Remembers the newest events that were taken, by source and id.

    Parameters
    ----------
    limit : int
        How many; the oldest are forgotten.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[tuple[str, str], None] = {}

    def fresh(self, events: Iterable[Event]) -> list[Event]:
        """Give those that were not taken, each once."""
        by_id = {(event.source, event.id): event for event in events}
        return [event for key, event in by_id.items() if key not in self._taken]

    def add(self, events: Iterable[Event]) -> None:
        """Remember that these were taken."""
        self._taken.update(dict.fromkeys((event.source, event.id) for event in events))
        while len(self._taken) > self._limit:
            del self._taken[next(iter(self._taken))]
