"""What containers write and use, read as it comes: by who is slow, leaves, or loses the daemon."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.processes import PLAIN
from tests.server.test_containers import BUSY, body_of, client, create
from tests.server.working import Working
from tests.serving import wait_until

__all__ = ["client"]

TICKS = "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.1; done"
FLOOD = "while :; do echo " + "x" * 1000 + "; done"


@contextmanager
def reading(agent: RunningAgent, path: str) -> Iterator[httpx2.Response]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(verify=PLAIN, trust_env=False, timeout=30) as asks:
        with asks.stream("GET", f"{agent.url}/api/v1/containers/{path}", headers=headers) as found:
            yield found


def connect(agent: RunningAgent, path: str) -> socket.socket:
    """Ask, and read nothing yet."""
    host, port = agent.url.removeprefix("http://").split(":")
    connected = socket.create_connection((host, int(port)))
    connected.settimeout(30)
    connected.sendall(
        f"GET /api/v1/containers/{path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    return connected


def threads(agent: RunningAgent) -> int:
    return psutil.Process(agent.process.pid).num_threads()


def test_the_last_lines_are_read(working: Working):
    made = create(working, "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done", name="lines")
    working.ask("GET", f"/containers/{made['id']}/logs?follow=true")  # until it has ended

    answer = working.ask("GET", "/containers/lines/logs")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.split() == [f"{n}" for n in range(100, 300)]
    assert working.ask("GET", "/containers/lines/logs?tail=2").text == "298\n299\n"
    assert working.ask("GET", "/containers/lines/logs?tail=0").text == ""
    assert len(working.ask("GET", "/containers/lines/logs?tail=all").text.split()) == 300


def test_lines_come_as_they_are_written(working: Working):
    create(working, TICKS, name="ticking")

    with reading(working.agent, "ticking/logs?follow=true") as answer:
        lines = answer.iter_lines()
        seen = [next(lines) for _ in range(5)]
        working.ask("POST", "/containers/ticking/stop?timeout_seconds=0")
        rest = list(lines)

    assert seen == [f"tick {n}" for n in range(5)]
    assert rest == [f"tick {n}" for n in range(5, 5 + len(rest))]


def test_who_follows_what_is_silent_is_answered_at_once(working: Working):
    create(working, "sleep 60", name="silent")

    with reading(working.agent, "silent/logs?follow=true") as answer:
        assert answer.status_code == 200


def test_who_leaves_ends_the_daemons_stream(working: Working):
    create(working, "sleep 60", name="silent")
    create(working, TICKS, name="ticking")
    before = threads(working.agent)
    paths = [
        "silent/logs?follow=true",
        "ticking/logs?follow=true",
        "ticking/stats?stream=true",
        "ticking/stats",
    ]
    for _ in range(5):
        followed = [connect(working.agent, path) for path in paths]
        for one in followed[:2]:
            assert one.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: threads(working.agent) > before)
        for one in followed:
            one.close()

    wait_until(lambda: threads(working.agent) <= before + 2)


def test_who_is_slow_is_waited_for_and_nobody_else_is(working: Working):
    create(working, FLOOD, name="flood")
    process = psutil.Process(working.agent.process.pid)
    before = process.memory_info().rss

    def is_idle() -> bool:
        assert process.memory_info().rss - before < 20 * 2**20
        return process.cpu_percent(0.2) < 10

    with connect(working.agent, "flood/logs?follow=true&tail=all") as slow:
        assert slow.recv(1000)
        wait_until(is_idle)
        assert process.memory_info().rss - before < 20 * 2**20
        assert working.ask("GET", "/containers").status_code == 200
        read = 0
        while read < 2**21:
            piece = slow.recv(2**16)
            assert piece
            read += len(piece)


def test_a_reading_is_told_once_or_every_second(working: Working):
    create(working, BUSY, name="busy")

    once = working.ask("GET", "/containers/busy/stats").json()
    with reading(working.agent, "busy/stats?stream=true") as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = (json.loads(line) for line in answer.iter_lines())
        seen = [next(lines) for _ in range(2)]
        working.ask("DELETE", "/containers/busy?force=true")
        rest = list(lines)

    for one in [once, *seen]:
        assert one["cpu_percent"] > 0
        assert one["memory_limit_bytes"] > one["memory_bytes"] > 0
        assert one["processes"] == 1
    assert seen[0]["time"] < seen[1]["time"]
    assert all("success" not in one for one in rest)


@pytest.mark.parametrize("query", ["", "?stream=true"])
def test_of_what_does_not_run_there_is_no_reading(working: Working, query: str):
    create(working, name="still", start=False)
    answer = working.ask("GET", f"/containers/still/stats{query}")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.headers["content-type"].startswith("application/json")


def test_a_daemon_that_dies_is_told_in_every_stream(working: Working, tmp_path: Path):
    with (
        dockerd() as daemon,
        running_agent(tmp_path, {"origin": working.origin.url}, "--daemon", daemon.url) as agent,
    ):
        pulled = {"registry": "origin", "repository": "team/box", "tag": "1.0"}
        assert agent.ask("POST", "/images/pull", json=pulled).status_code == 200
        body = body_of(working, TICKS, name="doomed")
        assert agent.ask("POST", "/containers", json=body).status_code == 201

        with (
            reading(agent, "doomed/logs?follow=true") as logs,
            reading(agent, "doomed/stats?stream=true") as stats,
        ):
            lines, readings = logs.iter_lines(), stats.iter_lines()
            assert next(lines) == "tick 0"
            assert json.loads(next(readings))["processes"] > 0
            daemon.kill()
            with pytest.raises(httpx2.RemoteProtocolError):
                list(lines)
            last: dict[str, Any] = json.loads(list(readings)[-1])

        assert (last["success"], last["code"]) == (False, "no_daemon")
        gone = agent.ask("GET", "/containers")
        assert (gone.status_code, gone.json()["code"]) == (503, "no_daemon")
