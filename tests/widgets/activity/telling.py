"""Streams of events as an agent sends them, for outages that a real one has rarely."""

from __future__ import annotations

import json
from typing import Any

from tests.parts.replies import Reply, reply

EVENTS = "/api/v1/events"
STREAM = {"Content-Type": "text/event-stream"}


def told(number: int, **fields: Any) -> str:
    """Write an event as the agent does."""
    known = {"id": f"e{number}", "time": "2026-01-01T00:00:00Z", "source": "agent"}
    event = {**known, "action": "push", "registry": f"r{number}", **fields}
    return f"id: {number}\ndata: {json.dumps(event)}\n\n"


def ending(*events: str) -> Reply:
    """Tell these, and end the connection."""
    return reply(body="".join(events).encode(), headers=STREAM)


def staying(*events: str) -> Reply:
    """Tell these, and go on without a word."""
    body = "".join((": ghostnb\n\n", *events)).encode()
    headers = {**STREAM, "Content-Length": str(len(body) + 1)}
    return reply(body=body, headers=headers, hangs=True)
