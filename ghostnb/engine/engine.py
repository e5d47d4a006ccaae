"""A container daemon, as a notebook user holds it."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ghostnb.engine.consumption import ConsumptionCalls
from ghostnb.engine.containers import ContainerCalls
from ghostnb.engine.contexts import find_endpoints
from ghostnb.engine.conversation import converse
from ghostnb.engine.daemon import Daemon
from ghostnb.engine.images import ImageCalls
from ghostnb.engine.line import Line
from ghostnb.engine.networks import NetworkCalls
from ghostnb.engine.unreachable import Attempt, unreachable_error
from ghostnb.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from ghostnb.engine.endpoints import Endpoint
    from ghostnb.engine.sdk import Session

__all__ = ["Engine"]

T = TypeVar("T")


class Engine(ImageCalls, ContainerCalls, ConsumptionCalls, NetworkCalls):
    """A Docker or Podman daemon.

    Nothing is contacted before the first call. An engine that stands for several known
    sockets stays with the first daemon that answered. It may be used from several event loops
    and threads at once.

    Parameters
    ----------
    context : str, optional
        The name of a Docker context, or a URL: ``unix:///run/podman/podman.sock``,
        ``tcp://host:2375``, ``ssh://user@host``. Without: ``DOCKER_HOST``, else the current
        Docker context, else the first of the known sockets where somebody answers.
    timeout_seconds : float
        How long to wait for each answer. A pull or push may be silent for longer.

    Raises
    ------
    ConfigError
        If no context has that name, or the Docker configuration cannot be read.

    Examples
    --------
    >>> Engine("unix:///run/podman/podman.sock")
    Engine('unix:///run/podman/podman.sock')
    """

    def __init__(self, context: str | None = None, *, timeout_seconds: float = 60.0) -> None:
        self._endpoints = find_endpoints(context)
        self._timeout_seconds = timeout_seconds
        self._found: tuple[Endpoint, Daemon] | None = None
        self._lines: set[Line] = set()
        self._closed = False

    async def ping(self) -> Daemon:
        """Ask the daemon who it is.

        Returns
        -------
        Daemon
            Fresh at every call.

        Raises
        ------
        EngineUnreachableError
            If no daemon answers: with every address tried, and what each said.
        """

        def talk(line: Line) -> Iterator[Daemon]:
            yield self._meet(line).daemon

        return await self._ask(talk)

    async def close(self) -> None:
        """Break off what is under way. Twice is fine; other calls are a `ValueError` then."""
        self._closed = True
        for line in tuple(self._lines):
            line.hang_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Engine({self._endpoints[0].context!r})"

    async def _do(self, work: Callable[["Session"], T]) -> T:
        def talk(line: Line) -> Iterator[T]:
            yield work(self._session(line))

        return await self._ask(talk)

    async def _ask(self, talk: Callable[[Line], Iterator[T]]) -> T:
        async with aclosing(self._stream(talk)) as answers:
            return await anext(answers)

    async def _stream(self, talk: Callable[[Line], Iterator[T]]) -> AsyncGenerator[T, None]:
        if self._closed:
            raise ValueError(f"{self!r} is closed")
        line = Line()
        self._lines.add(line)
        try:
            async with aclosing(converse(talk, line)) as items:
                async for item in items:
                    yield item
            if self._closed:
                raise EngineError(f"{self!r} was closed while it was in use.")
        finally:
            self._lines.discard(line)

    def _session(self, line: Line) -> "Session":
        """Speak to the daemon that answered before, without asking who it is."""
        from ghostnb.engine.sdk import Session

        if self._found is None:
            return self._meet(line)
        return Session(*self._found, line, self._timeout_seconds)

    def _meet(self, line: Line) -> "Session":
        """Try the addresses until somebody answers."""
        from ghostnb.engine.sdk import NoAnswerError, open_session

        attempts: list[Attempt] = []
        for endpoint in self._endpoints if self._found is None else (self._found[0],):
            try:
                session = open_session(endpoint, line, self._timeout_seconds)
            except NoAnswerError as error:
                attempts.append((endpoint, str(error)))
            except ConfigError as error:
                if len(self._endpoints) == 1:
                    raise
                attempts.append((endpoint, error.message))
            else:
                self._found = (endpoint, session.daemon)
                return session
        raise unreachable_error(attempts)
