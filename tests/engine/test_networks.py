"""Networks that containers join, and what daemons take for their names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import docker
import pytest

from ghostnb.engine import ContainerSpec, ContainerStats, Engine
from ghostnb.errors import EngineError, InvalidContainerError
from tests.parts.daemons import RunningDaemon

NETWORKS = ("one", "two", "three")
# Calls at a door of its gateway that nobody opens, so that something is sent and comes back.
KNOCK = (
    "gateway=$(busybox ip route | busybox awk '/^default/ {print $3; exit}'); "
    "while :; do busybox nc -w 1 $gateway 9; sleep 0.1; done"
)


@pytest.fixture
def networks(daemon: RunningDaemon) -> Iterator[tuple[str, ...]]:
    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        made = [client.create_network(name)["Id"] for name in NETWORKS]
        yield NETWORKS
        for network in made:
            client.remove_network(network)


def test_networks_are_joined_and_counted(
    daemon: RunningDaemon, networks: tuple[str, ...], box: str
) -> None:
    spec = ContainerSpec(
        box, command=("sh", "-c", KNOCK), network=networks[0], further_networks=networks[1:]
    )

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            made = await engine.create_container(spec)
            assert (await engine.container(made)).networks == ("one", "three", "two")
            (listed,) = await engine.list_containers()
            assert listed.networks == ("one", "three", "two")
            async with asyncio.timeout(30):
                while not is_counted(await engine.stats(made)):  # noqa: ASYNC110 (by a daemon)
                    await asyncio.sleep(0.1)

    asyncio.run(run())


def is_counted(stats: ContainerStats) -> bool:
    return stats.network_received_bytes > 0 and stats.network_sent_bytes > 0


def test_a_network_is_known_by_its_name_and_by_its_id(
    daemon: RunningDaemon, networks: tuple[str, ...]
) -> None:
    async def run() -> list[str]:
        async with Engine(daemon.url) as engine:
            with contextlib.closing(docker.APIClient(base_url=daemon.url)) as client:
                (found,) = client.networks(names=["two"])
            names = ("one", found["Id"], found["Id"][:12])
            drivers = [await engine.network_driver(name) for name in names]
            with pytest.raises(EngineError) as caught:
                await engine.network_driver("nowhere")
            assert caught.value.status == 404
            for name in ("../images", "container:one", "a b"):
                with pytest.raises(InvalidContainerError):
                    await engine.network_driver(name)
            return drivers

    assert asyncio.run(run()) == ["bridge"] * 3


def test_what_cannot_join_a_network_is_not_left_behind(
    daemon: RunningDaemon, networks: tuple[str, ...], box: str
) -> None:
    spec = ContainerSpec(
        box, command=("sleep", "60"), network="one", further_networks=("two", "nowhere")
    )

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            with pytest.raises(EngineError) as caught:
                await engine.create_container(spec)
            assert caught.value.status == 404
            assert await engine.list_containers() == []

    asyncio.run(run())
