"""What an engine does with images."""

import os
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from ghostnb.engine.frames import images_frame
from ghostnb.engine.line import Line
from ghostnb.engine.pulls import PullTally
from ghostnb.engine.pushes import PushTally
from ghostnb.errors import EngineError, InvalidReferenceError
from ghostnb.oci import Digest, Platform, Reference
from ghostnb.progress import Progress

if TYPE_CHECKING:
    from ghostnb.engine.sdk import Credentials, Session

__all__ = ["ImageCalls"]

T = TypeVar("T")

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{1,64}")


class ImageCalls:
    """The part of an `Engine` that has to do with images."""

    if TYPE_CHECKING:  # what the engine brings

        def _session(self, line: Line) -> Session: ...

        async def _do(self, work: Callable[[Session], T]) -> T: ...

        def _stream(self, talk: Callable[[Line], Iterator[T]]) -> AsyncGenerator[T, None]: ...

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
        return await self._do(
            lambda session: images_frame(session.endpoint.context, session.images())
        )

    async def digests_in_use(self) -> list[Digest]:
        """Say which registry digests the images of containers have, running or not.

        Returns
        -------
        list of Digest
            Sorted. An image that was built here and never pushed or pulled has none.

        Raises
        ------
        EngineUnreachableError
            If no daemon answers.
        EngineError
            If it refuses.
        """
        return await self._do(_digests_in_use)

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
        RegistryError
            What the registry said to the daemon, of the class that says it (`NotFoundError`,
            `RateLimitedError` …), or that it said nothing (`TransportError`).
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

    def push(
        self, reference: str, *, credentials: "Credentials | None" = None
    ) -> AsyncGenerator[Progress, None]:
        """Make the daemon push an image that it has under that name; `tag` gives it one.

        Leaving the iterator (``break``, ``aclose()``, a cancelled task) stops the push. Layers
        that have arrived by then stay in the registry, and no tag leads to them.

        Parameters
        ----------
        reference : str
            As for ``docker push``; without a tag ``latest`` is meant, not all tags.
        credentials : object with ``username`` and ``password``, optional
            For this push only. By default those of the Docker configuration on this machine.

        Yields
        ------
        Progress
            A step of one layer each. Sizes are what the daemon counts: Docker's are bytes
            before compression, and not what the registry stores; Podman 4.3 tells of no layer,
            and sizes stay unknown. The last has an empty `item` and is `done`; its `status`
            holds the digest: ``1.0: digest: sha256:… size: 946``.

        Raises
        ------
        InvalidReferenceError
            At the call itself, if `reference` is none, or has a digest: a push makes one.
        RegistryError
            What the registry said to the daemon, of the class that says it (`ForbiddenError`,
            `RejectedError` …), or that it said nothing (`TransportError`).
        EngineUnreachableError
            If no daemon answers, or it is lost on the way.
        EngineError
            If the daemon has no such image (`status` is 404), or for any other reason that it
            gives.
        """
        parsed = _tagged(reference)

        def talk(line: Line) -> Iterator[Progress]:
            yield from _push(self._session(line), parsed, credentials)

        return self._stream(talk)

    async def tag(self, image: str, reference: str) -> None:
        """Give an image of the daemon's a further name, by which it can be pushed.

        A name that another image has is taken from it.

        Parameters
        ----------
        image : str
            A name, an id as `images` gives it, or the beginning of an id.
        reference : str
            The further name; without a tag ``latest`` is meant.

        Raises
        ------
        InvalidReferenceError
            If `image` or `reference` is none, or `reference` has a digest.
        EngineUnreachableError
            If no daemon answers.
        EngineError
            If the daemon has no such image (`status` is 404), or refuses for another reason.
        """
        named, parsed = _named(image), _tagged(reference)
        await self._do(lambda session: session.tag(named, parsed))

    async def save(self, image: str, path: str | os.PathLike[str]) -> AsyncGenerator[Progress]:
        """Write an image of the daemon's to a new file, as ``docker save`` does.

        `RegistryClient.push` pushes such a file. Leaving the iteration breaks it off, and then
        there is no file.

        Parameters
        ----------
        image : str
            A name, an id as `images` gives it, or the beginning of an id.
        path : str or path
            The file to be made.

        Yields
        ------
        Progress
            Bytes of the file so far; the total is the image's size unpacked, about which a
            file's is.

        Raises
        ------
        InvalidReferenceError
            If `image` is none.
        PathError
            If the file is there already, or cannot be written.
        EngineUnreachableError
            If no daemon answers, or it is lost.
        EngineError
            If the daemon has no such image (`status` is 404), or refuses for another reason.

        Notes
        -----
        Source: Docker Engine API v1.41, "ImageGet".
        """
        named, file = _named(image), _file(path)
        async with aclosing(
            self._stream(lambda line: _saved(self._session(line), named, file))
        ) as steps:
            async for step in steps:
                yield step


def _file(path: str | os.PathLike[str]) -> Path:
    """Give the absolute path: a notebook may change its directory meanwhile."""
    return Path(os.fspath(path)).expanduser().absolute()


def _saved(session: "Session", image: str, path: Path) -> Iterator[Progress]:
    done = 0
    for done, size_bytes in session.save(image, path):
        total = max(done, size_bytes)
        yield Progress(image, "Saving", done, total, done, total)
    yield Progress(image, "Saved", done, done, done, done, done=True)


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
    # Podman says no more than the image's id, in a line like that of any layer
    if not tally.last_id or not session.image_id(_whole_name(reference)).startswith(tally.last_id):
        raise EngineError(
            f"{session.daemon.product} at {session.daemon.url} stopped pulling {reference}"
            " without saying that it succeeded.",
            hint="Pull it again; what has come is kept.",
        )


def _push(
    session: "Session", reference: Reference, credentials: "Credentials | None"
) -> Iterator[Progress]:
    tally = PushTally()
    for event in session.push(reference, credentials):
        progress = tally.take(event)
        if progress:
            yield progress
    if not tally.verdict:
        raise EngineError(
            f"{session.daemon.product} at {session.daemon.url} stopped pushing {reference}"
            " without saying that it succeeded.",
            hint="Push it again; what has arrived is not sent twice.",
        )
    yield tally.finish()


def _tagged(text: str) -> Reference:
    """Read a name that an image is to have."""
    reference = Reference.parse(text)
    if reference.digest:
        raise InvalidReferenceError(
            f"{text[:200]!r} has a digest, which nobody can choose.",
            hint=f"Give a tag alone: {str(Reference.parse(text.partition('@')[0]))!r}",
        )
    return reference


def _named(image: str) -> str:
    """Give an id as it is, and a name whole; nothing else goes into an address of the API.

    What may be both, the daemon takes for a name first.
    """
    return image if _ID.fullmatch(image) else _whole_name(Reference.parse(image))


def _whole_name(reference: Reference) -> str:
    """Write it for the API, where the tag of a name by digest counts for nothing."""
    name = f"{reference.registry}/{reference.repository}"
    return f"{name}@{reference.digest}" if reference.digest else f"{name}:{reference.tag}"


def _digests_in_use(session: "Session") -> list[Digest]:
    used = {container["ImageID"] for container in session.containers(include_stopped=True)}
    names = [
        name
        for image in session.images()
        if image["Id"] in used
        for name in image.get("RepoDigests") or ()
    ]
    digests = {name.rpartition("@")[2] for name in names}
    # Docker before 25 says so of an image that lost its names.
    return sorted(map(Digest, digests - {"<none>"}))
