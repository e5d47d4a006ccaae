"""How often a registry is asked for what the agent lists of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.parts.agent import RunningAgent
from tests.parts.faults import FaultyServer
from tests.parts.images import plain_image
from tests.serving import serving_images

TAGS = [str(number) for number in range(5)]
PATH = "/registries/listed/repositories/app/tags"


@pytest.fixture
def served(agent: RunningAgent) -> Iterator[FaultyServer]:
    """Have the agent know a registry that notes what it is asked for."""
    with serving_images({f"app:{tag}": plain_image(tag) for tag in TAGS}) as server:
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
