"""Manifests and configs that were read once: what a digest names never changes."""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import platformdirs

from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache

__all__ = ["ContentCache", "cache_file", "default_cache"]

_MEMORY_BYTES = 64 * 2**20


# Futures belong to their loop, and so to a thread, though the cache is the whole process's.
_LoadKey = tuple[int, str, Digest]
_Turn = asyncio.Future[bytes | None]


class ContentCache:
    """Keeps small content by digest, in memory and perhaps on disk.

    Parameters
    ----------
    disk : DiskCache, optional
        Without it, what was read is forgotten with the process.
    memory_bytes : int
        The least recently used goes when there is more.

    Notes
    -----
    Content is kept for each registry and user apart (`scope`): who may not
    read a thing in one place must not get it from another's.
    """

    def __init__(self, disk: DiskCache | None = None, *, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._disk = disk
        self._memory: OrderedDict[tuple[str, Digest], bytes] = OrderedDict()
        self._memory_limit = memory_bytes
        self._memory_bytes = 0
        self._waiting: dict[_LoadKey, list[_Turn]] = {}

    def get(self, scope: str, digest: Digest) -> bytes | None:
        """Give what is kept; None if nothing is."""
        key = (scope, digest)
        body = self._memory.get(key)
        if body is not None:
            self._memory.move_to_end(key)
            return body
        body = self._disk.get(scope, digest) if self._disk is not None else None
        if body is not None:
            self._remember(key, body)
        return body

    def put(self, scope: str, digest: Digest, body: bytes) -> None:
        """Keep content that has been checked against its digest."""
        if (scope, digest) in self._memory:
            return
        self._remember((scope, digest), body)
        if self._disk is not None:
            self._disk.put(scope, digest, body)

    async def fetch(
        self, scope: str, digest: Digest, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """Give what is kept, or load it: once, however many ask for it at the same time.

        Parameters
        ----------
        scope : str
        digest : Digest
        load : callable
            Reads and checks the content.
        """
        key = (threading.get_ident(), scope, digest)
        while (body := self.get(scope, digest)) is None:
            if key not in self._waiting:
                return await self._load(key, load)
            turn = asyncio.get_running_loop().create_future()
            self._waiting[key].append(turn)
            # Whoever loads it may be cancelled, or refused where others are not
            # (by the same digest in another repository): then the next in line does.
            if (body := await turn) is not None:
                return body
        return body

    async def _load(self, key: _LoadKey, load: Callable[[], Awaitable[bytes]]) -> bytes:
        _, scope, digest = key
        waiting = self._waiting[key] = []
        body: bytes | None = None
        try:
            body = await load()
            self.put(scope, digest, body)
            return body
        finally:
            del self._waiting[key]
            for turn in waiting:
                if not turn.done():
                    turn.set_result(body)

    def _remember(self, key: tuple[str, Digest], body: bytes) -> None:
        self._memory[key] = body
        self._memory_bytes += len(body)
        while self._memory_bytes > self._memory_limit:
            _, oldest = self._memory.popitem(last=False)
            self._memory_bytes -= len(oldest)


@cache
def default_cache() -> ContentCache:
    """Give the process's cache.

    Notes
    -----
    On disk under the user's cache directory, or where ``GHOSTNB_CACHE`` says;
    ``GHOSTNB_CACHE=off`` keeps it in memory.
    """
    file = cache_file()
    return ContentCache(DiskCache(file) if file is not None else None)


def cache_file() -> Path | None:
    """Say where the process's cache is on disk; None if it is switched off."""
    place = os.environ.get("GHOSTNB_CACHE", "")
    if place == "off":
        return None
    directory = Path(place).expanduser() if place else platformdirs.user_cache_path("ghostnb")
    return directory / "content.sqlite"


if hasattr(os, "register_at_fork"):
    # SQLite's connections must not be used by a forked child.
    os.register_at_fork(after_in_child=default_cache.cache_clear)
