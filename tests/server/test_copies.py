"""What a copy is remembered by, also one that ends before its time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from jupyter_events.logger import EventLogger

from ghostnb.engine import Engine
from ghostnb.fleet import Fleet
from ghostnb.registries.config import RegistryConfig
from ghostnb.server.agent import Agent
from ghostnb.server.asks import Copy
from ghostnb.server.audit import AuditTrail
from ghostnb.server.copies import begin_copy
from ghostnb.wire.events import Event

DIGEST = f"sha256:{'a' * 64}"


def told_of(asked: Copy, directory: Path) -> Event:
    """Begin a copy, cancel it before anything is asked of a registry, and give its event."""

    async def main() -> Event:
        names = {"hub": "https://registry-1.docker.io", "team": "http://localhost:9"}
        fleet = Fleet(RegistryConfig(name, url) for name, url in names.items())
        audit = AuditTrail(EventLogger(), directory / "audit.jsonl")
        agent = Agent(fleet, Engine("unix:///nowhere/docker.sock"), audit, directory)
        async with AsyncExitStack() as ends:
            ends.push_async_callback(agent.close)
            await agent.open()
            await begin_copy(agent, asked, actor="ci").stop()
            return agent.feed.newest(1)[0]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"target": "hub", "repository": "nginx"}, ("library/nginx", "latest", None)),
        ({"target": "team", "repository": "nginx"}, ("library/nginx", "latest", None)),
        ({"repository": "app", "reference": "1.0"}, ("app", "1.0", None)),
        ({"repository": "app", "reference": DIGEST}, ("app", None, DIGEST)),
        ({"repository": "app", "reference": DIGEST, "to_tag": "x"}, ("app", "x", None)),
        ({"repository": "app", "tag": "1.0", "to_repository": "kept"}, ("kept", "1.0", None)),
    ],
)
def test_one_that_ends_before_its_time_is_remembered_by_what_it_was_to_make(
    tmp_path, asked, expected
):
    source = "hub" if asked["repository"] == "nginx" else "team"

    event = told_of(Copy(**{"source": source, "target": "team", **asked}), tmp_path)

    assert (event.action, event.outcome) == ("copy", "failure")
    assert (event.repository, event.tag, event.digest) == expected
