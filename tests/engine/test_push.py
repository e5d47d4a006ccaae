from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from ghostnb.engine import Engine
from ghostnb.engine.pushes import PushTally
from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest
from ghostnb.progress import Progress
from tests.engine.images import SIZE_BYTES, document
from tests.engine.proxies import Proxy
from tests.engine.test_pull import Credentials, pull
from tests.parts.daemons import RunningDaemon
from tests.parts.pushes import skopeo_manifest
from tests.parts.registries import RunningRegistry

HEX = "a" * 64


async def tag_and_push(
    daemon: RunningDaemon, image: str, reference: str, **options: object
) -> list[Progress]:
    async with Engine(daemon.url) as engine:
        await engine.tag(image, reference)
        return [step async for step in engine.push(reference, **options)]  # type: ignore[arg-type]


def manifest_digest(host: str, reference: str, *options: str) -> str:
    """Ask skopeo what the registry has under that tag."""
    return str(Digest.of(skopeo_manifest(host, reference, *options)))


def test_progress_to_the_end(daemon: RunningDaemon, pushed: str, slow_target: Proxy) -> None:
    repository = f"team/slow-{daemon.product}"

    steps = asyncio.run(tag_and_push(daemon, pushed, f"{slow_target.host}/{repository}:1.0"))

    *before, last = steps
    assert (last.item, last.done) == ("", True)
    assert f"1.0: digest: {manifest_digest(slow_target.host, f'{repository}:1.0')} " in last.status
    assert not any(step.done for step in before if not step.item)
    assert all(step.overall_current_bytes <= step.overall_total_bytes for step in steps)
    if daemon.product == "podman":  # it says nothing of layers
        assert (last.current_bytes, last.total_bytes) == (None, None)
        return
    layers = {diff.removeprefix("sha256:")[:12] for diff in diff_ids("team/pushed:1.0")}
    assert {step.item for step in before} == {"", *layers}
    assert layers == {step.item for step in before if step.done}
    assert any(step.current_bytes and not step.done for step in before)
    # uncompressed, with the headers of a tar
    assert 2 * SIZE_BYTES < last.overall_total_bytes < 2 * SIZE_BYTES + 20_000
    assert last.overall_current_bytes == last.overall_total_bytes == last.total_bytes
    overall = [step.overall_current_bytes for step in steps]
    assert overall == sorted(overall)


def diff_ids(name: str) -> list[str]:
    return document(name).config["rootfs"]["diff_ids"]


def test_what_one_daemon_pushes_the_other_pulls(
    docker_daemon: RunningDaemon,
    podman_daemon: RunningDaemon,
    daemon: RunningDaemon,
    pushed: str,
    target: RunningRegistry,
) -> None:
    name = f"{target.host}/team/back-{daemon.product}"
    asyncio.run(tag_and_push(daemon, pushed, f"{name}:1.0"))
    other = docker_daemon if daemon is podman_daemon else podman_daemon

    asyncio.run(pull(other, f"{name}:1.0"))

    config = document("team/pushed:1.0").manifest["config"]["digest"]
    assert asyncio.run(ids(other, name)) == {"1.0": config}


async def ids(daemon: RunningDaemon, repository: str) -> dict[str, str]:
    """Give the image of every tag that the daemon has."""
    async with Engine(daemon.url) as engine:
        frame = await engine.images()
    rows = frame[frame["repository"] == repository]
    return dict(zip(rows["tag"], rows["id"], strict=True))


def test_what_is_there_already(daemon: RunningDaemon, pushed: str, target: RunningRegistry) -> None:
    name = f"{target.host}/team/twice-{daemon.product}:1.0"
    first, again = (asyncio.run(tag_and_push(daemon, pushed, name)) for _ in range(2))

    assert again[-1].done
    assert again[-1].status == first[-1].status
    assert again[-1].total_bytes is None
    assert {step.status for step in again if step.item and step.done} <= {"Layer already exists"}


def test_layers_that_another_repository_has(
    docker_daemon: RunningDaemon, origin: RunningRegistry, target: RunningRegistry
) -> None:
    name = f"{origin.host}/team/other:1.0"
    asyncio.run(pull(docker_daemon, name))
    asyncio.run(tag_and_push(docker_daemon, name, f"{target.host}/team/first:1.0"))

    steps = asyncio.run(tag_and_push(docker_daemon, name, f"{target.host}/team/second:1.0"))

    done = [step.status for step in steps if step.item and step.done]
    assert done == ["Mounted from team/first"] * 3


def test_no_tag_is_latest_and_not_every_tag(
    daemon: RunningDaemon, pushed: str, target: RunningRegistry
) -> None:
    name = f"{target.host}/team/tags-{daemon.product}"

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            await engine.tag(pushed, f"{name}:1.0")
            await engine.tag(pushed, name)
            async for _ in engine.push(name):
                pass

    asyncio.run(run())
    tags = Path(target.storage_dir, "docker/registry/v2/repositories", name.partition("/")[2])
    assert [tag.name for tag in (tags / "_manifests/tags").iterdir()] == ["latest"]


