"""Deletions carried out while others change the registry, and when the registry refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from ghostnb.errors import ForbiddenError, IncompleteError, ServerError
from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer import TransferTally
from ghostnb.transfer.deleting import now
from tests.parts.images import artifact, index, plain_image
from tests.registries.conftest import push
from tests.transfer.deleting import TagsOnly, apply, counted, filled, plan, tags

ONE, TWO = plain_image("one"), plain_image("two")
ARM = plain_image("arm", platform="linux/arm64")
BOTH = index([ONE, ARM])
SIGNATURE = artifact("application/x-signature", [], subject=ONE)
NAME = "team/app"


@pytest.fixture(params=[MemoryRegistry, TagsOnly])
def registry(request: pytest.FixtureRequest) -> Any:
    """What lists its manifests, and what does not."""
    return filled(request.param("reg"), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})


def meanwhile(change: Awaitable[Any]) -> None:
    """Let somebody else change the registry."""

    async def work() -> None:
        await change

    asyncio.run(work())


def outcome(plan: Any) -> tuple[str, Any]:
    """Give what became of the only row, and why."""
    (row,) = plan.results.itertuples()
    return row.outcome, row.error


def test_a_tag_that_moved_is_skipped(registry):
    wanted = plan(registry, f"{NAME}:v1")
    meanwhile(push(registry, f"{NAME}:v1", TWO))
    apply(wanted)
    reason = f"v1 moved since the plan was made: now {TWO.digest}"
    assert outcome(wanted) == ("skipped", reason)
    assert tags(registry) == {f"{NAME}:v1": TWO.digest, f"{NAME}:v2": TWO.digest}


def test_a_tag_that_moved_is_not_taken_from_where_it_is_now(registry):
    meanwhile(push(registry, f"{NAME}:latest", ONE))
    wanted = plan(registry, f"{NAME}:latest")
    assert wanted.frame["action"].tolist() == ["untag"]
    meanwhile(push(registry, f"{NAME}:latest", TWO))
    apply(wanted)
    assert outcome(wanted)[0] == "skipped"
    assert tags(registry)[f"{NAME}:latest"] == TWO.digest


def test_what_is_gone_already_is_done(registry):
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])
    meanwhile(registry.delete_manifest(NAME, Digest(ONE.digest)))
    apply(wanted)
    assert wanted.results["outcome"].tolist() == ["done", "done"]
    assert tags(registry) == {}


def test_what_got_a_new_tag_is_skipped(registry):
    wanted = plan(registry, f"{NAME}:v1")
    meanwhile(push(registry, f"{NAME}:stable", ONE))
    apply(wanted)
    assert outcome(wanted) == ("skipped", "it has new tags since the plan was made: stable")
    assert tags(registry)[f"{NAME}:v1"] == ONE.digest


def test_what_got_the_tag_of_another_is_skipped(registry):
    wanted = plan(registry, f"{NAME}:v1")
    meanwhile(push(registry, f"{NAME}:v2", ONE))
    apply(wanted)
    assert outcome(wanted) == ("skipped", "it has new tags since the plan was made: v2")


def test_what_an_index_holds_by_now_is_skipped(registry):
    wanted = plan(registry, f"{NAME}:v1")
    meanwhile(push(registry, f"{NAME}:all", BOTH))
    apply(wanted)
    reason = f"an index holds it since the plan was made: {BOTH.digest}"
    assert outcome(wanted) == ("skipped", reason)


def test_what_an_index_held_stays_when_the_index_moved(registry):
    meanwhile(push(registry, f"{NAME}:all", BOTH))
    wanted = plan(registry, [f"{NAME}:all", f"{NAME}:v1"])
    meanwhile(push(registry, f"{NAME}:also", BOTH))
    apply(wanted)
    assert set(wanted.results["outcome"]) == {"skipped"}
    assert wanted.results["error"].iloc[1].endswith("must go first, and was skipped.")


class Failing(MemoryRegistry):
    """Fails to delete what is in `stuck`, and never answers for what is in `slow`."""

    def __init__(self) -> None:
        super().__init__("reg")
        self.stuck: set[str] = set()
        self.slow: set[str] = set()
        self.asked: list[str] = []

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        self.asked.append(digest)
        if digest in self.stuck:
            raise ServerError(f"{digest} is stuck.")
        await super().delete_manifest(repository, digest)
        if digest in self.slow:
            await asyncio.Event().wait()


def test_what_fails_stops_no_other_and_holds_back_what_it_held():
    registry = filled(Failing(), {f"{NAME}:all": BOTH, f"{NAME}:_s": SIGNATURE, f"{NAME}:v2": TWO})
    registry.stuck = {BOTH.digest}
    wanted = plan(registry, [f"{NAME}:all", f"{NAME}:v2"])
    with pytest.raises(IncompleteError, match="1 of 5 steps failed") as caught:
        asyncio.run(wanted.apply())
    assert f"{NAME}@{BOTH.digest}" in caught.value.message
    became = dict(zip(wanted.results["digest"], wanted.results["outcome"], strict=True))
    assert became == {
        BOTH.digest: "failed",
        ONE.digest: "waiting",
        ARM.digest: "waiting",
        SIGNATURE.digest: "waiting",
        TWO.digest: "done",
    }
    registry.stuck.clear()
    registry.asked.clear()
    apply(wanted)
    assert set(wanted.results["outcome"]) == {"done"}
    assert registry.asked[0] == BOTH.digest
    assert TWO.digest not in registry.asked


def test_what_is_attached_stays_while_its_subject_does():
    registry = filled(Failing(), {f"{NAME}:v1": ONE, f"{NAME}:_s": SIGNATURE})
    registry.stuck = {ONE.digest}
    wanted = plan(registry, f"{NAME}:v1")
    with pytest.raises(IncompleteError):
        asyncio.run(wanted.apply())
    assert registry.asked == [ONE.digest]


def test_cancelled_in_the_middle_it_can_be_applied_again():
    registry = filled(Failing(), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})
    registry.slow = {ONE.digest}
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])

    async def cancelled() -> None:
        # Memory takes one step at a time: the first is done, and its answer never comes.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wanted.apply(), 0.2)

    asyncio.run(cancelled())
    assert wanted.results["outcome"].tolist() == ["waiting", "waiting"]
    assert tags(registry) == {f"{NAME}:v2": TWO.digest}
    apply(wanted)
    assert wanted.results["outcome"].tolist() == ["done", "done"]
    assert tags(registry) == {}


def test_every_change_is_seen_anew_when_a_plan_is_applied_again():
    registry = filled(Failing(), {f"{NAME}:v1": ONE})
    registry.stuck = {ONE.digest}
    wanted = plan(registry, f"{NAME}:v1")
    with pytest.raises(IncompleteError):
        asyncio.run(wanted.apply())
    registry.stuck.clear()
    meanwhile(push(registry, f"{NAME}:stable", ONE))
    apply(wanted)
    assert outcome(wanted)[0] == "skipped"


def test_a_registry_that_takes_no_tag_away_is_a_failed_step():
    class Whole(MemoryRegistry):
        async def delete_tag(self, repository: str, tag: str, **expected: Any) -> None:
            raise ForbiddenError("Tags stay.")

    registry = filled(Whole(), {f"{NAME}:v1": ONE, f"{NAME}:latest": ONE})
    wanted = plan(registry, f"{NAME}:v1")
    with pytest.raises(IncompleteError, match="Tags stay"):
        asyncio.run(wanted.apply())
    assert outcome(wanted) == ("failed", "Tags stay.")


def test_progress_has_an_item_a_step(registry):
    tally = TransferTally()
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])
    asyncio.run(wanted.apply(tally))
    assert (tally.items_done, tally.items_total) == (2, 2)
    assert {one.item: one.status for one in tally.changes()} == {
        f"{NAME}@{ONE.digest}": "Deleted",
        f"{NAME}@{TWO.digest}": "Deleted",
    }


def test_a_repository_is_read_again_once_however_much_goes_from_it(registry):
    reads = counted(registry, "tags" if isinstance(registry, TagsOnly) else "manifests")
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])
    reads.clear()
    asyncio.run(wanted.apply())
    assert reads == [NAME]


class Unsteady(TagsOnly):
    """Fails to list tags as often as `failures` says."""

    failures = 0

    async def tags(self, repository: str) -> Any:
        if self.failures:
            self.failures -= 1
            raise ServerError("The disk is slow.")
        async for tag in super().tags(repository):
            yield tag


def test_a_read_that_failed_is_tried_again_by_the_next_step():
    registry = filled(Unsteady("reg"), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])
    registry.failures = 1
    with pytest.raises(IncompleteError, match="The disk is slow"):
        asyncio.run(wanted.apply())
    assert sorted(wanted.results["outcome"]) == ["done", "failed"]
    apply(wanted)
    assert tags(registry) == {}


def test_a_tag_that_cannot_be_read_holds_up_a_deletion_until_it_can():
    registry = filled(Unsteady("reg"), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})
    wanted = plan(registry, f"{NAME}:v1")
    real = registry.manifest

    async def broken(repository: str, locator: str) -> Any:
        raise ServerError(f"{locator} is broken.")

    registry.manifest = broken
    with pytest.raises(IncompleteError, match="is broken"):
        asyncio.run(wanted.apply())
    registry.manifest = real
    apply(wanted)
    assert set(tags(registry)) == {f"{NAME}:v2"}


class Busy(MemoryRegistry):
    """Somebody gives an image a new tag as soon as another was deleted."""

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        await super().delete_manifest(repository, digest)
        await push(self, f"{NAME}:stable", TWO)


@pytest.mark.parametrize(("seconds", "became"), [(0.0, "skipped"), (30.0, "done")])
def test_a_tag_that_came_while_a_long_plan_was_applied_is_seen(seconds, became, monkeypatch):
    monkeypatch.setattr(now, "_FRESH_SECONDS", seconds)
    registry = filled(Busy("reg"), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})
    wanted = plan(registry, [f"{NAME}:v1", f"{NAME}:v2"])
    apply(wanted)
    assert wanted.results["outcome"].tolist() == ["done", became]
