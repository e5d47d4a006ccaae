"""Registries made alike: what would move is known exactly, and a second time nothing does."""

import asyncio
from typing import ClassVar

import pytest

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    IncompleteError,
    NotFoundError,
    UnsupportedError,
)
from ghostnb.oci import Digest, Platform
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncPlan, draft_copy, draft_sync
from tests.parts.images import Settings, Step, artifact, image, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.registries import docker_registry
from tests.parts.standard import STANDARD_IMAGES
from tests.parts.storage import write_storage
from tests.registries.conftest import fill, listed, push
from tests.serving import CountingTransport
from tests.transfer.test_copying import opened, over_http, run, same

ALL = Selection()
BASE = [layer_of("base", size_bytes=50_000), layer_of("base too", size_bytes=20_000)]


def built(name, *, base=BASE):
    steps = [*(Step(f"ADD {n}", part) for n, part in enumerate(base)), Step("RUN", layer_of(name))]
    return image(steps, Settings())


async def plan_sync(source, target, selection, **options):
    return SyncPlan(await draft_sync(source, target, selection, **options))


class Counted(Copier):
    """Remembers every copier, to count what it really sent."""

    made: ClassVar[list] = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.made.append(self)


@pytest.fixture
def counted(monkeypatch):
    made = []
    monkeypatch.setattr(Counted, "made", made)
    monkeypatch.setattr("ghostnb.transfer.syncing.sync.Copier", Counted)
    return lambda: sum(copier.bytes_moved for copier in made)


@pytest.mark.parametrize("to", ["memory", "layout", "drift", "docker-registry"])
@pytest.mark.parametrize("of", ["memory", "layout", "docker-registry"])
def test_a_registry_is_made_like_another_and_stays_so(tmp_path, of, to, counted):
    with opened(of, tmp_path / "of") as source, opened(to, tmp_path / "to") as target:

        async def question():
            await fill(source)
            # Some of it is there already, some under another name.
            await push(target, "library/alpine:3.20", STANDARD_IMAGES["library/alpine:3.20"])
            await push(target, "other:1", STANDARD_IMAGES["library/alpine:3.19"])
            plan = await plan_sync(source, target, ALL)
            assert set(plan.frame["action"]) == {"copy"}
            # A registry that lists no referrers has a tag for them.
            count = len(STANDARD_IMAGES) + (of == "docker-registry")
            assert len(plan.frame) == count - 1
            assert plan.frame["bytes_moved"].sum() == plan.bytes_moved > 0
            await plan.apply()
            assert plan.is_done
            for name, document in STANDARD_IMAGES.items():
                repository, _, tag = name.rpartition(":")
                await same(target, repository, tag, document)
            again = await plan_sync(source, target, ALL)
            assert len(again.frame) == again.bytes_moved == 0
            assert list(again.frame.columns) == list(plan.frame.columns)
            await again.apply()
            return plan.bytes_moved

        planned = run(question, source, target)
        # The tag that lists what is attached is made by pushing that, where a registry lists
        # nothing itself: then it need not be sent.
        made = 281 if (of, to) == ("docker-registry",) * 2 else 0
        assert planned - made <= counted() <= planned


def test_the_bytes_are_those_after_what_is_shared(counted):
    with docker_registry() as running:
        source, target = MemoryRegistry(), over_http(running)
        images = {f"team/app{n}:1": built(f"app {n}") for n in range(10)}

        async def question():
            for name, document in images.items():
                await push(source, name, document)
            plan = await plan_sync(source, target, ALL)
            await plan.apply()
            return plan

        plan = run(question, target)
        first, *others = plan.frame["bytes_moved"]
        assert first > 70_000
        assert max(others) < 5_000
        assert plan.bytes_moved == counted()


def watched(running):
    went = CountingTransport()
    config = RegistryConfig("reg", running.url, insecure=True)
    return went, HTTPRegistry(config, cache=ContentCache(), transport=went)


