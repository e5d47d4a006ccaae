"""Copies, syncs, deletions and retention, as a notebook user asks for them."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

import ghostnb
from ghostnb import KeepMatching, KeepNewest, KeepYounger, RegistryClient
from ghostnb.errors import IncompleteError, NotFoundError, UnsupportedError
from tests.parts.daemons import dockerd
from tests.parts.images import Settings, Step, image, plain_image
from tests.parts.layers import Entry, layer, layer_of
from tests.parts.pushes import Pusher
from tests.parts.registries import docker_registry
from tests.parts.standard import STANDARD_IMAGES

NOW = datetime.now(UTC)


def aged(name, days, base="base"):
    created = (NOW - timedelta(days=days)).isoformat()
    steps = [Step("ADD base", layer_of(base, size_bytes=20_000)), Step("RUN", layer_of(name))]
    return image(steps, Settings(created=created))


@pytest.fixture
def two():
    """Give clients of two real registries that delete; the first holds some images."""
    with docker_registry(delete=True) as one, docker_registry(delete=True) as other:
        images = {f"team/app:1.{n}.0": aged(f"app {n}", 100 - n) for n in range(4)}
        fill(one.url, {**images, "team/multi:latest": STANDARD_IMAGES["team/multi:latest"]})
        yield RegistryClient(one.url), RegistryClient(other.url)


def fill(url, images):
    with Pusher(url) as pusher:
        for name, document in images.items():
            pusher.push(*name.split(":"), document)


def tags(client, repository):
    try:
        return sorted(ghostnb.run(client.tags(repository))["tag"])
    except NotFoundError:
        return []


def test_an_image_is_copied_and_named_anew(two):
    source, target = two
    copied = ghostnb.run(ghostnb.copy(source, target, "team/multi"))
    assert copied.digest == STANDARD_IMAGES["team/multi:latest"].digest
    assert copied.is_changed
    renamed = ghostnb.run(ghostnb.copy(target, target, "team/multi", to="team/multi:stable"))
    assert (renamed.bytes_moved, renamed.is_changed) == (0, True)
    assert tags(target, "team/multi") == ["latest", "stable"]
    again = ghostnb.run(ghostnb.copy(source, target, "team/multi"))
    assert (again.bytes_moved, again.is_changed) == (0, False)
    one = ghostnb.run(
        ghostnb.copy(source, target, "team/multi", to="arm:1", platforms="linux/arm64")
    )
    assert one.digest == STANDARD_IMAGES["team/multi:latest"].children[1].digest


def test_a_plan_is_awaited_or_iterated_over_and_says_what_became_of_it(two):
    source, target = two

    async def work():
        plan = await ghostnb.plan_sync(source, target, repositories="team/*", versions="<1.2")
        assert sorted(plan.frame["tag"]) == ["1.0.0", "1.1.0"]
        assert "2 steps (2 copy)" in repr(plan)
        assert "moved" in plan._repr_html_()
        steps = [step async for step in plan.apply()]
        assert steps
        assert steps[-1].overall_total_bytes == steps[-1].overall_current_bytes
        assert list(plan.results["outcome"]) == ["done", "done"]
        rest = await ghostnb.plan_sync(source, target)
        seen = []
        results = await rest.apply(progress=seen.append)
        assert set(results["outcome"]) == {"done"}
        assert {step.item for step in seen} >= {"team/app:1.2.0"}
        nothing = await ghostnb.plan_sync(source, target)
        assert len(nothing.frame) == nothing.bytes_moved == 0

    asyncio.run(work())
    assert tags(target, "team/app") == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]


def test_leaving_the_iteration_stops_it_and_the_rest_can_be_done(two):
    source, target = two

    async def work():
        plan = await ghostnb.plan_sync(source, target)
        async for _ in plan.apply():
            break
        await plan.apply()
        assert plan.is_done

    asyncio.run(work())
    assert tags(target, "team/app") == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]


def test_a_copy_under_another_name_brings_what_was_planned_though_tags_move(two):
    source, target = two

    def digest(tag, *, of):
        return str(ghostnb.run(of.image(f"mirror/app:{tag}")).digest)

    async def work():
        plan = await ghostnb.plan_copy(source, target, "team/app:1.0.0", to="mirror/app:stable")
        (row,) = plan.frame.itertuples()
        assert (row.action, row.tag, row.target_repository, row.target_tag) == (
            "copy", "1.0.0", "mirror/app", "stable",
        )  # fmt: skip
        assert row.bytes_moved == plan.bytes_moved > 20_000
        await ghostnb.copy(source, source, "team/app:1.1.0", to="team/app:1.0.0")
        await plan.apply()
        assert list(plan.results["outcome"]) == ["done"]
        moving = await ghostnb.plan_copy(source, target, "team/app:1.2.0", to="mirror/app:stable")
        assert list(moving.frame["action"]) == ["update"]
        assert 0 < moving.bytes_moved < 20_000
        await ghostnb.copy(source, target, "team/app:1.3.0", to="mirror/app:stable")
        await moving.apply()
        (outcome,) = moving.results.itertuples()
        assert outcome.outcome == "skipped"
        assert "moved since the plan was made" in outcome.error
        retag = await ghostnb.plan_copy(target, target, "mirror/app:stable", to="mirror/app:v1")
        assert (len(retag.frame), retag.bytes_moved) == (1, 0)
        await retag.apply()
        again = await ghostnb.plan_copy(target, target, "mirror/app:stable", to="mirror/app:v1")
        assert again.frame.empty
        with pytest.raises(NotFoundError, match=r"9\.9\.9"):
            await ghostnb.plan_copy(source, target, "team/app:9.9.9")
        return row.digest

    planned = asyncio.run(work())
    assert planned == aged("app 0", 100).digest
    assert digest("stable", of=target) == digest("v1", of=target) == aged("app 3", 97).digest


def test_what_is_deleted_is_shown_first_with_its_bytes(two):
    client, _ = two

    async def work():
        plan = await ghostnb.plan_delete(client, ["team/app:1.0.0", "team/app:1.1.0"])
        assert list(plan.frame["action"]) == ["delete", "delete"]
        assert plan.frame["bytes_freed"].sum() == plan.bytes_freed
        # The base layer is needed by the others.
        assert 0 < plan.bytes_freed < 20_000
        assert len(await client.tags("team/app")) == 4
        await plan.apply()

    asyncio.run(work())
    assert tags(client, "team/app") == ["1.2.0", "1.3.0"]


def test_a_frame_that_was_filtered_is_deleted_but_for_what_is_protected(two):
    client, _ = two

    async def work():
        frame = await client.tags("team/app", details=True)
        old = frame[frame["created"] < NOW - timedelta(days=97, hours=12)]
        plan = await ghostnb.plan_delete(client, old, protect=["*:1.0.*"])
        assert sorted(zip(plan.frame["action"], plan.frame["tag"], strict=True)) == [
            ("delete", "1.1.0"), ("delete", "1.2.0"), ("keep", "1.0.0"),
        ]  # fmt: skip
        await plan.apply()

    asyncio.run(work())
    assert tags(client, "team/app") == ["1.0.0", "1.3.0"]


def test_rules_say_of_each_tag_why_it_stays_or_goes(two):
    client, _ = two

    async def work():
        rules = [KeepNewest(1), KeepYounger(days=1), {"keep_matching": "1.0.*"}]
        plan = await ghostnb.plan_retention(client, rules, repositories="team/app")
        shown = plan.frame.set_index("tag")
        assert shown["action"].to_dict() == {
            "1.0.0": "keep", "1.1.0": "delete", "1.2.0": "delete", "1.3.0": "keep",
        }  # fmt: skip
        assert "matches 1.0.*" in shown.loc["1.0.0", "reason"]
        assert "newest" in shown.loc["1.3.0", "reason"]
        assert "newest" in shown.loc["1.1.0", "reason"]
        assert 0 < plan.bytes_freed < 20_000
        await plan.apply()
        nothing = await ghostnb.plan_retention(client, KeepMatching("*"))
        assert set(nothing.frame["action"]) == {"keep"}
        assert nothing.is_done

    asyncio.run(work())
    assert tags(client, "team/app") == ["1.0.0", "1.3.0"]


def test_what_a_daemon_runs_is_protected():
    runnable = image([Step("ADD", layer([Entry("bin/true", b"#!", mode=0o755)]))], Settings())
    with docker_registry(delete=True) as running, dockerd() as daemon:
        fill(running.url, {"app:used": runnable, "app:idle": plain_image("idle")})
        client, engine = RegistryClient(running.url), ghostnb.Engine(daemon.url)

        async def work():
            name = f"{running.host}/app:used"
            async for _ in engine.pull(name):
                pass
            await engine.create_container(ghostnb.ContainerSpec(name, command=("/bin/true",)))
            assert await engine.digests_in_use() == [runnable.digest]
            plan = await ghostnb.plan_delete(client, repositories="app", protect=engine)
            assert plan.frame.set_index("tag")["action"].to_dict() == {
                "idle": "delete", "used": "keep",
            }  # fmt: skip

        asyncio.run(work())


def test_a_registry_that_deletes_nothing_says_so_first():
    with docker_registry(delete=False) as running:
        fill(running.url, {"app:1": plain_image("one")})
        with pytest.raises(UnsupportedError, match="deletion switched off"):
            ghostnb.run(ghostnb.plan_delete(RegistryClient(running.url), "app:1"))


def test_what_would_be_freed_where_nothing_may_be_deleted(tmp_path):
    """The same bytes as where it may, and nothing that can be applied."""
    images = {
        "app:1": plain_image("one"),
        "app:2": plain_image("two"),
        "tool:1": plain_image("one"),
    }
    with docker_registry(delete=False) as running, docker_registry(delete=True) as open_one:
        for url in (running.url, open_one.url):
            fill(url, images)
        locked, other = RegistryClient(running.url), RegistryClient(open_one.url)
        archive = RegistryClient(f"oci:{ghostnb.run(locked.save('app:1', tmp_path / 'one.tar'))}")

        async def work():
            plan = await ghostnb.plan_delete(locked, ["app:1", "app:2"], what_if=True)
            real = await ghostnb.plan_delete(other, ["app:1", "app:2"])
            assert plan.bytes_freed == real.bytes_freed > 0
            assert plan.frame["bytes_freed"].tolist() == real.frame["bytes_freed"].tolist()
            by_rules = await ghostnb.plan_retention(locked, ghostnb.KeepMatching("2"), what_if=True)
            assert by_rules.frame["action"].tolist() == ["delete", "delete", "keep"]
            read_only = await ghostnb.plan_delete(archive, repositories="*", what_if=True)
            assert read_only.bytes_freed > 0
            assert (plan.what_if, real.what_if) == (True, False)
            for one in (plan, by_rules, read_only):
                with pytest.raises(UnsupportedError, match="only says what would be freed"):
                    await one.apply()
            tags = await locked.tags("app")
            assert sorted(tags["tag"]) == ["1", "2"]

        asyncio.run(work())


def test_nothing_is_pushed_to_an_archive(two, tmp_path):
    source, _ = two
    path = ghostnb.run(source.save("team/multi", tmp_path / "multi.tar"))
    archive = RegistryClient(f"oci:{path}")
    with pytest.raises(UnsupportedError, match="only read"):
        ghostnb.run(ghostnb.copy(source, archive, "team/multi"))
    with pytest.raises(UnsupportedError, match="only read"):
        ghostnb.run(ghostnb.plan_delete(archive, "team/multi:latest"))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda one: ghostnb.copy("localhost:5000", one, "a:1"), TypeError, "RegistryClient"),
        (lambda one: ghostnb.copy(one, one, 7), TypeError, "team/app:1.0"),
        (lambda one: ghostnb.copy(one, one, "a:1", platforms="arm"), ValueError, "linux/arm64"),
        (lambda one: ghostnb.plan_copy(one, one, 7), TypeError, "team/app:1.0"),
        (
            lambda one: ghostnb.copy(one, one, "a:1", to=f"b@sha256:{'0' * 64}"),
            ghostnb.InvalidReferenceError,
            "Copy to a tag: to='b:latest'",
        ),
        (lambda one: ghostnb.plan_sync(one, one, newest=0), ValueError, "newest"),
        (lambda one: ghostnb.plan_sync(one, one, versions="1 <> 2"), ValueError, "versions"),
        (lambda one: ghostnb.plan_delete(one, "a"), ValueError, "REPOSITORY:TAG"),
        (lambda one: ghostnb.plan_retention(one, []), ValueError, "rule"),
        (lambda one: ghostnb.plan_retention(one, {"keep": 1}), ghostnb.ConfigError, "keep"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        ghostnb.run(call(RegistryClient("http://127.0.0.1:9")))


def test_a_failed_step_is_told_with_the_first_reason(two):
    source, target = two

    async def work():
        plan = await ghostnb.plan_sync(source, target)
        deletion = await ghostnb.plan_delete(source, "team/app:1.0.0")
        await deletion.apply()
        with pytest.raises(IncompleteError, match=r"1 of 5 steps failed.*team/app:1\.0\.0"):
            await plan.apply()
        outcomes = plan.results.set_index("target_tag")["outcome"]
        assert outcomes["1.0.0"] == "failed"
        assert set(outcomes.drop("1.0.0")) == {"done"}

    asyncio.run(work())


def test_what_fits_nothing_is_said(two):
    source, target = two

    async def work():
        plan = await ghostnb.plan_sync(source, target, repositories=["team/*", "taem/*"])
        assert plan.notes == (f"{source.name} has no repository that fits taem/*.",)
        plan = await ghostnb.plan_sync(source, target, repositories="team/*", tags="lastest")
        assert plan.notes == ("No tag is selected in 2 repositories.",)
        plan = await ghostnb.plan_retention(source, ghostnb.KeepNewest(1), repositories="taem/*")
        assert plan.notes == (f"{source.name} has no repository that fits taem/*.",)
        for protect, is_said in (("taem/*", True), ("team/app:1.3.*", False)):
            plan = await ghostnb.plan_delete(source, "team/app:1.0.0", protect=protect)
            assert any(f"nothing that fits {protect}" in one for one in plan.notes) == is_said
        for protect, is_said in (("taem/app:1.3.0", True), ("team/multi:latest", False)):
            plan = await ghostnb.plan_delete(source, "team/app:1.0.0", protect=protect)
            assert any(f"has no {protect}" in one for one in plan.notes) == is_said
        with pytest.raises(NotFoundError, match=r"no repository that fits taem/\*"):
            await ghostnb.plan_delete(source, repositories="taem/*")
        plan = await ghostnb.plan_delete(source, repositories="team/a*")
        assert set(plan.frame["repository"]) == {"team/app"}

    asyncio.run(work())


def test_a_target_that_does_not_answer_gets_no_plan(two):
    source, _ = two
    with docker_registry() as running:
        gone = ghostnb.RegistryClient(running.url)
    with pytest.raises(ghostnb.errors.TransportError, match=gone.config.host):
        ghostnb.run(ghostnb.plan_sync(source, gone, repositories="team/*"))


def test_an_image_of_another_platform_is_not_copied(two):
    source, target = two
    with pytest.raises(ghostnb.PlatformNotFoundError, match="no image for linux/s390x"):
        ghostnb.run(ghostnb.plan_copy(source, target, "team/app:1.0.0", platforms="linux/s390x"))
    with pytest.raises(NotFoundError, match=r"no image for linux/s390x.*linux/amd64"):
        ghostnb.run(ghostnb.copy(source, target, "team/app:1.0.0", platforms="linux/s390x"))
    ghostnb.run(ghostnb.copy(source, target, "team/app:1.0.0", platforms="linux/amd64"))
