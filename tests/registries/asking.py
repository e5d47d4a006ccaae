"""Ask a registry directly, and see what its error tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from ghostnb.errors import GhostnbError
from ghostnb.loop import new_loop
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.wire.retries import RetryPolicy

Result = TypeVar("Result")
Ask = Callable[[HTTPRegistry], Awaitable[Result]]

# Retries as always, but within a tenth of a second.
QUICK = RetryPolicy(total_seconds=10, max_attempts=4, first_wait_seconds=0.01)
# What no test's error may show: passwords, and the tokens and headers made of them.
SECRETS = ("nb-s3cret", "Z2hvc3Q6bmItczNjcmV0", "wr0ng-secret", "eyJ", "refresh-s3cret")


def open_registry(url: str, **settings: Any) -> HTTPRegistry:
    """Open a registry with a cache of its own; settings are of `RegistryConfig`."""
    policy = settings.pop("policy", QUICK)
    cache = settings.pop("cache", None)
    config = RegistryConfig("reg", url, **settings)
    return HTTPRegistry(config, cache=ContentCache() if cache is None else cache, policy=policy)


def ask(url: str, question: Ask[Result], **settings: Any) -> Result:
    """Put one question to a registry, on a loop of its own, as ghostnb's own is made."""

    async def asking() -> Result:
        registry = open_registry(url, **settings)
        try:
            return await question(registry)
        finally:
            await registry.aclose()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(asking())


async def ping(registry: HTTPRegistry) -> bool:
    return (await registry.ping()).authenticated


def tags_of(repository: str) -> Ask[list[str]]:
    async def question(registry: HTTPRegistry) -> list[str]:
        # docker-registry lists them as its file system does
        return sorted([tag async for tag in registry.tags(repository)])

    return question


def manifest_of(repository: str, locator: str) -> Ask[Any]:
    return lambda registry: registry.manifest(repository, locator)


def blob_of(repository: str, content: bytes, *, size_bytes: int | None = None) -> Ask[bytes]:
    return lambda registry: registry.blob(repository, descriptor(content, size_bytes))


def pieces_of(repository: str, content: bytes) -> Ask[bytes]:
    async def question(registry: HTTPRegistry) -> bytes:
        pieces = registry.open_blob(repository, descriptor(content))
        return b"".join([piece async for piece in pieces])

    return question


async def repositories(registry: HTTPRegistry) -> list[str]:
    return [record.repository async for record in registry.repositories()]


def descriptor(content: bytes, size_bytes: int | None = None) -> Descriptor:
    size = len(content) if size_bytes is None else size_bytes
    return Descriptor("application/octet-stream", Digest.of(content), size)


def blob_path(repository: str, content: bytes) -> str:
    return f"/v2/{repository}/blobs/{Digest.of(content)}"


def refused(
    kind: type[GhostnbError], *words: str, url: str, question: Ask[Any] = ping, **settings: Any
) -> GhostnbError:
    """Ask, and insist on an error of exactly this class with these words and no secret."""
    with pytest.raises(GhostnbError) as caught:
        ask(url, question, **settings)
    return checked(caught.value, kind, *words)


def checked(error: GhostnbError, kind: type[GhostnbError], *words: str) -> GhostnbError:
    assert kind is type(error), error
    assert [word for word in words if word not in str(error)] == [], str(error)
    shown = "\n".join(texts(error))
    assert [secret for secret in SECRETS if secret in shown] == []
    return error


def texts(error: BaseException | None) -> Iterator[str]:
    """Give everything that an error and its causes could show."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(getattr(error, "url", "")))
        yield repr(getattr(error, "hint", ""))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
