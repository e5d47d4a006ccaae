"""What the replays of vendors' services have in common.

A request that the vendor would not expect, or that carries a secret to the wrong host, is an
`AssertionError`, not a refusal.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from tests.parts.images import Document

_MANIFEST = re.compile(r"/v2/([a-z0-9/._-]+)/manifests/([A-Za-z0-9._:-]+)")
_BLOB = re.compile(r"/v2/([a-z0-9/._-]+)/blobs/(sha256:[0-9a-f]{64})")
_NAMES = re.compile(r"/v2/([a-z0-9/._-]+)/tags/list")

Answers = Callable[[httpx2.Request, str], httpx2.Response]


def answer(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> httpx2.Response:
    """Give a reply; what is not bytes is sent as JSON."""
    fields = dict(headers or {})
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        fields.setdefault("content-type", "application/json")
    return httpx2.Response(status, headers=fields, content=body)


def query_of(request: httpx2.Request, *names: str) -> dict[str, str]:
    """Give the query, which must have these keys in this order, and no others."""
    pairs = parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
    assert [name for name, _ in pairs] == list(names)
    return dict(pairs)


class Replay:
    """A transport that answers for the hosts of one vendor.

    Parameters
    ----------
    hosts : mapping of str to callable
        Who answers for a host (with its port, if it has one), given the request and its path
        as it is on the line.

    Attributes
    ----------
    asked : list of str
        Method and URL of each request, in order.
    planned : replies to give instead, by host and path; one for each request.
    """

    def __init__(self, hosts: dict[str, Answers]) -> None:
        self.asked: list[str] = []
        self.planned: dict[str, list[httpx2.Response]] = {}
        self.hosts = hosts

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        host = request.url.netloc.decode("ascii")
        self.asked.append(f"{request.method} {request.url}")
        assert request.url.scheme == "https"
        assert request.headers["user-agent"].startswith("ghostnb")
        assert "cookie" not in request.headers, "cookies are not for API clients"
        assert host in self.hosts, f"{host} is none of this vendor's"
        planned = self.planned.get(host + path)
        # Later pages come sooner, so that order is nothing that falls into place.
        await asyncio.sleep(0.02 / (1 + len(self.asked)))
        made = self.hosts[host](request, path)
        reply = planned.pop(0) if planned else made
        reply.headers["set-cookie"] = "session=vendor; Path=/; Secure"
        return reply

    async def aclose(self) -> None:
        pass

    def count(self, start: str) -> int:
        """Count the requests that begin so: ``HEAD https://…``."""
        return sum(line.startswith(start) for line in self.asked)

    def pages(self, name: str = "page") -> list[int]:
        """Give the pages that were asked of the API, in order."""
        found = [re.search(rf"[?&]{name}=(\d+)", line) for line in self.asked]
        return [int(match[1]) for match in found if match]


class HeldImages:
    """What a replayed registry holds, by ``library/nginx:latest``."""

    def __init__(self) -> None:
        self.images: dict[str, Document] = {}

    def add(self, name: str, image: Document) -> None:
        self.images[name] = image

    @property
    def repositories(self) -> set[str]:
        return {name.partition(":")[0] for name in self.images}

    def tags(self, repository: str) -> list[str]:
        """Give a repository's tags, sorted as registries do."""
        names = (name.partition(":") for name in self.images)
        return sorted(tag for held, _, tag in names if held == repository)

    def find(self, repository: str, locator: str) -> Document | None:
        """Give the manifest of a tag or digest."""
        for name, top in self.images.items():
            if not name.startswith(f"{repository}:"):
                continue
            if locator in (name.partition(":")[2], top.digest):
                return top
            for child in top.children:
                if child.digest == locator:
                    return child
        return None

    def blob(self, digest: str) -> bytes | None:
        for top in self.images.values():
            for held in (top, *top.children):
                for blob in held.blobs:
                    if blob.digest == digest:
                        return blob.data
        return None

    def manifest_reply(
        self, request: httpx2.Request, found: Document, **more: str
    ) -> httpx2.Response:
        """Give a manifest, or its headers alone."""
        assert found.media_type in request.headers["accept"]
        headers = {
            "content-type": found.media_type,
            "docker-content-digest": found.digest,
            "content-length": str(len(found.raw)),
            **more,
        }
        return answer(200, b"" if request.method == "HEAD" else found.raw, headers)

    def reply(self, request: httpx2.Request, path: str) -> httpx2.Response | None:
        """Answer a reading request as the distribution protocol does; None: it is none of these.

        Tags come whole, on one page.
        """
        assert request.method in ("GET", "HEAD")
        if match := _MANIFEST.fullmatch(path):
            found = self.find(match[1], match[2])
            return self.manifest_reply(request, found) if found else _unknown("MANIFEST_UNKNOWN")
        if match := _BLOB.fullmatch(path):
            data = self.blob(match[2])
            return answer(200, data) if data is not None else _unknown("BLOB_UNKNOWN")
        if match := _NAMES.fullmatch(path):
            if match[1] not in self.repositories:
                return _unknown("NAME_UNKNOWN")
            return answer(200, {"name": match[1], "tags": self.tags(match[1])})
        return None


def repository_of(path: str) -> str:
    """Give the repository that a path of the distribution protocol names; empty for none."""
    found = (pattern.fullmatch(path) for pattern in (_MANIFEST, _BLOB, _NAMES))
    return next((match[1] for match in found if match), "")


def _unknown(code: str) -> httpx2.Response:
    return answer(404, {"errors": [{"code": code, "message": "unknown", "detail": {}}]})