def test_the_target_is_asked_for_a_blob_once_before_it_is_sent():
    images = {str(number): built(f"number {number}") for number in range(5)}
    blobs = {blob.digest for one in images.values() for blob in one.blobs}
    with docker_registry() as one, docker_registry() as other:
        write_storage(one.storage_dir, {"app": images})
        source, (told, target) = over_http(one), watched(other)

        async def question():
            plan = await plan_sync(source, target, ALL)
            await plan.apply()

        run(question, source, target)
    asked = [path for path in told.paths if path.startswith("HEAD /v2/app/blobs/")]
    assert sorted(asked) == sorted(f"HEAD /v2/app/blobs/{digest}" for digest in blobs)
    assert told.count("POST /v2/app/blobs/uploads/") == len(blobs)


def test_of_what_is_unchanged_each_side_is_asked_once_an_image():
    images = {str(number): plain_image(f"number {number}") for number in range(20)}
    with docker_registry() as one, docker_registry() as other:
        for running in (one, other):
            write_storage(running.storage_dir, {"app": images})
        asked, source = watched(one)
        told, target = watched(other)

        async def question():
            plan = await plan_sync(source, target, ALL)
            await plan.apply()
            assert plan.frame.empty

        run(question, source, target)
    heads = [f"HEAD /v2/app/manifests/{tag}" for tag in images]
    assert sorted(told.paths) == sorted([*heads, "GET /v2/"])
    lists = ["GET /v2/", "GET /v2/_catalog", "GET /v2/app/tags/list"]
    assert sorted(asked.paths) == sorted([*heads, *lists])


def test_only_what_is_selected_and_by_its_new_name():
    source, target = MemoryRegistry("of"), MemoryRegistry("to")

    async def question():
        for name in ("team/app:1.0.0", "team/app:1.1.0", "team/app:1.2.0", "team/app:latest",
                     "team/web:1.0.0", "base/os:1.0.0"):  # fmt: skip
            await push(source, name, built(name))
        wanted = Selection("team/*", versions=">=1.0", newest=2)
        rename = {"team/": "mirror/", "team/app": "mirror/the-app"}
        plan = await plan_sync(source, target, wanted, rename=rename)
        await plan.apply()
        return plan.frame, {
            name: await listed(target.tags(name))
            for name in [one.repository async for one in target.repositories()]
        }

    frame, there = run(question)
    assert there == {"mirror/the-app": ["1.1.0", "1.2.0"], "mirror/web": ["1.0.0"]}
    assert set(frame["registry"]) == {"of"}
    assert set(frame["target_registry"]) == {"to"}
    assert list(frame["target_repository"]) == ["mirror/the-app", "mirror/the-app", "mirror/web"]


def test_two_repositories_are_not_made_one():
    source = MemoryRegistry()

    async def question():
        await push(source, "a/app:1", built("a"))
        await push(source, "b/app:1", built("b"))
        with pytest.raises(ConfigError, match=r"a/app and b/app would both become app"):
            await plan_sync(
                source, MemoryRegistry(), ALL, rename=lambda name: name.partition("/")[2]
            )

    run(question)


def test_a_tag_that_moved_is_an_update_and_what_is_gone_goes_when_asked():
    with docker_registry(delete=True) as running:
        source, target = MemoryRegistry(), over_http(running)

        async def question():
            await push(source, "app:1", built("new"))
            for tag in ("1", "old", "kept"):
                await push(target, f"app:{tag}", built("before"))
            await push(target, "theirs:1", built("theirs"))
            without = await plan_sync(source, target, Selection(exclude_tags="kept"))
            assert list(without.frame["action"]) == ["update"]
            plan = await plan_sync(source, target, Selection(exclude_tags="kept"), prune=True)
            assert list(plan.frame["action"]) == ["update", "delete"]
            assert list(plan.frame["target_tag"]) == ["1", "old"]
            # Tags alone, which is said.
            assert [note.partition(":")[0] for note in plan.notes] == [
                "1 tag is deleted, and no manifest"
            ]
            await plan.apply()
            await same(target, "app", "1", built("new"))
            await same(target, "app", "kept", built("before"))
            assert sorted(await listed(target.tags("app"))) == ["1", "kept"]
            assert await listed(target.tags("theirs")) == ["1"]

        run(question, target)


