"""Blobs on their way to a registry over HTTP."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.session import Session
from ghostnb.registries.verify import check_sizes
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply
from ghostnb.wire.urls import guard

__all__ = ["Uploads"]

_CANCEL_SECONDS = 5.0
# What registries say of an upload that they lost, or whose pieces they lost count of.
_LOST = frozenset({"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID"})
_Locate = Callable[[str, Reply], str]
_WRONG_CONTENT = frozenset({"DIGEST_INVALID", "SIZE_INVALID"})


class Uploads:
    """Sends blobs to one registry.

    A blob goes in one piece. If its connection breaks, the registry is asked how far it came,
    and is sent the rest; one that does not know begins again.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Pushing blobs". distribution 2.8 has lost an upload
    whose piece broke off: it compares what came with what its location says. For the same reason
    it cannot be told to drop that; it does so by itself after a week (uploadpurging).
    """

    def __init__(self, session: Session, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        # Where a mount that was not done began an upload instead.
        self._begun: dict[tuple[str, Digest], str] = {}

    async def mount(self, repository: str, digest: Digest, source: str) -> bool:
        """Take a blob over from another repository; False if its bytes must be sent."""
        request = self._endpoint.mount(repository, digest, source)
        try:
            reply = await self._session.fetch(request, expected=(201, 202))
        except (
            ForbiddenError,
            NotFoundError,
            RejectedError,
            ServerError,
            TransportError,
            UnauthorizedError,
            UnsupportedError,
        ):
            # Whatever it is, the upload that follows meets it too, or does without.
            return False
        if reply.status == 202:
            self._begun[repository, digest] = self._location(request.url, reply)
        return reply.status == 201

    async def push(self, repository: str, blob: Descriptor, content: BlobContent) -> None:
        """Send a blob, again from where it broke off if that may help.

        Raises
        ------
        IntegrityError
            If the registry says that it was sent something else.
        RegistryError
        """
        # One whose algorithm nobody knows is refused before anything is sent.
        blob.digest.hasher()
        upload = _Upload(self._session, self._endpoint, repository, blob, content)
        upload.location = self._begun.pop((repository, blob.digest), "")
        try:
            await upload.run(self._location)
        except RejectedError as e:
            if _WRONG_CONTENT & _codes(e):
                raise IntegrityError(
                    f"{self._session.config.name} did not take {blob.digest} for {repository}: "
                    "what was sent has another digest or size; it was discarded.",
                    hint="Try again; if it stays so, the source or a proxy between is damaged.",
                    registry=self._session.config.name,
                    url=e.url,
                ) from e
            raise

    def _location(self, url: str, reply: Reply) -> str:
        name = self._session.config.name
        location = reply.headers.get("location", "")
        if not location:
            raise ProtocolError(
                f"{name} began an upload, but did not say where.",
                hint="Check the registry's configuration, or a proxy between.",
                registry=name,
                url=url,
            )
        return guard(reply.url or url, location, registry=name, role="upload location")


class _Upload:
    """One blob's way."""

    def __init__(
        self,
        session: Session,
        endpoint: Endpoint,
        repository: str,
        blob: Descriptor,
        content: BlobContent,
    ) -> None:
        self.location = ""
        self._session, self._endpoint = session, endpoint
        self._repository, self._blob = repository, blob
        source = f"What was pushed to {repository} in {session.config.name}"
        self._feed = _Feed(content, blob, source)
        self._first = 0

    async def run(self, locate: _Locate) -> None:
        patience = _Patience()
        try:
            while not await self._try(locate, patience):
                pass
        except (Exception, asyncio.CancelledError):
            await self._cancel()
            raise

    async def _try(self, locate: _Locate, patience: "_Patience") -> bool:
        """Send it, or what is missing of it; False if that is to be tried again."""
        try:
            if patience.attempt and await self._is_there(locate):
                return True
            if not self.location:
                await self._begin(locate)
            await self._send(locate)
        except RegistryError as e:
            if self._feed.error is not None:
                # Not the registry's fault; the source was asked again as often as it helps.
                raise self._feed.error from None
            patience.note(self._first, is_lost=_is_lost(e))
            wait = self._wait_seconds(e, patience)
            if wait is None:
                raise
        else:
            return True
        await asyncio.sleep(wait)
        return False

    async def _begin(self, locate: _Locate) -> None:
        request = self._endpoint.begin_upload(self._repository)
        reply = await self._session.fetch(request, expected=(202,))
        self.location, self._first = locate(request.url, reply), 0

    async def _send(self, locate: _Locate) -> None:
        name, digest, size = self._repository, self._blob.digest, self._blob.size_bytes
        async with aclosing(self._feed) as feed:
            feed.first = self._first
            if not self._first:
                request = self._endpoint.finish_upload(name, self.location, digest, size, feed.open)
                await self._session.upload(request)
                return
            if self._first < size:
                request = self._endpoint.append_upload(
                    name, self.location, self._first, size - 1, feed.open
                )
                # Amazon ECR answers 201.
                reply = await self._session.upload(request, expected=(202, 201))
                self.location, self._first = locate(request.url, reply), size
        await self._session.upload(self._endpoint.finish_upload(name, self.location, digest))

    def _wait_seconds(self, error: RegistryError, patience: "_Patience") -> float | None:
        attempt = patience.attempt
        if isinstance(error, (TransportError, ServerError, RateLimitedError)):
            elapsed = patience.elapsed_seconds
            return self._session.wait_seconds(error, attempt, elapsed, method="PUT")
        # One that was begun before, or that the registry forgot when it was started anew, or
        # of which it still took in what had come before its line broke.
        return 0.0 if _is_lost(error) and patience.lost == 1 else None

    async def _is_there(self, locate: _Locate) -> bool:
        """Ask how far it came; True if all of it did, and only the answer was lost."""
        request = self._endpoint.upload_status(self._repository, self.location)
        try:
            reply = await self._session.fetch(request, expected=(204,)) if self.location else None
        except (NotFoundError, RejectedError, UnsupportedError):
            reply = None
        came = _end_of_range(reply.headers.get("range", "")) if reply else 0
        if reply is not None and 0 < came <= self._blob.size_bytes:
            # Without another place it is still the same.
            if "location" in reply.headers:
                self.location = locate(request.url, reply)
            self._first = came
            return False
        await self._cancel()
        self.location, self._first = "", 0
        asked = self._endpoint.blob_size(self._repository, self._blob.digest)
        try:
            # distribution that was killed while it wrote fails over the half: that is sent again.
            reply = await self._session.fetch(asked, expected=(200, 500))
        except NotFoundError:
            return False
        return reply.status == 200

    async def _cancel(self) -> None:
        """Leave nothing behind, if the registry can still be told."""
        if self.location:
            request = self._endpoint.cancel_upload(self._repository, self.location)
            # What is told is why it broke off; registries drop what is left, after days.
            with suppress(RegistryError, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._session.fetch(request, expected=(200, 202, 204, 404))


class _Patience:
    """Counts how often, and how long, it went wrong without getting any further.

    An upload may take hours, and its line may break every minute.
    """

    def __init__(self) -> None:
        self.attempt = self.lost = 0
        self._reached, self._since = 0, 0.0

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._since

    def note(self, reached: int, *, is_lost: bool) -> None:
        """Note that it went wrong, after so many bytes had come."""
        if not self.attempt or reached > self._reached:
            self.attempt = self.lost = 0
            self._reached, self._since = reached, time.monotonic()
        self.attempt += 1
        self.lost += is_lost


class _Feed:
    """Content as it is sent; keeps the error that ended it.

    Each piece is given when the next has come: at the end of content that is not what its
    digest says stands an error, and then the upload must not be complete.
    """

    def __init__(self, content: BlobContent, blob: Descriptor, source: str) -> None:
        self.first = 0
        self.error: Exception | None = None
        self._content, self._blob, self._source = content, blob, source
        self._opened: _Pieces | None = None

    def open(self) -> AsyncIterator[bytes]:
        self.error = None
        self._opened = _Pieces(self._read(self._opened))
        return self._opened

    async def aclose(self) -> None:
        """Let go of the source at once: its connection may be the one that is waited for."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    async def _read(self, before: "_Pieces | None") -> AsyncGenerator[bytes, None]:
        held = b""
        try:
            if before is not None:
                await before.aclose()
            # The digest is the registry's to check: it does so anyway.
            pieces = check_sizes(self._content(self.first), self._blob, self.first, self._source)
            async with aclosing(pieces):
                async for piece in pieces:
                    if held:
                        yield held
                    held = piece
        except Exception as e:
            self.error = e
            raise
        if held:
            yield held


class _Pieces:
    """Pieces that can be left while one is waited for: pyreqwest reads on a task of its own."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._reader: asyncio.Task[object] | None = None

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        self._reader = asyncio.current_task()
        try:
            return await anext(self._pieces)
        finally:
            self._reader = None

    async def aclose(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        await self._pieces.aclose()


def _is_lost(error: RegistryError) -> bool:
    """Tell whether the registry does not know an upload, or counts its bytes in another way."""
    is_told = isinstance(error, (NotFoundError, RejectedError))
    return is_told and not _LOST.isdisjoint(_codes(error))


def _codes(error: RegistryError) -> set[str]:
    return {diagnostic.code for diagnostic in error.diagnostics}


def _end_of_range(text: str) -> int:
    """Read how many bytes have come: ``0-1023`` says 1,024, and ``0-0`` means none, or one."""
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(last) + 1 if first == "0" and last.isdecimal() and last != "0" else 0
