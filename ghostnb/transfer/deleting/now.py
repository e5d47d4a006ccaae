"""What repositories hold while a plan of deletions is applied."""

import asyncio
import math
import time

from ghostnb.registries.protocol import Registry
from ghostnb.transfer.deleting.census import read_holdings
from ghostnb.transfer.holdings import Holdings

__all__ = ["Now"]

# How long it counts what was read of a repository before something is deleted from it.
_FRESH_SECONDS = 30.0


class Now:
    """What repositories hold while a plan is applied, read again when that is a while ago.

    A read that failed is not kept: the next step tries anew.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reads: dict[str, asyncio.Task[Holdings]] = {}
        self._read_at: dict[str, float] = {}

    def forget(self) -> None:
        """Forget everything."""
        self._reads.clear()
        self._read_at.clear()

    async def holdings(self, repository: str) -> Holdings:
        """Give what a repository holds; what has changed in the last seconds may be missing."""
        if time.monotonic() - self._read_at.get(repository, math.inf) > _FRESH_SECONDS:
            del self._reads[repository], self._read_at[repository]
        if repository not in self._reads:
            self._reads[repository] = asyncio.ensure_future(self._read(repository))
        return await self._reads[repository]

    async def _read(self, repository: str) -> Holdings:
        mine = asyncio.current_task()
        try:
            found = await read_holdings(self._registry, repository)
        except BaseException:
            if self._reads.get(repository) is mine:
                del self._reads[repository]
            raise
        if self._reads.get(repository) is mine:
            if found.unread:
                del self._reads[repository]
            else:
                self._read_at[repository] = time.monotonic()
        return found