def test_pruning_where_nothing_can_be_deleted_is_said_before_anything_moves():
    with docker_registry(delete=False) as running:
        source, target = MemoryRegistry(), over_http(running)

        async def question():
            await push(source, "app:1", built("new"))
            await push(target, "app:old", built("before"))
            with pytest.raises(UnsupportedError, match="deletion switched off"):
                await plan_sync(source, target, ALL, prune=True)
            assert await listed(target.tags("app")) == ["old"]

        run(question, target)


def test_a_tag_of_the_target_that_moves_before_it_is_deleted_stays():
    source, target = MemoryRegistry(), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", built("new"))
        await push(target, "app:old", built("before"))
        plan = await plan_sync(source, target, ALL, prune=True)
        await push(target, "app:old", built("just now"))
        await plan.apply()
        await same(target, "app", "old", built("just now"))
        outcomes = plan.results.set_index("action")
        assert outcomes.loc["delete", "outcome"] == "skipped"
        assert "moved since" in outcomes.loc["delete", "error"]

    run(question)


def test_what_is_planned_is_what_comes_even_if_the_tag_moves():
    source, target = MemoryRegistry(), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", built("planned"))
        plan = await plan_sync(source, target, ALL)
        await push(source, "app:1", built("later"))
        await plan.apply()
        await same(target, "app", "1", built("planned"))

    run(question)


def test_platforms_and_what_is_attached(counted):
    multi = STANDARD_IMAGES["team/multi:latest"]
    sbom = artifact("application/spdx+json", [layer_of("sbom")], subject=multi.children[1])
    source, target = MemoryRegistry(), MemoryRegistry("to")
    arm = [Platform.parse("linux/arm64")]

    async def question():
        await push(source, "team/multi:latest", multi)
        await push(source, "team/multi:", sbom)
        for _ in range(2):
            plan = await plan_sync(source, target, ALL, platforms=arm, referrers=True)
            await plan.apply()
            yielded.append(plan)
        await same(target, "team/multi", "latest", multi.children[1])
        await same(target, "team/multi", sbom.digest, sbom)

    yielded = []
    run(question)
    first, second = yielded
    assert len(first.frame) == 2
    assert len(second.frame) == 0
    assert f"attached to {multi.children[1].digest}" in list(first.frame["reason"].dropna())
    assert first.bytes_moved == counted()


def test_what_is_for_none_of_the_platforms_is_left_out_and_no_failure():
    source, target = MemoryRegistry("of"), MemoryRegistry("to")
    arm = [Platform.parse("linux/arm64")]

    async def question():
        await push(source, "app:multi", STANDARD_IMAGES["team/multi:latest"])
        for tag in ("1", "2", "3", "4"):
            await push(source, f"app:{tag}", built(tag))
        await push(source, "app:", artifact("a/b", [layer_of("sbom")], subject=built("1")))
        plan = await plan_sync(source, target, ALL, platforms=arm, referrers=True)
        assert list(plan.frame["tag"]) == ["multi"]
        assert plan.notes == (
            "app:1, app:2, app:3 and 1 more are for none of the platforms, and left out.",
        )
        await plan.apply()
        assert await listed(target.tags("app")) == ["multi"]

    run(question)


def test_one_that_fails_stops_no_other_and_can_be_tried_again():
    broken = plain_image("broken")

    class Failing(MemoryRegistry):
        is_broken = True

        async def blob_missing(self, digest):
            return self.is_broken and digest == broken.layers[0].digest

        async def open_blob(self, repository, descriptor):
            if self.is_broken and descriptor.digest == broken.layers[0].digest:
                raise NotFoundError("The layer is gone.", registry=self.name)
            async for piece in super().open_blob(repository, descriptor):
                yield piece

    source, target = Failing(), MemoryRegistry("to")

    async def question():
        await push(source, "app:broken", broken)
        for n in range(5):
            await push(source, f"app:{n}", built(f"good {n}"))
        plan = await plan_sync(source, target, ALL)
        with pytest.raises(IncompleteError, match=r"1 of 6 steps failed.*app:broken.*is gone"):
            await plan.apply()
        assert await listed(target.tags("app")) == ["0", "1", "2", "3", "4"]
        assert list(plan.results["outcome"]).count("failed") == 1
        source.is_broken = False
        await plan.apply()
        assert plan.is_done
        await same(target, "app", "broken", broken)

    run(question)


