"""Vendors' services, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.docker_hub.replay import DockerHubReplay


@pytest.fixture
def hub() -> DockerHubReplay:
    return DockerHubReplay()
