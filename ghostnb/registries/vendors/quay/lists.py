"""What Quay lists: by its API, and for robots and passwords by the registry, too."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from ghostnb.errors import UnauthorizedError, UnsupportedError
from ghostnb.oci import is_within
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.records import RepositoryRecord, SearchRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.quay.api import OAUTH_USER, PAGE_SIZE, QuayAPI
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.paging import Pager, at_url, decode_page
from ghostnb.wire.tokens import Credentials

__all__ = ["HOST", "QuayLists"]

HOST = "quay.io"
_WORKERS = 4
# What was taken by the registry is believed for so long.
_TAKEN_SECONDS = 300.0
_NO_USER = (
    "The OAuth access token needs the scope user:read for that; or name a namespace: "
    'namespace="NAME".'
)
_AS_USER = f"An OAuth access token is the password of the user {OAUTH_USER}."


class QuayLists:
    """Lists of one Quay.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint
    api : QuayAPI

    Notes
    -----
    Whoever has credentials is asked for at the registry first: the API takes a wrong token for
    none, and the catalog answers nobody with an empty list (endpoints/v2/catalog.py).
    """

    def __init__(self, session: Session, endpoint: Endpoint, api: QuayAPI) -> None:
        self._session = session
        self._config = session.config
        self._endpoint = endpoint
        self._api = api
        self._taken: tuple[Credentials, float] | None = None

    def __repr__(self) -> str:
        return f"<QuayLists of {self._config.name}>"

    async def accepted(self) -> Credentials | None:
        """Give the credentials once the registry has taken them; None for anonymous use.

        Raises
        ------
        UnauthorizedError
            If it does not.
        """
        found = await self._session.auth.credentials()
        if found is None or self._is_taken(found):
            return found
        await self._session.fetch(self._endpoint.ping())
        # Those that were refused may have been replaced meanwhile.
        found = await self._session.auth.credentials()
        self._taken = (found, time.monotonic()) if found is not None else None
        return found

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, of one namespace or of all that are one's own.

        Raises
        ------
        UnauthorizedError
            If neither a namespace nor credentials are given at quay.io, or these are wrong.

        Notes
        -----
        To an OAuth access token the API tells all; else what is public in the namespace, and the
        catalog names what else the credentials may see.
        """
        credentials = await self.accepted()
        names = [namespace] if namespace else await self._own_namespaces(credentials)
        seen = set[str]()
        async for record in self._listed(names, namespace):
            seen.add(record.repository)
            yield record
        if credentials is not None and credentials.username != OAUTH_USER:
            async for name in self._catalog():
                if name not in seen and is_within(name, namespace):
                    yield RepositoryRecord(self._config.name, name)

    async def search(self, query: str, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what a query finds in names and descriptions, a hundred at most."""
        words, left = query.strip(), limit
        if not words or left <= 0:
            return
        await self.accepted()
        async for entry in self._api.search(words):
            if entry.has_images:
                yield entry.record(self._config.name)
                left -= 1
            if not left:
                return

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what the namespaces take that an OAuth access token's user is a member of.

        Raises
        ------
        UnsupportedError
            If none of them is told.

        Notes
        -----
        Source: Red Hat Quay, "Quota management". Where that is off, the fields are not there.
        """
        credentials = await self.accepted()
        if credentials is None or credentials.username != OAUTH_USER:
            raise self._not_told("what is stored to an OAuth access token alone", _AS_USER)
        user = await self._api.user()
        names = [namespace] if namespace else list(user.namespaces if user else ())
        if not names:
            raise self._not_told("whose the OAuth access token is", _NO_USER)

        async def read(name: str) -> UsageRecord | None:
            is_own = user is not None and name == user.username
            report = user.quota_report if is_own and user else await self._api.quota_report(name)
            return report.record(self._config.name, name) if report is not None else None

        is_told = False
        async with aclosing(ordered_map(read, names, workers=_WORKERS)) as records:
            async for record in records:
                if record is not None:
                    is_told = True
                    yield record
        if not is_told:
            raise self._not_told(
                f"what {', '.join(names)} take{'s' if len(names) == 1 else ''}",
                "Quota management is switched off, or shown only to who administers it; count: "
                "analysis.storage(await reg.inventory()).",
            )

    def _is_taken(self, credentials: Credentials) -> bool:
        known, since = self._taken or (None, 0.0)
        return known == credentials and time.monotonic() - since < _TAKEN_SECONDS

    async def _own_namespaces(self, credentials: Credentials | None) -> list[str]:
        """Name what to list where nothing is named; the empty name is all that is public."""
        if credentials is None:
            if self._config.host.partition(":")[0].lower() != HOST:
                return [""]
            raise UnauthorizedError(
                f"{self._config.name} is quay.io, which lists a namespace, or what is one's own.",
                hint='Name a namespace: repositories(namespace="prometheus"); or search(…), or log '
                f"in. {_AS_USER}",
                registry=self._config.name,
                url=self._config.url,
            )
        if credentials.username != OAUTH_USER:
            return []
        user = await self._api.user()
        if user is None:
            raise self._not_told("whose the OAuth access token is", _NO_USER)
        return list(user.namespaces)

    async def _listed(
        self, names: list[str], namespace: str | None
    ) -> AsyncIterator[RepositoryRecord]:
        # What is asked for may be a part of a namespace: team/app has team/app/web.
        tops = [name.partition("/")[0] for name in names]
        async for entry in self._api.repositories(tops):
            if entry.has_images and is_within(entry.full_name, namespace):
                yield entry.record(self._config.name)

    async def _catalog(self) -> AsyncIterator[str]:
        """Iterate over what the registry names to these credentials."""
        pager = Pager(PAGE_SIZE, registry=self._config.name)
        request = self._endpoint.catalog(PAGE_SIZE)
        while True:
            page = decode_page(await self._session.fetch(request), registry=self._config.name)
            fresh = pager.take(page)
            for name in fresh:
                yield name
            following = pager.following(request, page, fresh)
            # Its links have a token: a name says nothing to it.
            if not following:
                return
            request = at_url(request, following)

    def _not_told(self, what: str, hint: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self._config.name} (Quay) does not tell {what}.",
            hint=hint,
            registry=self._config.name,
            url=self._config.url,
        )
