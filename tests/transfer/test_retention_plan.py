"""Rules as a plan of deletions: what is judged is what goes, and nothing else."""

import re
from datetime import UTC, datetime

import pytest

from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.retention.decisions import KeepMatching, KeepNewest
from ghostnb.transfer.retention.plan import plan_retention
from tests.parts.images import artifact, plain_image
from tests.parts.layers import layer_of
from tests.registries.conftest import listed, push
from tests.transfer.test_copying import run

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_signature_stays_or_goes_with_its_image():
    registry = MemoryRegistry()
    kept, gone = plain_image("kept"), plain_image("gone")
    names = [f"{one.digest.replace(':', '-')}.sig" for one in (kept, gone)]

    async def question():
        await push(registry, "app:v1", kept)
        await push(registry, "app:old", gone)
        for tag in names:
            signature = artifact("application/vnd.sig", [layer_of(tag)])
            await push(registry, f"app:{tag}", signature)
        plan = await plan_retention(registry, KeepMatching("v*"), now=NOW)
        await plan.apply()
        assert await listed(registry.tags("app")) == sorted(["v1", names[0]])

    run(question)


def test_a_tag_that_moves_after_it_was_judged_is_kept():
    fresh = plain_image("fresh")

    class Busy(MemoryRegistry):
        async def tag_details(self, repository):
            async for record in super().tag_details(repository):
                yield record
            await push(self, "app:nightly", fresh)

    registry = Busy()

    async def question():
        await push(registry, "app:nightly", plain_image("old"))
        await push(registry, "app:v1", plain_image("one"))
        plan = await plan_retention(registry, KeepMatching("v*"), now=NOW)
        await plan.apply()
        assert (await registry.manifest("app", "nightly")).digest == fresh.digest

    run(question)


def test_a_repository_that_is_empty_by_now_is_passed_over():
    class Stale(MemoryRegistry):
        async def tag_details(self, repository):
            if repository == "gone":
                del self._repositories["gone"]
            async for record in super().tag_details(repository):
                yield record

    registry = Stale()

    async def question():
        for name in ("app:1", "app:2", "gone:1"):
            await push(registry, name, plain_image(name))
        plan = await plan_retention(registry, KeepNewest(1, by="version"), now=NOW)
        assert set(plan.frame["repository"]) == {"app"}

    run(question)


@pytest.mark.parametrize(
    ("repositories", "notes"),
    [
        ("app", []),
        ("zz", ["has no repository zz."]),
        (["zz", "app", "old"], ["has no repository zz.", "has no repository old."]),
        (["zz", "zz"], ["has no repository zz."]),
        (["zz", "a*"], ["has no repository zz."]),
        (["zz*", "a*"], ["has no repository that fits zz*."]),
        (["app", "a*", "bare"], ["The repository bare of"]),
        ("bare", ["The repository bare of"]),
        ("b*", []),
        (re.compile("z+"), ["has no repository that fits re:z+."]),
        ([], ["has no repository that is selected."]),
        (None, []),
    ],
)
def test_names_and_patterns_that_fit_nothing_are_noted(repositories, notes):
    class Bare(MemoryRegistry):
        async def tag_details(self, repository):
            async for record in super().tag_details(repository):
                if repository != "bare":
                    yield record

    registry = Bare()

    async def question():
        for name in ("app:1", "bare:1"):
            await push(registry, name, plain_image(name))
        plan = await plan_retention(registry, KeepNewest(1), repositories=repositories, now=NOW)
        assert len(plan.notes) == len(notes)
        assert all(want in note for want, note in zip(notes, plan.notes, strict=True))
        assert all(registry.name in note for note in plan.notes)

    run(question)


def test_a_registry_that_is_empty_is_noted():
    async def question():
        plan = await plan_retention(MemoryRegistry(), KeepNewest(1), now=NOW)
        assert [note.partition(" ")[2] for note in plan.notes] == [
            "has no repository that is selected."
        ]

    run(question)
