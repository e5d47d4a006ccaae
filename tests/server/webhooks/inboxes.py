"""An inbox and what it handed on, and a delivery of as many events as one likes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ghostnb.server.webhooks import Inbox
from ghostnb.wire.events import Event

SECRET = "n0t-the-jupyter-token"
BEARER = {"authorization": f"Bearer {SECRET}"}
ALL_SECRETS = dict.fromkeys(
    ("distribution", "harbor", "docker-hub", "quay", "github", "gitlab"), SECRET
)


class Handed:
    """Keeps what is handed on, and waits for more."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()

    async def __call__(self, events: list[Event]) -> None:
        self.events += events
        self._news.set()

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    async def until(self, count: int) -> list[Event]:
        async with asyncio.timeout(20):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events


@contextlib.asynccontextmanager
async def inbox(
    on_events: Any = None, secrets: Mapping[str, str] = ALL_SECRETS, **settings: Any
) -> AsyncIterator[Inbox]:
    box = Inbox(secrets, Handed() if on_events is None else on_events, **settings)
    try:
        yield box
    finally:
        await box.close()


def envelope(*ids: str, age: timedelta = timedelta(), **changed: Any) -> bytes:
    """Write distribution's envelope of pushes with these ids, as it tells them now."""
    return json.dumps({"events": [push(one, age) | changed for one in ids]}).encode()


def push(id_: str, age: timedelta = timedelta()) -> dict[str, Any]:
    return {
        "id": id_,
        "timestamp": (datetime.now(UTC) - age).isoformat(),
        "action": "push",
        "target": {"repository": "team/app", "tag": "1.0", "digest": "sha256:" + "ab" * 32},
        "request": {"host": "registry.example:5000"},
        "actor": {"name": "ci"},
    }


async def take(box: Inbox, body: bytes, registry: str | None = None) -> int:
    return await box.take("distribution", BEARER, {}, body, registry)
