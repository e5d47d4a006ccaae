"""Real daemons and registries for the engine's tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import images
from tests.engine.proxies import PAUSE_SECONDS, Proxy, proxy
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.faults import FaultyServer, faulty_server
from tests.parts.processes import free_port
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.parts.storage import write_storage


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("engine-storage")
    write_storage(directory, images.REPOSITORIES)
    return directory


@pytest.fixture(scope="session")
def origin(storage: Path) -> Iterator[RunningRegistry]:
    """Run an anonymous registry with `tests.engine.images`."""
    with docker_registry(storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="session")
def private(storage: Path) -> Iterator[RunningRegistry]:
    """Run the same behind basic authentication."""
    with docker_registry(auth=Htpasswd(), storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="session")
def slow(origin: RunningRegistry) -> Iterator[Proxy]:
    """Run a way to the anonymous registry on which 400 KB take two seconds."""
    with proxy(origin.port, pause_seconds=PAUSE_SECONDS) as running:
        yield running


@pytest.fixture(scope="session")
def hostile() -> Iterator[FaultyServer]:
    """Run a registry that answers as told; daemons find it at `hostile_host`."""
    with faulty_server() as server:
        yield server


@pytest.fixture(scope="session")
def hostile_host(hostile: FaultyServer) -> Iterator[str]:
    """Give the way to it on which TLS is refused, or daemons would try it for ten seconds."""
    with proxy(hostile.port) as running:
        yield running.host


@pytest.fixture(scope="session")
def unreachable_host() -> str:
    return f"localhost:{free_port()}"


@pytest.fixture(scope="session")
def insecure_hosts(
    origin: RunningRegistry,
    private: RunningRegistry,
    slow: Proxy,
    hostile_host: str,
    unreachable_host: str,
) -> list[str]:
    return [origin.host, private.host, slow.host, hostile_host, unreachable_host]


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="session")
def podman_daemon(insecure_hosts: list[str]) -> Iterator[RunningDaemon]:
    with podman(insecure=insecure_hosts) as running:
        yield running


@pytest.fixture(params=["docker", "podman"])
def daemon(request: pytest.FixtureRequest) -> RunningDaemon:
    """Give each of the two in turn; they are shared, so tests pull images of their own."""
    return request.getfixturevalue(f"{request.param}_daemon")


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail every test that leaves a worker thread behind."""
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "ghostnb-engine"]
    assert left == []


@pytest.fixture(autouse=True)
def loops_are_not_blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run every loop in debug mode, which times each step, and fail on a slow one."""
    slow_steps: list[str] = []
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    logger = asyncio.log.logger
    monkeypatch.setattr(logger, "warning", lambda text, *args: slow_steps.append(text % args))
    yield
    assert [step for step in slow_steps if _seconds(step) > 0.5] == []


def _seconds(step: str) -> float:
    """Read "Executing <Handle …> took 0.123 seconds"."""
    words = step.split()
    return float(words[-2]) if words[:1] == ["Executing"] else 0.0
