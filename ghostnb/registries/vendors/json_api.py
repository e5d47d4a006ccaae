"""A vendor's own API that answers with JSON: requests, pages, limits and refusals."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
)
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.session import Session
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import next_url, not_json
from ghostnb.wire.retries import retry_after_seconds
from ghostnb.wire.urls import keeps_credentials

__all__ = ["JSONAPI", "NumberedPage", "in_pages"]

_WORKERS = 4
_MAX_PAGES = 10_000
# Handled here: refusals are in the API's own form, and limits are told in its own headers.
# Failures that may pass are the session's.
_ANSWERS = (200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 410, 412, 422, 429)
# When a limit ends: seconds, or a moment (retry_after_seconds tells them apart).
_LIMIT_ENDS = ("x-retry-after", "retry-after", "x-ratelimit-reset", "ratelimit-reset")

Document = TypeVar("Document")
Entry = TypeVar("Entry")
Pairs = Mapping[str, str | int]


class _Refusal(msgspec.Struct):
    """Why a request was refused, in the fields that APIs have for it."""

    message: Any = None
    error_message: Any = None
    error_description: Any = None
    detail: Any = None
    text: Any = None
    errors: Any = None
    title: Any = None
    error: Any = None


class JSONAPI:
    """Asks a vendor's API on behalf of one registry.

    Parameters
    ----------
    session : Session
        Its transport carries the requests; the registry's tokens stay with it.
    url : str
        What paths are added to: ``https://harbor.example.com/api/v2.0``.

    Attributes
    ----------
    hints : mapping of type to str
        What to try after a refusal.
    patience_seconds : float
        A limit that ends within so long is waited for, once.
    """

    hints: ClassVar[Mapping[type[RegistryError], str]] = {
        UnauthorizedError: "Check the username and the password or access token.",
        ForbiddenError: "Log in as somebody who may read this.",
        NotFoundError: "Check the spelling; what is private is shown only to its users.",
        RateLimitedError: "Wait and try again; logging in raises the limit.",
    }
    patience_seconds = 65.0

    def __init__(self, session: Session, url: str) -> None:
        self.session = session
        self.url = url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"

    async def authorization(self) -> str | None:
        """Give the Authorization that goes with each request; None: there is none."""
        return None

    async def authorization_after(self, refused: str | None) -> str | None:
        """Give another Authorization after a 401; None or the same: there is nothing better."""
        return None

    async def read(
        self, path: str, kind: type[Document], what: str, query: Pairs | None = None
    ) -> Document:
        """Ask for one document.

        Parameters
        ----------
        path : str
            Quoted.
        kind : type
            Of the document.
        what : str
            What is asked for, for messages.
        query : mapping, optional

        Raises
        ------
        ProtocolError
            If it is not of that kind.
        RegistryError
            Of the class that fits a refusal.
        """
        return self.decode(await self.ask("GET", path, what, query), kind)

    async def ask(
        self,
        method: str,
        path: str,
        what: str,
        query: Pairs | None = None,
        *,
        document: object = None,
        expected: tuple[int, ...] = (200,),
    ) -> Reply:
        """Send a request.

        Parameters
        ----------
        method, path, what : str
        query : mapping, optional
        document : object, optional
            Sent as JSON.
        expected : tuple of int, optional
            Statuses that are no refusal.

        Raises
        ------
        RegistryError
            Of the class that fits a refusal.
        """
        headers = {"accept": "application/json"}
        body = b""
        if document is not None:
            headers["content-type"] = "application/json"
            body = msgspec.json.encode(document)
        url = f"{self.url}{path}{'?' if query else ''}{urlencode(query or {})}"
        request = Request(method, url, what, headers=headers, body=body, as_is=True)
        return await self.send(request, expected)

    async def send(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request with what the API wants to see; once more where a 401 may be mended."""
        if not keeps_credentials(self.url, request.url):
            # Where a list was redirected to, it goes on: that is not yet whom they are for.
            return await self.fetch(request, expected)
        sent = await self.authorization()
        try:
            return await self.fetch(_authorized(request, sent), expected)
        except UnauthorizedError:
            better = await self.authorization_after(sent)
            if better is None or better == sent:
                raise
        return await self.fetch(_authorized(request, better), expected)

    async def fetch(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request as it is; wait once if it comes too early.

        Raises
        ------
        RegistryError
            Of the class that fits a refusal.
        """
        answers = (*_ANSWERS, *expected)
        reply = await self.session.fetch(request, expected=answers)
        wait = self.wait_seconds(reply)
        if wait is not None and wait <= self.patience_seconds:
            await asyncio.sleep(wait)
            reply = await self.session.fetch(request, expected=answers)
        if reply.status not in expected:
            raise self.refusal(request, reply)
        return reply

    async def linked(
        self, path: str, kind: type[Document], what: str, query: Pairs | None = None
    ) -> AsyncIterator[Document]:
        """Iterate over the pages of a list that links each to the next (RFC 8288).

        Raises
        ------
        ProtocolError
            If it has no end.
        """
        reply = await self.ask("GET", path, what, query)
        asked = {reply.url}
        while True:
            yield self.decode(reply, kind)
            url = next_url(reply, self.session.config.name)
            if not url or url in asked:
                return
            if len(asked) >= _MAX_PAGES:
                name = self.session.config.name
                raise ProtocolError(
                    f"{name} gave {what} in more than {_MAX_PAGES:,} pages, and goes on.",
                    registry=name,
                    url=reply.url,
                )
            asked.add(url)
            headers = {"accept": "application/json"}
            reply = await self.send(Request("GET", url, what, headers=headers, as_is=True))

    def decode(self, reply: Reply, kind: type[Document]) -> Document:
        """Read a reply.

        Raises
        ------
        ProtocolError
            If it is not of that kind.
        """
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            raise not_json(reply, self.session.config.name, e) from e

    def wait_seconds(self, reply: Reply) -> float | None:
        """Say how long a limit still holds; None if none was met, or it does not say."""
        return limit_seconds(reply.headers) if reply.status == 429 else None

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has the API's own words, which may not be in the registries' form."""
        entry = {"code": f"HTTP {reply.status}", "message": reason(reply.body)}
        told = replace(reply, body=msgspec.json.encode({"errors": [entry]}))
        error = self.session.refusal(request, told)
        error.hint = self.hints.get(type(error), error.hint)
        if isinstance(error, RateLimitedError):
            error.retry_after_seconds = self.wait_seconds(reply)
        return error


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Entry]):
    """A page of a list, and how many pages there are as far as that is told."""

    entries: Sequence[Entry]
    pages: int = 1


