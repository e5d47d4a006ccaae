"""Manifests and configs that were read once: what a digest names never changes."""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import cache
from pathlib import Path
from urllib.parse import quote

import platformdirs

from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache
from ghostnb.wire.tokens import Credentials

__all__ = ["ContentCache", "Scope", "cache_file", "default_cache"]

_MEMORY_BYTES = 64 * 2**20


# Futures belong to their loop, and so to a thread, though the cache is the whole process's.
_LoadKey = tuple[int, str, Digest]


class _Without(Enum):
    """Why those who wait get nothing from the one who loads."""

    # He was cancelled, or loaded as another user: the next in line does it for the others.
    LEFT = auto()
    # It was refused to him, and may be given elsewhere (the same digest in another repository):
    # each loads for himself, since one after the other they might wait for as many refusals.
    REFUSED = auto()


_Turn = asyncio.Future[bytes | _Without]


class Scope:
    """As whom a registry is read: nobody else may have from the cache what it gave.

    Parameters
    ----------
    url : str
    username : str, optional
        The configured one.

    Notes
    -----
    Other credentials are looked up when the registry asks for some: what it
    gave without, it gives to everyone. Those that are found count from then
    on, also if others follow: a token may outlive the login that it was got by.
    """

    def __init__(self, url: str, username: str | None = None) -> None:
        self._url = url
        self._users: set[str] = set()
        self._text = f"@{url}"
        if username:
            self.note(Credentials(username))

    def __str__(self) -> str:
        return self._text

    def note(self, found: Credentials | None) -> None:
        """Take note of credentials that may have been used."""
        user = _identity(found) if found is not None else ""
        if user and user not in self._users:
            self._users.add(user)
            self._text = f"{'+'.join(sorted(map(quote, self._users)))}@{self._url}"


def _identity(found: Credentials) -> str:
    """Tell users apart: by name; where there is a token, by that too.

    With it there may be a name that is everyone's: Azure's is a row of zeros.
    """
    token = found.identity_token or found.access_token
    if not token:
        return found.username
    return f"{found.username}:{Digest.of(token.encode()).short}"


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
        self, scope: "str | Scope", digest: Digest, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """Give what is kept, or load it: once, however many ask for it at the same time.

        Parameters
        ----------
        scope : str or Scope
            Looked at again once the content is there: as whom it was read may
            be known only then.
        digest : Digest
        load : callable
            Reads and checks the content.
        """
        while True:
            place = str(scope)
            if (body := self.get(place, digest)) is not None:
                return body
            key = (threading.get_ident(), place, digest)
            if key not in self._waiting:
                return await self._load(key, scope, load)
            turn = asyncio.get_running_loop().create_future()
            self._waiting[key].append(turn)
            outcome = await turn
            if outcome is _Without.REFUSED:
                return await self._read(scope, digest, load)
            if outcome is not _Without.LEFT:
                return outcome

    async def _load(
        self, key: _LoadKey, scope: "str | Scope", load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        _, place, digest = key
        waiting = self._waiting[key] = []
        outcome: bytes | _Without = _Without.LEFT
        try:
            body = await self._read(scope, digest, load)
            # Whoever waits for it as another user asks for himself.
            if str(scope) == place:
                outcome = body
            return body
        except Exception:
            outcome = _Without.REFUSED
            raise
        finally:
            del self._waiting[key]
            for turn in waiting:
                if not turn.done():
                    turn.set_result(outcome)

    async def _read(
        self, scope: "str | Scope", digest: Digest, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        body = await load()
        self.put(str(scope), digest, body)
        return body

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
