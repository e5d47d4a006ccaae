"""Artifact Registry's API, and its registry where that is asked with the same access token."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar, Protocol, TypeVar

from ghostnb.errors import ForbiddenError, NotFoundError, RateLimitedError, UnauthorizedError
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.google.documents import (
    Package,
    PackagePage,
    Permissions,
    Repository,
    RepositoryPage,
    TagPage,
    VersionPage,
)
from ghostnb.registries.vendors.google.places import Place
from ghostnb.registries.vendors.google.sign_in import INSTALL
from ghostnb.registries.vendors.google.tokens import AccessTokens
from ghostnb.registries.vendors.json_api import JSONAPI
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import Page, Pager, at_url, next_url
from ghostnb.wire.urls import keeps_credentials

__all__ = ["ArtifactRegistryAPI"]

_URL = "https://artifactregistry.googleapis.com"
# "The maximum page size is 1,000", and of tags 10,000.
_PAGE_SIZE = 1000
_TAG_PAGE_SIZE = 10_000
_WORKERS = 4


class _Paged(Protocol):
    @property
    def next_page_token(self) -> str: ...


class _Listed(Protocol):
    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def next(self) -> str: ...


AnyPage = TypeVar("AnyPage", bound=_Paged)
AnyList = TypeVar("AnyList", bound=_Listed)


class ArtifactRegistryAPI(JSONAPI):
    """Asks Google on behalf of one registry.

    Parameters
    ----------
    session : Session
    tokens : AccessTokens

    Notes
    -----
    Source: Artifact Registry, REST reference, v1; github.com/googleapis/googleapis,
    google/devtools/artifactregistry/v1.
    """

    hints: ClassVar = {
        UnauthorizedError: "Log in anew: access tokens last an hour.",
        ForbiddenError: "The role roles/artifactregistry.reader is needed, and the project must "
        "have the API: gcloud services enable artifactregistry.googleapis.com",
        NotFoundError: "Check the spelling of project and repository; each host of Google's has "
        "the repositories of one location.",
        RateLimitedError: "Quotas of Google's are for a minute: wait so long.",
    }

    def __init__(self, session: Session, tokens: AccessTokens) -> None:
        super().__init__(session, _URL)
        self._tokens = tokens

    async def authorization(self) -> str:
        """Give the access token as an Authorization.

        Raises
        ------
        UnauthorizedError
            If there is none: the API answers nobody else.
        """
        token = await self._tokens.current()
        if token is None:
            config = self.session.config
            raise UnauthorizedError(
                f"Artifact Registry's API wants an access token, and {config.name} has none here.",
                hint=f"Log in: gcloud auth application-default login, and {INSTALL}; or give a "
                "service account's key.",
                registry=config.name,
                url=self.url,
            )
        return f"Bearer {token}"

    async def send(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request, counted to the project that the credentials name for that."""
        token = (await self.authorization()).removeprefix("Bearer ")
        if project := self._tokens.quota_project(token):
            headers = {**request.headers, "x-goog-user-project": project}
            request = replace(request, headers=headers)
        return await super().send(request, expected)

    async def fetch_own(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request to the registry itself: with the access token, if there is one.

        Notes
        -----
        Artifact Registry takes it as it is. What the token server wants to be asked for the
        catalog, or for a deletion, is documented nowhere.
        """
        token = await self._tokens.direct()
        # A list that was redirected may go on elsewhere.
        if token is not None and keeps_credentials(self.session.config.url, request.url):
            headers = {**request.headers, "authorization": f"Bearer {token}"}
            request = replace(request, headers=headers, as_is=True)
        return await self.session.fetch(request, expected=expected)

    async def lists(
        self, page_after: Callable[[str], Request], kind: type[AnyList], page_size: int
    ) -> AsyncIterator[AnyList]:
        """Iterate over the pages of one of the registry's own lists."""
        name = self.session.config.name
        pager, request = Pager(page_size, registry=name), page_after("")
        while True:
            reply = await self.fetch_own(request)
            listed = self.decode(reply, kind)
            yield listed
            page = Page(listed.names, next_url(_linked(reply, listed.next), name))
            fresh = pager.take(page)
            following = pager.following(request, page, fresh)
            if following is None:
                return
            request = at_url(request, following) if following else page_after(fresh[-1])

    async def repositories(self, place: Place) -> AsyncIterator[Repository]:
        """Iterate over a project's repositories of container images, or over the one named."""
        if place.repository:
            yield await self._repository(place)
            return
        what = f"the repositories of {place.project}"
        async for page in self._pages(place.path, RepositoryPage, what):
            for repository in page.repositories:
                if repository.has_images:
                    yield repository

    async def packages(self, place: Place) -> AsyncIterator[Package]:
        """Iterate over the images' names in a place, several repositories asked at once."""
        if place.repository:
            first = await self._first_packages(place.whole)
            async for package in self._all_packages(place.whole, first):
                yield package
            return

        async def read(repository: Repository) -> tuple[Place, PackagePage]:
            found = place.within(repository.name)
            return found, await self._first_packages(found)

        pages = ordered_map(read, self.repositories(place), workers=_WORKERS)
        async with aclosing(pages):
            async for found, page in pages:
                async for package in self._all_packages(found, page):
                    yield package

    async def versions(self, place: Place) -> AsyncIterator[VersionPage]:
        """Iterate over all of an image's versions, tagged or not, by pages."""
        what = f"the versions of {place.prefix}{place.package}"
        path, query = f"{place.path}/versions", {"view": "FULL"}
        async for page in self._pages(path, VersionPage, what, query):
            yield page

    async def tags(self, place: Place) -> AsyncIterator[TagPage]:
        """Iterate over all of an image's tags, by pages."""
        what = f"the tags of {place.prefix}{place.package}"
        pages = self._pages(f"{place.path}/tags", TagPage, what, page_size=_TAG_PAGE_SIZE)
        async for page in pages:
            yield page

    async def permissions(self, place: Place, asked: tuple[str, ...]) -> frozenset[str]:
        """Ask which of some permissions one has in a repository."""
        what = f"the permissions in {place.prefix.rstrip('/')}"
        path = f"{place.whole.path}:testIamPermissions"
        reply = await self.ask("POST", path, what, document={"permissions": asked})
        return frozenset(self.decode(reply, Permissions).permissions)

    async def _repository(self, place: Place) -> Repository:
        what = f"the repository {place.prefix.rstrip('/')}"
        return await self.read(place.whole.path, Repository, what)

    async def _first_packages(self, place: Place) -> PackagePage:
        what = f"the images of {place.prefix.rstrip('/')}"
        query = {"pageSize": _PAGE_SIZE}
        return await self.read(f"{place.path}/packages", PackagePage, what, query)

    async def _all_packages(self, place: Place, first: PackagePage) -> AsyncIterator[Package]:
        for package in first.packages:
            yield package
        what = f"the images of {place.prefix.rstrip('/')}"
        path, token = f"{place.path}/packages", first.next_page_token
        async for page in self._pages(path, PackagePage, what, token=token, is_begun=True):
            for package in page.packages:
                yield package

    async def _pages(
        self,
        path: str,
        kind: type[AnyPage],
        what: str,
        query: Mapping[str, str] | None = None,
        *,
        page_size: int = _PAGE_SIZE,
        token: str = "",
        is_begun: bool = False,
    ) -> AsyncIterator[AnyPage]:
        """Iterate over the pages of a list, each named by the one before; by none twice."""
        asked: set[str] = set()
        while token not in asked and (token or not is_begun):
            asked.add(token)
            pairs: dict[str, str | int] = {**(query or {}), "pageSize": page_size}
            if token:
                pairs["pageToken"] = token
            page = await self.read(path, kind, what, pairs)
            yield page
            token, is_begun = page.next_page_token, True


def _linked(reply: Reply, following: str) -> Reply:
    """Give a reply with a link, where it has the next page's address in its body instead."""
    if not following or "link" in reply.headers:
        return reply
    return replace(reply, headers={**reply.headers, "link": f'<{following}>; rel="next"'})
