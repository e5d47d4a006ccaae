"""Plan, look, apply: what would happen is known and shown before anything does."""

import asyncio
import html
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import humanize
import pandas as pd

from ghostnb.errors import GhostnbError, IncompleteError
from ghostnb.frames.plans import results_frame
from ghostnb.frames.schema import Schema, frame_of
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.walk import Failure
from ghostnb.transfer.tally import TransferTally

__all__ = ["DONE", "FAILED", "SKIPPED", "WAITING", "Plan"]

WAITING, DONE, SKIPPED, FAILED = "waiting", "done", "skipped", "failed"
Step = TypeVar("Step")


@dataclass(slots=True)
class _Outcome:
    """What became of a step: one of the four words, and why."""

    word: str = WAITING
    error: str = ""


class Plan(Generic[Step]):
    """Steps that were thought out, and can be carried out.

    A kind of plan says what its columns are (`schema`), which of them name a row (`key`), how a
    step is called and what it does (`perform`).

    Parameters
    ----------
    steps : sequence of Step
        Frozen values, in an order in which they could be done one by one.
    notes : iterable of str, optional
    failures : iterable of Failure, optional
    bytes_freed, bytes_moved : int, optional
    workers : int, optional
        How many steps are under way at once.

    Attributes
    ----------
    steps : tuple of Step
    notes : tuple of str
        Sentences that whoever applies the plan must know.
    failures : tuple of Failure
        What could not be read when it was made: the plan is without it.
    bytes_freed, bytes_moved : int
        By all steps; exact, unless a note says otherwise.
    """

    schema: ClassVar[Schema]
    key: ClassVar[tuple[str, ...]]
    # What the plan is called, and what a step that is done is called where progress is shown.
    title: ClassVar[str] = "Plan"
    done_status: ClassVar[str] = "Done"
    # Only to be looked at: it cannot be applied.
    what_if: bool = False

    def __init__(
        self,
        steps: Iterable[Step],
        *,
        notes: Iterable[str] = (),
        failures: Iterable[Failure] = (),
        bytes_freed: int = 0,
        bytes_moved: int = 0,
        workers: int = 4,
    ) -> None:
        self.steps = tuple(steps)
        self.notes = tuple(notes)
        self.failures = tuple(failures)
        self.bytes_freed = bytes_freed
        self.bytes_moved = bytes_moved
        self._workers = workers
        self._outcomes = [_Outcome() for _ in self.steps]
        self._turn = asyncio.Lock()
        self._frame: pd.DataFrame | None = None

    async def perform(self, step: Step, tally: TransferTally) -> str:
        """Carry one step out.

        It may have been begun before: an earlier try failed, or was cancelled.

        Parameters
        ----------
        step : Step
        tally : TransferTally
            For the bytes that it moves; the step itself is counted already.

        Returns
        -------
        str
            Why nothing was to be done, for a step that is skipped; else empty.

        Raises
        ------
        GhostnbError
            If it failed: other steps go on.
        """
        raise NotImplementedError

    def label(self, step: Step) -> str:
        """Name a step, for messages and progress; no two have the same name."""
        raise NotImplementedError

    def needs(self, position: int) -> Collection[int]:
        """Give the positions of the steps that must be done before one: all before it."""
        return ()

    def group(self, position: int) -> Hashable:
        """Name what a step belongs to that others follow; None: nothing."""
        return None

    def is_well(self, position: int) -> bool:
        """Tell whether a step that is over lets those begin that follow its group."""
        return self._outcomes[position].word in (DONE, SKIPPED)

    def follows(self, position: int) -> Collection[Hashable]:
        """Name the groups that must be over before a step, and well (`is_well`).

        All their steps are before it.
        """
        return ()

    def rows(self) -> Sequence[object]:
        """Give the rows of `frame`, with an attribute of each column's name."""
        return self.steps

    def rows_of(self, step: Step) -> Sequence[object]:
        """Give the rows of one step."""
        return (step,)

    def begin(self) -> None:
        """Get ready to be applied, perhaps anew."""

    @property
    def frame(self) -> pd.DataFrame:
        """What would happen, row by row; with the same columns when that is nothing.

        ``.attrs["errors"]`` has what could not be read, as for an inventory.
        """
        if self._frame is None:
            self._frame = frame_of(self.schema, self.rows())
            self._frame.attrs["errors"] = [failure.as_dict() for failure in self.failures]
        return self._frame.copy()

    @property
    def results(self) -> pd.DataFrame:
        """What `apply` did so far.

        Returns
        -------
        pandas.DataFrame
            The rows of `frame` for which something is to be done, by its key columns, and
            outcome : string, ``waiting``, ``done``, ``skipped`` or ``failed``
            error : string, why it failed, was skipped or has to wait; <NA> if nothing is wrong
        """
        rows = (
            (row, outcome.word, outcome.error or None)
            for step, outcome in zip(self.steps, self._outcomes, strict=True)
            for row in self.rows_of(step)
        )
        return results_frame(self.schema, self.key, rows)

    @property
    def is_done(self) -> bool:
        """True if no step waits or has failed."""
        return not self._left()

    @property
    def bytes_expected(self) -> int:
        """Bytes that `apply` would move; 0 once it was tried, since what is left is not known."""
        is_new = all(outcome.word == WAITING for outcome in self._outcomes)
        return self.bytes_moved if is_new else 0

    async def apply(self, tally: TransferTally | None = None) -> None:
        """Carry the steps out, some at once. Again, it does what is still to be done.

        One step that fails does not stop the others, except those that need or follow it.
        Cancelled, it leaves the steps that were under way waiting, and they can be done again.

        Parameters
        ----------
        tally : TransferTally, optional
            Kept up to date; every step is an item.

        Raises
        ------
        IncompleteError
            At the end, if a step failed; `results` has each.
        """
        async with self._turn:
            await self._apply(tally or TransferTally())

    async def _apply(self, tally: TransferTally) -> None:
        left = self._left()
        for position in left:
            self._outcomes[position] = _Outcome()
            tally.expect(self.label(self.steps[position]), 0)
        self.begin()
        work = _Work(self, left, tally)
        async with aclosing(ordered_map(work.do, left, workers=self._workers)) as done:
            async for _ in done:
                pass
        if work.errors:
            raise self._incomplete(work.errors, len(left))

    def _begin_anew(self) -> None:
        """Let every step wait again, whatever became of it."""
        self._outcomes = [_Outcome() for _ in self.steps]

    def _take_back(self, why: str) -> None:
        """Let what was done wait again: nothing of it was kept."""
        for outcome in self._outcomes:
            if outcome.word == DONE:
                outcome.word, outcome.error = WAITING, why

    def _failed(self) -> list[tuple[Step, str]]:
        """Give the steps that failed, and why."""
        pairs = zip(self.steps, self._outcomes, strict=True)
        return [(step, outcome.error) for step, outcome in pairs if outcome.word == FAILED]

    async def _try(
        self, position: int, tally: TransferTally, failed: int | None
    ) -> GhostnbError | None:
        step = self.steps[position]
        outcome = self._held_up(position) if failed is None else self._held_back_by(failed)
        error = None
        if outcome is None:
            try:
                reason = await self.perform(step, tally)
                outcome = _Outcome(SKIPPED, reason) if reason else _Outcome(DONE)
            except GhostnbError as e:
                outcome, error = _Outcome(FAILED, str(e)), e
        self._outcomes[position] = outcome
        tally.finish(self.label(step), _STATUS.get(outcome.word, self.done_status))
        return error

    def _held_up(self, position: int) -> _Outcome | None:
        """Tell why a step cannot be done; None if it can."""
        for needed in self.needs(position):
            before = self._outcomes[needed]
            if before.word != DONE:
                return self._held_up_by(needed)
        return None

    def _held_up_by(self, position: int) -> _Outcome:
        name, said = self._told(position)
        return _Outcome(self._held(position), f"{name} must go first, and {said}")

    def _held_back_by(self, position: int) -> _Outcome:
        name, said = self._told(position)
        return _Outcome(self._held(position), f"It comes after {name}, which {said}")

    def _held(self, position: int) -> str:
        # What was skipped stays as it is; what failed may be done the next time.
        return SKIPPED if self._outcomes[position].word == SKIPPED else WAITING

    def _told(self, position: int) -> tuple[str, str]:
        return self.label(self.steps[position]), _SAID[self._outcomes[position].word]

    def _left(self) -> list[int]:
        return [
            position
            for position, outcome in enumerate(self._outcomes)
            if outcome.word in (WAITING, FAILED)
        ]

    def _incomplete(
        self, errors: Sequence[tuple[int, GhostnbError]], tried: int
    ) -> IncompleteError:
        position, first = min(errors, key=lambda one: one[0])
        error = IncompleteError(
            f"{len(errors)} of {_counted(tried, 'step')} failed; the first was "
            f"{self.label(self.steps[position])}: {first}",
            hint="plan.results has each; applying the plan again tries only what is not done.",
        )
        error.__cause__ = first
        return error

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._summary()}>"

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        # As the frame shows itself: what pandas was told of rows and widths holds here, too.
        table = self.frame._repr_html_() or ""
        return (
            f"<p><b>{html.escape(self.title)}</b>: {html.escape(self._summary())}</p>"
            f"{f'<ul>{notes}</ul>' if notes else ''}{table}"
        )

    def _actions(self) -> str:
        """Say what kinds of steps they are: what deletes must not look like what copies."""
        if "action" not in self.key:
            return ""
        kinds = Counter(getattr(self.rows_of(step)[0], "action", "") for step in self.steps)
        said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        return f" ({said})" if said else ""

    def _summary(self) -> str:
        done = sum(outcome.word == DONE for outcome in self._outcomes)
        facts = [_counted(len(self.steps), "step") + self._actions()]
        facts += [f"{done} done"] if done else []
        facts += [_sized(self.bytes_freed, "freed")] if self.bytes_freed else []
        facts += [_sized(self.bytes_moved, "moved")] if self.bytes_moved else []
        facts += [f"{len(self.failures):,} not read"] if self.failures else []
        facts += [_counted(len(self.notes), "note")] if self.notes else []
        return ", ".join(facts)


