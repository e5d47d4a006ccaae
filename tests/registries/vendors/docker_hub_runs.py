"""Work with a registry that is Docker Hub's replay."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from typing import Any

from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.wire.retries import RetryPolicy
from tests.registries.vendors.docker_hub_replay import DockerHubReplay, document

API = "https://hub.docker.com/v2"
HUB_URL = "https://registry-1.docker.io"
REPOSITORIES = "hub.docker.com/v2/namespaces/acme/repositories"
TAGS = "hub.docker.com/v2/namespaces/library/repositories/nginx/tags"
SECRET = "dckr_pat_s3cret"


def run(
    hub: DockerHubReplay,
    work: Callable[[HTTPRegistry], Coroutine[Any, Any, Any]],
    *,
    url: str = HUB_URL,
    **options: Any,
) -> Any:
    """Do something with a registry, and close it."""

    async def main() -> Any:
        config = RegistryConfig("docker-hub", url, **options)
        policy = RetryPolicy(max_attempts=2, first_wait_seconds=0.001)
        registry = HTTPRegistry(config, transport=hub, cache=ContentCache(), policy=policy)
        try:
            return await work(registry)
        finally:
            await registry.aclose()

    return asyncio.run(main())


def listed(method: str, *arguments: Any, **options: Any) -> Callable[[HTTPRegistry], Any]:
    async def work(registry: HTTPRegistry) -> list[Any]:
        return [record async for record in getattr(registry, method)(*arguments, **options)]

    return work


def logged_in(password: str = SECRET) -> dict[str, str]:
    return {"username": "ada", "password": password}


def many_tags(count: int) -> list[dict[str, Any]]:
    shape = document("tags")["results"][0]
    return [copy.deepcopy(shape) | {"name": f"1.{n}"} for n in range(count)]
