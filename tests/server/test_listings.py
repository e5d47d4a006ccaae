"""How often a registry is asked for what the agent lists of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from tests.parts.agent import RunningAgent
from tests.parts.faults import FaultyServer
from tests.parts.images import plain_image
from tests.serving import serving_images

TAGS = [str(number) for number in range(5)]
IMAGES = {tag: plain_image(tag) for tag in TAGS}
PATH = "/registries/listed/repositories/app/tags"


@pytest.fixture
def served(agent: RunningAgent) -> Iterator[FaultyServer]:
    """Have the agent know a registry that notes what it is asked for."""
    with serving_images({f"app:{tag}": IMAGES[tag] for tag in TAGS}) as server:
        agent.ask("POST", "/registries", json={"name": "listed", "url": server.url})
        yield server
        agent.ask("DELETE", "/registries/listed")


def pages(agent: RunningAgent, path: str, *, pause_seconds: float = 0.0) -> list[dict]:
    """Go through all pages."""
    found = []
    while path:
        answer = agent.ask("GET", path)
        found.append(answer.json())
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("</api/v1")
        time.sleep(pause_seconds if path else 0)
    return found


def test_who_goes_through_pages_slowly_has_the_list_read_once(agent: RunningAgent, served):
    found = pages(agent, f"{PATH}?n=3", pause_seconds=5.5)

    assert [page["tags"] for page in found] == [TAGS[:3], TAGS[3:]]
    assert served.count("/v2/app/tags/list") == 1


def test_only_the_tags_of_a_page_are_read_to_describe_it(agent: RunningAgent, served):
    answer = agent.ask("GET", f"{PATH}?details=true&n=2&last=0")
    again = agent.ask("GET", f"{PATH}?details=true&n=2&last=0")

    read = {one.path.rpartition("/")[2] for one in served.requests if "/manifests/" in one.path}
    assert [one["digest"] for one in answer.json()["details"]] == [
        IMAGES[tag].digest for tag in "12"
    ]
    assert answer.json()["tags"] == ["1", "2"]
    assert read & set(TAGS) == {"1", "2"}
    assert "last=2" in answer.headers["link"]
    assert again.json() == answer.json()
    assert served.count("/v2/app/manifests/1") == 1


def test_pages_with_details_are_all_of_the_tags(agent: RunningAgent, served):
    found = pages(agent, f"{PATH}?details=true&n=2")

    assert [one["tag"] for page in found for one in page["details"]] == TAGS


def test_docker_hub_describes_all_tags_at_once_and_is_asked_for_that():
    hub = HTTPRegistry(RegistryConfig("hub", "https://registry-1.docker.io"))
    plain = HTTPRegistry(RegistryConfig("plain", "http://localhost:9"))

    assert hub.listed_details("nginx") is not None
    assert plain.listed_details("nginx") is None