_STATUS = {WAITING: "Held back", SKIPPED: "Skipped", FAILED: "Failed"}
_SAID = {
    WAITING: "waits itself.",
    SKIPPED: "was skipped.",
    FAILED: "failed.",
}


class _Work(Generic[Step]):
    """One run through the steps that are left."""

    def __init__(self, plan: Plan[Step], left: Iterable[int], tally: TransferTally) -> None:
        self.errors: list[tuple[int, GhostnbError]] = []
        self._plan = plan
        self._tally = tally
        left = list(left)
        self._over = {position: asyncio.Event() for position in left}
        self._groups: defaultdict[Hashable, _Group] = defaultdict(_Group)
        for position in left:
            self._groups[plan.group(position)].count += 1

    async def do(self, position: int) -> None:
        """Try one step, after those that it needs or follows; they are begun before it."""
        for needed in self._plan.needs(position):
            if needed in self._over:
                await self._over[needed].wait()
        failed = None
        for name in self._plan.follows(position):
            if name in self._groups:
                failed = await self._groups[name].end() if failed is None else failed
        error = await self._plan._try(position, self._tally, failed)
        if error is not None:
            self.errors.append((position, error))
        self._over[position].set()
        is_well = self._plan.is_well(position)
        self._groups[self._plan.group(position)].note(None if is_well else position)


class _Group:
    """Steps that others follow.

    Attributes
    ----------
    count : int
        How many are still to be done.
    """

    def __init__(self) -> None:
        self.count = 0
        self._failed: int | None = None
        self._is_over = asyncio.Event()

    def note(self, failed: int | None) -> None:
        """Note that one is over; the first that failed is remembered."""
        self.count -= 1
        if self._failed is None:
            self._failed = failed
        if not self.count:
            self._is_over.set()

    async def end(self) -> int | None:
        """Wait for the last; give the first that failed."""
        await self._is_over.wait()
        return self._failed


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sized(size_bytes: int, what: str) -> str:
    return f"{humanize.naturalsize(size_bytes)} {what} ({size_bytes:,} bytes)"
