"""GitHub's API of packages: whose they are, lists in pages, limits and refusals."""

import asyncio
import re
import time
import warnings
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
)
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.ghcr.documents import (
    Account,
    Owner,
    Package,
    Version,
    account_of,
)
from ghostnb.registries.vendors.json_api import JSONAPI, NumberedPage, Pairs, in_pages, reason
from ghostnb.registries.vendors.plain import LoginNeededError
from ghostnb.registries.vendors.recasting import recast
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.retries import retry_after_seconds

__all__ = ["PAGE_SIZE", "PackagesAPI"]

PAGE_SIZE = 100  # "The number of results per page (max 100)."
# "page times per_page" over 10,000 is refused in lists of packages.
_MOST_PAGES = 100
_UNTOLD_PAGES = 10_000
_SECONDARY_SECONDS = 60.0
# Many wrong logins in a row make GitHub refuse everything for a while.
_REFUSED_SECONDS = 60.0
_LAST = re.compile(r'<([^<>]*)>\s*;[^<]*\brel="?last"?')
_TOKENS = "https://github.com/settings/tokens"
_LOGIN = (
    "Give your user name, and as the password a personal access token (classic) that has "
    f"read:packages: {_TOKENS}/new?scopes=read:packages. Without one, public images can be read "
    'by name: tags("OWNER/NAME").'
)
# What GitHub means by what it says.
_BY_WORDS = {
    "last tagged version": "GitHub keeps the last version that has a tag: push another one "
    "first, or delete the whole package on its page on github.com.",
    "cannot be deleted": "Of a public package GitHub deletes no version that was downloaded "
    "more than 5,000 times: make it private first, or ask GitHub's support.",
    "invalid argument": "The token of a workflow lists no packages: use a personal access token "
    "(classic) that has read:packages.",
    "not accessible by": "The token of a workflow or an app may not do this: use a personal "
    "access token (classic).",
    "saml": "Authorise the token for that organisation, which has single sign-on: "
    f"{_TOKENS}, Configure SSO.",
}

Entry = TypeVar("Entry", Package, Version)


