"""Real daemons and registries for the engine's tests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import docker.utils.socket
import pytest

import ghostnb
from ghostnb.engine import Engine
from tests.engine import images
from tests.engine.proxies import PAUSE_SECONDS, Proxy, proxy
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.faults import FaultyServer, faulty_server
from tests.parts.processes import free_port
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.parts.storage import write_storage

_PACKAGE = str(Path(ghostnb.__file__).parent)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("engine-storage")
    write_storage(directory, {**images.REPOSITORIES, "team/box": {"1.0": images.box()}})
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
def target() -> Iterator[RunningRegistry]:
    """Run an anonymous registry that is empty at first."""
    with docker_registry(hostname="localhost") as running:
        yield running


@pytest.fixture(scope="session")
def private_target() -> Iterator[RunningRegistry]:
    """Run another behind basic authentication."""
    with docker_registry(auth=Htpasswd(), hostname="localhost") as running:
        yield running


@pytest.fixture(scope="session")
def slow_target(target: RunningRegistry) -> Iterator[Proxy]:
    """Run a way to it on which a layer of 300 KB goes in a second and a half."""
    with proxy(target.port, asking_pause_seconds=PAUSE_SECONDS) as running:
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
    target: RunningRegistry,
    private_target: RunningRegistry,
    slow: Proxy,
    slow_target: Proxy,
    hostile_host: str,
    unreachable_host: str,
) -> list[str]:
    registries = [origin.host, private.host, target.host, private_target.host]
    return [*registries, slow.host, slow_target.host, hostile_host, unreachable_host]


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="session")
def podman_daemon(
    insecure_hosts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDaemon]:
    with limited_podman(insecure_hosts, tmp_path_factory.mktemp("podman")) as running:
        yield running


@contextlib.contextmanager
def limited_podman(insecure: list[str], directory: Path) -> Iterator[RunningDaemon]:
    """Run a Podman that can run containers on any machine, with networks of its own.

    By itself it raises limits for each, which not every machine lets it.
    """
    settings = directory / "containers.conf"
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]\n'
        f'[network]\nnetwork_config_dir = "{directory}"\n'
    )
    with contextlib.ExitStack() as running:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CONTAINERS_CONF", str(settings))
            daemon = running.enter_context(podman(insecure=insecure))
        yield daemon


@pytest.fixture(params=["docker", "podman"])
def daemon(request: pytest.FixtureRequest) -> RunningDaemon:
    """Give each of the two in turn; they are shared, so tests pull images of their own."""
    return request.getfixturevalue(f"{request.param}_daemon")


@pytest.fixture
def pushed(daemon: RunningDaemon, origin: RunningRegistry) -> str:
    """Give the name of an image that the daemon has."""
    name = f"{origin.host}/team/pushed:1.0"
    asyncio.run(_pull(daemon, name))
    return name


@pytest.fixture
def box(daemon: RunningDaemon, origin: RunningRegistry) -> Iterator[str]:
    """Give the name of an image that runs, and remove what was made of it."""
    name = f"{origin.host}/team/box:1.0"
    asyncio.run(_pull(daemon, name))
    yield name
    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        for container in client.containers(all=True):
            _remove(client, container["Id"])


def _remove(client: docker.APIClient, container: str) -> None:
    """Remove it; Podman refuses while one is just ending by itself."""
    for _ in range(50):
        try:
            return client.remove_container(container, force=True, v=True)
        except docker.errors.APIError as error:
            refusal = error
            time.sleep(0.1)
    raise refusal


async def _pull(daemon: RunningDaemon, name: str) -> None:
    async with Engine(daemon.url) as engine:
        async for _ in engine.pull(name):
            pass


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail every test that leaves a worker thread behind."""
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "ghostnb-engine"]
    assert left == []


@pytest.fixture(autouse=True)
def loops_are_not_blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail every test in which a loop's own thread waits for an answer of the daemon."""
    blocked: list[str] = []
    for owner, name in (
        (http.client.HTTPConnection, "send"),
        (socket.SocketIO, "readinto"),
        (docker.utils.socket, "read"),
    ):
        watched = _watched(getattr(owner, name), blocked)
        monkeypatch.setattr(owner, name, watched)
    yield
    assert blocked == []


def _watched(function: Callable[..., Any], blocked: list[str]) -> Callable[..., Any]:
    """Wrap it to note when ghostnb calls it on a thread where a loop runs."""

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if asyncio._get_running_loop() is not None:
            callers = traceback.extract_stack()
            if any(caller.filename.startswith(_PACKAGE) for caller in callers):
                blocked.append("".join(traceback.format_list(callers[-12:])))
        return function(*args, **kwargs)

    return watched
