"""Who is sent what happens, over the agent's routes: added, told and removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.agent import RunningAgent, running_agent
from tests.parts.faults import faulty_server
from tests.parts.replies import reply
from tests.server.subscriptions.receiving import verified
from tests.serving import wait_until

SETTINGS = "c.AgentExtension.allow_internal_subscriptions = True"


@pytest.fixture(scope="module")
def open_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent that may send to this machine."""
    with running_agent(tmp_path_factory.mktemp("open"), {}, settings=SETTINGS) as running:
        yield running


def test_what_happens_is_sent_signed_until_it_is_removed(open_agent):
    with faulty_server({"/hook": reply(204)}) as receiver:
        url = f"{receiver.url}/hook?key=in-the-query"
        added = open_agent.ask("POST", "/subscriptions", json={"url": url})
        body = {"name": "told", "url": "http://localhost:1"}
        open_agent.ask("POST", "/registries", json=body)
        wait_until(lambda: receiver.requests)
        listed = open_agent.ask("GET", "/subscriptions")
        removed = open_agent.ask("DELETE", f"/subscriptions/{added.json()['id']}")

    sent = receiver.requests[0]
    assert (added.status_code, removed.status_code) == (201, 200)
    assert sent.target == "/hook?key=in-the-query"
    assert verified(sent, added.json()["secret"])["data"]["registry"] == "told"
    assert "in-the-query" not in added.text + listed.text
    assert listed.json()["subscriptions"][0]["secret"] is None
    assert open_agent.ask("GET", "/subscriptions").json() == {"subscriptions": []}


@pytest.mark.parametrize("url", ["http://localhost:1/x", "http://169.254.169.254/", "ftp://x"])
def test_nothing_is_sent_to_this_machine_unless_it_may_be(agent, url):
    answer = agent.ask("POST", "/subscriptions", json={"url": url})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_configuration")


def test_there_is_an_end_to_how_many_there_may_be(agent):
    statuses = [
        agent.ask("POST", "/subscriptions", json={"url": f"https://example.com/{n}"}).status_code
        for n in range(51)
    ]
    for one in agent.ask("GET", "/subscriptions").json()["subscriptions"]:
        agent.ask("DELETE", f"/subscriptions/{one['id']}")

    assert statuses == [201] * 50 + [409]
    assert agent.ask("DELETE", "/subscriptions/sub_absent").status_code == 404
