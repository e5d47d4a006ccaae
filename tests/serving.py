"""A faulty server that begins as a sound registry, and how a test waits for what is elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx2
import psutil

from tests.parts.faults import FaultyServer, Routes, faulty_server
from tests.parts.images import Document
from tests.parts.processes import PLAIN
from tests.parts.replies import hang, reply


def routes_of(images: Mapping[str, Document]) -> Routes:
    """Script the replies of a registry that holds ``REPOSITORY:TAG`` names."""
    tags: dict[str, list[str]] = {}
    routes: Routes = {"/v2/": reply(json={})}
    for name, document in images.items():
        repository, _, tag = name.rpartition(":")
        tags.setdefault(repository, []).append(tag)
        routes |= _manifests(repository, tag, document)
    for repository, names in tags.items():
        routes[f"/v2/{repository}/tags/list"] = reply(json={"name": repository, "tags": names})
    routes["/v2/_catalog"] = reply(json={"repositories": list(tags)})
    return routes


def _manifests(repository: str, locator: str, document: Document) -> Routes:
    kind = {"Content-Type": document.media_type, "Docker-Content-Digest": document.digest}
    base, found = f"/v2/{repository}", reply(body=document.raw, headers=kind)
    routes: Routes = {
        f"{base}/manifests/{locator}": found,
        f"{base}/manifests/{document.digest}": found,
    }
    for blob in document.blobs:
        routes[f"{base}/blobs/{blob.digest}"] = reply(body=blob.data)
    for child in document.children:
        routes |= _manifests(repository, child.digest, child)
    return routes


@contextmanager
def serving_images(images: Mapping[str, Document], **more: object) -> Iterator[FaultyServer]:
    """Serve images from loopback; change ``.routes`` to break something."""
    with faulty_server({**routes_of(images), **more}) as server:
        yield server


@contextmanager
def hanging_server() -> Iterator[FaultyServer]:
    """Serve a registry that takes requests and never answers."""
    with faulty_server({"/v2/*": hang()}) as server:
        yield server


def wait_until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for what happens on another thread or in another process, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


async def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait as `wait_until` does, and let this loop go on meanwhile."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (of other threads, too)
            await asyncio.sleep(0.01)


def connections_to(port: int) -> int:
    """Count this process's connections to a port, as the operating system sees them."""
    sockets = psutil.Process().net_connections("tcp")
    return sum(s.status == psutil.CONN_ESTABLISHED and s.raddr.port == port for s in sockets)


class CountingTransport:
    """The real transport, with what went over it.

    Attributes
    ----------
    paths : list of str
        Method and path of every request, in order.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.is_closed = False
        self._inner = httpx2.AsyncHTTPTransport(verify=PLAIN)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(f"{request.method} {request.url.path}")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        self.is_closed = True
        await self._inner.aclose()

    def count(self, part: str) -> int:
        return sum(part in path for path in self.paths)


class MemoryTransport:
    """A registry without a network: the replies of `routes_of`.

    Attributes
    ----------
    most_held : int
        How many requests were under way at once, at most.
    """

    def __init__(self, images: Mapping[str, Document]) -> None:
        self._routes = routes_of(images)
        self._held = 0
        self.most_held = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._held += 1
        self.most_held = max(self.most_held, self._held)
        await asyncio.sleep(0)
        self._held -= 1
        found = self._routes[request.url.path]
        return httpx2.Response(found.status, headers=found.headers, content=found.body)

    async def aclose(self) -> None:
        """Have nothing to close."""
