"""What all of Drift's routes share: the registry, its limits, and who may do what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from starlette.requests import Request

from ghostnb.drift.auth.identity import ANYBODY
from ghostnb.drift.replies import RefusedError
from ghostnb.oci import MAX_MANIFEST_BYTES, Digest
from ghostnb.registries.protocol import Registry, RegistryStore

__all__ = ["Access", "Anyone", "Limits", "Service"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much Drift takes at once.

    Attributes
    ----------
    manifest_bytes : int
    concurrent_uploads : int
        Bodies of blobs that are received at once; one more is answered 429.
    header_bytes : int
        Of one request, its first line included.
    header_seconds : float
        From a connection's begin, or a request's, to the end of its headers.
    page_size : int
        Names in one answer, if not fewer were asked for.
    grace_seconds : float
        How young content may be that a garbage collection leaves alone.
    idle_seconds : float
        How long a body may pause: who is gone without a goodbye holds neither
        a place among the uploads nor the upload.
    """

    manifest_bytes: int = MAX_MANIFEST_BYTES
    concurrent_uploads: int = 128
    header_bytes: int = 64 * 1024
    header_seconds: float = 30.0
    page_size: int = 10_000
    grace_seconds: float = 3600.0
    idle_seconds: float = 60.0


class Access(Protocol):
    """Who may do what."""

    async def check(self, request: Request, action: str, repository: str) -> None:
        """Let a request pass, or raise; whose it is `identity_of` then tells.

        Parameters
        ----------
        request : Request
        action : str
            ``pull``, ``push``, ``delete`` or ``admin``; ``none`` where it is
            enough to be known; ``open`` for what finds that out itself.
        repository : str
            Empty for what is about none, and for a push to one that its body names.

        Raises
        ------
        RefusedError
            401 with a challenge, or 403.
        """
        ...


class Anyone:
    """Everybody may do everything: for a registry that only this machine reaches."""

    async def check(self, request: Request, action: str, repository: str) -> None:
        """Let every request pass."""
        request.state.identity = ANYBODY


class Service:
    """A registry that is served.

    Parameters
    ----------
    registry : Registry
        Read only, unless it is a `RegistryStore`.
    access : Access
    limits : Limits

    Attributes
    ----------
    registry, access, limits
        As they were given.
    """

    def __init__(self, registry: Registry, access: Access, limits: Limits) -> None:
        self.registry = registry
        self.access = access
        self.limits = limits
        self._store = registry if isinstance(registry, RegistryStore) else None
        self._uploads = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._manifests = _SharedLock()

    @property
    def store(self) -> RegistryStore:
        """The registry, for what writes.

        Raises
        ------
        RefusedError
            405, if it cannot be written to.
        """
        if self._store is None:
            raise RefusedError(405, "UNSUPPORTED", f"{self.registry.name} is served read only.")
        return self._store

    @property
    def kept(self) -> RegistryStore | None:
        """The registry, if it keeps its content itself."""
        return self._store

    async def keep(self, digest: Digest) -> None:
        """Let content not be collected: who asks for it may not push it then."""
        if self._store is not None:
            await self._store.touch_blobs([digest])

    @asynccontextmanager
    async def receiving(self, upload: str) -> AsyncIterator[None]:
        """Keep an upload to one request at a time, and bodies to as many as are allowed."""
        if self._uploads >= self.limits.concurrent_uploads:
            raise RefusedError(
                429,
                "TOOMANYREQUESTS",
                f"{self._uploads} uploads are under way; try again in a moment.",
                headers={"retry-after": "1"},
            )
        self._uploads += 1
        try:
            async with self.turn(upload):
                yield
        finally:
            self._uploads -= 1

    def turn(self, upload: str) -> asyncio.Lock:
        """Keep an upload to one request at a time."""
        lock = self._locks.get(upload)
        if lock is None:
            lock = self._locks[upload] = asyncio.Lock()
        return lock

    def pushing(self) -> "_Shared":
        """Keep garbage collections out while a manifest's blobs are looked for and it is stored."""
        return _Shared(self._manifests)

    def collecting(self) -> "_Exclusive":
        """Keep manifests out while garbage is collected."""
        return _Exclusive(self._manifests)


class _SharedLock:
    """Many at once, or one alone, who waits until the many are gone."""

    def __init__(self) -> None:
        self.count = 0
        self.alone = asyncio.Lock()
        self.none = asyncio.Event()
        self.none.set()


@dataclass(frozen=True, slots=True)
class _Shared:
    lock: _SharedLock

    async def __aenter__(self) -> None:
        async with self.lock.alone:
            self.lock.count += 1
            self.lock.none.clear()

    async def __aexit__(self, *error: object) -> None:
        self.lock.count -= 1
        if self.lock.count == 0:
            self.lock.none.set()


@dataclass(frozen=True, slots=True)
class _Exclusive:
    lock: _SharedLock

    async def __aenter__(self) -> None:
        await self.lock.alone.acquire()
        try:
            await self.lock.none.wait()
        except BaseException:
            self.lock.alone.release()
            raise

    async def __aexit__(self, *error: object) -> None:
        self.lock.alone.release()