class PackagesAPI(JSONAPI):
    """Asks GitHub's API on behalf of one registry.

    Parameters
    ----------
    session : Session
    url : str
        ``https://api.github.com``, or that of an Enterprise Server.

    Notes
    -----
    Source: docs.github.com/rest/packages/packages; "Rate limits for the REST API";
    "Troubleshooting the REST API". The API of packages answers nobody without a token.
    """

    hints: ClassVar = {
        UnauthorizedError: f"The token is wrong, or has ended: make a new one ({_TOKENS}).",
        ForbiddenError: "Use a personal access token (classic) that has read:packages, of "
        "somebody who may see the package.",
        NotFoundError: "Check the spelling; GitHub says so, too, of what the token may not see: "
        "it needs read:packages.",
        RateLimitedError: "Wait and try again: a user has 5,000 requests an hour.",
    }

    def __init__(self, session: Session, url: str) -> None:
        super().__init__(session, url)
        # An Enterprise Server may be older than versions of the API are.
        self._names_version = not url.endswith("/api/v3")
        self._account: tuple[str, Account] | None = None
        self._owners: dict[str, Owner] = {}
        self._refused: tuple[str, UnauthorizedError, float] | None = None
        self._lock = asyncio.Lock()

    async def authorization(self) -> str:
        """Give the token.

        Raises
        ------
        LoginNeededError
            If there is none.
        UnauthorizedError
            If there is one that cannot be right, or was refused a short time ago.
        """
        credentials = await self.session.auth.credentials()
        # An identity token or a registry's own one is unknown to this API.
        if credentials is None or not credentials.password:
            raise LoginNeededError(
                f"{self.session.config.name}: GitHub's API of packages answers nobody without "
                "a token.",
                hint=_LOGIN,
                registry=self.session.config.name,
                url=self.url,
            )
        token = credentials.password
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise UnauthorizedError(
                f"The password of {credentials.username!r} in {self.session.config.name} has "
                "letters in it that no token of GitHub has.",
                hint=_LOGIN,
                registry=self.session.config.name,
                url=self.url,
            )
        sent = f"Bearer {token}"
        if self._refused and self._refused[0] == sent and time.monotonic() < self._refused[2]:
            raise recast(UnauthorizedError, self._refused[1])
        return sent

    async def fetch(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request with what GitHub wants to see in each."""
        headers = {**request.headers, "accept": "application/vnd.github+json"}
        if self._names_version:
            headers["x-github-api-version"] = "2022-11-28"
        try:
            return await super().fetch(replace(request, headers=headers), expected)
        except UnauthorizedError as e:
            sent = request.headers.get("authorization", "")
            self._refused = sent, e, time.monotonic() + _REFUSED_SECONDS
            raise

    async def account(self) -> Account:
        """Ask whose token it is, once a token."""
        sent = await self.authorization()
        async with self._lock:
            if self._account is None or self._account[0] != sent:
                self._account = sent, await self._ask_account()
            return self._account[1]

    async def _ask_account(self) -> Account:
        try:
            reply = await self.ask("GET", "/user", "the token's user")
        except ForbiddenError as e:
            if "not accessible by" not in e.said:
                raise
            return Account()  # of a workflow or an app: no user's
        return account_of(self.decode(reply, Owner).login, reply.headers)

    async def place(self, owner: str) -> str:
        """Give the path under which an owner's packages are.

        Notes
        -----
        Private packages of a user are in the list of ``/user`` alone, and an organisation's are
        not under ``/users``.
        """
        name = owner.lower()
        if name not in self._owners:
            path = f"/users/{quote(owner, safe='')}"
            self._owners[name] = await self.read(path, Owner, f"the account {owner}")
        if self._owners[name].is_organisation:
            return f"/orgs/{quote(owner, safe='')}"
        is_own = (await self.account()).login.lower() == name
        return "/user" if is_own else f"/users/{quote(owner, safe='')}"

    async def path(self, repository: str) -> str:
        """Give the path of the package that has a repository's images."""
        owner, _, name = repository.partition("/")
        return f"{await self.place(owner)}/packages/container/{quote(name, safe='')}"

    async def packages(self, owner: str | None) -> AsyncGenerator[Package]:
        """Iterate over an owner's packages, or over the user's own.

        Warns
        -----
        UserWarning
            If GitHub does not show all.
        """
        place = await self.place(owner) if owner else "/user"
        what = f"the packages of {owner}" if owner else "the user's packages"
        path, query = f"{place}/packages", {"package_type": "container"}
        pages = self._pages(path, Package, what, query, most=_MOST_PAGES)
        async with aclosing(pages):
            async for package in pages:
                yield package

    async def versions(self, repository: str) -> AsyncGenerator[Version]:
        """Iterate over a package's versions, the newest first."""
        path, what = f"{await self.path(repository)}/versions", f"the versions of {repository}"
        pages = self._pages(path, Version, what, {}, most=_UNTOLD_PAGES)
        async with aclosing(pages):
            async for version in pages:
                yield version

    async def _pages(
        self, path: str, kind: type[Entry], what: str, query: Pairs, *, most: int
    ) -> AsyncGenerator[Entry]:
        """Iterate over a list by its pages' numbers: the first one's link tells the last."""

        async def read(number: int) -> NumberedPage[Entry]:
            asked = {**query, "per_page": PAGE_SIZE, "page": number}
            reply = await self.ask("GET", path, what, asked)
            entries = self.decode(reply, list[kind])  # type: ignore[valid-type]
            if number > 1:
                return NumberedPage(entries)
            self._say_what_is_left_out(reply, what)
            return NumberedPage(entries, self._count(reply, len(entries), most, what))

        seen: set[int] = set()
        in_vain = 0
        async with aclosing(in_pages(read)) as entries:
            async for entry in entries:
                # What is pushed meanwhile moves others to the next page.
                in_vain = in_vain + 1 if entry.id in seen else 0
                if in_vain == PAGE_SIZE:
                    return  # a whole page once more: pages are not told apart there
                if not in_vain:
                    seen.add(entry.id)
                    yield entry

    def _count(self, reply: Reply, count: int, most: int, what: str) -> int:
        last = last_page(reply.headers.get("link", ""))
        if last is None:
            # Not every list says how long it is; one that is not full is at its end.
            return most if count == PAGE_SIZE else 1
        if last > most:
            self._warn(f"GitHub lists only the first {most * PAGE_SIZE:,} of {what}")
        return min(last, most)

    def _say_what_is_left_out(self, reply: Reply, what: str) -> None:
        if reply.headers.get("x-github-sso", "").startswith("partial-results"):
            self._warn(
                f"GitHub leaves out of {what} those of organisations with single sign-on, for "
                f"which the token is not authorised ({_TOKENS}, Configure SSO)"
            )

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self.session.config.name}: {text}.", UserWarning, stacklevel=2)

    def wait_seconds(self, reply: Reply) -> float | None:
        """Say how long a limit still holds; None if none was met.

        Notes
        -----
        Source: docs.github.com, "Rate limits for the REST API", "Exceeding the rate limit".
        """
        if reply.status not in (403, 429):
            return None
        asked = retry_after_seconds(reply.headers)
        if asked is not None:
            return asked
        if reply.headers.get("x-ratelimit-remaining", "").strip() == "0":
            reset = reply.headers.get("x-ratelimit-reset", "")
            return retry_after_seconds({"retry-after": reset}) or _SECONDARY_SECONDS
        is_limit = reply.status == 429 or "rate limit" in reason(reply.body).lower()
        return _SECONDARY_SECONDS if is_limit else None

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make an error that has GitHub's own words, and says what they mean."""
        is_limit = self.wait_seconds(reply) is not None
        # A limit that is used up is told by 403, too.
        error = super().refusal(request, replace(reply, status=429) if is_limit else reply)
        if isinstance(error, ForbiddenError | RejectedError):
            said = error.said.lower()
            meant = (hint for words, hint in _BY_WORDS.items() if words in said)
            error.hint = next(meant, error.hint)
        return error


def last_page(link: str) -> int | None:
    """Read the number of a list's last page from its Link header; None if it is not told.

    Examples
    --------
    >>> last_page('<https://api.github.com/user/packages?page=7>; rel="last"')
    7
    """
    found = _LAST.search(link)
    try:
        numbers = parse_qs(urlsplit(found[1]).query).get("page", []) if found else []
    except ValueError:
        return None  # it is no URL
    return int(numbers[0]) if numbers and re.fullmatch(r"[0-9]{1,9}", numbers[0]) else None
