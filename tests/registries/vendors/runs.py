"""Work with a registry that is a vendor's replay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.wire.retries import RetryPolicy
from tests.registries.vendors.replaying import Replay

Work = Callable[[HTTPRegistry], Coroutine[Any, Any, Any]]


def run_on(replay: Replay, work: Work, *, name: str, url: str, **options: Any) -> Any:
    """Do something with a registry, and close it."""

    async def main() -> Any:
        config = RegistryConfig(name, url, **options)
        policy = RetryPolicy(max_attempts=2, first_wait_seconds=0.001)
        registry = HTTPRegistry(config, transport=replay, cache=ContentCache(), policy=policy)
        try:
            return await work(registry)
        finally:
            await registry.aclose()

    return asyncio.run(main())


def listed(method: str, *arguments: Any, **options: Any) -> Work:
    async def work(registry: HTTPRegistry) -> list[Any]:
        return [record async for record in getattr(registry, method)(*arguments, **options)]

    return work
