"""Harbor's own API: who asks, lists in pages, refusals."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import ClassVar, Generic, TypeVar
from urllib.parse import quote

from ghostnb.errors import (
    ForbiddenError,
    InvalidReferenceError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.harbor.documents import CurrentUser, PermissionEntry, ProjectEntry
from ghostnb.registries.vendors.json_api import JSONAPI, NumberedPage, in_pages, reason
from ghostnb.registries.vendors.recasting import recast
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import not_json
from ghostnb.wire.tokens import Credentials

__all__ = ["Account", "Caller", "HarborAPI", "Page", "hint_for", "project_of", "repository_path"]

_PAGE_SIZE = 100  # "page_size in query should be less than or equal to 100"
# Old versions count signatures as well, and then leave them out of their pages.
_MAX_EMPTY = 10
# Where something between takes the count away, pages are asked for until one is not full.
_UNTOLD = 100_000
_LONGEST_COUNT = 10
_ROBOT = 412
# Who is no longer known would see what is public alone, and not why.
_TRUST_SECONDS = 300.0

_LISTS_ALONE = (
    "This version of Harbor's API takes a CLI secret for lists alone: use a robot account for the "
    "rest."
)

Entry = TypeVar("Entry")
Query = Mapping[str, str | int]

_BY_WORD = {
    "read only mode": "Harbor is in read-only mode, in which nothing can be changed; its "
    "administrators end it (Administration, Configuration, System Settings).",
    "proxy cache project": "It is a proxy cache, which fills itself with what is pulled: push to "
    "another project.",
    "proxy project": "It is a proxy cache, which fills itself with what is pulled: push to "
    "another project.",
    "referenced by others": "An index lists it: delete that first, or leave it out.",
    "projectpolicyviolation": "The project lets nobody pull what has grave vulnerabilities or no "
    "signature (in Harbor: Project, Configuration, Deployment security).",
}


class Account(Enum):
    """What those who ask may be to Harbor."""

    ANONYMOUS = "anonymous"
    USER = "user"
    ROBOT = "robot"
    # A user of single sign-on with a CLI secret, of which the API of old versions takes no
    # notice but for some lists.
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes
    ----------
    account : Account
    name : str
        Empty if anonymous.
    is_admin : bool
        True for an administrator of all Harbor.
    authorization : str or None
        That proved it; never shown.
    """

    account: Account = Account.ANONYMOUS
    name: str = ""
    is_admin: bool = False
    authorization: str | None = field(default=None, repr=False)

    @property
    def own_project(self) -> str:
        """The project of a robot that has but one, if its name says so: ``robot$team+ci``."""
        before, plus, _ = self.name.partition("+")
        _, dollar, project = before.rpartition("$")
        return project if dollar and plus and self.account is Account.ROBOT else ""


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """A page of a list.

    Attributes
    ----------
    entries : list
    total : int or None
        How many entries the list has; None if that is not told.
    """

    entries: list[Entry]
    total: int | None = None

    @property
    def pages(self) -> int:
        """How many pages the list has, as far as is known."""
        if self.total is not None:
            return -(-self.total // _PAGE_SIZE)
        return 1 if self.is_last else _UNTOLD

    @property
    def is_last(self) -> bool:
        """True if no page follows; where the entries are counted, that alone says it."""
        return self.total is None and len(self.entries) < _PAGE_SIZE


class HarborAPI(JSONAPI):
    """Asks Harbor's API on behalf of one registry.

    Parameters
    ----------
    session : Session

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml. It has the registry's own address, and takes
    the registry's credentials by Basic. A cookie that comes back to it makes it want another
    token with each change (issues 12455, 13570): none is kept here.

    Whom it does not know it takes for anonymous, and shows what is public
    (src/server/middleware/security). So credentials are tried before they are relied on.
    """

    hints: ClassVar = {
        UnauthorizedError: "Log in: by user name and password, with single sign-on by the CLI "
        "secret of the user profile, or as a robot account by its full name and secret.",
        ForbiddenError: "Ask an administrator of the project for a role in it, or for more "
        "permissions of the robot account.",
        NotFoundError: "Check the spelling: PROJECT/REPOSITORY.",
        RateLimitedError: "Wait and try again.",
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session, f"{session.config.url}/api/v2.0")
        self._caller: Caller | None = None
        self._introduced_at = -float("inf")
        self._introduction = asyncio.Lock()

    async def caller(self) -> Caller:
        """Say who asks; Harbor is asked for that now and then, for a robot's time may be over.

        Raises
        ------
        UnauthorizedError
            If it does not take the credentials.
        """
        credentials = await self.session.auth.credentials()
        authorization = _authorization(credentials)
        async with self._introduction:
            known = self._caller
            is_fresh = time.monotonic() - self._introduced_at < _TRUST_SECONDS
            if known is None or known.authorization != authorization or not is_fresh:
                name, asked_at = credentials.username if credentials else "", time.monotonic()
                self._caller = None
                self._caller = known = await self._introduced(name, authorization)
                self._introduced_at = asked_at
            return known

    async def authorization(self) -> str | None:
        """Give the registry's credentials, if they are good."""
        return (await self.caller()).authorization

    async def fetch(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request; a project's name that is a number is a name all the same."""
        headers = {**request.headers, "x-is-resource-name": "true"}
        return await super().fetch(replace(request, headers=headers), expected)

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error; what is not for a CLI secret is no question of another login's."""
        error = super().refusal(request, reply)
        is_client = self._caller is not None and self._caller.account is Account.CLIENT
        if is_client and isinstance(error, UnauthorizedError):
            return recast(ForbiddenError, error, _LISTS_ALONE)
        return error

    async def page(
        self, path: str, kind: type[Entry], what: str, query: Query, number: int = 1
    ) -> Page[Entry]:
        """Ask for a page of a list.

        Parameters
        ----------
        path : str
            Quoted.
        kind : type
            Of the entries.
        what : str
            What is asked for, for messages.
        query : mapping
        number : int, optional
            From 1 on.

        Raises
        ------
        ProtocolError
            If it is no such list.
        RegistryError
            Of the class that fits a refusal.
        """
        reply = await self.ask(
            "GET", path, what, {"page": number, "page_size": _PAGE_SIZE, **query}
        )
        entries: list[Entry] | None = self.decode(reply, list[kind] | None)  # type: ignore[valid-type,arg-type]
        told = reply.headers.get("x-total-count", "")
        is_count = told.isdecimal() and len(told) <= _LONGEST_COUNT
        return Page(entries or [], int(told) if is_count else None)

    async def pages(
        self,
        path: str,
        kind: type[Entry],
        what: str,
        query: Query | None = None,
        *,
        first: Page[Entry] | None = None,
    ) -> AsyncIterator[Entry]:
        """Iterate over a list that comes in pages, several of them asked for at once.

        Parameters
        ----------
        path, kind, what, query
            As for `page`.
        first : Page, optional
            If it has been read.

        Notes
        -----
        Next links are not followed: their queries are not encoded (goharbor/harbor,
        src/server/v2.0/handler/base.go, ``Links``). An empty page is not the last one
        (issues 16816, 17145), nor is the last one that was counted: 2.5.1 counts no signatures,
        and cuts its pages with them all the same (pull request 16855).
        """

        async def read(number: int) -> NumberedPage[Page[Entry]]:
            known = first if number == 1 else None
            page = known or await self.page(path, kind, what, query or {}, number)
            return NumberedPage([page], page.pages)

        empty, came, before = 0, 0, list[Entry]()
        async with aclosing(_on_and_on(read)) as pages:
            async for page in pages:
                if page.entries and page.entries == before:
                    return  # nobody has read which page was asked for
                for entry in page.entries:
                    yield entry
                came, before = came + len(page.entries), page.entries
                empty = 0 if page.entries else empty + 1
                is_whole = page.total is not None and came >= page.total
                if is_whole or page.is_last or empty > _MAX_EMPTY:
                    return

    async def project(self, name: str) -> ProjectEntry:
        """Ask for a project."""
        path = f"/projects/{quote(name, safe='')}"
        return await self.read(path, ProjectEntry, f"the project {name}")

    async def permissions(self, project: ProjectEntry) -> set[PermissionEntry]:
        """Ask what the caller may do in a project, by a role or as a robot."""
        query = {"scope": f"/project/{project.project_id}", "relative": "true"}
        what = f"the permissions in the project {project.name}"
        kind = list[PermissionEntry] | None
        path = "/users/current/permissions"
        told: list[PermissionEntry] | None = await self.read(path, kind, what, query)  # type: ignore[arg-type]
        return set(told or ())

    async def _introduced(self, name: str, authorization: str | None) -> Caller:
        """Let Harbor say who has these credentials.

        Notes
        -----
        Source: goharbor/harbor, src/server/v2.0/handler/user.go, ``GetCurrentUserInfo``: a robot
        is told so by 412. Old versions do not know a CLI secret there
        (src/server/middleware/security/oidc_cli.go); their registry does, and takes it by Basic.
        """
        if authorization is None:
            return Caller()
        headers = {"accept": "application/json", "authorization": authorization}
        url, what = f"{self.url}/users/current", "who has these credentials"
        request = Request("GET", url, what, headers=headers, as_is=True)
        reply = await self.fetch(request, expected=(200, 401, _ROBOT))
        if reply.status == _ROBOT:
            return Caller(Account.ROBOT, name, authorization=authorization)
        if reply.status == 401:
            if not reason(reply.body):
                raise not_json(reply, self.session.config.name, ValueError("JSON was expected"))
            url, what = Endpoint(self.session.config.url).ping().url, f"the credentials of {name!r}"
            await self.fetch(Request("GET", url, what, headers=headers, as_is=True))
            if not name:
                raise self._no_user(reply)
            return Caller(Account.CLIENT, name, authorization=authorization)
        user = self.decode(reply, CurrentUser)
        is_admin = user.sysadmin_flag or user.admin_role_in_auth
        return Caller(Account.USER, user.username, is_admin, authorization)

    def _no_user(self, reply: Reply) -> UnsupportedError:
        return UnsupportedError(
            f"{self.session.config.name}: Harbor's API takes no token that is its registry's.",
            hint="Use a user name with a password, a CLI secret, or a robot account.",
            registry=self.session.config.name,
            url=reply.url,
            status=reply.status,
        )


async def _on_and_on(
    read: Callable[[int], Awaitable[NumberedPage[Page[Entry]]]],
) -> AsyncGenerator[Page[Entry]]:
    """Iterate over pages: over those that are counted, then over one after the other."""
    number = 0
    async with aclosing(in_pages(read)) as counted:
        async for page in counted:
            number += 1
            yield page
    while True:
        number += 1
        try:
            further = await read(number)
        except NotFoundError:
            return  # the list became shorter meanwhile
        for page in further.entries:
            yield page


def project_of(repository: str) -> str:
    """Give the project of a repository, or of what stands for several of them."""
    return repository.partition("/")[0]


def repository_path(repository: str) -> str:
    """Give the path of a repository, whose slashes are encoded twice.

    Raises
    ------
    InvalidReferenceError
        If it is in no project.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, parameter ``repository_name``.

    Examples
    --------
    >>> repository_path("team/base/python")
    '/projects/team/repositories/base%252Fpython'
    """
    project, slash, name = repository.partition("/")
    if not slash:
        raise InvalidReferenceError(
            f"{repository[:200]!r} is no repository of a Harbor: each is in a project.",
            hint=f"Write PROJECT/REPOSITORY: library/{repository[:200]}, for example.",
        )
    return f"/projects/{quote(project)}/repositories/{quote(quote(name, safe=''))}"


def hint_for(error: RegistryError) -> str:
    """Say what a refusal means that Harbor has words of its own for; empty if it has none."""
    words = f"{error.message} {error.said}".lower()
    return next((hint for word, hint in _BY_WORD.items() if word in words), "")


def _authorization(credentials: Credentials | None) -> str | None:
    """Give the header; None for an identity token, which Harbor does not give."""
    if credentials is None or credentials.identity_token:
        return None
    if credentials.access_token:
        return credentials.bearer()
    return credentials.basic() if credentials.username else None
