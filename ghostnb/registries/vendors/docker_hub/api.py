"""Docker Hub's own API: login, lists in pages, limits and refusals."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import ClassVar, TypeVar

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
)
from ghostnb.registries.session import Session
from ghostnb.registries.session.trials import Trials
from ghostnb.registries.vendors.docker_hub.documents import AccessToken, Page
from ghostnb.registries.vendors.json_api import JSONAPI, NumberedPage, in_pages, reason
from ghostnb.registries.vendors.recasting import recast
from ghostnb.wire.messages import Reply, Request

__all__ = ["PAGE_SIZE", "HubAPI", "PageLimitError"]

PAGE_SIZE = 100  # "Max of 100."
# "This expires in 10 minutes."; renewed so early that a request can be under way.
_LOGIN_SECONDS = 10 * 60 - 60
_PAGE_LIMIT = "too large for anonymous requests"

Document = TypeVar("Document")


class PageLimitError(ForbiddenError):
    """Docker Hub shows no more pages to an anonymous user."""


class HubAPI(JSONAPI):
    """Asks Docker Hub's API on behalf of one registry.

    Parameters
    ----------
    session : Session
    url : str
        ``https://hub.docker.com``
    takes_credentials : bool
        False for a registry that only mirrors Docker Hub: what its users prove
        themselves with is not Docker's to see.

    Notes
    -----
    Source: Docker Hub API reference (docs.docker.com/reference/api/hub/latest),
    "Create access token", "Rate limiting". The limit is one a minute: whoever
    waits so long may ask again.
    """

    hints: ClassVar = {
        UnauthorizedError: "Check the username and the password or access token.",
        ForbiddenError: "Log in with a username and an access token that may read this.",
        NotFoundError: "Check the spelling; a private repository is shown only to its users.",
        RateLimitedError: "Wait and try again; logging in raises the limit.",
    }

    def __init__(self, session: Session, url: str, *, takes_credentials: bool) -> None:
        super().__init__(session, url)
        self._takes_credentials = takes_credentials
        self._token: str | None = None
        self._renewed_at = -float("inf")
        self._login = asyncio.Lock()
        self._trials = Trials()

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

        async def read(number: int) -> NumberedPage[Document]:
            query = {"page": number, "page_size": PAGE_SIZE}
            page: Page[Document] = await self.read(path, Page[kind], what, query)  # type: ignore[valid-type]
            return NumberedPage(page.results, -(-page.count // PAGE_SIZE) if page.next else 1)

        async for entry in in_pages(read):
            yield entry

    async def authorization(self) -> str | None:
        """Log in, unless that was done less than ten minutes ago; None for anonymous use."""
        return await self._access_token(refused=None)

    async def authorization_after(self, refused: str | None) -> str | None:
        """Log in anew: a login may have been revoked before its end."""
        return await self._access_token(refused=refused) if refused is not None else None

    async def _access_token(self, *, refused: str | None) -> str | None:
        async with self._login:
            is_fresh = time.monotonic() - self._renewed_at < _LOGIN_SECONDS
            if not is_fresh or (refused is not None and self._token == refused):
                asked_at = time.monotonic()
                self._token, self._renewed_at = await self._log_in(), asked_at
            return self._token

    async def _log_in(self) -> str | None:
        credentials = await self.session.auth.credentials() if self._takes_credentials else None
        # An identity token is for the token server alone: this API does not know it.
        if credentials is None or not (credentials.username and credentials.password):
            return None
        body = {"identifier": credentials.username, "secret": credentials.password}
        request = Request(
            "POST",
            f"{self.url}/v2/auth/token",
            f"a login as {credentials.username!r}",
            headers={"accept": "application/json", "content-type": "application/json"},
            body=msgspec.json.encode(body),
        )
        known = self._trials.refusal(credentials)
        if known is not None:
            raise known
        try:
            reply = await self.fetch(request)
        except UnauthorizedError as e:
            self._trials.note_refused(credentials, e)
            raise
        return f"Bearer {self.decode(reply, AccessToken).access_token}"

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has the API's own words."""
        error = super().refusal(request, reply)
        if isinstance(error, ForbiddenError) and _PAGE_LIMIT in reason(reply.body):
            return recast(PageLimitError, error)
        return error
