"""GitLab's own API: who asks, pages, and what its refusals mean."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar, Protocol, TypeVar
from urllib.parse import quote

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.session import Session
from ghostnb.registries.session.trials import Trials
from ghostnb.registries.vendors.gitlab.documents import RepositoryEntry
from ghostnb.registries.vendors.gitlab.refusals import PROTECTED_HINT, rejected
from ghostnb.registries.vendors.json_api import JSONAPI, NumberedPage, Pairs, in_pages, reason
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import next_link
from ghostnb.wire.tokens import Credentials

__all__ = ["PAGE_SIZE", "GitLabAPI", "gitlab_of", "is_job", "quoted"]

PAGE_SIZE = 100  # "per_page: … (default: 20, max: 100)"
_REALM = re.compile(r"(https?://[^/?#]+(?:/[^?#]*)?)/jwt/auth")
_SERVICE = "container_registry"
_JOB_USER = "gitlab-ci-token"
_DEPLOY_USER, _DEPLOY_TOKEN = "gitlab+deploy-token-", "gldt-"
_RULES = ("protected", "immutable")
# Of more than 10,000 rows GitLab does not say how many pages there are; an empty one ends them.
_MANY_PAGES = 10_000
_LONGEST_COUNT = 6
# A repository lies at most so many levels below its project.
_LEVELS_BELOW = 2


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


Entry = TypeVar("Entry", bound=_Numbered)


def gitlab_of(challenge: Challenge) -> str:
    """Give the address of the GitLab that a challenge is of; empty if it is of none.

    Notes
    -----
    Source: "GitLab container registry administration": the registry's realm is GitLab's address
    with ``/jwt/auth``, its service ``container_registry``.
    """
    found = _REALM.fullmatch(challenge.realm)
    is_gitlab = challenge.scheme == "bearer" and challenge.service == _SERVICE
    return found[1] if found and is_gitlab else ""


def quoted(path: str) -> str:
    """Give a group's or project's path as it stands in a URL: in place of its number."""
    return quote(path, safe="")


class GitLabAPI(JSONAPI):
    """Asks GitLab's API on behalf of one registry.

    Parameters
    ----------
    session : Session
    challenge : Challenge
        The registry's: it says where GitLab is. Credentials go there if the session would send
        them to that token server as well.

    Notes
    -----
    Source: "REST API authentication" and "REST API", "Pagination" (docs.gitlab.com/api/rest/).
    Personal, project, group and OAuth tokens go by ``Authorization: Bearer``, and so do job
    tokens (gitlabhq, lib/gitlab/auth/auth_finders.rb): unlike PRIVATE-TOKEN and JOB-TOKEN, that
    header is never passed on to where a redirect leads. Deploy tokens are none of the API's.
    """

    hints: ClassVar = {
        UnauthorizedError: "GitLab's API takes access tokens (personal, of a project or a group), "
        "and no password: check that it is one, and neither expired nor revoked.",
        ForbiddenError: "The access token needs the scope read_api, or api to delete; and its "
        "user a role there.",
        NotFoundError: "Check the spelling; GitLab says so, too, of what one may not see.",
        RateLimitedError: "Wait and try again.",
    }

    def __init__(self, session: Session, challenge: Challenge) -> None:
        super().__init__(session, f"{gitlab_of(challenge)}/api")
        self._challenge = challenge
        self._trials = Trials()

    async def who(self) -> Credentials | None:
        """Give the credentials that the API may see; None for anonymous use.

        Raises
        ------
        UnauthorizedError
            If they are not GitLab's to see.
        UnsafeRedirectError
            If GitLab must not be asked at all where the registry says it is.
        UnsupportedError
            If the API takes none of their kind.
        """
        credentials = await self.session.auth.credentials()
        self.session.auth.token_server(self._challenge, credentials)
        if credentials is None:
            return None
        name, password = credentials.username, credentials.password
        if not password or not password.isascii() or not password.isprintable() or " " in password:
            raise self._not_taken("what this registry is asked with is no access token")
        if name.startswith(_DEPLOY_USER) or password.startswith(_DEPLOY_TOKEN):
            raise self._not_taken("a deploy token is for the registry alone")
        return credentials

    async def authorization(self) -> str | None:
        """Give the access token as it goes with each request."""
        credentials = await self.who()
        return None if credentials is None else f"Bearer {credentials.password}"

    async def send(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request; a token that was refused is not tried again for a minute.

        Notes
        -----
        Source: "GitLab.com settings", "IP blocks": failed logins end in a ban.
        """
        credentials = await self.session.auth.credentials()
        async with self._trials.turn(credentials):
            known = self._trials.refusal(credentials)
            if known is not None:
                raise known
            try:
                reply = await super().send(request, expected)
            except UnauthorizedError as e:
                # To a job, what is not for jobs is refused so as well.
                if not is_job(credentials):
                    self._trials.note_refused(credentials, e)
                raise
            self._trials.note_accepted(credentials)
            return reply

    async def pages(
        self, path: str, kind: type[Entry], what: str, query: Pairs | None = None
    ) -> AsyncIterator[Entry]:
        """Iterate over a list that comes in pages, several of them asked for at once.

        What moved to another page meanwhile comes once.
        """

        async def read(number: int) -> NumberedPage[Entry]:
            asked = {**(query or {}), "page": number, "per_page": PAGE_SIZE}
            reply = await self.ask("GET", path, what, asked)
            entries: list[Entry] = self.decode(reply, list[kind])  # type: ignore[valid-type]
            return NumberedPage(entries, _page_count(reply.headers))

        seen: set[int] = set()
        in_vain = 0
        async for entry in in_pages(read):
            in_vain = in_vain + 1 if entry.id in seen else 0
            if in_vain >= PAGE_SIZE:
                return
            if not in_vain:
                seen.add(entry.id)
                yield entry

    def repositories(
        self, kind: str, path: str, *, counted: bool = False
    ) -> AsyncIterator[RepositoryEntry]:
        """Iterate over the repositories of a project or group.

        Parameters
        ----------
        kind : str
            ``projects`` or ``groups``; a group's include those of the groups within it.
        path : str
            Or a number.
        counted : bool, optional
            Ask for the number of tags, which GitLab tells of a project's repositories alone.
        """
        query = {"tags_count": "true"} if counted else None
        place = f"/v4/{kind}/{quoted(path)}/registry/repositories"
        return self.pages(place, RepositoryEntry, f"the repositories of {path}", query)

    async def place_of(self, repository: str) -> str:
        """Find where the API has a repository, by its project: the path that leads to it.

        Raises
        ------
        NotFoundError
            If no project has it, as far as one may see.
        """
        parts = repository.split("/")
        for length in range(len(parts), max(1, len(parts) - 1 - _LEVELS_BELOW), -1):
            project = "/".join(parts[:length])
            found = await self._number(project, repository)
            if found is not None:
                return f"/v4/projects/{quoted(project)}/registry/repositories/{found}"
        raise NotFoundError(
            f"{self.session.config.name}: GitLab shows no project with the repository "
            f"{repository} to these credentials.",
            hint=self.hints[NotFoundError],
            registry=self.session.config.name,
            url=self.url,
        )

    async def _number(self, project: str, repository: str) -> int | None:
        try:
            async for entry in self.repositories("projects", project):
                if entry.path.lower() == repository:
                    return entry.id
        except NotFoundError:
            return None
        return None

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has the API's own words; a rule's is no question of rights.

        Notes
        -----
        Source: gitlabhq, app/services/projects/container_repository/gitlab/
        delete_tags_service.rb: "cannot delete protected tag(s)".
        """
        error = super().refusal(request, reply)
        if not isinstance(error, ForbiddenError):
            return error
        if not any(word in reason(reply.body).lower() for word in _RULES):
            return error
        return rejected(error, PROTECTED_HINT)

    def _not_taken(self, why: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self.session.config.name}: GitLab's API cannot be asked: {why}.",
            hint="Name the repository; or use an access token with the scopes read_api and "
            "read_registry as password.",
            registry=self.session.config.name,
            url=self.url,
        )


def is_job(credentials: Credentials | None) -> bool:
    """Tell whether credentials are a job's, to which only its own project is shown."""
    return credentials is not None and credentials.username == _JOB_USER


def _page_count(headers: Mapping[str, str]) -> int:
    told = headers.get("x-total-pages", "")
    if told.isdecimal():
        return min(int(told), _MANY_PAGES) if len(told) <= _LONGEST_COUNT else _MANY_PAGES
    goes_on = headers.get("x-next-page") or next_link(headers.get("link", ""))
    return _MANY_PAGES if goes_on else 1
