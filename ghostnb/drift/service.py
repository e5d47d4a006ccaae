"""What all of Drift's routes share: the registry, its limits, and who may do what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from starlette.requests import Request

from ghostnb.drift.replies import RefusedError
from ghostnb.oci import MAX_MANIFEST_BYTES
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
    page_size : int
        Names in one answer, if not fewer were asked for.
    grace_seconds : float
        How young content may be that a garbage collection leaves alone.
    """

    manifest_bytes: int = MAX_MANIFEST_BYTES
    concurrent_uploads: int = 128
    header_bytes: int = 64 * 1024
    page_size: int = 10_000
    grace_seconds: float = 3600.0


class Access(Protocol):
    """Who may do what."""

    async def check(self, request: Request, action: str, repository: str) -> None:
        """Let a request pass, or raise.

        Parameters
        ----------
        request : Request
        action : str
            ``pull``, ``push``, ``delete`` or ``admin``; ``none`` where it is
            enough to be known.
        repository : str
            Empty for what is about none.

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
        if not isinstance(self.registry, RegistryStore):
            raise RefusedError(405, "UNSUPPORTED", f"{self.registry.name} is served read only.")
        return self.registry

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
        lock = self._locks.get(upload)
        if lock is None:
            lock = self._locks[upload] = asyncio.Lock()
        self._uploads += 1
        try:
            async with lock:
                yield
        finally:
            self._uploads -= 1

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
