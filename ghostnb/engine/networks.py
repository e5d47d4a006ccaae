"""What an engine knows of a daemon's networks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ghostnb.engine.problems import invalid
from ghostnb.engine.specs import network_problem

if TYPE_CHECKING:
    from ghostnb.engine.sdk import Session

__all__ = ["NetworkCalls"]

T = TypeVar("T")


class NetworkCalls:
    """The part of an `Engine` that has to do with networks."""

    if TYPE_CHECKING:  # what the engine brings

        async def _do(self, work: Callable[[Session], T]) -> T: ...

    async def network_driver(self, network: str) -> str:
        """Say of what kind a network is that a container may be given.

        Parameters
        ----------
        network : str
            Its name; or its id or the beginning of it, since daemons take these for it, too.

        Returns
        -------
        str
            ``bridge``, ``host``, ``null`` (none), ``macvlan`` and so on.

        Raises
        ------
        InvalidContainerError
            If no network can be named so.
        EngineError
            If there is none (`status` is 404).
        EngineUnreachableError
            If no daemon answers.
        """
        problem = network_problem(network)
        if problem or ":" in network:
            raise invalid({"network": problem or f"{network[:60]} is no network of its own."})
        return await self._do(lambda session: session.network_driver(network))
