"""The dashboard over an agent: its registries, and neither their credentials nor its token."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.dashboard.running import running_dashboard
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.drift import RunningDrift


@pytest.fixture(scope="module")
def agent(
    demo_drift: RunningDrift, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    directory = tmp_path_factory.mktemp("agent")
    with running_agent(directory, {"by-agent": demo_drift.url}) as running:
        yield running


def test_the_agents_registries_are_browsed(agent: RunningAgent, page, tmp_path: Path):
    variables = {"GHOSTNB_AGENT_TOKEN": TOKEN, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    by_agent = f"--agent={agent.url}"
    with running_dashboard(tmp_path, None, by_agent, environment=variables) as dashboard:
        page.goto(dashboard.link)
        page.get_by_role("grid", name="Registries").get_by_text("by-agent", exact=True).click()
        repositories = page.get_by_role("grid", name="Repositories")
        repositories.get_by_text("team/shop/api").click()
        page.get_by_role("grid", name="Tags").get_by_text("1.3", exact=True).wait_for()

        assert TOKEN not in page.content() + dashboard.log.read_text()
        for process in dashboard.family():
            assert TOKEN not in " ".join(process.cmdline())
        knowing = {one.pid for one in dashboard.family() if knows_token(one)}
        assert dashboard.kernels() <= knowing
        page.goto("about:blank")


def knows_token(process: psutil.Process) -> bool:
    return process.environ().get("GHOSTNB_AGENT_TOKEN") == TOKEN


def command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    words = ("dashboard", "--no-browser", "--port=0", *words)
    return subprocess.run(
        [sys.executable, "-m", "ghostnb", *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_is_wrong_with_the_agent_is_said_at_once(agent: RunningAgent):
    without = command(f"--agent={agent.url}")
    wrong = command(f"--agent={agent.url}", GHOSTNB_AGENT_TOKEN="not-this-one")
    nobody = command("--agent=http://localhost:9", GHOSTNB_AGENT_TOKEN=TOKEN)

    assert [one.returncode for one in (without, wrong, nobody)] == [1, 1, 1]
    assert "GHOSTNB_AGENT_TOKEN, which is not set" in without.stderr
    assert "Give the agent's token" in wrong.stderr
    assert "Start it with: ghostnb agent" in nobody.stderr
    assert "not-this-one" not in wrong.stderr + wrong.stdout


def test_an_agent_and_a_file_are_not_both_shown():
    both = command("--agent=http://localhost:9", "--config=x.toml")

    assert both.returncode == 2
    assert "not allowed with" in both.stderr
