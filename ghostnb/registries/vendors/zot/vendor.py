"""zot: lists with their details from its metadata, and what its refusals mean."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import msgspec

from ghostnb.errors import NotFoundError, RegistryError, RejectedError, UnsupportedError
from ghostnb.oci import is_within
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.registries.vendors.recasting import recast
from ghostnb.registries.vendors.zot.api import PAGE_SIZE, Query, ZotAPI, quoted
from ghostnb.registries.vendors.zot.documents import Image, Page, Repository, Search
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply

__all__ = ["Zot"]

_CLIENT_HEADER = "x-zot-api-client"
_MAX_QUERY = 256
_MANIFESTS = "Manifests{LastUpdated Platform{Os Arch} Layers{Size Digest}}"
_IMAGE = f"Tag Digest MediaType Size LastUpdated {_MANIFESTS}"
_FOUND_IMAGE = f"RepoName Description DownloadCount {_IMAGE}"
_FOUND_REPOSITORY = f"Name NewestImage{{Description {_IMAGE}}}"

_TAGS = Query(
    "ImageList", Page[Image], (f"Results{{LastPullTimestamp {_IMAGE}}}", f"Results{{{_IMAGE}}}")
)
_REPOSITORIES = Query(
    "RepoListWithNewestImage",
    Page[Repository],
    (
        "Results{Name LastUpdated DownloadCount StarCount NewestImage{Description}}",
        "Results{Name LastUpdated NewestImage{Description}}",
    ),
)
_SIZES = Query("RepoListWithNewestImage", Page[Repository], ("Results{Name Size}",))
_COUNT = Query("RepoListWithNewestImage", Page[Repository], ("Page{TotalCount} Results{Name}",))
_SEARCH = Query(
    "GlobalSearch",
    Search,
    (
        f"Repos{{DownloadCount StarCount {_FOUND_REPOSITORY}}} Images{{{_FOUND_IMAGE}}}",
        f"Repos{{{_FOUND_REPOSITORY}}} Images{{RepoName {_IMAGE}}}",
    ),
)


class Zot(Vendor):
    """zot, wherever it runs.

    Notes
    -----
    Source: github.com/project-zot/zot. It is recognised by what it allows its own web page to
    send (``pkg/api/routes.go``, ``getUIHeadersHandler``), which it says in minimal builds, too. A
    proxy may take that away: then the kind must be configured.

    Tags are deleted by the distribution protocol: it takes a tag alone away.
    """

    kind = "zot"
    title = "zot"
    shows_users_more = True
    # Its metadata have no signatures' tags, and lag behind what was put into the storage; before
    # 2.1.3 they had nothing of Docker's media types.
    leaves_out = ("repositories", "tag_details")
    needs = Needs(
        "https://zot.example.com",
        "Optional: your user name; for an API key, whose it is: the login or e-mail address.",
        "The user's password, or an API key (zak_…).",
        documents="https://zotregistry.dev/v2.1.23/developer-guide/api-reference/",
        credential_name="Password or API key",
    )
    deletion_hint = (
        "zot deletes for users who have the action delete in its configuration "
        "(http.accessControl, policies of the repository)."
    )

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._api = ZotAPI(session)

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by the header that its own web page sends."""
        allowed = headers.get("access-control-allow-headers", "").lower().split(",")
        return _CLIENT_HEADER in (name.strip() for name in allowed)

    async def rights(self) -> str:
        """Say who the credentials are, and how many repositories they may read.

        Notes
        -----
        Whether somebody may delete, zot tells by repository alone, so that it is left out here.
        """
        page = await self._api.answer(
            _COUNT, "requestedPage:{limit:1,offset:0,sortBy:ALPHABETIC_ASC}", "the rights"
        )
        count = page.page.total_count if page.page is not None else len(page.results)
        may_read = f"may read {count:,} {'repository' if count == 1 else 'repositories'}"
        if self._session.auth.has_credentials:
            credentials = await self._session.auth.credentials()
            name = credentials.username if credentials is not None else ""
            return f"{name or 'the owner of the token'}: {may_read}"
        ways: list[str] = []
        with suppress(NotFoundError):  # it is told by a part of its own in older releases
            ways = (await self._api.management()).ways
        return f"anonymous: {may_read}{'; one logs in by ' if ways else ''}{' or '.join(ways)}"

    def rewritten(self, reply: Reply) -> Reply:
        """Give a refusal of a login as registries do: zot's is one error, and no list.

        Notes
        -----
        Source: ``pkg/api/authn.go``, ``authFail``.
        """
        try:
            told = msgspec.json.decode(reply.body, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return reply
        if "code" not in told or "errors" in told:
            return reply
        body = msgspec.json.encode({"errors": [told]})
        return Reply(reply.status, reply.headers, body, reply.url)

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error for what went wrong: a rule of zot's is no lack of a feature.

        Notes
        -----
        Source: ``pkg/api/routes.go``, ``DeleteManifest``: 405 with DENIED for what an index
        refers to, 409 where several tags would go along (``detectManifestCollision``).
        """
        codes = [one.code for one in error.diagnostics]
        if isinstance(error, UnsupportedError) and error.status == 405 and "DENIED" in codes:
            hint = "An index of the repository refers to it: delete that index first."
            return recast(RejectedError, error, hint)
        if isinstance(error, RejectedError) and error.status == 409:
            error.hint = (
                "Several tags lead to it, and these credentials may not delete them at once "
                "(detectManifestCollision): delete each by its name."
            )
        return error

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories that the credentials may read.

        Notes
        -----
        `updated` is when the newest image was built; zot tells no push of a repository.
        """
        async for entry in self._listed(_REPOSITORIES, namespace):
            yield entry.record(self._config.name)

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, 2,000 a request."""
        arguments = f"repo:{quoted(repository)},"
        async for entry in self._api.pages(_TAGS, arguments, f"the tags of {repository}"):
            if entry.tag:
                yield entry.tag_record(self._config.name, repository)

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord] | None:
        """Iterate over what a query finds: repositories, or tags if it is ``repository:tag``.

        Notes
        -----
        Source: ``pkg/extensions/search/resolver.go``, ``getSearchTarget``: an @, a colon alone
        and more than 256 characters are refused.
        """
        words = query.strip()
        is_refused = "@" in words or words == ":" or len(words) > _MAX_QUERY
        return None if is_refused else self._found(words, limit)

    async def _found(self, words: str, limit: int) -> AsyncIterator[SearchRecord]:
        # By relevance many are equal, so that pages of it do not fit together.
        order = "RELEVANCE" if limit <= PAGE_SIZE else "ALPHABETIC_ASC"
        what, seen, offset = f"a search for {words!r}", set[tuple[str, str | None]](), 0
        while words and offset < limit:
            size = min(limit - offset, PAGE_SIZE)
            place = f"limit:{size},offset:{offset},sortBy:{order}"
            arguments = f"query:{quoted(words)},requestedPage:{{{place}}}"
            found = await self._api.answer(_SEARCH, arguments, what)
            entries, known = [*(found.repos or ()), *(found.images or ())], len(seen)
            for record in (one.search_record(self._config.name) for one in entries):
                if record.repository and (record.repository, record.tag) not in seen:
                    seen.add((record.repository, record.tag))
                    yield record
            if len(entries) < size or len(seen) == known:
                return
            offset += size

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored: one record for the whole registry, or for a namespace.

        Raises
        ------
        UnsupportedError
            If zot's search extension, which counts it, is off.

        Notes
        -----
        zot counts by repository, and a blob that several have for each of them; on its disk it
        may be there but once.
        """
        count, stored, is_known = 0, 0, True
        try:
            async for entry in self._listed(_SIZES, namespace):
                size_bytes = entry.size_bytes
                count, stored = count + 1, stored + (size_bytes or 0)
                is_known = is_known and size_bytes is not None
        except NotFoundError as e:
            raise UnsupportedError(
                f"{self._config.name} (zot) does not tell what is stored: {e.message}",
                hint=f"{e.hint} Count it: analysis.storage(await reg.inventory()).",
                registry=self._config.name,
                url=e.url,
                status=e.status,
            ) from e
        if count or not namespace:
            yield UsageRecord(
                self._config.name, namespace or "", count, stored if is_known else None
            )

    async def _listed(
        self, query: Query[Page[Repository]], namespace: str | None
    ) -> AsyncIterator[Repository]:
        """Iterate over the repositories, each once."""
        seen: set[str] = set()
        async for entry in self._api.pages(query, "", "the list of repositories"):
            name = entry.name or ""
            is_wanted = is_within(name, namespace)
            if name and name not in seen and is_wanted:
                seen.add(name)
                yield entry
