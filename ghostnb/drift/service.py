"""What all of Drift's routes share: the registry, its limits, and who may do what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol
from weakref import WeakValueDictionary

from starlette.requests import Request

from ghostnb.drift.auth.identity import ANYBODY
from ghostnb.drift.bodies import Bodies
from ghostnb.drift.limits import Limits
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.turns import Places, SharedLock
from ghostnb.oci import Digest
from ghostnb.registries.abilities import TakesUploads
from ghostnb.registries.protocol import Registry, RegistryStore, WritableRegistry

__all__ = ["Access", "Anyone", "Service"]


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

    def close(self) -> None:
        """End what was begun for this; nobody is asked about any more."""
        ...


class Anyone:
    """Everybody may do everything: for a registry that only this machine reaches."""

    async def check(self, request: Request, action: str, repository: str) -> None:
        """Let every request pass."""
        request.state.identity = ANYBODY

    def close(self) -> None:
        """End nothing."""


class Service:
    """A registry that is served.

    Parameters
    ----------
    registry : Registry
        Read only, unless it is a `RegistryStore`, or can be written to and there is a place for
        uploads to it.
    access : Access
    limits : Limits
    uploads : TakesUploads, optional
        Where blobs for a registry are kept that takes them only whole.

    Attributes
    ----------
    registry, access, limits
        As they were given.
    bodies : Bodies
        Reads what must be held in memory.
    downloads : Places
        For content that is being sent.
    closing : AsyncExitStack
        What is to be let go of when Drift ends.
    """

    def __init__(
        self,
        registry: Registry,
        access: Access,
        limits: Limits,
        *,
        uploads: TakesUploads | None = None,
    ) -> None:
        self.registry = registry
        self.access = access
        self.limits = limits
        self._store = registry if isinstance(registry, RegistryStore) else None
        self._staged = uploads
        self.closing = AsyncExitStack()
        self.closing.push_async_callback(registry.aclose)
        self.closing.callback(access.close)
        self.bodies = Bodies(limits)
        self.downloads = Places(limits.concurrent_downloads, "downloads")
        self._receptions = Places(limits.concurrent_uploads, "uploads")
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._manifests = SharedLock()

    @property
    def store(self) -> RegistryStore:
        """The registry, for what writes.

        Raises
        ------
        RefusedError
            405, if it cannot be written to.
        """
        if self._store is None:
            raise self._read_only()
        return self._store

    @property
    def writable(self) -> WritableRegistry:
        """The registry, for manifests and deletions.

        Raises
        ------
        RefusedError
            405, if it cannot be written to.
        """
        if self._store is not None:
            return self._store
        if self._staged is None or not isinstance(self.registry, WritableRegistry):
            raise self._read_only()
        return self.registry

    @property
    def uploads(self) -> TakesUploads:
        """What takes blobs in pieces.

        Raises
        ------
        RefusedError
            405, if nothing does.
        """
        return self._staged if self._store is None and self._staged is not None else self.store

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
        # A place is for who receives: those who wait for one upload would take them all.
        async with self.turn(upload):
            with self._receptions.one():
                yield

    def turn(self, upload: str) -> asyncio.Lock:
        """Keep an upload to one request at a time."""
        lock = self._locks.get(upload)
        if lock is None:
            lock = self._locks[upload] = asyncio.Lock()
        return lock

    def pushing(self) -> AbstractAsyncContextManager[None]:
        """Keep garbage collections out while a manifest's blobs are looked for and it is stored."""
        return self._manifests.shared()

    def collecting(self) -> AbstractAsyncContextManager[None]:
        """Keep manifests out while garbage is collected."""
        return self._manifests.exclusive()

    def _read_only(self) -> RefusedError:
        return RefusedError(405, "UNSUPPORTED", f"{self.registry.name} is served read only.")
