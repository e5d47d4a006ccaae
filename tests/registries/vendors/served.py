"""A vendor's replay over HTTP, for what is a process of its own: an agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.parts.faults import FaultyServer, faulty_server
from tests.parts.replies import Reply, Request, reply
from tests.registries.vendors.replaying import Replay


@contextmanager
def served(replay: Replay, host: str) -> Iterator[FaultyServer]:
    """Serve what a replay answers for one of its hosts, under an address of this machine.

    Where its answers name themselves, that address stands in the place of ``https://HOST``.
    """
    own = f"https://{host}"

    def answer(request: Request) -> Reply:
        headers = {name: text for name, text in request.headers.items() if name != "host"}
        asked = httpx2.Request(
            request.method, f"{own}{request.target}", headers=headers, content=request.body
        )
        replay.asked.append(f"{asked.method} {asked.url}")
        given = replay.hosts[host](asked, request.path)
        fields = {name: text.replace(own, server.url) for name, text in given.headers.items()}
        return reply(given.status_code, body=given.content, headers=fields)

    with faulty_server({"/*": answer}) as server:
        yield server
