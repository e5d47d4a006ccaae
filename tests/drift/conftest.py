"""Drifts over everything that can be served, for the tests of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from ghostnb.registries.memory import MemoryRegistry
from tests.drift.calling import Caller
from tests.drift.forking import forked_drift
from tests.parts.drift import running_drift

_numbers = count()


@pytest.fixture(scope="session", params=["layout", "memory"])
def drift_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Run ``ghostnb drift``, and one that keeps its content in memory; tests share them."""
    if request.param == "layout":
        with running_drift(tmp_path_factory.mktemp("drift") / "root") as running:
            yield running.url
    else:
        with forked_drift(MemoryRegistry) as forked:
            yield forked.url


@pytest.fixture
def call(drift_url: str) -> Iterator[Caller]:
    """Open a connection to it."""
    with Caller(drift_url) as caller:
        yield caller


@pytest.fixture
def repository() -> str:
    """Name a repository that no other test uses."""
    return f"conformance/number-{next(_numbers)}"
