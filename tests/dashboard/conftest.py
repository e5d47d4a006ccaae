"""The dashboard, served by the command, on the sample registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.dashboard.running import RunningDashboard, running_dashboard, write_config

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.parts.browsers import Watch
    from tests.parts.drift import RunningDrift


@pytest.fixture(scope="session")
def dashboard(
    tmp_path_factory: pytest.TempPathFactory, demo_drift: RunningDrift
) -> Iterator[RunningDashboard]:
    """Serve the dashboard on it, for all tests that change nothing there."""
    folder = tmp_path_factory.mktemp("dashboard")
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    config = write_config(folder, local_drift=demo_drift.url)
    with running_dashboard(folder, config, environment=nowhere) as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fail the test if a page complains, or asks another machine for something."""
    from tests.parts.browsers import Watch

    watch = Watch()
    yield watch
    assert watch.errors == []
    assert watch.foreign == []


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """Give a page in a browser session of its own."""
    from tests.parts.browsers import session

    with session(browser, watch) as page:
        yield page
