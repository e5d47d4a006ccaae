"""Docker Hub: names without a slash, no catalog, and an API of its own."""

import warnings
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

from ghostnb.errors import (
    ForbiddenError,
    InvalidReferenceError,
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
from ghostnb.oci import Reference, check_repository
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.docker_hub.api import PAGE_SIZE, HubAPI, PageLimitError
from ghostnb.registries.vendors.docker_hub.documents import (
    Index,
    Page,
    RepositoryEntry,
    SearchEntry,
    TagEntry,
    completed,
)
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Request
from ghostnb.wire.paging import Pager, at_url, decode_page
from ghostnb.wire.rate_limits import RateLimit, parse_rate_limit

__all__ = ["DockerHub"]

_HUB = "docker.io"
# What an endpoint answers that is off, forbidden, or no longer what it was.
_OFF = (
    ForbiddenError,
    ProtocolError,
    RejectedError,
    ServerError,
    TransportError,
    UnsupportedError,
)
_CHANGED = (*_OFF, NotFoundError)
# Every one: a limit that cannot be told must not cost a retry.
_ANY_STATUS = tuple(range(200, 600))
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: (
        "Docker Hub also answers so for a repository that does not exist: check the spelling, "
        "or log in with: docker login"
    ),
    RateLimitedError: "Wait, or log in to raise the limit; ping() tells how many pulls are left.",
}


