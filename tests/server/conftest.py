"""An agent over the standard registry, for the tests of its routes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.agent import RunningAgent, running_agent
from tests.parts.registries import RunningRegistry


@pytest.fixture(scope="session")
def agent(
    registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    """Run an agent with the shared registry, one that is down, and no daemon."""
    registries = {"local": registry.url, "down": "http://localhost:9"}
    no_daemon = ("--daemon", "unix:///nowhere/docker.sock")
    with running_agent(tmp_path_factory.mktemp("agent"), registries, *no_daemon) as running:
        yield running
