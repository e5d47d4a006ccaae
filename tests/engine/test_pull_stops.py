"""Pulls that somebody or something breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial

import docker
import pytest

from ghostnb.engine import Engine
from ghostnb.errors import EngineError, EngineUnreachableError
from ghostnb.progress import Progress
from tests.engine.proxies import Proxy
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.faults import faulty_server
from tests.parts.replies import Reply, reply

VERSION = {"Version": "1", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ghostnb-engine"]


def wait_for_workers() -> None:
    for thread in workers():
        thread.join(5)


def has_image(daemon: RunningDaemon, reference: str) -> bool:
    client = docker.APIClient(base_url=daemon.url, version="1.41")
    with contextlib.closing(client):
        try:
            client.inspect_image(reference)
        except docker.errors.ImageNotFound:
            return False
        return True


def is_under_way(step: Progress) -> bool:
    return step.item != "" and not step.done


Start = Callable[[], AsyncGenerator[Progress, None]]
Predicate = Callable[[Progress], bool]


async def stop_by_break(start: Start, is_time: Predicate) -> None:
    async for step in start():
        if is_time(step):
            break
    # the loop closes the iterator in a task of its own, for which nobody waits
    await asyncio.to_thread(wait_for_workers)


async def stop_by_close(start: Start, is_time: Predicate) -> None:
    steps = start()
    while not is_time(await anext(steps)):
        pass
    await steps.aclose()
    assert workers() == []


async def stop_by_task(start: Start, is_time: Predicate) -> None:
    began = asyncio.Event()

    async def go_on() -> None:
        async for step in start():
            if is_time(step):
                began.set()

    task = asyncio.create_task(go_on())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workers() == []


STOPS = {"break": stop_by_break, "close": stop_by_close, "task": stop_by_task}


def test_cancelled(daemon: RunningDaemon, slow: Proxy) -> None:
    names = {tag: f"{slow.host}/team/cancelled:{tag}" for tag in STOPS}

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            for tag, stop in STOPS.items():
                async with asyncio.timeout(3):
                    await stop(partial(engine.pull, names[tag]), is_under_way)

    asyncio.run(run())
    # longer than what was left of the last pull would have taken
    time.sleep(2)
    assert {name: has_image(daemon, name) for name in names.values()} == dict.fromkeys(
        names.values(), False
    )


@pytest.fixture
def silent_host() -> Iterator[str]:
    """Run a registry that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


def test_cancelled_before_the_daemon_says_anything(daemon: RunningDaemon, silent_host: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            await engine.ping()
            async with asyncio.timeout(0.5):
                await anext(engine.pull(f"{silent_host}/team/app"))

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("product", ["docker", "podman"])
def test_the_daemon_dies(product: str, slow: Proxy) -> None:
    async def run(daemon: RunningDaemon) -> None:
        async with Engine(daemon.url) as engine:
            async for step in engine.pull(f"{slow.host}/team/killed:1.0"):
                if is_under_way(step):
                    daemon.kill()
                    break_at.append(time.monotonic())

    break_at: list[float] = []
    lost = pytest.raises(EngineUnreachableError, match="was lost while it should pull")
    start = dockerd() if product == "docker" else podman(insecure=[slow.host])
    with start as daemon, lost:
        asyncio.run(run(daemon))
    assert time.monotonic() - break_at[0] < 5


def test_a_reader_that_takes_its_time_misses_nothing() -> None:
    lines = [f'{{"status":"Waiting","progressDetail":{{}},"id":"{n:012}"}}' for n in range(1000)]
    lines.append('{"status":"Status: Downloaded newer image"}')

    async def run(host: str) -> list[str]:
        seen = []
        async for step in Engine(f"tcp://{host}").pull("app"):
            seen.append(step.item)
            await asyncio.sleep(0.02 if len(seen) == 100 else 0)
        return seen

    with stream_server(lines) as host:
        assert asyncio.run(run(host)) == [*(f"{n:012}" for n in range(1000)), ""]


def test_a_loop_that_is_closed_on_a_pull_lets_the_thread_go() -> None:
    lines = [f'{{"status":"Waiting","progressDetail":{{}},"id":"{n:012}"}}' for n in range(1000)]
    with stream_server(lines) as host:
        steps = Engine(f"tcp://{host}").pull("app")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(anext(steps))
        time.sleep(0.5)
        assert len(workers()) == 1  # it waits: only 64 lines may lie unread
        loop.close()
        deadline = time.monotonic() + 5
        while workers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert workers() == []


def test_a_stream_that_just_ends_is_no_success() -> None:
    """No daemon here does it when asked; Podman 4.3 may when it is stopped."""
    lines = ['{"status":"Download complete","progressDetail":{},"id":"0123456789ab"}']

    async def run(host: str) -> None:
        async for _ in Engine(f"tcp://{host}").pull("app"):
            pass

    doubtful = pytest.raises(EngineError, match="without saying that it succeeded")
    with stream_server(lines) as host, doubtful:
        asyncio.run(run(host))


@contextlib.contextmanager
def stream_server(lines: list[str], *, delay_seconds: float = 0) -> Iterator[str]:
    """Serve the API as far as pulls and pushes need it: another image has that name."""
    body = "\r\n".join(lines).encode() + b"\r\n"
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    routes = {
        "/version": reply(200, json=VERSION),
        ("POST", "/v1.41/images/*"): Reply(verbatim=head + chunked, delay_seconds=delay_seconds),
        "/v1.41/images/*": reply(200, json={"Id": "sha256:" + "f" * 64}),
    }
    with faulty_server(routes) as server:
        yield server.host
