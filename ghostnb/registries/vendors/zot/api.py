"""zot's own API: GraphQL queries, their pages and refusals, and what zot tells of itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from ghostnb.errors import (
    Diagnostic,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
    redact_url,
)
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.json_api import JSONAPI
from ghostnb.registries.vendors.zot.documents import Answer, Management, Page
from ghostnb.wire.endpoints import pull_scope
from ghostnb.wire.messages import Reply, Request

__all__ = ["PAGE_SIZE", "Query", "ZotAPI", "quoted"]

# zot has no limit of its own, and works everything out anew for each page. So many tags with
# the layers of five platforms have some 25 MB, of the 64 MB that an answer may have.
PAGE_SIZE = 2000
# zot routes by the repository in a scope, and its own API has none.
_SCOPE = pull_scope("")
# A field that this version does not know: gqlgen says 422, a zot in a cluster 400.
_UNKNOWN_FIELD = (400, 422)
_MAX_PROBLEMS = 3
_MAX_TEXT = 200

Data = TypeVar("Data")
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Query(Generic[Data]):
    """A question of zot's schema.

    Attributes
    ----------
    name : str
        ``ImageList``
    kind : type
        Of what it gives.
    fields : tuple of str
        What is wanted: first all that the newest zot has, then what older ones have.
    """

    name: str
    kind: type[Data]
    fields: tuple[str, ...]


class ZotAPI(JSONAPI):
    """Asks zot on behalf of one registry.

    Parameters
    ----------
    session : Session

    Notes
    -----
    Source: github.com/project-zot/zot, ``pkg/extensions/search``. It stands below ``/v2/``, with
    the registry's own login, so that the session logs in. A query goes by GET: a bearer token
    for POST would have to allow a push (``pkg/api/bearer.go``). Arguments stand in it as they
    are, and not as variables: zot in a cluster reads the repository there that says which member
    has it (``pkg/extensions/search/gql_proxy``).
    """

    hints: ClassVar = {
        UnauthorizedError: "Check the user name and the password or API key.",
        ForbiddenError: "Log in as somebody who may read this.",
        NotFoundError: "Its search extension is off (extensions.search.enable), or this is a "
        "minimal build that has none.",
        RateLimitedError: "Wait and try again.",
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.config.url)
        # From which of a query's fields on this zot knows them, once that was found out.
        self._understood: dict[Query[Any], int] = {}

    async def pages(
        self, query: Query[Page[Entry]], arguments: str, what: str
    ) -> AsyncIterator[Entry]:
        """Iterate over a list that comes in pages.

        Parameters
        ----------
        query : Query
        arguments : str
            Without the page.
        what : str
            What is asked for, for messages.

        Notes
        -----
        Source: ``pkg/extensions/search/pagination``: the offset counts entries, and only the order
        of the alphabet is one without ties. A cluster gives such a page for each of its members.
        """
        offset, before = 0, list[Entry]()
        while True:
            place = f"limit:{PAGE_SIZE},offset:{offset},sortBy:ALPHABETIC_ASC"
            page = await self.answer(query, f"{arguments}requestedPage:{{{place}}}", what)
            if page.results == before:  # nobody has read which page was asked for
                return
            for entry in page.results:
                yield entry
            if len(page.results) < PAGE_SIZE:
                return
            offset, before = offset + PAGE_SIZE, page.results

    async def answer(self, query: Query[Data], arguments: str, what: str) -> Data:
        """Ask a query, for less where this zot does not know all the fields.

        Raises
        ------
        RejectedError
            If zot cannot answer it.
        ProtocolError
            If the answer is none.
        RegistryError
            Of the class that fits a refusal.
        """
        number = self._understood.get(query, 0)
        while True:
            fields = query.fields[number]
            request = self._request(f"{{{query.name}({arguments}){{{fields}}}}}", what)
            try:
                reply = await self.fetch(request)
            except RejectedError as e:
                number += 1
                if e.status not in _UNKNOWN_FIELD or number == len(query.fields):
                    raise
            else:
                self._understood[query] = number
                return self._data(query, request, reply)

    async def management(self) -> Management:
        """Ask what zot tells everybody of itself.

        Notes
        -----
        Source: ``pkg/api/authn.go``: it needs no login if the address is exactly this.
        """
        return await self.read("/v2/_zot/ext/mgmt", Management, "how to log in")

    def _request(self, query: str, what: str) -> Request:
        url = f"{self.url}/v2/_zot/ext/search?{urlencode({'query': query})}"
        return Request("GET", url, what, (_SCOPE,), {"accept": "application/json"})

    def _data(self, query: Query[Data], request: Request, reply: Reply) -> Data:
        answer: Answer[Data] = self.decode(reply, Answer[query.kind])  # type: ignore[name-defined]
        if answer.errors:
            problems = [one.message[:_MAX_TEXT] for one in answer.errors[:_MAX_PROBLEMS]]
            raise self._no_answer(request, reply, problems)
        found = (answer.data or {}).get(query.name)
        if found is None:
            raise ProtocolError(
                f"{self.session.config.name} answered {request.what} without any data.",
                hint="Is it zot? Its version may be too old, or a proxy answers in its place.",
                registry=self.session.config.name,
                url=request.url,
                status=reply.status,
            )
        return found

    def _no_answer(self, request: Request, reply: Reply, problems: list[str]) -> RegistryError:
        name = self.session.config.name
        return RejectedError(
            f"{name} at {redact_url(request.url)} could not answer {request.what} "
            f"({'; '.join(problems)}).",
            hint="Its log says more.",
            registry=name,
            url=request.url,
            status=reply.status,
            diagnostics=tuple(Diagnostic("GRAPHQL", problem, "") for problem in problems),
        )


def quoted(text: str) -> str:
    """Write a text as a query has it: as JSON does (GraphQL specification, "String Value")."""
    return msgspec.json.encode(text).decode()
