"""A bar for what takes longer than a second."""

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, Self

from ghostnb.progress import Progress
from ghostnb.transfer import TransferTally

__all__ = ["Counts", "ProgressBar", "ProgressOption", "StepProgress", "transfer_bar"]

ProgressOption = bool | Callable[[int, int], None] | None
"""Of what only looks: a function takes how many are done, and how many there are."""
StepProgress = bool | Callable[[Progress], None] | None
"""Of what moves or reads content: a function takes each item's progress."""

_DELAY_SECONDS = 1.0


class Counts(Protocol):
    """How much is done, and how much there is as far as is known."""

    @property
    def done(self) -> int:
        """How much is done."""
        ...

    @property
    def total(self) -> int:
        """How much there is, as far as is known."""
        ...


class ProgressBar:
    """Shows a tally: as a widget in notebooks, as text in terminals.

    Parameters
    ----------
    tally : Counts
    description : str
    progress : bool, callable or None
        False shows nothing; a callable takes done and total instead of a bar.
    unit : str, optional
        What is counted; ``B`` for bytes.

    Notes
    -----
    It appears after a second, on the thread that calls `refresh`, so that a
    notebook shows it under the cell that asked.
    """

    def __init__(
        self, tally: Counts, description: str, progress: ProgressOption, *, unit: str = "tag"
    ) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise TypeError(f"progress is True, False or a function, not {progress!r}.")
        self._tally = tally
        self._description = description
        self._progress = progress
        self._unit = unit
        self._bar: Any = None
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def refresh(self) -> None:
        """Show the tally as it is now."""
        done, total = self._tally.done, self._tally.total
        if callable(self._progress):
            self._progress(done, total)
        elif self._progress is not False and self._elapsed_seconds() >= _DELAY_SECONDS:
            self._show(done, total)

    def _elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    def _show(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = self._open(total)
        if self._bar.disable:
            return
        if self._bar.total != total:
            # A notebook's bar learns its new length by no other way.
            self._bar.reset(total)
        self._bar.start_t = time.time() - self._elapsed_seconds()
        self._bar.n = done
        self._bar.refresh()

    def _open(self, total: int) -> Any:
        from tqdm.auto import tqdm

        is_text = not any("notebook" in base.__module__ for base in tqdm.__mro__)
        # A log file is no place for a bar, unless it was asked for.
        is_hidden = is_text and self._progress is None and not sys.stderr.isatty()
        return tqdm(
            total=total,
            desc=self._description,
            unit=self._unit,
            unit_scale=self._unit == "B",
            disable=is_hidden,
        )


def transfer_bar(tally: TransferTally, description: str, progress: StepProgress) -> ProgressBar:
    """Make a bar of bytes; a function takes each item's `Progress` instead."""
    shown = tally.reporting(progress) if callable(progress) else progress
    return ProgressBar(tally, description, shown, unit="B")
