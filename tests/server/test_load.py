"""Many clients at once: nothing fails, nothing piles up, and who leaves is let go of."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ghostnb import audit_frame
from tests.benchmarks.agent import PULLED, load
from tests.engine import images
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage
from tests.serving import wait_until

CLIENTS, SECONDS = 100, 5
GROWTH_BYTES = 150 * 2**20


@pytest.fixture(scope="module")
def busy_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent over a real registry and a real daemon."""
    directory: Path = tmp_path_factory.mktemp("busy")
    write_storage(directory / "storage", images.REPOSITORIES)
    with (
        docker_registry(storage_dir=directory / "storage", hostname="localhost") as registry,
        dockerd() as daemon,
        running_agent(
            directory / "agent", {"local": registry.url}, "--daemon", daemon.url
        ) as agent,
    ):
        yield agent


def test_many_clients_read_and_pull_at_once(busy_agent: RunningAgent):
    process = psutil.Process(busy_agent.process.pid)
    before = process.memory_info().rss

    seen, _ = asyncio.run(load(f"{busy_agent.url}/api/v1", CLIENTS, SECONDS))

    frame = audit_frame(busy_agent.audit_file)
    begun, ended = frame[frame["action"] == "images.pull"], frame[frame["action"] == "pull.end"]
    assert set(seen) == {200}
    assert process.memory_info().rss - before < GROWTH_BYTES
    assert set(begun["outcome"]) == set(ended["outcome"]) == {"success"}
    assert set(begun["job"]) == set(ended["job"])
    assert {f"{r}:{t}" for r, t in zip(ended["repository"], ended["tag"], strict=True)} <= {*PULLED}


def open_streams(agent: RunningAgent, count: int) -> list[socket.socket]:
    """Listen to events without ever reading them."""
    host, port = agent.url.removeprefix("http://").split(":")
    request = (
        f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nAccept: text/event-stream\r\n\r\n"
    )
    connections = [socket.create_connection((host, int(port))) for _ in range(count)]
    for connection in connections:
        connection.sendall(request.encode())
        assert connection.recv(1)
    return connections


def test_who_listens_and_leaves_is_let_go_of(busy_agent: RunningAgent):
    process = psutil.Process(busy_agent.process.pid)
    before = len(process.net_connections("tcp"))

    for connection in open_streams(busy_agent, 50):
        connection.close()

    wait_until(lambda: len(process.net_connections("tcp")) <= before + 2, seconds=30)
    assert busy_agent.ask("GET", "/health").json()["status"] == "ok"


def test_a_body_that_does_not_come_keeps_nobody_waiting(busy_agent: RunningAgent):
    host, port = busy_agent.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(
            f"POST /api/v1/registries HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        assert busy_agent.ask("GET", "/registries").status_code == 200


@pytest.mark.parametrize("length", ["2000000", "99999999999"])
def test_a_body_that_is_too_large_is_refused_before_it_comes(busy_agent: RunningAgent, length: str):
    host, port = busy_agent.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sending:
        sending.sendall(
            f"POST /api/v1/registries HTTP/1.1\r\nHost: {host}:{port}\r\nExpect: 100-continue\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        sending.settimeout(20)
        assert sending.recv(20).startswith(b"HTTP/1.1 413")