async def in_pages(
    read: Callable[[int], Awaitable[NumberedPage[Entry]]],
) -> AsyncGenerator[Entry]:
    """Iterate over a list whose pages have numbers, several of them asked for at once.

    Parameters
    ----------
    read : callable
        Gives a page by its number, from 1 on. A later one that is empty ends the list.
    """

    async def read_on(number: int) -> NumberedPage[Entry]:
        try:
            return await read(number)
        except NotFoundError:
            # The list became shorter meanwhile.
            return NumberedPage([])

    first = await read(1)
    for entry in first.entries:
        yield entry
    pages = ordered_map(read_on, range(2, first.pages + 1), workers=_WORKERS)
    async with aclosing(pages):
        async for page in pages:
            # Counts promise more than there is, and requests are limited.
            if not page.entries:
                return
            for entry in page.entries:
                yield entry


def limit_seconds(headers: Mapping[str, str]) -> float | None:
    """Read how long a limit still holds.

    Notes
    -----
    Source: Docker Hub API reference, "Rate limiting": X-Retry-After is a Unix
    timestamp. Retry-After has been seen with one too (github.com/docker/
    hub-feedback, issue 2459).
    """
    for name in _LIMIT_ENDS:
        seconds = retry_after_seconds({"retry-after": headers.get(name, "")})
        if seconds is not None:
            return seconds
    return None


def reason(body: bytes) -> str:
    """Read why a request was refused; empty if that is told in no known way."""
    try:
        told = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""  # a web page of something between; the status has said what matters
    return next(filter(None, map(_text, msgspec.structs.astuple(told))), "")


def _text(told: Any) -> str:
    """Give a text, what an entry says as its message, or else all of it."""
    if isinstance(told, dict) and isinstance(told.get("message"), str):
        return str(told["message"])
    if isinstance(told, list):
        return "; ".join(map(_text, told[:3]))
    return told if isinstance(told, str) else msgspec.json.encode(told).decode() if told else ""


def _authorized(request: Request, authorization: str | None) -> Request:
    if authorization is None:
        return request
    return replace(request, headers={**request.headers, "authorization": authorization})