def test_what_cannot_be_looked_at_is_said_and_tried():
    class Half(MemoryRegistry):
        async def resolve(self, repository, locator):
            if locator == "bad":
                raise NotFoundError("Nobody knows where it is.", registry=self.name)
            return await super().resolve(repository, locator)

    source, target = Half(), MemoryRegistry("to")

    async def question():
        await push(source, "app:bad", built("bad"))
        await push(source, "app:good", built("good"))
        plan = await plan_sync(source, target, ALL)
        assert "1 of the images could not be looked at" in plan.notes[0]
        assert plan.frame["bytes_moved"].isna().sum() == 1
        with pytest.raises(IncompleteError, match="Nobody knows"):
            await plan.apply()
        assert await listed(target.tags("app")) == ["good"]

    run(question)


def test_lists_that_failed_are_on_the_plan():
    class Half(MemoryRegistry):
        async def tags(self, repository):
            if repository == "closed":
                raise ForbiddenError("You may not see it.", registry=self.name)
            async for tag in super().tags(repository):
                yield tag

    source, target = Half("of"), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", built("one"))
        await push(source, "closed:1", built("two"))
        plan = await plan_sync(source, target, ALL)
        assert [failure.repository for failure in plan.failures] == ["closed"]
        (error,) = plan.frame.attrs["errors"]
        assert (error["registry"], error["repository"], error["message"]) == (
            "of", "closed", "You may not see it.",
        )  # fmt: skip
        assert "1 not read" in repr(plan)
        assert "1 not read" in plan._repr_html_()
        assert list(plan.frame["repository"]) == ["app"]

    run(question)


def test_a_cancelled_sync_goes_on_where_it_stopped(counted):
    class Slow(MemoryRegistry):
        async def open_blob(self, repository, descriptor):
            await asyncio.sleep(0.005)
            async for piece in super().open_blob(repository, descriptor):
                yield piece

    class Watched(MemoryRegistry):
        def __init__(self):
            super().__init__("to")
            self.begun, self.pushed = asyncio.Event(), 0

        async def push_manifest(self, *args, **kwargs):
            self.pushed += 1
            if self.pushed == 5:
                self.begun.set()
            return await super().push_manifest(*args, **kwargs)

    source, target = Slow(), Watched()

    async def question():
        for n in range(40):
            await push(source, f"app:{n}", built(f"app {n}"))
        plan = await plan_sync(source, target, ALL)
        task = asyncio.create_task(plan.apply())
        await target.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sent = counted()
        left = await plan_sync(source, target, ALL)
        assert 0 < len(left.frame) < 40
        assert left.bytes_moved <= plan.bytes_moved - sum(plan.frame["bytes_moved"].head(1))
        await left.apply()
        for n in range(40):
            await same(target, "app", str(n), built(f"app {n}"))
        return sent

    assert run(question) > 0


def test_a_tag_that_was_pushed_meanwhile_is_not_overwritten():
    source, target = MemoryRegistry(), MemoryRegistry("to")

    async def question():
        for tag in ("new", "moved"):
            await push(source, f"app:{tag}", built("theirs"))
        await push(target, "app:moved", built("before"))
        plan = await plan_sync(source, target, ALL)
        for tag in ("new", "moved"):
            await push(target, f"app:{tag}", built("just now"))
        await plan.apply()
        for tag in ("new", "moved"):
            await same(target, "app", tag, built("just now"))
        assert set(plan.results["outcome"]) == {"skipped"}
        assert plan.results["error"].str.contains("moved since the plan was made").all()

    run(question)


class Overtaken(MemoryRegistry):
    """Somebody else pushes the tag while the blobs are on their way."""

    is_overtaken = False

    async def push_blob(self, *args, **kwargs):
        await super().push_blob(*args, **kwargs)
        if not self.is_overtaken:
            self.is_overtaken = True
            await push(self, "app:1", built("theirs"))


