"""Plans of made-up steps: what is shown before, what happens, what is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import pytest

from ghostnb.errors import ForbiddenError, IncompleteError
from ghostnb.frames.schema import COUNT, TEXT
from ghostnb.transfer import Plan, TransferTally


@dataclass(frozen=True, slots=True)
class Move:
    name: str
    size_bytes: int = 10
    after: tuple[int, ...] = ()
    reason: str = ""


class Moves(Plan[Move]):
    """Moves names from `here` to `there`; those in `stuck` fail, those in `slow` never end."""

    schema: ClassVar = {"name": TEXT, "size_bytes": COUNT}
    key = ("name",)
    title = "Move names"
    done_status = "Moved"

    def __init__(self, *steps: Move, **options) -> None:
        super().__init__(steps, **options)
        self.there: list[str] = []
        self.stuck: set[str] = set()
        self.slow: set[str] = set()
        self.under_way = self.most = 0

    async def perform(self, step: Move, tally: TransferTally) -> str:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            if step.name in self.slow:
                await asyncio.Event().wait()
            if step.name in self.stuck:
                raise ForbiddenError(f"{step.name} is stuck.", hint="Pull.")
            if not step.reason:
                self.there.append(step.name)
            return step.reason
        finally:
            self.under_way -= 1

    def label(self, step: Move) -> str:
        return f"move {step.name}"

    def needs(self, position: int) -> Collection[int]:
        return self.steps[position].after


def outcomes(plan: Plan) -> dict[str, str]:
    return dict(zip(plan.results["name"], plan.results["outcome"], strict=True))


def errors(plan: Plan) -> dict[str, str]:
    known = plan.results.dropna(subset="error")
    return dict(zip(known["name"], known["error"], strict=True))


def test_nothing_happens_before_it_is_applied():
    plan = Moves(Move("a"), Move("b", 5), bytes_moved=15)
    expected = pd.DataFrame(
        {"name": pd.array(["a", "b"], TEXT), "size_bytes": pd.array([10, 5], COUNT)}
    )
    pd.testing.assert_frame_equal(plan.frame, expected)
    assert outcomes(plan) == {"a": "waiting", "b": "waiting"}
    assert plan.there == []
    assert not plan.is_done


def test_what_is_done_to_the_frame_is_not_done_to_the_plan():
    plan = Moves(Move("a"))
    frame = plan.frame
    frame.loc[0, "name"] = "z"
    assert list(plan.frame["name"]) == ["a"]


def test_an_empty_plan_has_the_same_columns_and_applies():
    plan = Moves()
    assert plan.frame.dtypes.astype(str).to_dict() == {"name": TEXT, "size_bytes": COUNT}
    kinds = {"name": TEXT, "outcome": TEXT, "error": TEXT}
    assert plan.results.dtypes.astype(str).to_dict() == kinds
    assert plan.is_done
    asyncio.run(plan.apply())
    assert repr(plan) == "<Moves: 0 steps>"
    assert "Move names" in plan._repr_html_()


def test_all_steps_are_done_some_at_once():
    plan = Moves(*(Move(str(n)) for n in range(50)), workers=3)
    asyncio.run(plan.apply())
    assert sorted(plan.there, key=int) == [str(n) for n in range(50)]
    assert set(outcomes(plan).values()) == {"done"}
    assert plan.most == 3


def test_one_that_fails_stops_no_other_and_is_tried_again():
    plan = Moves(Move("a"), Move("b"), Move("c"), Move("d"), workers=1)
    plan.stuck = {"b", "c"}
    with pytest.raises(IncompleteError) as caught:
        asyncio.run(plan.apply())
    assert plan.there == ["a", "d"]
    assert caught.value.message == ("2 of 4 steps failed; the first was move b: b is stuck. Pull.")
    assert "plan.results" in caught.value.hint
    assert isinstance(caught.value.__cause__, ForbiddenError)
    assert outcomes(plan) == {"a": "done", "b": "failed", "c": "failed", "d": "done"}
    assert errors(plan) == {"b": "b is stuck. Pull.", "c": "c is stuck. Pull."}

    plan.stuck = {"c"}
    with pytest.raises(IncompleteError, match="1 of 2 steps failed"):
        asyncio.run(plan.apply())
    plan.stuck = set()
    asyncio.run(plan.apply())
    assert plan.there == ["a", "d", "b", "c"]
    assert errors(plan) == {}
    assert plan.is_done


def test_what_needs_a_failed_step_waits_and_comes_next_time():
    plan = Moves(Move("a"), Move("b", after=(0,)), Move("c", after=(1,)), Move("d"))
    plan.stuck = {"a"}
    with pytest.raises(IncompleteError, match="1 of 4 steps failed"):
        asyncio.run(plan.apply())
    assert outcomes(plan) == {"a": "failed", "b": "waiting", "c": "waiting", "d": "done"}
    assert errors(plan)["b"] == "move a must go first, and failed."
    assert errors(plan)["c"] == "move b must go first, and waits itself."
    plan.stuck = set()
    asyncio.run(plan.apply())
    assert plan.there == ["d", "a", "b", "c"]


def test_what_needs_a_skipped_step_is_skipped():
    plan = Moves(Move("a", reason="It is no more."), Move("b", after=(0,)))
    asyncio.run(plan.apply())
    assert outcomes(plan) == {"a": "skipped", "b": "skipped"}
    assert errors(plan) == {"a": "It is no more.", "b": "move a must go first, and was skipped."}
    assert plan.is_done


def test_one_step_after_the_other_however_many_hands_there_are():
    steps = [Move(str(n), after=(n - 1,) if n else ()) for n in range(30)]
    plan = Moves(*steps, workers=8)
    asyncio.run(plan.apply())
    assert plan.there == [str(n) for n in range(30)]
    assert plan.most == 1


def test_cancelled_it_goes_on_where_it_was():
    plan = Moves(Move("a"), Move("b"), Move("c"), workers=2)
    plan.slow = {"b"}

    async def cancelled() -> None:
        task = asyncio.create_task(plan.apply())
        while plan.there != ["a", "c"]:  # noqa: ASYNC110 (a turn of the loop, no time)
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert outcomes(plan) == {"a": "done", "b": "waiting", "c": "done"}
    assert plan.under_way == 0
    plan.slow = set()
    asyncio.run(plan.apply())
    assert plan.there == ["a", "c", "b"]


def test_applied_twice_at_once_every_step_is_done_once():
    plan = Moves(Move("a"), Move("b"))

    async def both() -> None:
        await asyncio.gather(plan.apply(), plan.apply())

    asyncio.run(both())
    assert sorted(plan.there) == ["a", "b"]


def test_a_mistake_in_the_program_is_not_taken_for_a_failed_step():
    plan = Moves(Move("a"))
    plan.perform = None
    with pytest.raises(TypeError):
        asyncio.run(plan.apply())
    assert outcomes(plan) == {"a": "waiting"}


def test_progress_counts_steps():
    plan = Moves(Move("a"), Move("b"), Move("c", reason="No."), Move("d", after=(1,)))
    plan.stuck = {"b"}
    tally = TransferTally()
    with pytest.raises(IncompleteError):
        asyncio.run(plan.apply(tally))
    assert (tally.items_done, tally.items_total, tally.done, tally.total) == (4, 4, 0, 0)
    said = {one.item: (one.status, one.done) for one in tally.changes()}
    assert said == {
        "move a": ("Moved", True),
        "move b": ("Failed", True),
        "move c": ("Skipped", True),
        "move d": ("Held back", True),
    }


def test_it_says_what_it_is_in_a_line():
    plan = Moves(Move("a"), Move("b"), bytes_freed=2_000_000, notes=["<b> is not counted."])
    asyncio.run(plan.apply())
    assert repr(plan) == "<Moves: 2 steps, 2 done, 2.0 MB freed (2,000,000 bytes), 1 note>"
    assert "&lt;b&gt; is not counted." in plan._repr_html_()
    assert "<td>a</td>" in plan._repr_html_()
