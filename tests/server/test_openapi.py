"""The description, held against the routes: whatever is sent, they answer as it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ghostnb.server.openapi import description
from ghostnb.server.routes import ROUTES
from tests.engine import images
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.images import plain_image
from tests.parts.pushes import write_layout
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage
from tests.registries.vendors.served import served
from tests.registries.vendors.zot.replay import HOST, ZotReplay

SCHEMA = schemathesis.openapi.from_dict(description(ROUTES, ""))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
# What is there, so that not everything ends with "not found"; `known` adds ids.
KNOWN = {
    "registry": "local",
    "repository": "team/app",
    "tag": "1.0",
    "source": "local",
    "target": "copies",
}
# What is deleted, in place of what the others need: made anew before each request for it.
SPARE = {
    "DELETE /registries/{registry}": {"registry": "spare"},
    "DELETE /registries/{registry}/repositories/{repository}/tags/{tag}": {"tag": "spare"},
    "DELETE /containers/{container}": {"container": "spare"},
}
# What another one is needed for.
OTHER = {"GET /registries/{registry}/usage": {"registry": "counted"}}
# What is well said, where the schema cannot know it.
WELL_SAID: dict[str, dict[str, Any]] = {
    "POST /registries": {"name": "more", "url": "http://localhost:1"},
    "GET /images/search": {"q": "app"},
    "POST /images/search": {"query": "app"},
    "POST /images/pull": {"registry": "origin", "repository": "team/box", "tag": "1.0"},
    "POST /images/push": {"registry": "copies", "repository": "pushed"},
    "POST /images/copy": {"source": "local", "target": "copies", "repository": "team/app"},
    "POST /images/sync": {"source": "local", "target": "copies"},
    "POST /containers": {"name": "made", "command": "sleep 2", "networks": ["none"]},
    # Of a registry that is not there nothing is ever sent.
    "POST /subscriptions": {"url": "https://hooks.example/", "registries": ["none"]},
}
# The one job that is known has ended, and webhooks have a secret that is not set here.
NEVER_DONE = {"DELETE /jobs/{job}", "POST /webhooks/{source}"}
# A schema cannot say what an image's name may be: that is refused, and rightly.
TOO_STRICT = [positive_data_acceptance]
EXAMPLES = 20


@dataclass(frozen=True)
class Described:
    """An agent, and the names of what it has."""

    agent: RunningAgent
    known: Mapping[str, str]

    def call(self, case: Any) -> int:
        """Send a request, hold the answer against the description, and give its status."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = case.call(base_url=f"{self.agent.url}/api/v1", headers=headers)
        case.validate_response(answer, excluded_checks=TOO_STRICT)
        return answer.status_code

    def names(self, label: str) -> dict[str, str]:
        """Give the names of what is there for an operation; see to it that it is."""
        if label in PREPARED:
            PREPARED[label](self)
        return {**self.known, **SPARE.get(label, {}), **OTHER.get(label, {})}

    def add_spare_registry(self) -> None:
        self.agent.ask("POST", "/registries", json={"name": "spare", "url": "http://localhost:1"})

    def add_spare_tag(self) -> None:
        base = "/registries/local/v2/team/app/manifests"
        found = self.agent.ask("GET", f"{base}/1.0")
        kind = {"Content-Type": found.headers["content-type"]}
        put = self.agent.ask("PUT", f"{base}/spare", content=found.content, headers=kind)
        assert put.status_code == 201, put.text

    def add_spare_container(self) -> None:
        body = {**WELL_SAID["POST /containers"], "image": self.known["image"], "name": "spare"}
        self.agent.ask("POST", "/containers", json={**body, "start": False})

    def start(self) -> None:
        self.agent.ask("POST", f"/containers/{self.known['container']}/start")

    def stop(self) -> None:
        self.agent.ask("POST", f"/containers/{self.known['container']}/stop?timeout_seconds=0")


PREPARED: dict[str, Callable[[Described], None]] = {
    "DELETE /registries/{registry}": Described.add_spare_registry,
    "DELETE /registries/{registry}/repositories/{repository}/tags/{tag}": Described.add_spare_tag,
    "DELETE /containers/{container}": Described.add_spare_container,
    "POST /containers/{container}/start": Described.stop,
    "GET /containers/{container}/stats": Described.start,
}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    """Run an agent of directories and a daemon of its own: whatever is sent may be done."""
    directory = tmp_path_factory.mktemp("described")
    held = {f"team/app:1.{n}": plain_image(f"app {n}") for n in range(3)}
    write_storage(directory / "storage", {"team/box": {"1.0": images.box()}})
    with (
        docker_registry(storage_dir=directory / "storage", hostname="localhost") as origin,
        dockerd() as daemon,
        served(ZotReplay(), HOST) as counted,
    ):
        registries = {
            "local": f"oci:{write_layout(directory / 'layout', held)}",
            "copies": f"oci:{directory / 'copies'}",
            "origin": origin.url,
            "counted": counted.url,
        }
        with running_agent(directory, registries, "--daemon", daemon.url) as agent:
            yield Described(agent, {**KNOWN, **known(agent, f"{origin.host}/team/box:1.0")})


def known(agent: RunningAgent, image: str) -> dict[str, str]:
    """Have an image, a container that soon ends, a job and a subscription."""
    pulled = agent.ask("POST", "/images/pull", json=WELL_SAID["POST /images/pull"])
    assert pulled.status_code == 200, pulled.text
    body = {**WELL_SAID["POST /containers"], "image": image, "name": "known"}
    made = agent.ask("POST", "/containers", json=body).json()["container"]["id"]
    (job,) = agent.ask("GET", "/jobs").json()["jobs"]
    hooked = agent.ask("POST", "/subscriptions", json=WELL_SAID["POST /subscriptions"]).json()
    return {"image": image, "container": made, "job": job["id"], "subscription": hooked["id"]}


@pytest.fixture(scope="module")
def agent(described: Described) -> RunningAgent:
    return described.agent


each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}"
)


@each_operation
def test_what_is_well_said_of_what_is_there_is_done(described: Described, operation: Any):
    label = operation.label
    names, said = described.names(label), WELL_SAID.get(label, {})
    case = operation.Case(
        path_parameters={name: names[name] for name in names if f"{{{name}}}" in operation.path}
    )
    if label in {"POST /images/push", "POST /containers"}:
        said = {"image": names["image"], **said}
    if case.method.upper() == "GET":
        case.query.update(said)
    elif said:
        case.body, case.media_type = said, "application/json"
    if label not in NEVER_DONE:
        assert described.call(case) < 300


@each_operation
def test_whatever_is_sent_is_answered_as_described(described: Described, operation: Any):
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
            name_what_is_there(case, described.names(operation.label))
        seen[described.call(case)] += 1

    check()
    assert all(status < 500 for status in seen), seen


def name_what_is_there(case: Any, names: Mapping[str, str]) -> None:
    """Name it where nothing was made wrong: what is wrong is to stay so."""
    parts = case.path_parameters or {}
    if is_right(case, ParameterLocation.PATH):
        parts.update({name: value for name, value in names.items() if name in parts})
    # A container of any kind may be given the host's directories: none of those is made.
    is_harmless = case.operation.label != "POST /containers"
    if isinstance(case.body, dict) and is_right(case, ParameterLocation.BODY) and is_harmless:
        case.body.update({name: names[name] for name in names if name in case.body})


def is_right(case: Any, part: ParameterLocation) -> bool:
    info = case.meta.components.get(part)
    return info is None or info.mode is GenerationMode.POSITIVE


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
