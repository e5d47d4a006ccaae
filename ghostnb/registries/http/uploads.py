"""Blobs on their way to a registry over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
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
    whose piece broke off: it compares what came with what its location says.
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
        self._content = content
        self._first = 0

    async def run(self, locate: _Locate) -> None:
        attempt, started = 0, time.monotonic()
        while True:
            first, feed = self._first, self._feed()
            try:
                if not self.location:
                    await self._begin(locate)
                await self._send(feed, locate)
                return
            except RegistryError as e:
                if feed.error is not None:
                    # Not the registry's fault; the source was asked again as often as it helps.
                    await self._cancel()
                    raise feed.error from None
                attempt = 1 if self._first > first else attempt + 1
                wait = self._wait_seconds(e, attempt, time.monotonic() - started)
                if wait is None:
                    await self._cancel()
                    raise
                await asyncio.sleep(wait)
            except Exception:
                await self._cancel()
                raise
            if await self._is_there(locate):
                return

    def _feed(self) -> "_Feed":
        source = f"What was pushed to {self._repository} in {self._session.config.name}"
        return _Feed(self._content, self._blob, self._first, source)

    async def _begin(self, locate: _Locate) -> None:
        request = self._endpoint.begin_upload(self._repository)
        reply = await self._session.fetch(request, expected=(202,))
        self.location, self._first = locate(request.url, reply), 0

    async def _send(self, feed: "_Feed", locate: _Locate) -> None:
        name, digest, size = self._repository, self._blob.digest, self._blob.size_bytes
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

    def _wait_seconds(self, error: RegistryError, attempt: int, elapsed: float) -> float | None:
        if isinstance(error, (TransportError, ServerError, RateLimitedError)):
            return self._session.wait_seconds(error, attempt, elapsed, method="PUT")
        is_lost = isinstance(error, (NotFoundError, RejectedError)) and _LOST & _codes(error)
        # One that was begun before, or that the registry forgot when it was started anew.
        return 0.0 if is_lost and attempt == 1 else None

    async def _is_there(self, locate: _Locate) -> bool:
        """Ask how far it came; True if all of it did, and only the answer was lost."""
        request = self._endpoint.upload_status(self._repository, self.location)
        try:
            reply = await self._session.fetch(request, expected=(204,)) if self.location else None
        except (NotFoundError, RejectedError, UnsupportedError):
            reply = None
        came = _end_of_range(reply.headers.get("range", "")) if reply else 0
        if reply is not None and 0 < came <= self._blob.size_bytes:
            self.location, self._first = locate(request.url, reply), came
            return False
        await self._cancel()
        self.location, self._first = "", 0
        asked = self._endpoint.blob_size(self._repository, self._blob.digest)
        try:
            await self._session.fetch(asked)
        except NotFoundError:
            return False
        return True

    async def _cancel(self) -> None:
        """Leave nothing behind, if the registry can still be told."""
        if self.location:
            request = self._endpoint.cancel_upload(self._repository, self.location)
            # What is told is why it broke off; registries drop what is left, after days.
            with suppress(RegistryError, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._session.fetch(request, expected=(200, 202, 204, 404))


class _Feed:
    """Content as it is sent; keeps the error that ended it.

    Each piece is given when the next has come: at the end of content that is not what its
    digest says stands an error, and then the upload must not be complete.
    """

    def __init__(self, content: BlobContent, blob: Descriptor, first: int, source: str) -> None:
        self._content, self._blob, self._first = content, blob, first
        self._source = source
        self.error: Exception | None = None

    async def open(self) -> AsyncIterator[bytes]:
        self.error = None
        held = b""
        try:
            # The digest is the registry's to check: it does so anyway.
            pieces = check_sizes(self._content(self._first), self._blob, self._first, self._source)
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


def _codes(error: RegistryError) -> set[str]:
    return {diagnostic.code for diagnostic in error.diagnostics}


def _end_of_range(text: str) -> int:
    """Read how many bytes have come: ``0-1023`` says 1,024, and ``0-0`` means none, or one."""
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(last) + 1 if first == "0" and last.isdecimal() and last != "0" else 0
