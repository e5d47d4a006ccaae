"""Docker Hub's own API: login, lists in pages, limits and refusals."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
)
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.docker_hub_documents import AccessToken, Page, Refusal
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import not_json
from ghostnb.wire.retries import retry_after_seconds

__all__ = ["PAGE_SIZE", "HubAPI", "PageLimitError"]

PAGE_SIZE = 100  # "Max of 100."
_WORKERS = 4
# Handled here: refusals are in this API's own form, and the session would ask again
# after a 429 without a look at X-Retry-After. Failures that may pass are the session's.
_ANSWERS = (200, 400, 401, 403, 404, 405, 410, 429)
# "This expires in 10 minutes."; renewed so early that a request can be under way.
_LOGIN_SECONDS = 10 * 60 - 60
_PAGE_LIMIT = "too large for anonymous requests"
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: "Check the username and the password or access token.",
    ForbiddenError: "Log in with a username and an access token that may read this.",
    NotFoundError: "Check the spelling; a private repository is shown only to its users.",
    RateLimitedError: "Wait and try again; logging in raises the limit.",
}

Document = TypeVar("Document")


class PageLimitError(ForbiddenError):
    """Docker Hub shows no more pages to an anonymous user."""


class HubAPI:
    """Asks Docker Hub's API on behalf of one registry.

    Parameters
    ----------
    session : Session
        Its transport carries the requests; the registry's tokens stay with it.
    url : str
        ``https://hub.docker.com``
    takes_credentials : bool
        False for a registry that only mirrors Docker Hub: what its users prove
        themselves with is not Docker's to see.

    Notes
    -----
    Source: Docker Hub API reference (docs.docker.com/reference/api/hub/latest),
    "Create access token", "Rate limiting".
    """

    # The limit is one a minute: whoever waits so long may ask again.
    patience_seconds = 65.0

    def __init__(self, session: Session, url: str, *, takes_credentials: bool) -> None:
        self._session = session
        self._url = url
        self._takes_credentials = takes_credentials
        self._token = ""
        self._renewed_at = -float("inf")
        self._login = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<HubAPI at {self._url}>"

    async def pages(self, path: str, kind: type[Document], what: str) -> AsyncIterator[Document]:
        """Iterate over a list that comes in pages, several of them asked for at once.

        Parameters
        ----------
        path : str
            Without a query.
        kind : type
            Of the list's entries.
        what : str
            What is asked for, for messages.

        Raises
        ------
        PageLimitError
            After the last entry that an anonymous user may see.
        RegistryError
            Of the class that fits what went wrong.

        Notes
        -----
        Next links are not followed: what they say is known, and they would ask
        for one page after the other.
        """

        async def read(number: int) -> Page[Document]:
            query = f"page={number}&page_size={PAGE_SIZE}"
            try:
                return await self.read(f"{path}?{query}", Page[kind], what)  # type: ignore[valid-type]
            except NotFoundError:
                # "Page not found": the list became shorter meanwhile.
                if number == 1:
                    raise
                return Page([])

        first = await read(1)
        for entry in first.results:
            yield entry
        count = -(-first.count // PAGE_SIZE) if first.next else 1
        pages = ordered_map(read, range(2, count + 1), workers=_WORKERS)
        async with aclosing(pages):
            async for page in pages:
                # The count promises more than there is, and requests are limited.
                if not page.results:
                    return
                for entry in page.results:
                    yield entry

    async def read(self, path: str, kind: type[Document], what: str) -> Document:
        """Ask for one document.

        Parameters
        ----------
        path : str
            With its query.
        kind : type
            Of the document.
        what : str

        Raises
        ------
        ProtocolError
            If it is not of that kind.
        RegistryError
            Of the class that fits a refusal.
        """
        request = Request("GET", f"{self._url}{path}", what, headers={"accept": "application/json"})
        return self.decode(await self._answer(request), kind)

    async def fetch(self, request: Request) -> Reply:
        """Send a request as it is; wait once if it comes too early.

        Raises
        ------
        RegistryError
            Of the class that fits a refusal.
        """
        reply = await self._session.fetch(request, expected=_ANSWERS)
        wait = _wait_seconds(reply.headers) if reply.status == 429 else None
        if wait is not None and wait <= self.patience_seconds:
            await asyncio.sleep(wait)
            reply = await self._session.fetch(request, expected=_ANSWERS)
        if reply.status != 200:
            raise self._refusal(request, reply)
        return reply

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
            raise not_json(reply, self._session.config.name, e) from e

    async def _answer(self, request: Request) -> Reply:
        token = await self._access_token()
        try:
            return await self.fetch(_with_token(request, token))
        except UnauthorizedError:
            if not token:
                raise
        # It may have been revoked before its end.
        return await self.fetch(_with_token(request, await self._access_token(refused=token)))

    async def _access_token(self, *, refused: str = "") -> str:
        """Log in, unless that was done less than ten minutes ago; empty for anonymous use."""
        async with self._login:
            is_fresh = time.monotonic() - self._renewed_at < _LOGIN_SECONDS
            if not is_fresh or self._token == refused != "":
                asked_at = time.monotonic()
                self._token, self._renewed_at = await self._log_in(), asked_at
            return self._token

    async def _log_in(self) -> str:
        credentials = await self._session.auth.credentials() if self._takes_credentials else None
        # An identity token is for the token server alone: this API does not know it.
        if credentials is None or not (credentials.username and credentials.password):
            return ""
        body = {"identifier": credentials.username, "secret": credentials.password}
        request = Request(
            "POST",
            f"{self._url}/v2/auth/token",
            f"a login as {credentials.username!r}",
            headers={"accept": "application/json", "content-type": "application/json"},
            body=msgspec.json.encode(body),
        )
        reply = await self.fetch(request)
        return self.decode(reply, AccessToken).access_token

    def _refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has the API's own words, which are not in the registries' form."""
        said = _reason(reply.body)
        entry = {"code": f"HTTP {reply.status}", "message": said}
        reply = replace(reply, body=msgspec.json.encode({"errors": [entry]}))
        error = self._session.refusal(request, reply)
        error.hint = _HINTS.get(type(error), error.hint)
        if isinstance(error, RateLimitedError):
            error.retry_after_seconds = _wait_seconds(reply.headers)
        if isinstance(error, ForbiddenError) and _PAGE_LIMIT in said:
            return PageLimitError(
                error.message,
                hint=error.hint,
                registry=error.registry,
                url=request.url,
                status=error.status,
                diagnostics=error.diagnostics,
            )
        return error


def _with_token(request: Request, token: str) -> Request:
    if not token:
        return request
    return replace(request, headers={**request.headers, "authorization": f"Bearer {token}"})


def _reason(body: bytes) -> str:
    try:
        refusal = msgspec.json.decode(body, type=Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""  # a web page of something between; the status has said what matters
    return refusal.message or refusal.detail or refusal.text or ""


def _wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Read how long a limit still holds.

    Notes
    -----
    Source: Docker Hub API reference, "Rate limiting": X-Retry-After is a Unix
    timestamp. Retry-After has been seen with one too (github.com/docker/
    hub-feedback, issue 2459).
    """
    for name in ("x-retry-after", "retry-after", "x-ratelimit-reset"):
        seconds = retry_after_seconds({"retry-after": headers.get(name, "")})
        if seconds is not None:
            return seconds
    return None
