"""What happened, asked for and listened to, also by who was away for a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

import httpx2

from ghostnb.server.feed import Feed
from ghostnb.wire.events import Event
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.processes import PLAIN

BODY = {"name": "passing", "url": "http://localhost:1"}


def add_and_remove(agent: RunningAgent) -> None:
    assert agent.ask("POST", "/registries", json=BODY).status_code == 201
    assert agent.ask("DELETE", "/registries/passing").status_code == 200


@contextmanager
def listening(agent: RunningAgent, **headers: str) -> Iterator[Iterator[str]]:
    """Listen to the agent's events, line by line."""
    known = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    with httpx2.Client(verify=PLAIN, trust_env=False, timeout=20) as client:
        url = f"{agent.url}/api/v1/events"
        with client.stream("GET", url, headers={**known, **headers}) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            lines = answer.iter_lines()
            assert next(lines) == ": ghostnb"
            yield lines


def next_event(lines: Iterator[str]) -> tuple[int, dict]:
    """Give the next event's number and content."""
    number = next(line for line in lines if line.startswith("id: "))
    return int(number[4:]), json.loads(next(lines).removeprefix("data: "))


def test_what_was_done_is_told_the_newest_first(agent):
    add_and_remove(agent)

    events = agent.ask("GET", "/events?limit=2").json()["events"]

    assert [event["action"] for event in events] == ["registry-remove", "registry-add"]
    assert {event["actor"] for event in events} == {"owner"}
    assert {event["registry"] for event in events} == {"passing"}


def test_who_listens_is_told_at_once(agent):
    with listening(agent) as lines:
        add_and_remove(agent)
        first, second = next_event(lines), next_event(lines)

    assert [first[1]["action"], second[1]["action"]] == ["registry-add", "registry-remove"]
    assert second[0] == first[0] + 1


def test_who_was_away_goes_on_where_he_was(agent):
    with listening(agent) as lines:
        add_and_remove(agent)
        number, _ = next_event(lines)

    with listening(agent, **{"Last-Event-ID": str(number)}) as lines:
        again, event = next_event(lines)
    assert (again, event["action"]) == (number + 1, "registry-remove")


async def hear(feed: Feed, count: int, since: int | None = None) -> list[str | None]:
    """Give the ids of the next events, and None for each silence."""
    found: list[str | None] = []
    async with aclosing(feed.listen(since, pulse_seconds=0.05)) as events:
        async for one in events:
            found.append(one and one[1].id)
            if len(found) == count:
                break
    return found


def event(name: str) -> Event:
    return Event(name, "2026-01-01T00:00:00Z", "agent", "push")


def test_silence_has_a_pulse():
    assert asyncio.run(hear(Feed(), 2)) == [None, None]


def test_a_number_of_before_the_start_gives_all_that_is_kept():
    feed = Feed(start=100)
    feed.add([event("a"), event("b")])

    for before in (0, 17, 100, 1700):
        assert asyncio.run(hear(feed, 2, since=before)) == ["a", "b"]
    assert asyncio.run(hear(feed, 1, since=101)) == ["b"]


def test_numbers_of_a_later_start_are_larger(agent, registry, tmp_path):
    add_and_remove(agent)
    with listening(agent, **{"Last-Event-ID": "0"}) as lines:
        before, _ = next_event(lines)

    with running_agent(tmp_path, {"local": registry.url}) as later:
        add_and_remove(later)
        with listening(later, **{"Last-Event-ID": str(before)}) as lines:
            assert next_event(lines)[1]["action"] == "registry-add"


def test_only_the_last_are_kept():
    feed = Feed(limit=2)
    feed.add(event(name) for name in "abc")

    assert [one.id for one in feed.newest(9)] == ["c", "b"]


async def heard_until_the_end(feed: Feed, happen: Callable[[], None]) -> list[str | None]:
    found: list[str | None] = []
    async for one in feed.listen(pulse_seconds=0.05):
        found.append(one and one[1].id)
        if len(found) == 1:
            happen()
    return found


def test_who_does_not_keep_up_is_let_go():
    feed = Feed(limit=2)

    found = asyncio.run(heard_until_the_end(feed, lambda: feed.add(event(name) for name in "abcd")))

    assert found == [None]


def test_closing_lets_everybody_go():
    feed = Feed()

    assert asyncio.run(heard_until_the_end(feed, feed.close)) == [None]
