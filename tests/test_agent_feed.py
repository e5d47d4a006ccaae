"""An agent's events over HTTP: heard from the beginning, gone on with, and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from ghostnb import (
    ConfigError,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    run,
)
from ghostnb.agent_feed import AgentFeed
from tests.parts.agent import TOKEN, RunningAgent, running_agent, short_lived_agent
from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.proxies import forward_proxy
from tests.parts.replies import cut, drop, html, redirect, reply
from tests.serving import connections_to, wait_until

USERS = 'c.AgentIdentityProvider.user_tokens = {"nobody": "no-role"}'
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
EVENTS = "/api/v1/events"


@pytest.fixture(params=["httpx2", "pyreqwest"])
def carrier(request, monkeypatch) -> None:
    """Both ways to carry a request must do."""
    monkeypatch.setenv("GHOSTNB_FAST", "on" if request.param == "pyreqwest" else "off")


@pytest.fixture(scope="module")
def agent(tmp_path_factory) -> Iterator[RunningAgent]:
    directory = tmp_path_factory.mktemp("feed")
    with running_agent(directory, {}, settings=USERS) as running:
        yield running


def add(agent: RunningAgent, *names: str) -> None:
    for name in names:
        body = {"name": name, "url": "http://localhost:1"}
        assert agent.ask("POST", "/registries", json=body).status_code == 201


async def hear(feed: AgentFeed, count: int, since: int = 0, when_open=lambda: None) -> list:
    """Give so many of what is heard, after the sign that the agent has answered."""
    found: list = []
    async with aclosing(feed.listen(since)) as heard:
        assert await anext(heard) is None
        when_open()
        async for one in heard:
            found.append(one)
            if len(found) == count:
                break
    return found


def refused(kind, url: str, *words: str, token: str = "nb-s3cret", **options):
    feed = AgentFeed(url, token, **options)
    with pytest.raises(kind) as e:
        run(hear(feed, 1))
    assert "s3cret" not in f"{e.value!r} {e.value} {vars(e.value)} {feed!r}"
    for word in words:
        assert word in str(e.value)
    return e.value


def test_what_has_happened_comes_first_and_then_what_happens(agent, carrier, request):
    one, two, three = (f"{request.node.callspec.id}-{number}" for number in (1, 2, 3))
    add(agent, one)
    feed = AgentFeed(f"{agent.url}/api/v1/", TOKEN)
    kept = len(agent.ask("GET", "/events?limit=1000").json()["events"])

    heard = run(hear(feed, kept + 2, when_open=lambda: add(agent, two, three)))
    assert [event.registry for _, event in heard[-3:]] == [one, two, three]
    assert (heard[-1][1].action, heard[-1][1].actor) == ("registry-add", "owner")

    number = heard[-2][0]
    assert [event.registry for _, event in run(hear(feed, 1, since=number))] == [three]


def test_who_has_heard_enough_keeps_no_connection(agent, carrier, request):
    add(agent, f"enough-{request.node.callspec.id}")
    port = int(agent.url.rpartition(":")[2])
    run(hear(AgentFeed(agent.url, TOKEN), 1))
    wait_until(lambda: connections_to(port) == 0)


def test_over_a_restart_nothing_is_missed(tmp_path: Path):
    port = free_port()
    with running_agent(tmp_path / "one", {}, "--port", str(port)) as agent:
        add(agent, "before")
        feed = AgentFeed(agent.url, TOKEN)
        [(number, _)] = run(hear(feed, 1))
    with running_agent(tmp_path / "other", {}, "--port", str(port)) as agent:
        add(agent, "after", "later", "last")
        heard = run(hear(feed, 3, since=number))
    assert [event.registry for _, event in heard] == ["after", "later", "last"]


def test_an_agent_is_met_by_its_own_authority(certificates, tmp_path):
    files = ("--tls-cert", certificates.server_certificate, "--tls-key", certificates.server_key)
    with short_lived_agent({}, *map(str, files)) as agent:
        refused(TransportError, agent.url, "Cannot reach agent at", "certificate", "ca_file")
        feed = AgentFeed(agent.url, TOKEN, ca_file=str(certificates.ca_file))

        async def opened() -> None:
            async with aclosing(feed.listen()) as heard:
                assert await anext(heard) is None

        run(opened())


def test_who_may_not_is_told_what_the_agent_says(agent, carrier):
    words = ("(UNAUTHENTICATED: Nobody has this token", "Give the agent's token: Fleet.from_agent(")
    refused(UnauthorizedError, agent.url, *words)
    refused(ForbiddenError, agent.url, "refused its events", "viewer", token="no-role")
    elsewhere = f"{agent.url}/elsewhere"
    refused(NotFoundError, elsewhere, "no agent does: is the address right?", token=TOKEN)


def test_where_nobody_answers_it_is_an_agent_that_is_missed(carrier):
    url = f"http://127.0.0.1:{free_port()}"
    refused(
        TransportError,
        url,
        f"Cannot reach agent at {url}/api/v1 (connection refused). Is the agent running? "
        "Start it with: ghostnb agent",
    )


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (html(), ProtocolError, "answers with text/html, not with events"),
        (html(404), NotFoundError, "/events refused its events (HTTP 404). Something answers"),
        (html(502), ServerError, "/events refused its events (HTTP 502)"),
        (reply(418, json={"message": "short\nand stout"}), RejectedError, "8: short�and stout)"),
        (reply(400, json={"message": 7}), RejectedError, "(HTTP 400)"),
        (drop(), TransportError, "Cannot reach agent at"),
        (cut(b": ghostnb\n\n" * 9, 30, headers=STREAM), TransportError, "Cannot reach agent at"),
        (redirect(EVENTS), ProtocolError, "redirected its events more than 5 times"),
        (reply(body=b"data: {}\n\n", headers=STREAM), ProtocolError, "without a number"),
        (reply(body=b"id: \xd9\xa3\ndata: {}\n\n", headers=STREAM), ProtocolError, "a number"),
        (reply(body=b"x" * 2**19, headers=STREAM), ProtocolError, "more than 262,144 bytes"),
    ],
)
def test_what_is_no_stream_of_events_is_said(answer, kind, words, carrier):
    with faulty_server({EVENTS: answer}) as server:
        refused(kind, server.url, words)


def test_the_token_goes_to_the_agent_alone(carrier):
    with faulty_server({"/*": reply()}, host="127.0.0.2") as other:
        with faulty_server({EVENTS: redirect(f"{other.url}{EVENTS}")}) as server:
            refused(ProtocolError, server.url, "answers with nothing, not with events")
        assert other.count(EVENTS) == 1
        assert other.authorizations == []
        assert server.authorizations == ["Bearer nb-s3cret"]


def test_where_the_agent_has_gone_on_its_host_it_is_heard(carrier):
    good = {"id": "a", "time": "2026-01-01T00:00:00Z", "source": "agent", "action": "push"}
    told = reply(body=f"id: 1\ndata: {json.dumps(good)}\n\n".encode(), headers=STREAM)
    with faulty_server({EVENTS: redirect("/hub/events"), "/hub/events": told}) as server:
        [(number, event)] = run(hear(AgentFeed(server.url, "t"), 1, since=7))
    assert (number, event.action) == (1, "push")
    assert server.authorizations == ["Bearer t"] * 2
    assert server.seen("/hub/events")[0].headers["last-event-id"] == "7"


def test_an_agent_that_is_asked_too_often_is_left_alone_as_long_as_it_says(carrier):
    limit = {"message": "Ask me later.", "code": "registry_limits"}
    answers = [reply(429, json=limit, headers={"Retry-After": "7"}), reply(429, json=limit)]
    with faulty_server({EVENTS: answers}) as server:
        feed = AgentFeed(server.url, "t")
        for seconds in (7, None):
            with pytest.raises(RateLimitedError, match="REGISTRY_LIMITS: Ask me later") as caught:
                run(hear(feed, 1))
            assert caught.value.retry_after_seconds == seconds
            assert feed.retry_seconds == 7
        assert server.count(EVENTS) == 2


def test_a_proxy_that_refuses_is_not_taken_for_the_agent(carrier, monkeypatch):
    with forward_proxy(credentials=("user", "pass")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        words = ("Cannot reach agent at http://agent.example/api/v1 (the proxy refused: 407",)
        refused(TransportError, "http://agent.example", *words, "HTTP_PROXY", insecure=True)
        assert proxy.targets == [f"GET http://agent.example{EVENTS}"]


def test_an_event_that_cannot_be_read_is_told_in_its_place():
    good = {"id": "a", "time": "2026-01-01T00:00:00Z", "source": "agent", "action": "push"}
    lines = [
        "retry: 2500",
        f"id: 1\ndata: {json.dumps({**good, 'repository': 7})}\n",
        f"id: 2\nevent: weather\ndata: {json.dumps(good)}\n",
        f"id: 3\ndata: {json.dumps(good)}\n\n",
    ]
    with faulty_server({EVENTS: reply(body="\n".join(lines).encode(), headers=STREAM)}) as server:
        feed = AgentFeed(server.url, "t")
        (first, error), (second, event) = run(hear(feed, 3))
    assert (first, second, event.action) == (1, 3, "push")
    assert f"The agent at {server.url} told of an event that cannot be read" in str(error)
    assert feed.retry_seconds == 2.5


def test_the_token_may_stand_in_the_environment(monkeypatch):
    with faulty_server({EVENTS: html(404)}) as server:
        with pytest.raises(ConfigError, match="GHOSTNB_AGENT_TOKEN, which is not set"):
            run(hear(AgentFeed(server.url), 1))
        monkeypatch.setenv("GHOSTNB_AGENT_TOKEN", "by-default")
        monkeypatch.setenv("MINE", "by-name")
        for token in (None, "env:MINE"):
            with pytest.raises(NotFoundError):
                run(hear(AgentFeed(server.url, token), 1))
    assert server.authorizations == ["Bearer by-default", "Bearer by-name"]


@pytest.mark.parametrize("token", ["a b", "a\r\nX: s3cret", "s3cret\N{SNOWMAN}"])
def test_a_token_that_no_header_can_carry_is_not_shown(token):
    with pytest.raises(ConfigError) as e:
        AgentFeed("http://localhost:8000", token)
    assert "s3cret" not in str(e.value)


@pytest.mark.parametrize("url", ["http://10.0.0.1:8000", "oci:layout", "https://me:s3cret@host"])
def test_an_address_that_would_give_the_token_away_is_refused(url):
    with pytest.raises(ConfigError) as e:
        AgentFeed(url, "token")
    assert "s3cret" not in str(e.value)
