"""A container daemon, as a notebook user holds it."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import pandas as pd

from ghostnb.engine.containers import ContainerCalls
from ghostnb.engine.contexts import find_endpoints
from ghostnb.engine.conversation import converse
from ghostnb.engine.daemon import Daemon
from ghostnb.engine.frames import images_frame
from ghostnb.engine.line import Line
from ghostnb.engine.pulls import PullTally
from ghostnb.engine.unreachable import Attempt, unreachable_error
from ghostnb.errors import ConfigError, EngineError
from ghostnb.oci import Platform, Reference
from ghostnb.progress import Progress

if TYPE_CHECKING:
    from ghostnb.engine.endpoints import Endpoint
    from ghostnb.engine.sdk import Credentials, Session

__all__ = ["Engine"]

T = TypeVar("T")


class Engine(ContainerCalls):
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
        How long to wait for each answer. A pull may be silent for longer.

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

    async def images(self) -> pd.DataFrame:
        """List the daemon's images, one row a tag.

        Returns
        -------
        pandas.DataFrame, shape (n_tags + n_untagged_images, 7)
            context, id : string
            repository : string, in Docker's familiar form
            tag : string; <NA> for an image without tags
            digest : string, by which the repository has the image; <NA> if unknown
            size_bytes : Int64, bytes unpacked on the daemon's disk
            created : datetime64[ns, UTC]; NaT if the image does not say

        Raises
        ------
        EngineUnreachableError
            If no daemon answers.
        EngineError
            If it refuses.
        """

        def talk(line: Line) -> Iterator[pd.DataFrame]:
            session = self._session(line)
            yield images_frame(session.endpoint.context, session.images())

        return await self._ask(talk)

    def pull(
        self,
        reference: str,
        *,
        platform: str | Platform | None = None,
        credentials: "Credentials | None" = None,
    ) -> AsyncGenerator[Progress, None]:
        """Make the daemon pull an image.

        Leaving the iterator (``break``, ``aclose()``, a cancelled task) stops the pull.

        Parameters
        ----------
        reference : str
            As for ``docker pull``; without tag and digest ``latest`` is meant, with both the
            digest.
        platform : str or Platform, optional
            ``os/architecture[/variant]``; by default the daemon's own.
        credentials : object with ``username`` and ``password``, optional
            For this pull only. By default those of the Docker configuration on this machine.

        Yields
        ------
        Progress
            A step of one layer each; sizes are compressed bytes, and unknown where the daemon
            does not say them. The last has an empty `item` and is `done`.

        Raises
        ------
        InvalidReferenceError
            At the call itself, if `reference` or `platform` is none.
        NotFoundError, UnauthorizedError, ForbiddenError, RateLimitedError, TransportError
            What the registry said to the daemon, or that it said nothing.
        EngineUnreachableError
            If no daemon answers, or it is lost on the way.
        EngineError
            For any other reason that the daemon gives.
        """
        parsed = Reference.parse(reference)
        wanted = Platform.parse(platform) if isinstance(platform, str) else platform

        def talk(line: Line) -> Iterator[Progress]:
            yield from _pull(self._session(line), parsed, wanted, credentials)

        return self._stream(talk)

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


def _pull(
    session: "Session",
    reference: Reference,
    platform: Platform | None,
    credentials: "Credentials | None",
) -> Iterator[Progress]:
    tally = PullTally(session.daemon.product)
    for event in session.pull(reference, str(platform) if platform else None, credentials):
        progress = tally.take(event)
        if progress:
            yield progress
    _check_verdict(session, reference, tally)
    yield tally.finish()


def _check_verdict(session: "Session", reference: Reference, tally: PullTally) -> None:
    """Refuse a stream that just ends: a daemon that stops can end it in good order."""
    if tally.verdict:
        return
    name = f"{reference.registry}/{reference.repository}"
    name += f"@{reference.digest}" if reference.digest else f":{reference.tag}"
    # Podman says no more than the image's id, in a line like that of any layer
    if not tally.last_id or not session.image_id(name).startswith(tally.last_id):
        raise EngineError(
            f"{session.daemon.product} at {session.daemon.url} stopped pulling {reference}"
            " without saying that it succeeded.",
            hint="Pull it again; what has come is kept.",
        )
