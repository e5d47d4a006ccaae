"""What registries list: asked once for all who ask at the same time, and kept for a moment."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

__all__ = ["Listings"]

Result = TypeVar("Result")

_KEPT_SECONDS = 5.0
_KEPT = 256
_ALL = "*"
_DETAILS = "details"
# The registry, whose tags (or _ALL), and of which namespace where it is all, or _DETAILS.
Key = tuple[str, str, str]


class Listings:
    """Keeps lists of repositories and of tags; it lives on one event loop.

    Parameters
    ----------
    kept_seconds : float, optional
        Others push, too, and not every registry tells of it.
    """

    def __init__(self, kept_seconds: float = _KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._found: OrderedDict[Key, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def repositories(
        self, registry: str, namespace: str, read: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Give the repositories; see `tags`."""
        return await self._get((registry, _ALL, namespace), read)

    async def tags(
        self, registry: str, repository: str, read: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Give what was read a moment ago, or is being read; else read it.

        What fails is not kept. Reading goes on when nobody waits for it any more: whoever asks
        next finds it.
        """
        return await self._get((registry, repository, ""), read)

    async def details(
        self, registry: str, repository: str, read: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Give the tags with what is known of each; see `tags`."""
        return await self._get((registry, repository, _DETAILS), read)

    def forget(self, registry: str, repository: str | None = None) -> None:
        """Read anew what may have changed: without a repository, all of a registry."""
        changed = {_ALL, repository}
        for key in list(self._found):
            if key[0] == registry and (repository is None or key[1] in changed):
                del self._found[key]

    async def _get(self, key: Key, read: Callable[[], Awaitable[Result]]) -> Result:
        found = self._found.get(key)
        if found is None or (found[1].done() and time.monotonic() >= found[0]):
            reading: asyncio.Future[Any] = asyncio.ensure_future(read())
            found = self._found[key] = (time.monotonic() + self._kept_seconds, reading)
            reading.add_done_callback(lambda done: self._settle(key, done))
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        result: Result = await asyncio.shield(found[1])
        return result

    def _settle(self, key: Key, done: asyncio.Future[Any]) -> None:
        has_failed = done.cancelled() or done.exception() is not None
        if has_failed and key in self._found and self._found[key][1] is done:
            del self._found[key]