def test_a_tag_that_is_pushed_while_its_blobs_are_copied_is_not_overwritten():
    source, target = MemoryRegistry(), Overtaken("to")

    async def question():
        await push(source, "app:1", built("ours"))
        plan = await plan_sync(source, target, ALL)
        await plan.apply()
        await same(target, "app", "1", built("theirs"))
        assert list(plan.results["outcome"]) == ["skipped"]
        assert plan.results["error"].str.contains("moved since the plan was made").all()

    run(question)


@pytest.mark.parametrize("answer", ["not found", "no tags"])
def test_a_repository_that_seems_to_be_empty_prunes_nothing(answer):
    class Closed(MemoryRegistry):
        async def tags(self, repository):
            if answer == "not found":
                raise NotFoundError("Nothing here.", registry=self.name)
            for tag in ():
                yield tag

    source, target = Closed(), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", built("one"))
        await push(target, "app:1", built("one"))
        plan = await plan_sync(source, target, ALL, prune=True)
        assert len(plan.frame) == 0
        assert plan.notes == ("app has no tags: nothing is pruned of it.",)

    run(question)


def test_pruning_leaves_what_is_attached_to_what_stays():
    subject = plain_image("signed")
    sbom = artifact("application/spdx+json", [layer_of("sbom")], subject=subject)
    with docker_registry(delete=True) as running:
        source, target = MemoryRegistry(), over_http(running)

        async def question():
            await push(source, "app:1", subject)
            await push(source, "app:", sbom)
            await (await plan_sync(source, target, ALL, referrers=True)).apply()
            again = await plan_sync(source, target, ALL, referrers=True, prune=True)
            assert len(again.frame) == 0
            assert len(await target.referrers("app", Digest(subject.digest))) == 1

        run(question, target)


def test_a_repository_that_is_listed_twice_is_one():
    class Twice(MemoryRegistry):
        async def repositories(self, namespace=None):
            for _ in range(2):
                async for record in super().repositories(namespace):
                    yield record

    source = Twice()

    async def question():
        await push(source, "app:1", built("one"))
        plan = await plan_sync(source, MemoryRegistry("to"), ALL)
        assert len(plan.frame) == 1

    run(question)


def test_indexes_that_name_the_same_again_and_again_are_asked_of_once():
    asked = []

    class Counting(MemoryRegistry):
        async def referrers(self, repository, digest):
            asked.append(digest)
            return await super().referrers(repository, digest)

    top = plain_image("bottom")
    for _ in range(5):
        top = index([top] * 6)
    source = Counting()

    async def question():
        await push(source, "app:1", top)
        await plan_sync(source, MemoryRegistry("to"), ALL, referrers=True)

    run(question)
    assert len(asked) == len(set(asked)) == 6


def test_one_image_is_planned_with_what_is_attached_and_no_other_tag():
    subject = plain_image("signed")
    sbom = artifact("application/spdx+json", [layer_of("sbom")], subject=subject)
    cosign_tag = f"{subject.digest.replace(':', '-')}.sig"
    source, target = MemoryRegistry("of"), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", subject)
        await push(source, "app:2", built("other"))
        await push(source, "app:", sbom)
        await push(source, f"app:{cosign_tag}", artifact("x/sig", [layer_of("sig")]))
        reference = source.reference("app:1")
        plan = SyncPlan(
            await draft_copy(source, target, reference, "mirror", "stable", referrers=True)
        )
        assert set(plan.frame["target_tag"].dropna()) == {"stable", cosign_tag}
        assert set(plan.frame["target_repository"]) == {"mirror"}
        assert sbom.digest in set(plan.frame["digest"])
        await plan.apply()
        assert sorted(await listed(target.tags("mirror"))) == sorted(["stable", cosign_tag])
        await same(target, "mirror", "stable", subject)
        by_digest = source.reference(f"app@{subject.digest}")
        assert SyncPlan(await draft_copy(source, target, by_digest, "mirror")).frame.empty
        with pytest.raises(NotFoundError, match="riscv64"):
            await push(source, "app:multi", STANDARD_IMAGES["team/multi:latest"])
            await draft_copy(
                source, target, source.reference("app:multi"), "mirror", "multi",
                platforms=[Platform.parse("linux/riscv64")],
            )  # fmt: skip

    run(question)
