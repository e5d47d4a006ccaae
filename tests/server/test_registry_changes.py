"""Registries that come and go while others ask, over the agent's routes."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psutil
import pytest

from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.processes import PLAIN
from tests.serving import hanging_server, wait_until


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent of its own, whose registries are its tests' to change."""
    # Of the extra `fast`, connections outlive who was cancelled.
    without = {"GHOSTNB_FAST": "off"}
    registries = {"down": "http://localhost:9"}
    with running_agent(tmp_path_factory.mktemp("a"), registries, environment=without) as running:
        yield running


def connections(agent: RunningAgent, port: int) -> int:
    found = psutil.Process(agent.process.pid).net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr.port == port for one in found)


def test_who_leaves_while_a_deletion_is_worked_out_ends_that(agent: RunningAgent):
    with hanging_server() as hanging:
        agent.ask("POST", "/registries", json={"name": "hanging", "url": hanging.url})
        with (
            pytest.raises(httpx2.ReadTimeout),
            httpx2.Client(verify=PLAIN, trust_env=False) as client,
        ):
            client.delete(
                f"{agent.url}/api/v1/registries/hanging/repositories/a/b/tags/1?dry_run=true",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=httpx2.Timeout(20, read=2),
            )

        assert hanging.requests
        wait_until(lambda: connections(agent, hanging.port) == 0, seconds=10)
        agent.ask("DELETE", "/registries/hanging")


@contextmanager
def nobody_saves(agent: RunningAgent) -> Iterator[None]:
    """Keep the agent waiting wherever it would write its configuration."""
    with (agent.state.parent / ".registries.toml.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def under_way(*asks: Callable[[], httpx2.Response]) -> list[Future[httpx2.Response]]:
    """Begin requests, each a little after the one before."""
    threads = ThreadPoolExecutor(len(asks))
    begun = []
    for ask in asks:
        begun.append(threads.submit(ask))
        time.sleep(0.5)
    threads.shutdown(wait=False)
    return begun


def test_a_registry_that_is_being_saved_is_removed_only_then(agent: RunningAgent):
    body = {"name": "saved", "url": "http://localhost:9"}
    with nobody_saves(agent):
        adding, removing = under_way(
            lambda: agent.ask("POST", "/registries?remember=true", json=body),
            lambda: agent.ask("DELETE", "/registries/saved?forget=true"),
        )

    assert (adding.result().status_code, removing.result().status_code) == (201, 200)
    assert "saved" not in configured(agent)


def test_of_two_who_forget_a_registry_the_second_is_told_that_it_is_gone(agent: RunningAgent):
    body = {"name": "twice", "url": "http://localhost:9"}
    assert agent.ask("POST", "/registries?remember=true", json=body).status_code == 201

    with nobody_saves(agent):
        first, second = under_way(
            lambda: agent.ask("DELETE", "/registries/twice?forget=true"),
            lambda: agent.ask("DELETE", "/registries/twice"),
        )

    assert (first.result().status_code, second.result().status_code) == (200, 404)


def configured(agent: RunningAgent) -> str:
    return (agent.state.parent / "registries.toml").read_text()