def test_credentials_given(
    daemon: RunningDaemon, pushed: str, private_target: RunningRegistry
) -> None:
    credentials = Credentials(private_target.username, private_target.password)
    name = f"{private_target.host}/team/given-{daemon.product}:1.0"

    *_, last = asyncio.run(tag_and_push(daemon, pushed, name, credentials=credentials))

    login = f"--creds={private_target.username}:{private_target.password}"
    there = manifest_digest(private_target.host, name.partition("/")[2], login)
    assert f" {there} " in last.status


def test_credentials_of_the_docker_configuration(
    daemon: RunningDaemon, pushed: str, private_target: RunningRegistry, home: Path
) -> None:
    pair = f"{private_target.username}:{private_target.password}"
    (home / ".docker").mkdir()
    config = {"auths": {private_target.host: {"auth": base64.b64encode(pair.encode()).decode()}}}
    (home / ".docker" / "config.json").write_text(json.dumps(config))
    name = f"{private_target.host}/team/known-{daemon.product}:1.0"

    *_, last = asyncio.run(tag_and_push(daemon, pushed, name))

    assert last.done


@pytest.mark.parametrize("garbage", ["", "UPPER case", "app:", f"app@sha256:{HEX}", "a//b"])
def test_garbage_is_refused_at_once(garbage: str) -> None:
    engine = Engine("unix:///nowhere")
    with pytest.raises(InvalidReferenceError):
        engine.push(garbage)
    with pytest.raises(InvalidReferenceError):
        asyncio.run(engine.tag("app", garbage))


@pytest.mark.parametrize("garbage", ["", "../containers/web", "a/../../b", "app?force=1"])
def test_what_can_be_no_image_is_not_looked_for(garbage: str) -> None:
    """It would go into an address of the daemon's API."""
    with pytest.raises(InvalidReferenceError):
        asyncio.run(Engine("unix:///nowhere").tag(garbage, "app"))


def test_tagged_by_any_of_its_names(daemon: RunningDaemon, pushed: str) -> None:
    image = document("team/pushed:1.0")
    config = image.manifest["config"]["digest"]
    repository = pushed.removesuffix(":1.0")
    names = [pushed, config, config.removeprefix("sha256:")[:12], f"{repository}@{image.digest}"]

    async def run() -> dict[str, str]:
        async with Engine(daemon.url) as engine:
            for number, name in enumerate(names):
                await engine.tag(name, f"named:{number}")
            # a short name is Docker Hub's, for Podman too
            await engine.tag("named:0", "named")
        return await ids(daemon, "named")

    assert asyncio.run(run()) == dict.fromkeys(["0", "1", "2", "3", "latest"], config)


def test_a_name_moves_to_another_image(
    daemon: RunningDaemon, pushed: str, origin: RunningRegistry
) -> None:
    other = f"{origin.host}/team/loops:1.0"
    asyncio.run(pull(daemon, other))

    async def run() -> dict[str, str]:
        async with Engine(daemon.url) as engine:
            await engine.tag(pushed, "moving:1")
            await engine.tag(other, "moving:1")
        return await ids(daemon, "moving")

    config = document("team/loops:1.0").manifest["config"]["digest"]
    assert asyncio.run(run()) == {"1": config}


def steps_of(*events: dict[str, object]) -> list[Progress]:
    tally = PushTally()
    return [step for step in map(tally.take, events) if step] + [tally.finish()]


def test_lines_as_daemons_write_them() -> None:
    """A layer that starts anew, one without a size, and Podman 6, which sends nothing empty."""
    line = "1: digest: sha256:aa size: 7"
    steps = steps_of(
        {"status": "Pushing", "progressDetail": {"current": 9, "total": 9}, "id": "a"},
        {"status": "Retrying in 5 seconds", "progressDetail": {}, "id": "a"},
        {"status": "Pushing", "progressDetail": {"current": 1, "total": 9}, "id": "a"},
        {"status": "Pushing", "progressDetail": {"current": 3}, "id": "b"},
        {"status": "Skipped foreign layer", "progressDetail": {}, "id": "c"},
        {"status": "Pushed", "id": "a"},
        {"status": line, "aux": {"Tag": "1", "Digest": "sha256:aa", "Size": 7}},
    )

    seen = [(step.item, step.current_bytes, step.total_bytes, step.done) for step in steps]
    assert seen == [
        ("a", 9, 9, False),
        ("a", 9, 9, False),
        ("a", 1, 9, False),
        ("b", 3, None, False),
        ("c", None, None, True),
        ("a", 9, 9, True),
        ("", 9, 9, True),
    ]
    assert steps[-1].status == line


@pytest.mark.parametrize(
    "event",
    [
        {"status": "1: digest: sha256:aa size: 7"},
        {"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:aa", "Size": 7}},
    ],
)
def test_what_counts_for_a_verdict(event: dict[str, object]) -> None:
    tally = PushTally()
    assert tally.take(event) is None
    assert tally.verdict == "1: digest: sha256:aa size: 7"


def test_other_notes_for_programs_are_no_verdict() -> None:
    """Docker 28 tells beside it that of an index one image was pushed."""
    tally = PushTally()
    assert tally.take({"aux": {"manifestPushedInsteadOfIndex": True}}) is None
    assert tally.verdict == ""
