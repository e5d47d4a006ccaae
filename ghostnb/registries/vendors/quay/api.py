"""Quay's own API: who may ask, lists in pages, and refusals."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

import msgspec

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.json_api import JSONAPI, Pairs, reason
from ghostnb.registries.vendors.quay.documents import (
    Counted,
    FoundEntry,
    FoundPage,
    QuotaReport,
    RepositoryEntry,
    RepositoryPage,
    RepositoryRights,
    TagEntry,
    TagPage,
    User,
)
from ghostnb.registries.vendors.recasting import recast
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.tokens import Credentials

__all__ = ["OAUTH_USER", "PAGE_SIZE", "QuayAPI"]

OAUTH_USER = "$oauthtoken"
PAGE_SIZE = 100  # min(100, …), endpoints/api/tag.py
# Quay's own configuration of nginx lets five requests a second through to the API.
_WORKERS = 4
# Where BROWSER_API_CALLS_XHR_ONLY is set, what might be a browser must say so (endpoints/
# decorators.py, require_xhr_from_browser).
_FROM_A_PROGRAM = {"x-requested-with": "XMLHttpRequest"}
_TAKEN_FOR_FORGED = "csrf"
_UNCHANGEABLE = ("read only", "read-only", "mirror")
_ALONE = (
    "Quay's API takes an OAuth access token alone, as the password of the user $oauthtoken; robots "
    "and passwords open the registry only."
)
_NOT_THERE = "Is this Quay's address, and does a proxy let /api through?"
_RENEW = (
    "The OAuth access token is wrong or has expired: make another (the organization's page, "
    "Applications, Generate Token)."
)


class _Problem(msgspec.Struct):
    error_type: str | None = None


class QuayAPI(JSONAPI):
    """Asks the API of one Quay, which stands beside its registry.

    Parameters
    ----------
    session : Session

    Notes
    -----
    Source: Red Hat Quay API guide (docs.redhat.com/en/documentation/red_hat_quay/3); github.com/
    quay/quay, endpoints/api. The API reads OAuth access tokens only, and takes one that it does
    not know for no token at all. So a token is to be tried at the registry first, where what is
    listed depends on it; and what is refused to nobody may be the registry's to give.
    """

    hints: ClassVar = {
        UnauthorizedError: f"{_RENEW} Or there is no such repository: check the spelling.",
        ForbiddenError: (
            "Quay answers so for a repository that does not exist, too: check the spelling. The "
            "token needs the scope repo:read, to delete repo:write, and its user that right."
        ),
        NotFoundError: "Check the spelling; repositories() and tags() list what there is.",
        RateLimitedError: "Wait a few seconds and try again; Quay counts requests by address.",
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session, f"{session.config.url}/api/v1")

    async def authorization(self) -> str | None:
        """Give the OAuth access token, if that is what the registry's credentials are.

        Raises
        ------
        ConfigError
            If what is given as a token can be none.
        """
        credentials = await self.session.auth.credentials()
        if credentials is None or credentials.username != OAUTH_USER:
            return None
        token = credentials.password
        if not (token.isascii() and token.isprintable()) or not token or " " in token:
            raise ConfigError(
                f"The OAuth access token of {self.session.config.name} has blanks or letters in it "
                "that no token has, or is empty.",
                hint="Copy it again.",
            )
        return Credentials(access_token=token).bearer()

    async def repositories(self, namespaces: Sequence[str]) -> AsyncIterator[RepositoryEntry]:
        """Iterate over repositories, a hundred a request; the empty namespace is all public ones.

        Notes
        -----
        Source: endpoints/api/repository.py, ``RepositoryList``. Without ``public`` those are left
        out where one is no member. A token for the next page that Quay cannot read means the first
        page again (util/pagination.py): the list ends where nothing new comes.
        """

        async def first(namespace: str) -> tuple[str, RepositoryPage]:
            return namespace, await self._page(namespace, "")

        async with aclosing(ordered_map(first, namespaces, workers=_WORKERS)) as pages:
            async for namespace, page in pages:
                async for entry in self._from_page(namespace, page):
                    yield entry

    async def tags(self, repository: str) -> AsyncIterator[TagEntry]:
        """Iterate over a repository's tags, a hundred a request.

        Notes
        -----
        Source: endpoints/api/tag.py, ``ListRepositoryTags``. One page after the other: how many
        there are is not told, and none is to be asked for in vain.
        """
        number, seen = 1, set[str]()
        while True:
            # Without onlyActiveTags it is the history, with what was deleted.
            query: Pairs = {"limit": PAGE_SIZE, "page": number, "onlyActiveTags": "true"}
            page = await self.read(
                f"{_place(repository)}/tag/", TagPage, f"the tags of {repository}", query
            )
            # The last set comes first: one that is set meanwhile moves others to the next page.
            fresh = [entry for entry in page.tags if entry.name not in seen]
            for entry in fresh:
                seen.add(entry.name)
                yield entry
            if not page.has_additional or not fresh:
                return
            number += 1

    async def search(self, words: str) -> AsyncIterator[FoundEntry]:
        """Iterate over what a search finds; the server says how many are on a page.

        Notes
        -----
        Source: endpoints/api/search.py, ``ConductRepositorySearch``. After the last page that Quay
        gives (the tenth), the same comes again and again.
        """
        number, seen = 1, set[str]()
        while True:
            query: Pairs = {"query": words, "page": number, "includeUsage": "true"}
            what = f"a search for {words!r}"
            page = await self.read("/find/repositories", FoundPage, what, query)
            fresh = [entry for entry in page.results if entry.full_name not in seen]
            for entry in fresh:
                seen.add(entry.full_name)
                yield entry
            if not page.has_additional or not fresh:
                return
            number += 1

    async def user(self) -> User | None:
        """Ask whose token it is; None for one without the scope ``user:read``.

        Notes
        -----
        Source: endpoints/api/user.py. A token that is wrong is answered in the same way.
        """
        try:
            return await self.read("/user/", User, "the token's user")
        except UnauthorizedError:
            return None

    async def quota_report(self, organization: str) -> QuotaReport | None:
        """Ask what an organization takes; None where quotas are switched off, or not shown."""
        path = f"/organization/{quote(organization, safe='')}"
        return (await self.read(path, Counted, f"the quota of {organization}")).quota_report

    async def rights(self, repository: str) -> RepositoryRights:
        """Ask what one may do in a repository."""
        query = {"includeTags": "false"}
        what = f"the rights in {repository}"
        return await self.read(_place(repository), RepositoryRights, what, query)

    async def delete_tag(self, repository: str, tag: str) -> None:
        """Delete a tag alone.

        Notes
        -----
        Source: endpoints/api/tag.py, ``RepositoryTag.delete``. 503 is the answer, too, for a
        repository that is read-only or a mirror (``disallow_for_non_normal_repositories``).
        """
        path, what = f"{_place(repository)}/tag/{quote(tag)}", f"the deletion of {repository}:{tag}"
        reply = await self.ask("DELETE", path, what, expected=(200, 204, 503))
        if reply.status == 503:
            raise self.refusal(Request("DELETE", reply.url, what), reply)

    async def fetch(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request; where it came too early, again a little later.

        Notes
        -----
        Source: conf/nginx/rate-limiting.conf.jnj. The refusal comes from nginx, which does not say
        how long to wait.
        """
        marked = replace(request, headers={**request.headers, **_FROM_A_PROGRAM})
        started, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            try:
                return await super().fetch(marked, expected)
            except RateLimitedError as e:
                elapsed = time.monotonic() - started
                wait = self.session.wait_seconds(e, attempt, elapsed)
                if wait is None or e.retry_after_seconds is not None:
                    raise
            await asyncio.sleep(wait)

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has the API's own words, and of the class that it means.

        Notes
        -----
        Source: endpoints/exception.py; endpoints/csrf.py: what is no GET needs a token that is
        known, else it is taken for a page's that was forged.
        """
        error = super().refusal(request, reply)
        words = reason(reply.body).lower()
        if reply.status == 503 and any(word in words for word in _UNCHANGEABLE):
            return recast(RejectedError, error)
        if not isinstance(error, ForbiddenError | NotFoundError | UnauthorizedError):
            return error
        if not words or (reply.status == 404 and not _is_problem(reply.body)):
            return recast(UnsupportedError, error, _NOT_THERE)
        if "authorization" not in request.headers and reply.status in (401, 403):
            return recast(UnsupportedError, error, _ALONE)
        if _TAKEN_FOR_FORGED in words:
            return recast(UnauthorizedError, error, _RENEW)
        return error

    async def _page(self, namespace: str, next_page: str) -> RepositoryPage:
        query = {"namespace": namespace} if namespace else {}
        query |= {"public": "true", "last_modified": "true"}
        query |= {"next_page": next_page} if next_page else {}
        what = f"the repositories of {namespace}" if namespace else "the public repositories"
        return await self.read("/repository", RepositoryPage, what, query)

    async def _from_page(
        self, namespace: str, page: RepositoryPage
    ) -> AsyncIterator[RepositoryEntry]:
        seen = set[str]()
        while True:
            fresh = [entry for entry in page.repositories if entry.full_name not in seen]
            for entry in fresh:
                seen.add(entry.full_name)
                yield entry
            if not page.next_page or not fresh:
                return
            page = await self._page(namespace, page.next_page)


def _place(repository: str) -> str:
    """Give a repository's path; slashes in it stay, and there is none without a namespace.

    Notes
    -----
    Source: endpoints/api and util/names, ``APIRepositoryPathConverter``: "Does not handle library
    paths".
    """
    name = repository if "/" in repository else f"library/{repository}"
    return f"/repository/{quote(name)}"


def _is_problem(body: bytes) -> bool:
    """Tell whether the API itself says so, and not something at an address where it is not."""
    try:
        return msgspec.json.decode(body, type=_Problem).error_type is not None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
