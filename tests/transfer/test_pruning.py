"""What a sync deletes, and when: after all that it copies, and never instead of it."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import IncompleteError, RejectedError, ServerError
from ghostnb.oci import Index
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncPlan, draft_sync
from tests.parts.images import plain_image
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import listed, push
from tests.transfer.test_copying import run

IMAGE, INDEX = plain_image("same"), STANDARD_IMAGES["team/multi:latest"]


class Target(MemoryRegistry):
    """Notes what ends in which order; to push a manifest takes a while, and may fail."""

    is_failing = False

    def __init__(self):
        super().__init__()
        self.done = []

    async def push_manifest(self, repository, raw, media_type, *, tag="", **options):
        await asyncio.sleep(0.05)
        if self.is_failing:
            raise ServerError("It is full.", registry=self.name)
        pushed = await super().push_manifest(repository, raw, media_type, tag=tag, **options)
        self.done.append(f"push {tag}")
        return pushed

    async def delete_tag(self, repository, tag, *, expected=None):
        await super().delete_tag(repository, tag, expected=expected)
        self.done.append(f"delete {tag}")


class Dropping(Target):
    """Deletes images with their last tags, but none that an index holds.

    Amazon ECR API reference, ``BatchDeleteImage``: "When you remove the last tag from an image,
    the image is deleted"; its failure ImageReferencedByManifestList.
    """

    drops_untagged = True

    async def delete_with_image(self, repository, tag, *, expected):
        await asyncio.sleep(0.01)
        holding = [record async for record in self.manifests(repository)]
        for record in holding:
            found = await self.manifest(repository, record.digest)
            if isinstance(found, Index) and expected in [one.digest for one in found.manifests]:
                raise RejectedError("ImageReferencedByManifestList", registry=self.name)
        await super().delete_tag(repository, tag, expected=expected)
        left = [record async for record in self.manifests(repository) if record.tags]
        if expected not in [record.digest for record in left]:
            await self.delete_manifest(repository, expected)


async def planned(source, target):
    target.done.clear()
    return SyncPlan(await draft_sync(source, target, Selection(), prune=True))


async def renamed(target):
    """Plan that an image has another tag: what is copied and what is deleted are the same."""
    source = MemoryRegistry()
    await push(source, "app:new", IMAGE)
    await push(target, "app:old", IMAGE)
    plan = await planned(source, target)
    assert list(plan.frame["action"]) == ["copy", "delete"]
    return plan


@pytest.mark.parametrize("kind", [Target, Dropping])
def test_what_has_a_new_tag_has_it_before_it_loses_the_old_one(kind):
    async def question():
        target = kind()
        await (await renamed(target)).apply()
        assert target.done == ["push new", "delete old"]
        assert (await target.manifest("app", "new")).digest == IMAGE.digest

    run(question)


@pytest.mark.parametrize("kind", [Target, Dropping])
def test_nothing_is_deleted_where_something_did_not_come(kind):
    async def question():
        target = kind()
        plan = await renamed(target)
        target.is_failing = True
        with pytest.raises(IncompleteError, match="1 of 2 steps failed"):
            await plan.apply()
        assert list(plan.results["outcome"]) == ["failed", "waiting"]
        assert plan.results["error"][1] == "It comes after app:new, which failed."
        assert await listed(target.tags("app")) == ["old"]

        target.is_failing = False
        await plan.apply()
        assert list(plan.results["outcome"]) == ["done", "done"]
        assert await listed(target.tags("app")) == ["new"]

    run(question)


def test_what_failed_elsewhere_holds_up_no_other_repository():
    async def question():
        source, target = MemoryRegistry(), Target()
        for name in ("app:new", "other:1"):
            await push(source, name, IMAGE)
        for name in ("app:old", "other:1", "other:old"):
            await push(target, name, IMAGE)
        plan = await planned(source, target)
        target.is_failing = True
        with pytest.raises(IncompleteError):
            await plan.apply()
        assert await listed(target.tags("app")) == ["old"]
        assert await listed(target.tags("other")) == ["1"]

    run(question)


def test_an_index_goes_before_what_it_holds():
    async def question():
        source, target = MemoryRegistry(), Dropping()
        await push(source, "app:kept", IMAGE)
        for tag, image in (("0-amd64", INDEX.children[0]), ("1", INDEX), ("kept", IMAGE)):
            await push(target, f"app:{tag}", image)
        plan = await planned(source, target)
        assert list(plan.frame["target_tag"]) == ["1", "0-amd64"]
        await plan.apply()
        assert await listed(target.tags("app")) == ["kept"]

    run(question)


@pytest.mark.parametrize("kind", [Target, Dropping])
def test_what_somebody_elses_tag_kept_from_coming_is_not_deleted(kind):
    async def question():
        target = kind()
        plan = await renamed(target)
        await push(target, "app:new", plain_image("of somebody else"))
        await plan.apply()
        assert list(plan.results["outcome"]) == ["skipped", "skipped"]
        assert plan.results["error"][1] == "It comes after app:new, which was skipped."
        assert (await target.manifest("app", "old")).digest == IMAGE.digest

    run(question)


@pytest.mark.parametrize("kind", [Target, Dropping])
def test_an_index_that_cannot_be_deleted_is_in_nobodys_way(kind):
    class Locked(kind):
        async def delete_tag(self, repository, tag, *, expected=None):
            if tag == "locked":
                raise RejectedError("It is locked.", registry=self.name)
            await super().delete_tag(repository, tag, expected=expected)

        async def delete_with_image(self, repository, tag, *, expected):
            if tag == "locked":
                raise RejectedError("It is locked.", registry=self.name)
            await super().delete_with_image(repository, tag, expected=expected)

    async def question():
        source, target = MemoryRegistry(), Locked()
        await push(source, "app:kept", IMAGE)
        for tag, image in (("kept", IMAGE), ("locked", INDEX), ("old", plain_image("old"))):
            await push(target, f"app:{tag}", image)
        plan = await planned(source, target)
        with pytest.raises(IncompleteError, match="It is locked"):
            await plan.apply()
        assert await listed(target.tags("app")) == ["kept", "locked"]

    run(question)


@pytest.mark.parametrize(("kind", "left"), [(Target, []), (Dropping, ["old"])])
def test_what_is_wanted_without_a_tag_does_not_go_with_one(kind, left):
    async def question():
        source, target = MemoryRegistry(), kind()
        await push(source, "app:", IMAGE)
        await push(source, "app:1", INDEX)
        await push(target, "app:old", IMAGE)
        draft = await draft_sync(source, target, Selection(), prune=True, untagged=True)
        plan = SyncPlan(draft)
        await plan.apply()
        assert await listed(target.tags("app")) == ["1", *left]
        assert (await target.manifest("app", IMAGE.digest)).digest == IMAGE.digest
        told = "1 of the tags stay that would be deleted: memory keeps no image without a tag"
        assert any(note.startswith(told) for note in plan.notes) == bool(left)

    run(question)


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        (Target, "1 tag is deleted, and no manifest: memory frees"),
        (Dropping, "1 tag is deleted, and images with their last tags: memory keeps none without."),
    ],
)
def test_it_is_said_what_becomes_of_the_images(kind, note):
    async def question():
        (told,) = (await renamed(kind())).notes
        assert told.startswith(note)

    run(question)


def test_what_the_source_has_and_is_not_selected_is_named():
    async def question():
        source, target = MemoryRegistry(), Target()
        for tag in ("1.0", "1.1", "latest"):
            await push(source, f"app:{tag}", IMAGE)
            await push(target, f"app:{tag}", IMAGE)
        await push(target, "app:old", IMAGE)

        draft = await draft_sync(source, target, Selection(newest=1), prune=True)

        reasons = {step.target_tag: step.reason for step in draft.steps if step.action == "delete"}
        assert reasons == {
            "1.0": "in the source, but not selected",
            "latest": "in the source, but not selected",
            "old": "not in the source",
        }
        told = "app:1.0, app:latest are not selected, and deleted, while the source has them."
        assert told in draft.notes

    run(question)
