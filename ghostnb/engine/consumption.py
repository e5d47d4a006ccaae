"""What an engine reads of containers' consumption."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ghostnb.engine.container import checked_container
from ghostnb.engine.stats import ContainerStats
from ghostnb.errors import EngineError

if TYPE_CHECKING:
    from ghostnb.engine.sdk import Session

__all__ = ["ConsumptionCalls"]

T = TypeVar("T")

_PERIOD_SECONDS = 1.0
_GONE = (404, 409)


class ConsumptionCalls:
    """The part of an `Engine` that reads what containers use."""

    if TYPE_CHECKING:  # what the engine brings

        async def _do(self, work: Callable[[Session], T]) -> T: ...

    async def stats(self, container: str) -> ContainerStats:
        """Read what a container uses: this takes a second or two.

        Parameters
        ----------
        container : str
            Its name, its id or the beginning of its id.

        Returns
        -------
        ContainerStats

        Raises
        ------
        InvalidContainerError
            If no container can be named so.
        EngineError
            If there is none of that name (`status` is 404), or it does not run (409).
        EngineUnreachableError
            If no daemon answers.
        """
        name = checked_container(container)
        begun = time.monotonic()
        before = await self._reading(name)
        await _wait(begun, _PERIOD_SECONDS)
        return ContainerStats.between(before, await self._reading(name))

    def follow_stats(
        self, container: str, *, period_seconds: float = _PERIOD_SECONDS
    ) -> AsyncGenerator[ContainerStats, None]:
        """Read what a container uses, again and again until it ends.

        Parameters
        ----------
        container : str
        period_seconds : float, optional
            From one reading to the next. Docker 20.10 takes a second for each.

        Yields
        ------
        ContainerStats
            As `stats`; each compared with the one before.

        Raises
        ------
        InvalidContainerError
            At the call itself, if no container can be named so.
        EngineError, EngineUnreachableError
            As for `stats`; not for a container that ends, or is removed, on the way.
        """
        if not period_seconds > 0:
            raise ValueError(f"period_seconds must be more than 0, not {period_seconds}")
        return self._readings(checked_container(container), period_seconds)

    async def _readings(
        self, name: str, period_seconds: float
    ) -> AsyncGenerator[ContainerStats, None]:
        begun = time.monotonic()
        before = await self._reading(name)
        while True:
            begun = await _wait(begun, period_seconds)
            try:
                now = await self._reading(name)
            except EngineError as e:
                if e.status in _GONE:
                    return
                raise
            yield ContainerStats.between(before, now)
            before = now

    async def _reading(self, name: str) -> dict[str, Any]:
        return await self._do(lambda session: session.stats(name))


async def _wait(since: float, period_seconds: float) -> float:
    """Wait until a period has passed since a moment, however much of it was worked."""
    await asyncio.sleep(max(0.0, since + period_seconds - time.monotonic()))
    return time.monotonic()
