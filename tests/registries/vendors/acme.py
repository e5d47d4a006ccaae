"""A vendor that is none, to see what all of them have in common, and a registry that is its."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2

from ghostnb.errors import RegistryError
from ghostnb.oci import Digest
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.vendors import Vendor
from tests.parts.images import plain_image
from tests.registries.vendors.replaying import HeldImages, Replay, answer
from tests.registries.vendors.runs import Work, listed, run_on

HOST = "registry.example.com"
URL = f"https://{HOST}"
IMAGES = {tag: plain_image(tag) for tag in ("1", "2", "3")}
NAMES = ["team/app", "team/other"]
CATALOG = f"GET {URL}/v2/_catalog"
PING = f"GET {URL}/v2/"


class Acme(Vendor):
    """A vendor whose API gives what a test says, and fails when and as it says."""

    kind = "acme"
    title = "Acme"
    given: tuple[str, ...] = ()
    error: RegistryError | None = None
    deletes = True
    calls: list[str]

    @classmethod
    def has_answered(cls, headers, challenges) -> bool:
        return headers.get("x-registry") == "acme" or any(
            challenge.service == "acme" for challenge in challenges
        )

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        async for name in self._given("repositories"):
            yield RepositoryRecord(self._config.name, name, pull_count=7)

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        async for tag in self._given("tags"):
            yield TagRecord(self._config.name, repository, tag, size_bytes=7)

    async def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        async for name in self._given("search"):
            yield SearchRecord(self._config.name, name, star_count=7)

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        async for name in self._given("usage"):
            yield UsageRecord(self._config.name, name)

    async def delete_tag(self, repository: str, tag: str) -> bool:
        return self._deleted(f"delete {repository}:{tag}")

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        return self._deleted(f"delete {repository}@{digest}")

    async def _given(self, what: str) -> AsyncIterator[str]:
        self.calls.append(what)
        for name in self.given:
            yield name
        if self.error is not None:
            raise self.error

    def _deleted(self, what: str) -> bool:
        self.calls.append(what)
        if self.error is not None:
            raise self.error
        return self.deletes


class PlainReplay(Replay):
    """A registry of which the specification says all, but for the headers of its ping."""

    def __init__(self) -> None:
        super().__init__({HOST: self._answer})
        self.headers: dict[str, str] = {}
        self.has_catalog = True
        self.held = HeldImages()
        for tag, image in IMAGES.items():
            self.held.add(f"team/app:{tag}", image)

    def _answer(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/v2/":
            return answer(200, {}, self.headers)
        if path == "/v2/_catalog":
            return answer(200, {"repositories": NAMES}) if self.has_catalog else answer(404)
        if request.method == "DELETE":
            return answer(202)
        found = self.held.reply(request, path)
        assert found is not None
        return found


def run(registry: PlainReplay, work: Work, **options: Any) -> Any:
    return run_on(registry, work, name="mine", url=URL, **options)


async def kind_of(registry) -> str:
    await registry.ping()
    return registry.kind


async def all_lists(registry) -> list[list]:
    reads = [
        listed("repositories"),
        listed("tag_details", "team/app"),
        listed("search", "app", limit=3),
    ]
    return [await read(registry) for read in reads * 2]
