"""What all handlers of the agent share."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.fleet import Fleet
from ghostnb.loop import hop
from ghostnb.oci.media_types import ACCEPTED_MANIFESTS
from ghostnb.server.audit import AuditTrail
from ghostnb.server.content.contents import Contents
from ghostnb.server.failures import FailureError
from ghostnb.server.feed import Feed
from ghostnb.server.jobs.history import JobHistory
from ghostnb.server.jobs.job import Job
from ghostnb.server.jobs.queue import JobQueue
from ghostnb.server.listings import Listings
from ghostnb.server.subscriptions import Subscriptions
from ghostnb.server.webhooks import Inbox
from ghostnb.wire.clock import now
from ghostnb.wire.events import Event
from ghostnb.wire.urls import is_loopback

__all__ = ["Agent"]

_EVENT_NAMES = ("registry", "repository", "tag", "digest")


class Agent:
    """Registries, a daemon, jobs, and what is remembered of them.

    Parameters
    ----------
    fleet : Fleet
    engine : Engine
    audit : AuditTrail
    state : Path
        A directory for what outlives the agent.
    subscriptions : Subscriptions, optional
        Who is sent what happens.
    webhook_secrets : mapping of str to str, optional
        By which each source of webhooks proves itself; see `Inbox`.

    Raises
    ------
    ConfigError
        If a secret cannot be one.

    Attributes
    ----------
    fleet, engine, audit, subscriptions
        As they were given.
    fleet_turn : asyncio.Lock
        Whose turn it is to change the fleet: a registry is saved, or forgotten, meanwhile.
    inbox : Inbox
    jobs : JobQueue
    feed : Feed
    listings : Listings
    contents : Contents
    """

    def __init__(
        self,
        fleet: Fleet,
        engine: Engine,
        audit: AuditTrail,
        state: Path,
        *,
        subscriptions: Subscriptions | None = None,
        webhook_secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        # First, since it may be refused: nothing is open yet.
        self.inbox = Inbox(webhook_secrets, self.hear, find_registry=self.registry_at)
        self.fleet = fleet
        self.fleet_turn = asyncio.Lock()
        self.engine = engine
        self.audit = audit
        self.subscriptions = subscriptions or Subscriptions()
        self.feed = Feed(start=time.time_ns() // 1_000_000)
        self.listings = Listings()
        self.contents = Contents(state / "uploads")
        self.jobs = JobQueue(JobHistory(state / "jobs.sqlite3"), on_end=self._job_ended)

    async def open(self) -> None:
        """Begin, on the server's loop."""
        await self.jobs.open()

    async def close(self) -> None:
        """End what goes on."""
        # From the last to the first, each also if another one fails.
        async with AsyncExitStack() as ends:
            ends.callback(self.audit.close)
            ends.push_async_callback(self.engine.close)
            ends.push_async_callback(self.fleet.aclose)
            ends.push_async_callback(lambda: hop(self.contents.close()))
            ends.push_async_callback(self.jobs.close)
            ends.push_async_callback(self.subscriptions.close)
            ends.push_async_callback(self.inbox.close)
            ends.callback(self.feed.close)

    def client(self, registry: str) -> RegistryClient:
        """Give a registry's client.

        Raises
        ------
        FailureError
            404, if there is none of that name.
        """
        if registry not in self.fleet:
            known = ", ".join(self.fleet) or "none yet"
            message = f"No registry is called {registry[:64]!r}; there are: {known}."
            raise FailureError(404, "not_found", message)
        return self.fleet[registry]

    def registry_at(self, host: str) -> str | None:
        """Give the name of the registry at a host and port; None if there is none."""
        wanted = _place(host)
        places = ((name, _place(client.config.host)) for name, client in self.fleet.items())
        return next((name for name, place in places if place == wanted), None)

    async def hear(self, events: list[Event]) -> None:
        """Take what registries tell, but for the single blobs of what is pushed and pulled."""
        self.tell(event for event in events if not _is_of_a_blob(event))

    def tell(self, events: Iterable[Event]) -> None:
        """Let everybody know what happened; what was read of there is read anew."""
        told = list(events)
        for event in told:
            if event.registry is not None:
                self.listings.forget(event.registry, event.repository)
            self.subscriptions.offer(event)
        self.feed.add(told)

    def done(self, action: str, *, actor: str | None, message: str = "", **names: Any) -> None:
        """Let everybody know what the agent itself has done."""
        event = Event(
            secrets.token_hex(8), now(), "agent", action, actor=actor, message=message, **names
        )
        self.tell([event])

    def _job_ended(self, job: Job) -> None:
        entry = job.entry
        outcome = "success" if entry.state == "done" else "failure"
        result = entry.result or {}
        told = {name: text for name, text in result.items() if isinstance(text, str)}
        about = {**job.about, **told}
        names = {name: about[name] for name in _EVENT_NAMES if name in about}
        self.audit.note(
            action=f"{entry.kind}.end",
            actor=entry.actor,
            about={**names, "job": entry.id, "title": entry.title},
            code=entry.code or (entry.state if entry.state != "done" else None),
            resource="ghostnb.jobs",
            outcome=outcome,
        )
        names.setdefault("outcome", outcome)
        self.done(entry.kind, actor=entry.actor, message=entry.message, **names)


def _place(host: str) -> str:
    """Give a host and port as it is compared: this machine has several names."""
    name, _, port = host.lower().rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name or not port.isdigit():
        name, port = host.lower(), ""
    return f"localhost:{port}" if is_loopback(name.strip("[]")) else f"{name}:{port}"


def _is_of_a_blob(event: Event) -> bool:
    moves = event.action in ("push", "pull", "mount") and event.tag is None
    return moves and event.media_type is not None and event.media_type not in ACCEPTED_MANIFESTS
