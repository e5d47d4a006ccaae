"""Pushes that somebody or something breaks off."""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial

import pytest

from ghostnb.engine import Engine
from ghostnb.errors import EngineError, EngineUnreachableError
from ghostnb.progress import Progress
from tests.engine.proxies import Proxy
from tests.engine.test_pull_stops import STOPS, is_under_way, stream_server
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.pushes import RefusedError, skopeo_manifest
from tests.parts.registries import RunningRegistry


def began(step: Progress) -> bool:
    """Tell that the daemon is at it, which is all that Podman says."""
    return not step.done


def test_cancelled(
    daemon: RunningDaemon, pushed: str, slow_target: Proxy, target: RunningRegistry
) -> None:
    repositories = [f"team/{stop}-{daemon.product}" for stop in STOPS]
    is_time = is_under_way if daemon.product == "docker" else began

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            for repository, stop in zip(repositories, STOPS.values(), strict=True):
                name = f"{slow_target.host}/{repository}:1.0"
                await engine.tag(pushed, name)
                async with asyncio.timeout(3):
                    await stop(partial(engine.push, name), is_time)

    asyncio.run(run())
    # longer than what was left of the last push would have taken
    time.sleep(3)
    for repository in repositories:
        with pytest.raises(RefusedError, match=r"(?:name|manifest) unknown"):
            skopeo_manifest(target.host, f"{repository}:1.0")


def test_cancelled_before_the_registry_says_anything(daemon: RunningDaemon, pushed: str) -> None:
    async def run(host: str) -> None:
        async with Engine(daemon.url) as engine:
            await engine.tag(pushed, f"{host}/team/app")
            async with asyncio.timeout(0.5):
                async for _ in engine.push(f"{host}/team/app"):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(run(f"localhost:{listener.getsockname()[1]}"))
        assert time.monotonic() - start < 20


@pytest.mark.parametrize("product", ["docker", "podman"])
def test_the_daemon_dies(product: str, origin: RunningRegistry, slow_target: Proxy) -> None:
    image, name = f"{origin.host}/team/pushed:1.0", f"{slow_target.host}/team/killed:1.0"

    async def run(daemon: RunningDaemon) -> None:
        async with Engine(daemon.url) as engine:
            async for _ in engine.pull(image):
                pass
            await engine.tag(image, name)
            async for step in engine.push(name):
                if not killed_at and (is_under_way(step) or product == "podman"):
                    daemon.kill()
                    killed_at.append(time.monotonic())

    killed_at: list[float] = []
    lost = pytest.raises(EngineUnreachableError, match="was lost while it should push")
    insecure = [origin.host, slow_target.host]
    start = dockerd() if product == "docker" else podman(insecure=insecure)
    with start as daemon, lost:
        asyncio.run(run(daemon))
    assert time.monotonic() - killed_at[0] < 5


def test_a_stream_that_just_ends_is_no_success() -> None:
    """No daemon here does it when asked; one that is stopped may."""
    lines = ['{"status":"Pushed","progressDetail":{},"id":"0123456789ab"}']

    async def run(host: str) -> None:
        async for _ in Engine(f"tcp://{host}").push("app"):
            pass

    doubtful = pytest.raises(EngineError, match="stopped pushing app:latest without saying")
    with stream_server(lines) as host, doubtful:
        asyncio.run(run(host))


def test_an_answer_may_take_longer_than_others() -> None:
    """The limit of time is for what is answered at once."""
    with stream_server(['{"status":"1: digest: sha256:aa size: 7"}'], delay_seconds=1) as host:
        engine = Engine(f"tcp://{host}", timeout_seconds=0.5)

        async def run() -> list[Progress]:
            return [step async for step in engine.push("app")]

        assert [step.done for step in asyncio.run(run())] == [True]
