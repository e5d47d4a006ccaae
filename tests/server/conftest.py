"""An agent over the standard registry, for the tests of its routes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.agent import RunningAgent, running_agent
from tests.parts.registries import RunningRegistry
from tests.server.working import Working, working_agent


@pytest.fixture(scope="session")
def agent(
    registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    """Run an agent with the shared registry, one that is down, and no daemon."""
    registries = {"local": registry.url, "down": "http://localhost:9"}
    no_daemon = ("--daemon", "unix:///nowhere/docker.sock")
    with running_agent(tmp_path_factory.mktemp("agent"), registries, *no_daemon) as running:
        yield running


@pytest.fixture(scope="session")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Working]:
    """Run an agent with registries, a real daemon and users; tests use names of their own."""
    with working_agent(tmp_path_factory.mktemp("working")) as running:
        yield running
