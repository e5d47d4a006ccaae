"""What an agent tells of a registry: its kind, its rights, what is doubted and what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ghostnb import Fleet, RegistryClient, RegistryConfig, UnsupportedError, run
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.faults import FaultyServer
from tests.parts.images import plain_image
from tests.parts.registries import RunningRegistry
from tests.registries.vendors.harbor.replay import HOST, HarborReplay, document
from tests.registries.vendors.harbor.runs import SECRET
from tests.registries.vendors.served import served
from tests.serving import serving_images

RIGHTS = "The user ada; in the project team: pull, push, delete tags, delete images."
OFFERS = ["repositories", "tag details", "search", "tag deletion", "usage"]
PYTHON = "team/base/python"


@dataclass(frozen=True)
class Parts:
    """An agent, and what stands behind it: `other` is configured as what it is not."""

    agent: RunningAgent
    harbor: HarborReplay
    harbor_url: str
    other: FaultyServer


@contextmanager
def running(directory: Path, plain: RunningRegistry) -> Iterator[Parts]:
    """Run an agent that does not know yet what its registries are."""
    harbor = HarborReplay()
    with (
        served(harbor, HOST) as at_harbor,
        serving_images({"app:1": plain_image("other")}) as other,
    ):
        login = f'{at_harbor.url}"\nusername = "ada"\npassword = "{SECRET}"\nnamespace = "team'
        registries = {
            "harbor": login,
            "plain": plain.url,
            "other": f'{other.url}"\nkind = "gitlab',
            "down": "http://localhost:9",
            "layout": f"oci:{directory / 'layout'}",
        }
        with running_agent(directory / "agent", registries) as agent:
            yield Parts(agent, harbor, at_harbor.url, other)


@pytest.fixture(scope="module")
def parts(registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with running(tmp_path_factory.mktemp("status"), registry) as found:
        yield found


@pytest.fixture
def agent(parts: Parts) -> RunningAgent:
    """Give an agent that may know by now what its registries are."""
    return parts.agent


@pytest.fixture
def fresh(registry: RunningRegistry, tmp_path: Path) -> Iterator[Parts]:
    """Run one that nobody has asked anything yet."""
    with running(tmp_path, registry) as found:
        yield found


def got(agent: RunningAgent, path: str) -> Any:
    answer = agent.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def failed(agent: RunningAgent, path: str) -> tuple[int, str]:
    answer = agent.ask("GET", path)
    return answer.status_code, answer.json()["code"]


def told(entry: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(entry[name] for name in names)


def test_all_registries_say_what_they_are_and_are_allowed(fresh: Parts):
    agent = fresh.agent
    before = got(agent, "/registries")["registries"]
    found = {one["name"]: one for one in got(agent, "/registries?ping=true")["registries"]}
    after = got(agent, "/registries")["registries"]

    assert [told(one, "kind", "status", "rights", "doubt") for one in before[:2]] == [
        ("auto", None, "", ""),
        ("auto", None, "", ""),
    ]
    assert told(found["harbor"], "kind", "status", "rights", "doubt", "offers") == (
        "harbor",
        "ok",
        RIGHTS,
        "",
        OFFERS,
    )
    assert told(found["plain"], "kind", "rights", "doubt", "offers") == ("distribution", "", "", [])
    assert "says that it is GitLab" in found["other"]["doubt"]
    assert told(found["down"], "kind", "rights", "doubt") == ("auto", "", "")
    assert found["down"]["status"].startswith("Cannot reach down")
    # What was found out stays; how it is, is a matter of the moment.
    assert told(after[0], "kind", "offers", "status", "rights") == ("harbor", OFFERS, None, "")
    assert SECRET not in str(found)


def test_one_registry_is_asked_alone(fresh: Parts):
    plain = got(fresh.agent, "/registries/harbor")
    asked_before = len(fresh.harbor.asked)
    found = got(fresh.agent, "/registries/harbor?ping=true")

    assert told(plain, "name", "kind", "status", "rights") == ("harbor", "auto", None, "")
    assert told(found, "kind", "status", "rights", "offers") == ("harbor", "ok", RIGHTS, OFFERS)
    assert asked_before == 0
    assert len(fresh.harbor.asked) > 0
    assert fresh.other.count() == 0


def test_one_that_does_not_answer_says_so(agent: RunningAgent):
    found = got(agent, "/registries/down?ping=true")

    assert found["status"].startswith("Cannot reach down")
    assert failed(agent, "/registries/none?ping=true") == (404, "not_found")
    assert failed(agent, "/registries/down?pong=true") == (422, "invalid_query")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", {"team": 93868096}),
        ("?namespace=", {"team": 93868096}),
        ("?namespace=library", {"library": None}),
    ],
)
def test_what_is_stored_is_told_by_namespace(agent: RunningAgent, query, rows):
    found = got(agent, f"/registries/harbor/usage{query}")["usage"]

    assert {one["namespace"]: one["stored_bytes"] for one in found} == rows
    assert {one["registry"] for one in found} == {"harbor"}


def test_who_asks_for_usage_again_at_once_has_the_same_answer(parts: Parts):
    path = "/registries/harbor/usage?namespace=hubcache"
    first, again = (got(parts.agent, path) for _ in range(2))

    assert first == again
    assert parts.harbor.count(f"GET https://{HOST}/api/v2.0/projects/hubcache/summary") == 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("plain/usage", 422, "unsupported"),
        ("layout/usage", 422, "unsupported"),
        ("none/usage", 404, "not_found"),
        ("down/usage", 502, "registry_unreachable"),
        ("harbor/usage?namespace=closed", 502, "registry_forbids"),
        ("harbor/usage?project=team", 422, "invalid_query"),
    ],
)
def test_usage_that_is_not_told_says_why(agent: RunningAgent, path, status, code):
    assert failed(agent, f"/registries/{path}") == (status, code)


def test_through_an_agent_a_registry_says_what_it_says_itself(fresh: Parts):
    direct = RegistryClient(RegistryConfig("harbor", fresh.harbor_url, "ada", SECRET))
    client = run(Fleet.from_agent(fresh.agent.url, TOKEN))["harbor"]
    before = client.registry.kind, client.offers
    ping = run(client.ping())
    # Not for the greeting, too, which tells nobody.
    assert fresh.harbor.asked.count(f"GET https://{HOST}/api/v2.0/users/current") == 1

    assert before == ("agent:auto", ())
    assert (ping.kind, client.kind) == ("agent:harbor", "agent:harbor")
    assert list(ping.offers) == list(client.offers) == OFFERS
    assert ping.rights == f"the agent's, within your role there: {RIGHTS}"
    for namespace in ("team", "library"):
        found, expected = (run(one.usage(namespace=namespace)) for one in (client, direct))
        assert len(expected) == 1
        pd.testing.assert_frame_equal(found, expected)


def test_what_an_agent_says_it_offers_it_does(parts: Parts):
    """A tag alone goes by Harbor's own API: its registry deletes none."""
    harbor = parts.harbor
    image, shape = plain_image("python"), document("artifacts")[1]
    tags = [shape["tags"][0] | {"name": name} for name in ("3.13", "latest")]
    harbor.artifacts[PYTHON] = [shape | {"digest": image.digest, "tags": tags}]
    for tag in ("3.13", "latest"):
        harbor.held.add(f"{PYTHON}:{tag}", image)
    client = run(Fleet.from_agent(parts.agent.url, TOKEN))["harbor"]

    run(client.registry.delete_tag(PYTHON, "3.13"))

    assert harbor.deleted == [f"{PYTHON}:3.13"]
    assert list(run(client.tags(PYTHON))["tag"]) == ["latest"]


def test_a_registry_that_tells_nothing_of_it_is_no_older_agent(agent: RunningAgent):
    fleet = run(Fleet.from_agent(agent.url, TOKEN))
    plain, other = fleet["plain"], fleet["other"]
    ping, doubted = run(plain.ping()), run(other.ping())

    assert (ping.kind, ping.offers, ping.rights) == ("agent:distribution", (), "")
    assert doubted.doubt.startswith("the agent says: nothing in its answer says that it is GitLab")
    for client in (plain, fleet["layout"]):
        with pytest.raises(UnsupportedError, match=r"tells? what is stored.*inventory") as e:
            run(client.usage())
        assert "older" not in str(e.value)
