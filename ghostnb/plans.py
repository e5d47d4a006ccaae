"""Plans as a notebook user holds them: looked at, and then applied."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any

import pandas as pd

from ghostnb.loop import hop
from ghostnb.progress import Progress
from ghostnb.progress_bar import ProgressBar, StepProgress
from ghostnb.transfer import Plan as Steps
from ghostnb.transfer import TransferTally

__all__ = ["Application", "Plan"]

_PERIOD_SECONDS = 0.2


class Plan:
    """What would happen. Nothing does before it is applied.

    Made by `ghostnb.plan_copy`, `ghostnb.plan_sync`, `ghostnb.plan_delete`,
    `ghostnb.plan_retention`, `ghostnb.plan_backup` and `ghostnb.plan_restore`, which say what
    columns its frame has. Look at ``plan.frame`` and ``plan.notes``; then ``await
    plan.apply()``; then ``plan.results``.

    Attributes
    ----------
    notes : tuple of str
        Sentences to be read before it is applied.
    errors : list of dict
        What could not be read when it was made, as in ``.attrs["errors"]`` of its frame and of
        others: the plan is without it, and only a new one tries again.
    bytes_freed, bytes_moved : int
        By all of it; exact, unless a note says otherwise.
    what_if : bool
        True if it only says what would be: it cannot be applied.
    """

    def __init__(self, steps: Steps[Any]) -> None:
        self._steps = steps
        self.notes = steps.notes
        self.errors = [failure.as_dict() for failure in steps.failures]
        self.bytes_freed = steps.bytes_freed
        self.bytes_moved = steps.bytes_moved
        self.what_if = steps.what_if

    @property
    def frame(self) -> pd.DataFrame:
        """What would happen, row by row; with the same columns when that is nothing."""
        return self._steps.frame

    @property
    def results(self) -> pd.DataFrame:
        """What became of it so far.

        Returns
        -------
        pandas.DataFrame
            The frame's key columns, and
            outcome : string, ``waiting``, ``done``, ``skipped`` or ``failed``
            error : string, why it failed, was skipped or has to wait; <NA> if nothing is wrong
        """
        return self._steps.results

    @property
    def is_done(self) -> bool:
        """True if nothing of it is left to be done."""
        return self._steps.is_done

    def apply(self, *, progress: StepProgress = None) -> "Application":
        """Do it: ``await plan.apply()``, or ``async for step in plan.apply()``.

        What fails stops nothing else. Applied again, it does only what is not done.

        Parameters
        ----------
        progress : bool or callable, optional
            By default a bar of bytes (of steps, if none moves), where there is someone to see
            it, for what takes over a second; False for none; or a function that takes the
            `Progress` of each step and blob. Not used by ``async for``.

        Returns
        -------
        Application
            Awaited, it gives `results`; iterated over, each `Progress`. Leaving the iteration
            stops it: what was under way can be applied again.

        Raises
        ------
        IncompleteError
            At the end, if something failed; `results` has each.
        """
        return Application(self._steps, progress)

    def __repr__(self) -> str:
        return repr(self._steps)

    def _repr_html_(self) -> str:
        return self._steps._repr_html_()


class Application:
    """A plan that is being applied: to be awaited or iterated over, once.

    Parameters
    ----------
    steps : ghostnb.transfer.Plan
    progress : bool or callable, optional
    """

    def __init__(self, steps: Steps[Any], progress: StepProgress = None) -> None:
        self._steps = steps
        self._progress = progress

    def __repr__(self) -> str:
        return f"<Application of {self._steps!r}: await it, or iterate over it>"

    def __await__(self) -> Generator[Any, None, pd.DataFrame]:
        return self._run().__await__()

    def __aiter__(self) -> AsyncIterator[Progress]:
        return self._iterate()

    async def _run(self) -> pd.DataFrame:
        tally = TransferTally(self._steps.bytes_expected)
        given = self._progress
        shown = tally.reporting(given) if callable(given) else given
        unit = "B" if self._steps.bytes_moved else "step"
        counts = tally if self._steps.bytes_moved else _Items(tally)
        with ProgressBar(counts, self._steps.title, shown, unit=unit) as bar:
            await hop(tally.watch(self._steps.apply(tally)), on_tick=bar.refresh)
        return self._steps.results

    async def _iterate(self) -> AsyncGenerator[Progress, None]:
        tally = TransferTally(self._steps.bytes_expected)
        work = asyncio.ensure_future(hop(tally.watch(self._steps.apply(tally))))
        is_over = False
        try:
            while not is_over:
                await asyncio.wait([work], timeout=_PERIOD_SECONDS)
                is_over = work.done()  # before what is told: it may end meanwhile
                for step in tally.changes():
                    yield step
            await work
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait([work])


class _Items:
    """Counts steps instead of bytes."""

    def __init__(self, tally: TransferTally) -> None:
        self._tally = tally

    @property
    def done(self) -> int:
        return self._tally.items_done

    @property
    def total(self) -> int:
        return self._tally.items_total
