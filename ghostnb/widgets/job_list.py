"""The jobs of a queue: which are shown, and what a page has not been told of them yet."""

from collections.abc import Iterator
from typing import Any

from ghostnb.widgets.jobs import Job

__all__ = ["JobList"]

# Nobody reads more rows than these, and a browser stands still at some ten thousand.
_MOST_WAITING = 50
_MOST_ENDED = 200


class JobList:
    """Jobs by their rows' ids, in the order in which they came.

    All that runs is shown, and what comes next or ended last; the others are counted.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._changed: set[str] = set()
        self._told: set[str] = set()
        self._left_out = {"ended": 0, "failed": 0}

    def __iter__(self) -> Iterator[Job]:
        # A copy: callbacks add jobs on other threads.
        return iter(list(self._jobs.values()))

    def get(self, job_id: str) -> Job | None:
        """Give a row's job, if there is one."""
        return self._jobs.get(job_id)

    def put(self, job: Job) -> None:
        """Add a job, or another attempt in place of the last."""
        self._jobs[job.id] = job

    def drop(self, job: Job) -> None:
        """Forget a job."""
        self._jobs.pop(job.id, None)

    def drop_ended(self) -> list[Job]:
        """Forget all that have ended, and give them."""
        ended = [job for job in self if job.has_ended]
        for job in ended:
            self.drop(job)
        self._left_out = {"ended": 0, "failed": 0}
        return ended

    def mark(self, job: Job) -> None:
        """Note that a page is to be told of a job, or that it is gone."""
        self._changed.add(job.id)

    @property
    def has_news(self) -> bool:
        """True if there is something to be told."""
        return bool(self._changed)

    def running(self) -> list[Job]:
        """Give those whose turn it is."""
        return [job for job in self if job.state == "running"]

    def news(self, *, whole: bool = False) -> dict[str, Any]:
        """Give the heads of what changed since `have_told`, or of all that is shown."""
        self._forget_oldest()
        shown, waiting = self._shown()
        known = set() if whole else self._told - self._changed
        return {
            "heads": [job.head() for name, job in shown.items() if name not in known],
            "gone": sorted(self._told - shown.keys()),
            "whole": whole,
            "left_out": {"waiting": waiting, **self._left_out},
        }

    def have_told(self) -> None:
        """Note that the page has the news now."""
        self._told = set(self._shown()[0])
        self._changed.clear()

    def _shown(self) -> tuple[dict[str, Job], int]:
        """Give what is shown, and how many wait beside it."""
        shown: dict[str, Job] = {}
        waiting = 0
        for job in self:
            waiting += job.state == "waiting"
            if job.state != "waiting" or waiting <= _MOST_WAITING:
                shown[job.id] = job
        return shown, max(waiting - _MOST_WAITING, 0)

    def _forget_oldest(self) -> None:
        """Forget the oldest of what has ended, and first what ended well."""
        ended = [job for job in self if job.has_ended]
        ended.sort(key=lambda job: job.state != "done")
        for job in ended[: max(len(ended) - _MOST_ENDED, 0)]:
            self.drop(job)
            self._left_out["ended"] += 1
            self._left_out["failed"] += job.state == "failed"
