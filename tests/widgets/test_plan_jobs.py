"""A plan's job without a page: what it counts, and how often it asks."""

from __future__ import annotations

import pandas as pd

from ghostnb.progress import Progress
from ghostnb.widgets.plan_jobs import PlanJob

ROWS = 500


class Deletion:
    """A plan of so many rows, which counts how often its frame is asked for."""

    notes: tuple[str, ...] = ()
    bytes_freed = bytes_moved = 0

    def __init__(self) -> None:
        self.asked = 0

    @property
    def frame(self) -> pd.DataFrame:
        self.asked += 1
        actions = ["delete"] * ROWS + ["keep"]
        return pd.DataFrame({"action": actions, "tag": [str(n) for n in range(ROWS + 1)]})


def test_a_step_costs_the_same_however_many_there_are() -> None:
    plan = Deletion()
    job = PlanJob("1", "one", "", action="delete", unit="step")
    job.plan = plan
    for number in range(ROWS):
        job.take(Progress(str(number), "Deleting"))
        job.take(Progress(str(number), "Deleted", done=True))
        assert (job.current, job.total) == (number + 1, ROWS)
    assert plan.asked == 1
    again = job.again()
    again.take(Progress("7", "Deleted", done=True))
    assert (again.current, again.total) == (1, ROWS)
