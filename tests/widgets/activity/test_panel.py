"""The Activity tab without a page: what it hears, over outages too, and what it says of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from ghostnb import run
from ghostnb.agent_feed import AgentFeed
from ghostnb.widgets.activity import ActivityPanel
from ghostnb.widgets.activity.own import own_event
from ghostnb.wire.events import Event
from tests.parts.faults import FaultyServer, faulty_server
from tests.parts.replies import drop, reply
from tests.serving import connections_to, wait_until
from tests.widgets.activity.telling import EVENTS, ending, staying, told

DIGEST = f"sha256:{'0123456789ab' * 5}0123"
AGAIN = "does not answer; trying again in"


@contextmanager
def opened(server: FaultyServer | None = None, **options) -> Iterator[ActivityPanel]:
    feed = AgentFeed(server.url, "t") if server else None
    panel = ActivityPanel(feed, options.pop("registries", {}), **options)
    try:
        yield panel
    finally:
        panel.close()


def rows(panel: ActivityPanel, column: str = "registry") -> list:
    """Give a column, as a page that opens now would have it."""
    found: dict[str, object] = {}
    for sent in panel._table._sent:
        piece = json.loads(sent)
        found |= dict(zip(piece["keys"], piece["values"][column], strict=True))
    return [*found.values()]


def said(panel: ActivityPanel) -> tuple[str, str]:
    return panel._table._state["kind"], panel._table._state["text"]


def select(panel: ActivityPanel, key: str) -> None:
    panel._table.selected = [key]


def waits(panel: ActivityPanel, *expected: str, seconds: float = 20) -> None:
    wait_until(lambda: rows(panel) == [*expected], seconds=seconds)


def test_without_an_agent_it_says_how_to_see_more_and_what_would_stand_here():
    with opened() as panel:
        panel.reload()
        assert said(panel) == ("empty", "Nothing has happened yet.")
        assert panel._table._state["hint"].startswith("Pulls, saves, pushes, copies")
        assert "start an agent (ghostnb agent)" in panel._summary._said["text"]

        panel.add(own_event("registry-add", registry="mine"))
        panel.add(own_event("registry-remove", registry="mine"))
        waits(panel, "mine", "mine")
        assert rows(panel, "action") == ["registry-add", "registry-remove"]
        assert rows(panel, "told") == ["this page"] * 2
        assert said(panel) == ("ready", "")


def test_the_agent_is_asked_when_somebody_sees_it_and_left_at_the_end():
    with faulty_server({EVENTS: staying(told(1), told(2))}) as server:
        with opened(server) as panel:
            panel.add(own_event("pull", registry="own"))
            waits(panel, "own")
            assert server.requests == []
            assert said(panel)[0] == "loading"
            panel.reload()
            waits(panel, "own", "r1", "r2")
            assert said(panel) == ("ready", "")
            assert server.seen(EVENTS)[0].headers["last-event-id"] == "0"
            panel.reload()
        wait_until(lambda: connections_to(server.port) == 0)
        assert server.count(EVENTS) == 1


def test_over_an_outage_it_goes_on_where_it_was_and_nothing_is_doubled():
    answers = [ending(told(1), told(2)), drop(), staying(told(3), told(2), told(3))]
    with faulty_server({EVENTS: answers}) as server, opened(server) as panel:
        panel.reload()
        wait_until(lambda: f"The agent at {server.url} {AGAIN}" in said(panel)[1])
        assert said(panel)[0] == "partial"
        assert panel._table._state["hint"] == "It has ended the connection."
        assert panel._table._state["retry"]
        wait_until(lambda: "broke off" in panel._table._state["hint"], seconds=20)
        waits(panel, "r1", "r2", "r3")
        asked = [one.headers["last-event-id"] for one in server.seen(EVENTS)]
        assert asked == ["0", "2", "2"]


def test_an_agent_that_answers_again_is_waited_for_no_longer_than_at_first():
    # Each ends at once, having been there.
    with faulty_server({EVENTS: [*[ending()] * 3, staying(told(1))]}) as server:
        with opened(server) as panel:
            panel.reload()
            waits(panel, "r1")
            assert panel._listening._attempts == 0


def test_who_presses_retry_need_not_wait():
    with faulty_server({EVENTS: [ending(told(1), "retry: 600000\n"), staying(told(2))]}) as server:
        with opened(server) as panel:
            panel.reload()
            wait_until(lambda: "trying again in 30 s." in said(panel)[1])
            panel._table._answer(panel._table, {"kind": "retry"}, [])
            waits(panel, "r1", "r2")
            assert said(panel) == ("ready", "")


def test_what_waiting_does_not_mend_is_an_error_until_it_is_tried_again():
    refusal = reply(401, json={"message": "Say who you are."})
    with faulty_server({EVENTS: [refusal, refusal, staying(told(1))]}) as server:
        with opened(server) as panel:
            panel.reload()
            wait_until(lambda: said(panel)[0] == "error")
            assert "refused its events (HTTP 401: Say who you are.)" in said(panel)[1]
            panel._table._answer(panel._table, {"kind": "retry"}, [])
            wait_until(lambda: server.count(EVENTS) == 2 and said(panel)[0] == "error")
            # So does who comes back to the tab.
            panel.reload()
            waits(panel, "r1")
            assert said(panel) == ("ready", "")


def test_what_may_be_missing_is_said_once():
    with faulty_server({EVENTS: [ending(told(1)), staying(told(7))]}) as server:
        with opened(server) as panel:
            panel.reload()
            waits(panel, "r1", "r7")
            assert said(panel) == ("partial", "Some of what happened may be missing here.")
            panel.reload()
            wait_until(lambda: said(panel) == ("ready", ""))


def test_what_is_shown_changes_on_the_loop_that_hears_alone():
    refusal = reply(401, json={"message": "Say who you are."})
    changed: set[str] = set()

    def note(_: object) -> None:
        changed.add(threading.current_thread().name)

    with faulty_server({EVENTS: [ending(told(1)), staying(told(7)), refusal]}) as server:
        with opened(server) as panel:
            panel._table.observe(note, "_state")
            panel.reload()
            waits(panel, "r1", "r7")
            panel.reload()
            wait_until(lambda: said(panel)[0] == "ready")
            panel._table._answer(panel._table, {"kind": "retry"}, [])
            wait_until(lambda: said(panel)[0] == "error")
            panel._table._answer(panel._table, {"kind": "retry"}, [])
            wait_until(lambda: server.count(EVENTS) == 4)

    assert changed == {"ghostnb-io"}


def test_an_event_that_cannot_be_read_hides_no_other():
    events = told(1), told(2, action=7), told(3, time="0001-01-01T00:00:00Z"), told(4, id="e1")
    with faulty_server({EVENTS: staying(*events)}) as server, opened(server) as panel:
        panel.reload()
        waits(panel, "r1", "r3")
        assert said(panel) == ("partial", "1 event could not be read.")
        assert (
            "cannot be read at $.action: Expected `str`, got `int`" in panel._table._state["hint"]
        )
        assert rows(panel, "time")[1] == -62_135_596_800_000


def test_only_the_last_are_kept(monkeypatch):
    monkeypatch.setattr("ghostnb.widgets.activity.panel._COLLECT_SECONDS", 0.01)
    with opened() as panel:
        events = [
            Event(f"{number}", f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z", "page", "pull")
            for number in range(1500)
        ]
        for event in events[750:] + events[:750]:
            panel._take(event)
        wait_until(lambda: len(rows(panel)) == 1000)
        assert sorted(map(int, panel._events)) == [*range(500, 1500)]
        # A page that opens late is not sent a message for each.
        for number in range(150):
            run(panel._add(own_event("pull", f"{number}")))
            run(panel._show_soon())
        assert len(panel._table._sent) <= 101
        assert len(rows(panel)) <= 1200
        assert rows(panel, "message")[-1] == "149"


PLACES: Mapping[str, tuple[dict, tuple[str, str, str] | str]] = {
    "tag": ({"registry": "here", "repository": "a/b", "tag": "1"}, ("here", "a/b", "1")),
    "digest": ({"registry": "here", "repository": "a/b", "digest": DIGEST}, ("here", "a/b", "")),
    "registry": ({"registry": "here"}, ("here", "", "")),
    "elsewhere": ({"registry": "there"}, "There is no registry there here."),
    "nowhere": ({"message": "hello"}, "It does not say where that is."),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_happened_can_be_gone_to_where_it_is_here(name):
    fields, expected = PLACES[name]
    seen: list[tuple[str, str, str]] = []
    with opened(registries={"here": 0}, on_show=lambda *place: seen.append(place)) as panel:
        event = own_event("push", **fields)
        run(panel._add(event))
        select(panel, event.id)
        (button,) = panel._buttons._actions
        panel._table._answer(panel._table, {"kind": "activate", "key": event.id}, [])
        if isinstance(expected, str):
            assert (button["enabled"], button["reason"], seen) == (False, expected, [])
        else:
            assert (button["enabled"], seen) == (True, [expected])


def test_of_what_was_deleted_the_repository_is_shown():
    seen: list[tuple[str, str, str]] = []
    names = {"registry": "here", "repository": "a/b", "tag": "1"}
    with opened(registries={"here": 0}, on_show=lambda *place: seen.append(place)) as panel:
        for outcome in ("success", "failure"):
            event = own_event("delete", outcome=outcome, **names)
            run(panel._add(event))
            select(panel, event.id)
            panel._show()
    assert seen == [("here", "a/b", ""), ("here", "a/b", "1")]


def test_the_whole_of_what_is_selected_is_said():
    with opened() as panel:
        event = Event(
            "1",
            "2026-01-01T12:30:00.5Z",
            "harbor",
            "push",
            host="harbor.example",
            repository="a/b",
            digest=DIGEST,
            size_bytes=7,
            message="Done.",
        )
        run(panel._add(event))
        waits(panel, "harbor.example")
        assert rows(panel, "what") == ["a/b@sha256:0123456789ab"]
        select(panel, "1")
        assert panel._summary._said == {
            "title": "push a/b@sha256:0123456789ab",
            "text": f"2026-01-01 12:30:00 UTC: Done. {DIGEST}",
            "sizes": {"Size": 7},
            "notes": [],
        }
