"""A plan that is being applied, as its row among the jobs shows it."""

from dataclasses import dataclass, field

import pandas as pd

from ghostnb.progress import Progress
from ghostnb.widgets.jobs import Job, JobKind
from ghostnb.widgets.plans.changes import Change, going

__all__ = ["PlanJob"]

# Who wants to know of more has them when these are seen to.
_MOST_FAULTS = 5
_SAID = {"copy": "copied", "delete": "deleted", "push": "pushed"}
_COLLECTED = "Space is free when the registry has collected its garbage."
_AGAIN = "Retry does what is not done."


@dataclass(slots=True)
class PlanJob(Job):
    """One attempt at a plan: another one does what this one has left.

    Attributes
    ----------
    name : str
        What it is about.
    plan : Change
    """

    name: str = ""
    plan: Change | None = None
    _finished: set[str] = field(default_factory=set)
    _rows: int | None = None

    @property
    def title(self) -> str:
        """What it is about."""
        return self.name

    @property
    def change(self) -> Change:
        """What is applied."""
        if self.plan is None:
            raise ValueError("A PlanJob needs a plan.")
        return self.plan

    def again(self, action: JobKind | None = None) -> "PlanJob":
        """Make the next attempt."""
        job = PlanJob(self.id, self.registry, self.reference, action=self.action, unit=self.unit)
        job.name, job.plan, job.attempt = self.name, self.plan, self.attempt + 1
        return job

    def take(self, step: Progress) -> None:
        """Note a step: bytes where some move, else the steps that are done."""
        if self.action == "push":
            # An image's layers can be told apart; a copy's or a deletion's steps are too many.
            Job.take(self, step)
            return
        if self.unit == "B":
            self.current = step.overall_current_bytes
            planned = self.change.bytes_moved if self.attempt == 1 else 0
            self.total = max(planned, step.overall_total_bytes)
            return
        if step.done:
            self._finished.add(step.item)
        self.current, self.total = len(self._finished), self._count()

    def _count(self) -> int:
        """Count the rows once: a frame is made anew whenever it is asked for."""
        if self._rows is None:
            self._rows = len(going(self.change.frame))
        return self._rows

    def conclude(self) -> None:
        """Note what became of each row."""
        results = self.change.results
        wrong = results[results["outcome"] != "done"]
        self.faults = [_fault(row) for _, row in wrong[:_MOST_FAULTS].iterrows()]
        if len(wrong) > _MOST_FAULTS:
            self.faults.append(f"and {len(wrong) - _MOST_FAULTS:,} more")
        is_whole = results["outcome"].isin(["done", "skipped"]).all()
        hint = _COLLECTED if self.action == "delete" else ""
        self.end("done" if is_whole else "failed", self._said(), hint if is_whole else _AGAIN)

    def cancel(self) -> None:
        """Note that it was stopped, and how far it came."""
        self.end("cancelled", f"Cancelled: {self._said()}", _AGAIN)

    def _said(self) -> str:
        counts = self.change.results["outcome"].value_counts()
        rows = int(counts.sum())
        said = [f"{counts.get('done', 0):,} of {rows:,} {_SAID[self.action]}"]
        said += [f"{counts[word]:,} {word}" for word in ("failed", "skipped") if word in counts]
        return f"{', '.join(said)}."


def _fault(row: "pd.Series[str]") -> str:
    where = "target_" if "target_repository" in row else ""
    name, tag = row[f"{where}repository"], row.get(f"{where}tag")
    end = f"@{row['digest']}" if pd.isna(tag) else f":{tag}"
    why = row["error"] if pd.notna(row["error"]) else row["outcome"]
    return f"{name}{end}: {why}"