class DockerHub(Vendor):
    """Docker Hub: names without a slash are in ``library/``, and there is no catalog.

    Attributes
    ----------
    api_url, index_url : str
        Where Docker Hub's own API and the old index's search are.
    hosts : frozenset of str
        By which a registry is recognised as Docker Hub itself. Only its
        credentials are sent to the API.

    Notes
    -----
    Source: Docker Hub API reference (docs.docker.com/reference/api/hub/latest);
    "Docker Hub pull usage and limits".

    To anonymous users the API refuses later pages of its lists: 403 "pagination
    offset too large for anonymous requests; sign in to page further", which the
    reference does not mention. What is cut off is said in a warning.
    """

    kind = "docker-hub"
    title = "Docker Hub"
    prefers_head = True
    has_catalog = False
    nests_namespaces = False
    needs = Needs(
        "https://registry-1.docker.io",
        "Optional: your Docker ID. Anonymous users see public images, and pull fewer of them.",
        "A personal access token.",
        "Whose repositories are listed: an organisation, or a user other than you.",
        credential_name="Access token",
        has_one_address=True,
        documents="https://docs.docker.com/security/access-tokens/",
    )
    deletion_hint = (
        "Docker Hub deletes by its own API or on hub.docker.com: "
        "DELETE https://hub.docker.com/v2/repositories/NAMESPACE/REPOSITORY/tags/TAG."
    )
    # The registry itself lists nothing, and to read manifests instead would use up pulls.
    falls_back_on = ()
    hosts = frozenset({"registry-1.docker.io", "index.docker.io", "docker.io"})
    api_url = "https://hub.docker.com"
    index_url = "https://index.docker.io"

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._endpoint = Endpoint(config.url)
        self._is_hub = config.host in self.hosts
        self._api = HubAPI(session, self.api_url, takes_credentials=self._is_hub)

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is Docker Hub."""
        return host in cls.hosts

    def repository(self, name: str) -> str:
        """Complete a name as Docker does: ``nginx`` is ``library/nginx``."""
        return check_repository(completed(name))

    def reference(self, text: str) -> Reference:
        """Read a reference in Docker's familiar form.

        Raises
        ------
        InvalidReferenceError
            If a part is wrong, or it is in another registry.
        """
        found = Reference.parse(text)
        if found.registry not in (_HUB, self._config.host):
            raise InvalidReferenceError(
                f"{text[:200]!r} is in the registry {found.registry}, not on Docker Hub.",
                hint=f"Ask a client of {found.registry}, or leave the host out.",
            )
        return Reference("", self.repository(found.repository), found.tag, found.digest)

    def hint(self, error: RegistryError) -> str:
        """Say what Docker Hub's refusals may mean.

        Notes
        -----
        Unknown and private repositories get the same 401, on purpose
        (github.com/hashicorp/terraform-provider-docker, issue 140).
        """
        return _HINTS.get(type(error), "")

    async def rate_limit(self) -> RateLimit | None:
        """Ask for the pull limit, which a HEAD does not use up.

        Returns
        -------
        RateLimit or None
            None if there is none, or it cannot be told.

        Notes
        -----
        Source: "Docker Hub pull usage and limits", "View pull rate and limit".
        """
        request = self._endpoint.manifest("ratelimitpreview/test", "latest", method="HEAD")
        try:
            reply = await self._session.fetch(request, expected=_ANY_STATUS)
        except RegistryError:
            return None
        return parse_rate_limit(reply.headers)

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over a namespace's repositories; by default over the user's own.

        Raises
        ------
        UnsupportedError
            If there is neither a namespace nor a user.
        InvalidReferenceError
            If the namespace has a slash, or cannot be one.

        Warns
        -----
        UserWarning
            If an anonymous user does not get all.

        Notes
        -----
        Source: Docker Hub API reference, "List repositories in a namespace". A
        namespace that does not exist has no repositories there.
        """
        name = _check_namespace(namespace or await self._own_namespace())
        path, count = f"/v2/namespaces/{quote(name, safe='')}/repositories", 0
        try:
            async for entry in self._api.pages(
                path, RepositoryEntry, f"the repositories of {name}"
            ):
                count += 1
                yield entry.record(self._config.name, name)
        except PageLimitError:
            _warn(f"Docker Hub lists only the first {count} repositories of {name}")

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, a hundred a request.

        Warns
        -----
        UserWarning
            If an anonymous user does not get the details of all, or the API is off or
            changed; the other tags come by name alone, since each manifest that is read
            counts as a pull.

        Notes
        -----
        Source: Docker Hub API reference, "List repository tags". `size_bytes`
        adds the platforms' sizes; layers that they share count for each.
        """
        namespace, _, name = repository.partition("/")
        path = f"/v2/namespaces/{quote(namespace)}/repositories/{quote(name, safe='')}/tags"
        seen: set[str] = set()
        try:
            async for entry in self._api.pages(path, TagEntry, f"the tags of {repository}"):
                # The last pushed comes first: a push meanwhile moves tags to the next page.
                if entry.name not in seen:
                    seen.add(entry.name)
                    yield entry.record(self._config.name, repository)
        except PageLimitError:
            _warn(f"Docker Hub describes only the first {len(seen)} tags of {repository}")
        except _OFF as e:
            problem = f"Docker Hub's API describes no tags now ({e.message})"
            warnings.warn(f"{problem}; those of {repository} come by name.", stacklevel=2)
        else:
            return
        async for tag in self._names_beside(repository, seen):
            yield TagRecord(self._config.name, repository, tag)

    async def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what a query finds: by the API, else by the old index.

        Warns
        -----
        UserWarning
            If an anonymous user does not get as many as asked for.

        Notes
        -----
        ``/v2/search/repositories/`` is not in the reference, so its end is to be
        expected. The index's search is that of ``docker search`` (github.com/
        moby/moby, registry): one page of at most 100, without pulls.
        """
        count, words = 0, query.strip()
        if not words:
            return
        try:
            async for record in self._found(words, limit):
                count += 1
                yield record
        except _CHANGED as e:
            if not count:
                async for record in self._indexed(words, limit, e):
                    yield record
            elif isinstance(e, PageLimitError):
                _warn(f"Docker Hub gives only the first {count} results for {words!r}")
            else:
                raise

    async def _found(self, words: str, limit: int) -> AsyncIterator[SearchRecord]:
        number, left, size = 1, limit, min(limit, PAGE_SIZE)
        what = f"a search for {words!r}"
        while left > 0:
            query: dict[str, str | int] = {"query": words, "page": number, "page_size": size}
            page = await self._api.read("/v2/search/repositories/", Page[SearchEntry], what, query)
            for entry in page.results[:left]:
                yield entry.record(self._config.name)
            number, left = number + 1, left - len(page.results)
            if not page.next or not page.results:
                return

    async def _indexed(
        self, words: str, limit: int, cause: RegistryError
    ) -> AsyncIterator[SearchRecord]:
        query = urlencode({"q": words, "n": min(limit, PAGE_SIZE)})
        what = f"a search for {words!r}"
        request = Request("GET", f"{self.index_url}/v1/search?{query}", what)
        try:
            found = self._api.decode(await self._api.fetch(request), Index)
        except RegistryError as e:
            raise e from cause
        for entry in found.results[:limit]:
            yield entry.record(self._config.name)

    async def _names_beside(self, repository: str, seen: set[str]) -> AsyncIterator[str]:
        """Iterate over the tags that the registry has beside those already seen."""
        name = self._config.name
        pager, request = Pager(0, registry=name), self._endpoint.tags(repository, None)
        while True:
            page = decode_page(await self._session.fetch(request), registry=name)
            fresh = pager.take(page)
            for tag in fresh:
                if tag not in seen:
                    yield tag
            following = pager.following(request, page, fresh)
            if not following:
                return
            request = at_url(request, following)

    async def _own_namespace(self) -> str:
        credentials = await self._session.auth.credentials() if self._is_hub else None
        # One may log in by e-mail address, too, which names no namespace.
        if credentials is None or not credentials.username or "@" in credentials.username:
            raise UnsupportedError(
                f"{self._config.name} is Docker Hub, which has no list of all repositories.",
                hint='Name a namespace: repositories(namespace="library"); or search("nginx"), '
                'or tags("library/nginx").',
                registry=self._config.name,
                url=self._config.url,
            )
        return credentials.username.lower()


def _check_namespace(name: str) -> str:
    if "/" in name:
        raise InvalidReferenceError(
            f"{name[:200]!r} is not a namespace of Docker Hub: those have no slash.",
            hint=f"Use {name.partition('/')[0]!r}, or tags({name[:200]!r}) for a repository.",
        )
    return check_repository(name)


def _warn(problem: str) -> None:
    warnings.warn(f"{problem} to anonymous users; log in to see all.", UserWarning, stacklevel=2)
