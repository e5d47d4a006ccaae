"""Registries that come and go while others ask, over the agent's routes."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import psutil
import pytest

from tests.parts.agent import TOKEN, RunningAgent, running_agent
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
        with pytest.raises(httpx2.ReadTimeout), httpx2.Client(trust_env=False) as client:
            client.delete(
                f"{agent.url}/api/v1/registries/hanging/repositories/a/b/tags/1?dry_run=true",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=httpx2.Timeout(20, read=2),
            )

        assert hanging.requests
        wait_until(lambda: connections(agent, hanging.port) == 0, seconds=10)
        agent.ask("DELETE", "/registries/hanging")
