"""What an engine does with containers."""

import contextlib
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from ghostnb.engine.container import Container, checked_container
from ghostnb.engine.creation import create_body
from ghostnb.engine.frames import containers_frame
from ghostnb.engine.line import Line
from ghostnb.engine.specs import ContainerSpec
from ghostnb.errors import EngineError, EngineUnreachableError

if TYPE_CHECKING:
    from ghostnb.engine.sdk import Session

__all__ = ["ContainerCalls"]

T = TypeVar("T")


class ContainerCalls:
    """The part of an `Engine` that has to do with containers.

    A container is named by its name, its id or the beginning of its id.
    """

    if TYPE_CHECKING:  # what the engine brings

        def _session(self, line: Line) -> Session: ...

        async def _do(self, work: Callable[[Session], T]) -> T: ...

        def _stream(self, talk: Callable[[Line], Iterator[T]]) -> AsyncGenerator[T, None]: ...

    async def containers(self, *, all: bool = True) -> pd.DataFrame:  # noqa: A002
        """List the daemon's containers, one row each.

        Parameters
        ----------
        all : bool
            Whether to list those that do not run, too.

        Returns
        -------
        pandas.DataFrame, shape (n_containers, 8)
            context, id : string
            name : string; <NA> for a container without
            image : string, in Docker's familiar form, or an id
            state : string, one of Docker's words: ``created``, ``running``, ``exited`` …
            status : string, for people: ``Up 3 minutes``
            ports : string: ``127.0.0.1:8080->80/tcp, 443/tcp``; empty for none
            created : datetime64[ns, UTC]

        Raises
        ------
        EngineUnreachableError
            If no daemon answers.
        EngineError
            If it refuses.
        """
        return await self._do(
            lambda session: containers_frame(
                session.endpoint.context, session.containers(include_stopped=all)
            )
        )

    async def list_containers(self, *, all: bool = True) -> list[Container]:  # noqa: A002
        """List the daemon's containers as values, in the daemon's order: the newest first.

        Parameters
        ----------
        all : bool
            Whether to list those that do not run, too.

        Returns
        -------
        list of Container
            Without what only `container` tells.

        Raises
        ------
        EngineUnreachableError, EngineError
            As for `containers`.
        """
        return await self._do(
            lambda session: [
                Container.from_listing(entry) for entry in session.containers(include_stopped=all)
            ]
        )

    async def create_container(self, spec: ContainerSpec, *, start: bool = True) -> str:
        """Create a container, and start it.

        One that cannot join its networks or be started is removed again, so that its name is
        free for the next try. A call that is cancelled or loses the daemon may leave it behind.

        Parameters
        ----------
        spec : ContainerSpec
        start : bool

        Returns
        -------
        str
            The container's id.

        Raises
        ------
        EngineError
            If there is no such image (pull it first), the name or a port of the host is
            taken, or the daemon refuses for another reason.
        EngineUnreachableError
            If no daemon answers.
        """
        return await self._do(lambda session: _create(session, spec, start=start))

    async def start(self, container: str) -> None:
        """Start a container.

        Raises
        ------
        InvalidContainerError
            If no container can be named so.
        EngineError
            If there is none of that name, it runs already, or it cannot be started.
        EngineUnreachableError
            If no daemon answers.
        """
        name = checked_container(container)
        await self._do(lambda session: session.start(name))

    async def stop(self, container: str, *, timeout_seconds: float = 10) -> None:
        """Ask a container to end, and kill it when it does not; one that does not run is fine.

        Parameters
        ----------
        container : str
        timeout_seconds : float
            How long it may take to end; rounded up to whole seconds.

        Raises
        ------
        InvalidContainerError, EngineError, EngineUnreachableError
            As for `start`.
        """
        name, seconds = checked_container(container), _whole_seconds(timeout_seconds)
        await self._do(lambda session: session.stop(name, seconds))

    async def restart(self, container: str, *, timeout_seconds: float = 10) -> None:
        """Stop a container as `stop` does if it runs, and start it.

        Parameters
        ----------
        container : str
        timeout_seconds : float
            How long it may take to end; rounded up to whole seconds.

        Raises
        ------
        InvalidContainerError, EngineError, EngineUnreachableError
            As for `start`.
        """
        name, seconds = checked_container(container), _whole_seconds(timeout_seconds)
        await self._do(lambda session: session.restart(name, seconds))

    async def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container. Its volumes stay.

        Parameters
        ----------
        container : str
        force : bool
            Whether to kill it if it runs.

        Raises
        ------
        InvalidContainerError, EngineUnreachableError
            As for `start`.
        EngineError
            If there is none of that name, or it runs.
        """
        name = checked_container(container)
        await self._do(lambda session: session.remove(name, force=force))

    async def container(self, container: str) -> Container:
        """Ask how a container is.

        Returns
        -------
        Container
            As it is now; without its environment.

        Raises
        ------
        InvalidContainerError, EngineError, EngineUnreachableError
            As for `start`.
        """
        name = checked_container(container)
        return await self._do(lambda session: Container.from_inspection(session.inspect(name)))

    def logs(
        self, container: str, *, tail: int | None = 200, follow: bool = False
    ) -> AsyncGenerator[str, None]:
        """Read what a container has written.

        Leaving the iterator (``break``, ``aclose()``, a cancelled task) stops the reading.

        Parameters
        ----------
        container : str
        tail : int or None
            How many of the last lines to begin with; None for all.
        follow : bool
            Whether to go on until the container ends.

        Yields
        ------
        str
            A line of stdout or stderr, without its end. What is no UTF-8 is replaced; a line
            of more than 65,536 characters comes in several pieces.

        Raises
        ------
        InvalidContainerError
            At the call itself, if no container can be named so.
        EngineError
            If there is none of that name, or its logs cannot be read.
        EngineUnreachableError
            If no daemon answers, or it is lost on the way.

        Notes
        -----
        What daemons do with a last line that has no end: Docker 20.10 leaves it out of a
        followed log, Podman 4.3 joins it to the line before. On a busy machine Podman may end a
        followed log before the last lines of a container that ends at once; without `follow`
        they are there.
        """
        name = checked_container(container)
        if tail is not None and tail < 0:
            raise ValueError(f"tail must be 0 or more, not {tail}")

        def talk(line: Line) -> Iterator[str]:
            yield from self._session(line).logs(name, tail=tail, follow=follow)

        return self._stream(talk)


def _create(session: "Session", spec: ContainerSpec, *, start: bool) -> str:
    container = session.create_container(create_body(spec), spec.name)
    try:
        for network in spec.further_networks:
            session.connect(container, network)
        if start:
            session.start(container)
    except EngineUnreachableError:
        raise
    except EngineError:
        with contextlib.suppress(EngineError):  # what was wrong matters more
            session.remove(container, force=True, with_volumes=True)
        raise
    return container


def _whole_seconds(timeout_seconds: float) -> int:
    if not timeout_seconds >= 0:
        raise ValueError(f"timeout_seconds must be 0 or more, not {timeout_seconds}")
    return math.ceil(timeout_seconds)
