"""The description, held against the routes: whatever is sent, they answer as it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ghostnb.server.openapi import description
from ghostnb.server.routes import ROUTES
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.images import plain_image
from tests.parts.pushes import write_layout

SCHEMA = schemathesis.openapi.from_dict(description(ROUTES, ""))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
# What is there, so that not everything ends with "not found".
KNOWN = {
    "registry": "local",
    "repository": "team/app",
    "tag": "1.0",
    "source": "local",
    "target": "copies",
}
# A schema cannot say what an image's name may be: that is refused, and rightly.
TOO_STRICT = [positive_data_acceptance]
EXAMPLES = 20


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent of directories and a daemon of its own: whatever is sent may be done."""
    directory = tmp_path_factory.mktemp("described")
    images = {f"team/app:1.{n}": plain_image(f"app {n}") for n in range(3)}
    registries = {
        "local": f"oci:{write_layout(directory / 'layout', images)}",
        "copies": f"oci:{directory / 'copies'}",
    }
    with dockerd() as daemon, running_agent(directory, registries, "--daemon", daemon.url) as agent:
        yield agent


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_whatever_is_sent_is_answered_as_described(agent: RunningAgent, operation: Any):
    seen: Counter[int] = Counter()
    cases = st.one_of(
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @given(case=cases, is_known=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any, is_known: bool) -> None:
        if is_known:
            name_what_is_there(case)
        answer = case.call(
            base_url=f"{agent.url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        seen[answer.status_code] += 1
        case.validate_response(answer, excluded_checks=TOO_STRICT)

    check()
    assert seen
    assert all(status < 500 for status in seen), seen


def name_what_is_there(case: Any) -> None:
    parts = case.path_parameters or {}
    parts.update({name: value for name, value in KNOWN.items() if name in parts})
    if isinstance(case.body, dict):
        case.body.update({name: KNOWN[name] for name in KNOWN if name in case.body})


def test_every_route_is_described():
    described = set(description(ROUTES, "")["paths"])

    assert described == {path for path, _ in ROUTES}


def test_the_description_says_where_it_stands(agent: RunningAgent):
    answer = agent.ask("GET", "/openapi.json").json()

    assert answer["servers"] == [{"url": "/api/v1"}]
    assert answer["openapi"].startswith("3.1")


def test_every_operation_says_who_asks_and_what_fails():
    for methods in description(ROUTES, "")["paths"].values():
        for operation in methods.values():
            assert "401" in operation["responses"]
            assert "403" in operation["responses"] or operation["security"] == []
            assert operation["summary"]
