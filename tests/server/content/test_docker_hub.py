"""Docker Hub behind an agent: its names, its limit, and no pull more than without."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ghostnb.client import RegistryClient
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.server.content.contents import Contents
from tests.parts.images import plain_image
from tests.registries.vendors.docker_hub.replay import DockerHubReplay
from tests.registries.vendors.docker_hub.runs import HUB_URL

IMAGE = plain_image("hub")
PLACE = "/api/v1/registries/hub"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> DockerHubReplay:
    monkeypatch.setenv("GHOSTNB_CACHE", "off")
    replay = DockerHubReplay()
    replay.images["library/nginx:1.27"] = IMAGE
    return replay


def through(hub: DockerHubReplay, tmp_path, work):
    """Ask a registry over the agent's application for it, and give the answer."""
    client = RegistryClient(RegistryConfig("hub", HUB_URL), transport=hub)
    app = Starlette(routes=[Mount(PLACE, Contents(tmp_path).app(client))])

    async def main():
        config = RegistryConfig("hub", f"http://localhost:8000{PLACE}", kind="agent:docker-hub")
        transport = httpx2.ASGITransport(app)
        registry = HTTPRegistry(config, transport=transport, cache=ContentCache())
        try:
            return await work(registry)
        finally:
            await registry.aclose()
            await client.registry.aclose()

    return asyncio.run(main())


def manifests(hub: DockerHubReplay, method: str) -> int:
    return len([one for one in hub.asked if one.startswith(method) and "/manifests/" in one])


def test_an_image_is_one_pull_however_often_it_is_asked_for(hub, tmp_path):
    async def work(registry):
        found = [await registry.manifest("nginx", "1.27") for _ in range(3)]
        return {one.raw for one in found}

    assert through(hub, tmp_path, work) == {IMAGE.raw}
    assert manifests(hub, "GET") == 1
    # The first is answered with the challenge, and sent again with a token.
    assert manifests(hub, "HEAD") == 4


def test_who_only_asks_what_a_tag_leads_to_pulls_nothing(hub, tmp_path):
    found = through(hub, tmp_path, lambda registry: registry.resolve("nginx", "1.27"))

    assert found.digest == IMAGE.digest
    assert manifests(hub, "GET") == 0


def test_the_pull_limit_is_told_by_a_ping(hub, tmp_path):
    ping = through(hub, tmp_path, lambda registry: registry.ping())

    assert (ping.rate_limit.limit, ping.rate_limit.remaining) == (100, 76)
    assert ping.rate_limit.window_seconds == 21600
    assert ping.rate_limit.source == "192.0.2.1"
