"""What was read of registries, what is being read, and what could not be."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.registries.threads import finished
from ghostnb.widgets.storage.stored import Stored
from ghostnb.widgets.tasks import Tasks

__all__ = ["Reading", "Readings"]

_SETTLED_SECONDS = 0.4


@dataclass(slots=True)
class Reading:
    """One registry, as far as it was read.

    Attributes
    ----------
    client : RegistryClient
        Whom it was asked of.
    only : tuple of str
        The repositories that are wanted, names or patterns; empty for all.
    text : str
        How far it is, while it goes on.
    stored : Stored or None
        When it is over.
    error : GhostnbError or None
        Why it failed.
    is_counted : bool
        True if nothing was read, since the registry counts requests and nobody asked for it.
    before : Reading or None
        What was read to its end before this: it is not lost to a wrong name.
    """

    client: RegistryClient
    only: tuple[str, ...] = ()
    text: str = ""
    stored: Stored | None = None
    error: GhostnbError | None = None
    is_counted: bool = False
    before: "Reading | None" = None

    @property
    def goes_on(self) -> bool:
        """True until it is over, failed, or stopped."""
        return bool(self.text)

    @property
    def last(self) -> "Reading | None":
        """What was read to its end: this, or else what was before."""
        return self if self.stored else self.before


class Readings:
    """Reads registries of a fleet, several at once, and keeps what each stores.

    Parameters
    ----------
    fleet : Fleet
    on_change : callable
        Told the name of a registry of which more is known now, on the I/O loop.

    Attributes
    ----------
    is_watched : bool
        Whether somebody sees them: else nothing is read that was not asked for.

    Notes
    -----
    What was asked of a registry that is not in the fleet any more, or of another one that had
    the same name, counts for nothing.
    """

    def __init__(self, fleet: Fleet, *, on_change: Callable[[str], object]) -> None:
        self._fleet, self._on_change = fleet, on_change
        self._tasks = Tasks()
        self.is_watched = False
        self._readings: dict[str, Reading] = {}

    def of(self, name: str) -> Reading | None:
        """Give what is known of a registry; None if it was not asked."""
        reading = self._readings.get(name)
        if reading is None or name not in self._fleet or self._fleet[name] is not reading.client:
            return None
        return reading

    @property
    def stored(self) -> Mapping[str, Stored]:
        """Give what was read to its end, by the registry's name."""
        readings = {name: self.of(name) for name in self._fleet}
        last = {name: one.last for name, one in readings.items() if one}
        return {name: one.stored for name, one in last.items() if one and one.stored}

    def read(self, name: str, only: tuple[str, ...] = (), *, is_asked: bool = True) -> None:
        """Read a registry of the fleet anew.

        Parameters
        ----------
        name : str
        only : tuple of str, optional
            Of these repositories alone, names or patterns.
        is_asked : bool, optional
            False reads nothing of a registry that counts requests.
        """
        known = self.of(name)
        before = None if known is None else known.last
        reading = Reading(self._fleet[name], only, f"Asking {name} …", before=before)
        self._readings[name] = reading

        def fail(error: GhostnbError) -> None:
            reading.text, reading.error = "", error
            self._tell(name, reading)

        self._tasks.spawn(self._read(name, reading, is_asked), key=name, on_error=fail)

    def stop(self, name: str) -> None:
        """Stop reading a registry; which of its repositories were wanted stays known."""
        self._tasks.cancel(name)
        reading = self.of(name)
        if reading is not None:
            # Another one, so that nothing comes of what may still be under way.
            self._readings[name] = Reading(reading.client, reading.only, before=reading.before)

    def restore(self, name: str) -> bool:
        """Go back to what was read before, where a later reading came to no end."""
        reading = self.of(name)
        if reading is None or reading.last in (None, reading):
            return False
        self._tasks.cancel(name)
        self._readings[name] = reading.last
        return True

    def forget(self, name: str) -> None:
        """Stop reading a registry, and forget what was read of it."""
        self._tasks.cancel(name)
        self._readings.pop(name, None)

    def close(self) -> None:
        """End what goes on."""
        self._tasks.cancel()

    async def _read(self, name: str, reading: Reading, is_asked: bool) -> None:
        def count(done: int, total: int) -> None:
            if total:
                reading.text = f"Reading {name}: {done:,} of {total:,} tags …"
                self._tell(name, reading)

        if not is_asked:
            # Who only passes by wants nothing to be read.
            await asyncio.sleep(_SETTLED_SECONDS)
            if not self.is_watched:
                self._readings.pop(name, None)
                return
            await reading.client.ping()
            if reading.client.rate_limit is not None:
                reading.text, reading.is_counted = "", True
                self._tell(name, reading)
                return
        found = await reading.client.inventory(reading.only or None, progress=count)
        reading.stored = await finished(Stored.of, name, found, reading.only)
        # What was before is not needed any more, nor what was before that.
        reading.text, reading.before = "", None
        self._tell(name, reading)

    def _tell(self, name: str, reading: Reading) -> None:
        # Another one may have begun, or all of it been forgotten.
        if self.of(name) is reading:
            self._on_change(name)
