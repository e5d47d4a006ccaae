"""The life of containers on real daemons."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime

import pandas as pd
import pytest

from ghostnb.engine import Container, ContainerSpec, Engine, Port
from ghostnb.engine.frames import containers_frame
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.readme import README

DTYPES = {
    "context": "string",
    "id": "string",
    "name": "string",
    "image": "string",
    "state": "string",
    "status": "string",
    "ports": "string",
    "created": "datetime64[ns, UTC]",
}
LIFE = "trap 'echo asked to end; sleep 0.5; exit 3' TERM; echo begun; while :; do sleep 0.1; done"


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {column: str(dtype) for column, dtype in frame.dtypes.items()}


def on_host(image: str, script: str, **options: object) -> ContainerSpec:
    """Describe a container of a shell script, without a network of its own."""
    return ContainerSpec(image, command=("sh", "-c", script), network="host", **options)  # type: ignore[arg-type]


async def ended(engine: Engine, container: str) -> Container:
    """Follow its log to the end, and wait until the daemon has noticed."""
    async for _ in engine.logs(container, follow=True):
        pass
    for _ in range(100):
        found = await engine.container(container)
        if found.state == "exited":
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{container} is {found.state}")


@pytest.mark.parametrize("product", ["docker", "podman"])
def test_a_daemon_without_containers(product: str) -> None:
    async def run(daemon: RunningDaemon) -> pd.DataFrame:
        async with Engine(daemon.url) as engine:
            return await engine.containers()

    with {"docker": dockerd, "podman": podman}[product]() as daemon:
        frame = asyncio.run(run(daemon))

    assert len(frame) == 0
    assert dtypes(frame) == DTYPES


def test_the_readme_has_these_columns() -> None:
    (row,) = re.findall(r"^\| containers \|.*\|(.*)\|$", README.read_text("utf-8"), re.MULTILINE)
    assert row.strip().split(", ") == list(DTYPES)


def test_a_life(daemon: RunningDaemon, box: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            began = datetime.now(UTC)
            made = await engine.create_container(on_host(box, LIFE, name="a-life"))
            followed = engine.logs("a-life", follow=True)
            assert await anext(followed) == "begun"

            running = await engine.container("a-life")
            assert (running.id, running.name, running.image) == (made, "a-life", box)
            assert (running.state, running.exit_code, running.finished) == ("running", None, None)
            assert abs((pd.Timestamp(running.started) - began).total_seconds()) < 10
            (row,) = (await engine.containers(all=False)).itertuples()
            assert (row.context, row.id, row.name, row.image) == (daemon.url, made, "a-life", box)
            assert (row.state, row.ports) == ("running", "")
            assert row.status.startswith("Up ")
            assert abs((row.created - began).total_seconds()) < 10
            (listed,) = await engine.list_containers(all=False)
            assert (listed.id, listed.name, listed.image) == (made, "a-life", box)
            assert (listed.state, listed.exit_code, listed.ports) == ("running", None, ())
            assert listed.status.startswith("Up ")
            assert abs((pd.Timestamp(listed.created) - began).total_seconds()) < 10

            await engine.stop("a-life", timeout_seconds=5)
            assert [line async for line in followed] == ["asked to end"]
            stopped = await engine.container(made[:12])
            assert (stopped.state, stopped.exit_code, stopped.error) == ("exited", 3, "")
            assert pd.Timestamp(stopped.finished) > pd.Timestamp(stopped.started)
            assert len(await engine.containers(all=False)) == 0
            frame = await engine.containers()
            assert dtypes(frame) == DTYPES
            assert frame["status"].str.startswith("Exited (3)").to_list() == [True]

            await engine.start(made)
            assert (await engine.container(made)).exit_code is None
            await engine.restart(made, timeout_seconds=5)
            assert (await engine.container(made)).state == "running"
            await engine.remove(made, force=True)
            assert len(await engine.containers()) == 0

    asyncio.run(run())


def test_created_and_not_started(daemon: RunningDaemon, box: str) -> None:
    spec = on_host(box, 'echo "$A|$B"; exit 7', env={"A": "x y", "B": "ü=\n"}, labels={"k": "v"})

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            made = await engine.create_container(spec, start=False)
            created = await engine.container(made)
            assert (created.state, created.exit_code, created.started) == ("created", None, None)
            assert created.name != ""
            (listed,) = await engine.list_containers()
            for found in (created, listed):
                assert found.labels["k"] == "v"
                assert found.command.startswith("sh -c ")
                assert "ü=" not in repr(found)
            assert pd.Timestamp(listed.created) == pd.Timestamp(created.created).floor("s")
            assert await engine.list_containers(all=False) == []
            assert (await engine.containers())["state"].to_list() == ["created"]

            await engine.start(made)
            assert (await ended(engine, made)).exit_code == 7
            assert [line async for line in engine.logs(made)] == ["x y|ü=", ""]
            await engine.remove(made)

    asyncio.run(run())


def test_the_image_is_named_in_any_way(daemon: RunningDaemon, box: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            images = await engine.images()
            row = images[images["repository"] == box.removesuffix(":1.0")].iloc[0]
            for name in (row["id"], row["id"].removeprefix("sha256:"), f"{box}@{row['digest']}"):
                made = await engine.create_container(on_host(name, "exit 0"))
                assert (await ended(engine, made)).exit_code == 0

    asyncio.run(run())


def test_volumes_are_where_they_are_wanted(
    daemon: RunningDaemon, box: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("ünï côde")
    (directory / "file").write_text("from the host\n")
    spec = ContainerSpec.parse(
        image=box,
        command="sh -c 'cat /host/file; (echo x > /host/new) 2>/dev/null || echo kept; "
        "echo y > /data/y; cat /data/y; echo z > /anonymous/z && cat /anonymous/z'",
        volumes=f"{directory}:/host:ro\nengine-data:/data\n/anonymous",
        network="host",
    )

    async def run() -> list[str]:
        async with Engine(daemon.url) as engine:
            made = await engine.create_container(spec)
            await ended(engine, made)
            return [line async for line in engine.logs(made)]

    # What goes to the other stream may come into the middle of a line of this one.
    lines = asyncio.run(run())
    assert lines == ["from the host", "kept", "y", "z"]
    assert not (directory / "new").exists()


def test_a_container_that_ignores_the_request_is_killed(daemon: RunningDaemon, box: str) -> None:
    """The engine waits longer for the daemon than it waits for the container."""

    async def run() -> tuple[Container, float]:
        async with Engine(daemon.url, timeout_seconds=3) as engine:
            made = await engine.create_container(on_host(box, "trap '' TERM; sleep 60"))
            began = time.monotonic()
            await engine.stop(made, timeout_seconds=3.5)
            seconds = time.monotonic() - began
            await engine.stop(made)  # it does not run: that is what was wanted
            return await engine.container(made), seconds

    found, seconds = asyncio.run(run())
    assert (found.state, found.exit_code) == ("exited", 137)
    assert 3.5 < seconds < 15


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure", "on-failure:2"])
def test_every_restart_policy_is_taken(daemon: RunningDaemon, box: str, policy: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            spec = on_host(box, "sleep 60", restart_policy=policy)
            await engine.create_container(spec, start=False)

    asyncio.run(run())


def test_records_as_daemons_write_them() -> None:
    """Podman leaves an address out; links give a container names below other containers."""
    plain = {"Id": "1", "Names": ["/web"], "Image": "nginx", "State": "created", "Created": 0}
    rich = {
        "Id": "2",
        "Names": ["/web/alias", "/db"],
        "Image": "docker.io/library/postgres:17",
        "Created": 1_700_000_000,
        "Ports": [
            {"PrivatePort": 443, "Type": "tcp"},
            {"PrivatePort": 80, "PublicPort": 8081, "Type": "tcp"},
            {"IP": "::", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
            {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        ],
    }
    nameless = {"Id": "3", "Names": None, "Image": "sha256:" + "a" * 64, "Ports": None}

    frame = containers_frame("here", [plain, rich, nameless])

    assert dtypes(frame) == DTYPES
    assert frame["name"].fillna("-").to_list() == ["web", "db", "-"]
    assert frame["image"].to_list() == ["nginx", "postgres:17", "sha256:" + "a" * 64]
    assert frame["ports"].to_list() == [
        "",
        "[::]:53->53/udp, 0.0.0.0:8081->80/tcp, 127.0.0.1:8080->80/tcp, 443/tcp",
        "",
    ]
    assert frame["created"].to_list()[1] == pd.Timestamp("2023-11-14T22:13:20Z")
    assert frame["state"].isna().to_list() == [False, True, True]

    listed = [Container.from_listing(entry) for entry in (plain, rich, nameless)]
    assert [one.name for one in listed] == ["web", "db", ""]
    assert [one.created for one in listed] == ["1970-01-01T00:00:00Z", "2023-11-14T22:13:20Z", None]
    assert listed[1].ports == (
        Port(53, 53, "udp", "::"),
        Port(80, 8081),
        Port(80, 8080, "tcp", "127.0.0.1"),
    )


def test_a_container_that_never_ran() -> None:
    """Wordings of moby 20.10; ports as they were asked for."""
    found = Container.from_inspection(
        {
            "Id": "1",
            "Name": "/web",
            "Config": {"Image": "nginx", "Env": ["TOKEN=s3cret"]},
            "State": {
                "Status": "created",
                "ExitCode": 127,
                "Error": "no such file",
                "StartedAt": "0001-01-01T00:00:00Z",
                "FinishedAt": "0001-01-01T00:00:00Z",
            },
            "NetworkSettings": {"Ports": {}},
            "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}},
        }
    )
    assert found == Container(
        "1", "web", "nginx", "created", None, None, None, "no such file", (Port(80),)
    )
    assert "s3cret" not in repr(found)
