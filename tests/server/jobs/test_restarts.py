"""An agent that ends while a job runs, whichever way, and what it knows when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import images
from tests.engine.proxies import proxy
from tests.parts.agent import RunningAgent, running_agent
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage
from tests.serving import wait_until


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run one with images, a way to it on which they take half a minute, and one for copies."""
    write_storage(tmp_path / "storage", {"team/app": images.REPOSITORIES["team/app"]})
    with (
        docker_registry(storage_dir=tmp_path / "storage") as origin,
        docker_registry() as target,
        proxy(origin.port, pause_seconds=0.5) as slow,
    ):
        yield {"origin": origin.url, "target": target.url, "slow": f"http://{slow.host}"}


def copy(agent: RunningAgent, source: str, tag: str) -> str:
    body = {"source": source, "target": "target", "repository": "team/app", "tag": tag}
    return agent.ask("POST", "/images/copy", json=body).json()["job"]["id"]


def job(agent: RunningAgent, name: str) -> dict:
    return agent.ask("GET", f"/jobs/{name}").json()["job"]


def kill(agent: RunningAgent) -> None:
    agent.process.kill()
    agent.process.wait()


def break_off(agent: RunningAgent, tag: str, end: Callable[[RunningAgent], None]) -> str:
    """End an agent while it copies."""
    broken = copy(agent, "slow", tag)
    wait_until(lambda: job(agent, broken)["progress"]["current"] > 0, seconds=20)
    end(agent)
    return broken


def test_jobs_that_were_broken_off_say_so_and_those_that_ended_are_still_there(
    registries: dict[str, str], tmp_path: Path
):
    with running_agent(tmp_path, registries) as agent:
        finished = copy(agent, "origin", "1.0")
        wait_until(lambda: job(agent, finished)["state"] == "done", seconds=20)
        known = [job(agent, finished)]
        killed = break_off(agent, "2.0", kill)

    with running_agent(tmp_path, registries) as agent:
        known.insert(0, interrupted(agent, killed))
        assert agent.ask("GET", "/jobs").json()["jobs"] == known
        assert agent.ask("DELETE", f"/jobs/{killed}").json()["code"] == "ended"
        stopped = break_off(agent, "2.0", RunningAgent.stop)

    with running_agent(tmp_path, registries) as agent:
        known.insert(0, interrupted(agent, stopped))
        assert agent.ask("GET", "/jobs").json()["jobs"] == known


def interrupted(agent: RunningAgent, name: str) -> dict:
    found = job(agent, name)
    assert found["state"] == "interrupted"
    assert "begin it again" in found["message"]
    assert found["created"] <= found["started"] <= found["ended"]
    return found
