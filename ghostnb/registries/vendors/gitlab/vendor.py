"""GitLab's registry: lists by GitLab's API, tags by the registry's own."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

import msgspec

from ghostnb.errors import NotFoundError, RegistryError, RejectedError, UnauthorizedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.gitlab.api import GitLabAPI, gitlab_of, is_job, quoted
from ghostnb.registries.vendors.gitlab.documents import AccessToken, Job, TagEntry, User
from ghostnb.registries.vendors.gitlab.finding import HOST, find_challenge
from ghostnb.registries.vendors.gitlab.listing import (
    projects_of,
    repositories_of,
    stored,
    within,
)
from ghostnb.registries.vendors.gitlab.refusals import PROTECTED_HINT, is_kept, meant
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.endpoints import DELETED, pull_scope
from ghostnb.wire.messages import Request
from ghostnb.wire.paging import next_link, not_json

__all__ = ["GitLab"]

_TAGS = 1000  # "n: … default 100, maximum 1000"
# So long a registry that has no metadata database is believed to have none.
_PAUSE_SECONDS = 3600.0
_NO_REPOSITORY = "NAME_UNKNOWN"
_OAUTH_USER = "oauth2"
_TELLS_ITS_USER = frozenset({"api", "read_api", "read_user"})
_decoder = msgspec.json.Decoder(list[TagEntry])
_BESIDE = (
    "GitLab's host, if it is neither the registry's nor above it: gitlab.example.com for "
    "registry.example.com. Credentials go there, too."
)


class GitLab(Vendor):
    """GitLab's registry, on GitLab.com or elsewhere.

    Notes
    -----
    Source: "Container registry API" (docs.gitlab.com/api/container_registry/); container
    registry, docs/spec/gitlab/api.md; gitlabhq, app/services/auth/
    container_registry_authentication_service.rb.

    The catalog is shown to administrators alone. A search finds by GraphQL only what is in the
    part of a name below its project's (gitlabhq, app/models/container_repository.rb,
    ``search_by_name``), and would miss most of them: the lists are searched instead.
    """

    kind = "gitlab"
    title = "GitLab Container Registry"
    needs = Needs(
        "https://registry.gitlab.com",
        "With an access token any name must be given; with a deploy token its own; in a job "
        "gitlab-ci-token. None is needed for what is public.",
        "An access token (personal, of a project or a group) with the scopes read_api and "
        "read_registry; to push write_registry, to delete api.",
        "Whose repositories are listed: the path of a group or project, or a user; by default "
        "those of all projects that you are a member of.",
        token_host=_BESIDE,
        documents="https://docs.gitlab.com/user/packages/container_registry/"
        "authenticate_with_container_registry/",
        credential_name="Access token",
        namespace_name="Group or project",
    )
    deletion_hint = (
        "GitLab deletes a tag for an access token with the scope api of a Developer, and a "
        "manifest for that of a Maintainer of the project; a protected tag stays."
    )

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._found: GitLabAPI | None = None
        self._finding = asyncio.Lock()
        # Where the API has a repository, once it was looked for.
        self._places: dict[str, str] = {}
        self._no_database_until = 0.0

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is GitLab.com's."""
        return host == HOST

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by the token server that it names."""
        return any(map(gitlab_of, challenges))

    async def rights(self) -> str:
        """Say whose token it is, with its scopes and its end; of a job's, which job.

        Notes
        -----
        Source: "Personal access tokens API", "Get details on a personal access token"; "Jobs
        API", "Get job token's job". Two requests at most.
        """
        api = await self._api()
        credentials = await api.who()
        if credentials is None:
            return "anonymous: reads what is public"
        if is_job(credentials):
            job = await api.read("/v4/job", Job, "the job of this token")
            user = f" of the user {job.user.username}" if job.user else ""
            return f"job {job.id}{user}: its own project, and what that one may pull"
        if credentials.username == _OAUTH_USER:
            return f"user {await self._own_name(api)}, by OAuth"
        path = "/v4/personal_access_tokens/self"
        token = await api.read(path, AccessToken, "this access token")
        is_told = not _TELLS_ITS_USER.isdisjoint(token.scopes)
        user = f" of the user {await self._own_name(api)}" if is_told else ""
        end = f", until {token.expires_at}" if token.expires_at else ""
        return f"access token {token.name!r}{user}: {', '.join(token.scopes) or 'no scope'}{end}"

    async def _own_name(self, api: GitLabAPI) -> str:
        return (await api.read("/v4/user", User, "this user")).username

    def hint(self, error: RegistryError) -> str:
        """Say what GitLab's refusals may mean."""
        if is_kept(error):
            return PROTECTED_HINT
        if isinstance(error, UnauthorizedError):
            return (
                "GitLab answers so, too, for what is not there or not shown to these credentials: "
                "check the spelling, and that an access token with the scope read_registry is used."
            )
        return ""

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error that a refusal means."""
        has_credentials = self._session.auth.has_credentials
        return super().refined(meant(error, has_credentials=has_credentials))

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused."""
        # What GitLab does not take for a rule of its own has said so.
        return error.hint if isinstance(error, RejectedError) else super().how_to_delete(error)

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories of a group, project or user; by default over one's own.

        Those are the repositories of all projects that one is a member of.

        Raises
        ------
        UnsupportedError
            If there is neither a namespace nor somebody who is a member of anything.
        NotFoundError
            If there is no such namespace, as far as one may see.

        Notes
        -----
        Source: "Container registry API", "List registry repositories". A hundred repositories a
        request; without a namespace, and for a user, one request a project.
        """
        api = await self._api()
        found = within(api, namespace) if namespace else repositories_of(api, projects_of(api))
        async for entry in found:
            yield entry.record(self._config.name)

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags, a thousand a request.

        None where the registry has said that it has no database of them.

        Notes
        -----
        Source: container registry, docs/spec/gitlab/api.md, "List Repository Tags": only with a
        metadata database, as GitLab.com has it; another answers 404.
        """
        has_none = time.monotonic() < self._no_database_until
        return None if has_none else self._described(repository)

    async def _described(self, repository: str) -> AsyncIterator[TagRecord]:
        seen: set[str] = set()
        last = ""
        while True:
            entries, goes_on = await self._tags_after(repository, last)
            count = len(seen)
            for entry in entries:
                if entry.name not in seen:
                    seen.add(entry.name)
                    yield entry.record(self._config.name, repository)
            if not goes_on or len(seen) == count:
                return
            last = entries[-1].name

    async def _tags_after(self, repository: str, last: str) -> tuple[list[TagEntry], bool]:
        """Ask for a page; the link says whether there is another, which is asked for by name."""
        place = f"{self._config.url}/gitlab/v1/repositories/{repository}/tags/list/"
        url = f"{place}?n={_TAGS}{'&last=' if last else ''}{quote(last, safe='')}"
        what = f"the tags of {repository}"
        request = Request("GET", url, what, (pull_scope(repository),))
        try:
            reply = await self._session.fetch(request)
        except NotFoundError as e:
            if all(one.code != _NO_REPOSITORY for one in e.diagnostics):
                self._no_database_until = time.monotonic() + _PAUSE_SECONDS
            raise
        try:
            entries = _decoder.decode(reply.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            raise not_json(reply, self._config.name, e) from e
        return entries, bool(next_link(reply.headers.get("link", "")))

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone by the API, which asks for a smaller role than the registry.

        Raises
        ------
        RejectedError
            If a rule keeps the tag.

        Notes
        -----
        Source: "Container registry API", "Delete a registry repository tag". 400 says that it
        failed, and no more: the registry itself is asked then.
        """
        if await self._session.auth.credentials() is None:
            return False
        api = await self._api()
        # One looks for it, however many tags are to go at once.
        async with self._finding:
            place = self._places.get(repository) or await api.place_of(repository)
            self._places[repository] = place
        what = f"the deletion of {repository}:{tag}"
        try:
            await api.ask("DELETE", f"{place}/tags/{quoted(tag)}", what, expected=DELETED)
        except NotFoundError:
            # The repository may have been made anew, under another number.
            self._places.pop(repository, None)
            raise
        except RejectedError as e:
            if e.status == 403:
                raise
            return False
        return True

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored: by a group or project, or by each of one's own projects.

        Raises
        ------
        NotFoundError
            If that is not told.

        Notes
        -----
        Source: "Projects API", ``statistics``, from the role Reporter on; "GraphQL API
        resources", ``rootStorageStatistics``, to owners of a top-level group. Only where there is
        a metadata database.
        """
        api = await self._api()
        if namespace:
            yield await stored(api, namespace)
            return
        async for project in projects_of(api, statistics="true"):
            if project.has_registry:
                yield project.usage(self._config.name)

    async def _api(self) -> GitLabAPI:
        """Give the API of the GitLab that the registry belongs to.

        Raises
        ------
        UnsupportedError
            If the registry does not say which that is.
        """
        async with self._finding:
            if self._found is None:
                self._found = GitLabAPI(self._session, await find_challenge(self._session))
            return self._found
