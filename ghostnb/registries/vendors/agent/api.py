"""An agent's own routes: lists, searches, and what each registry is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from ghostnb.errors import NotFoundError, RegistryError, UnsupportedError
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.agent.documents import (
    Failure,
    Found,
    Registries,
    RegistryEntry,
    Repositories,
    Tags,
    Usage,
)
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import next_url, not_json

__all__ = ["AgentAPI"]

# Those of 5xx, too: what a registry did to the agent, which has asked it often enough.
_ANSWERS = (200, 400, 401, 403, 404, 405, 409, 413, 415, 422, 502, 504)
_PAGE_SIZE = 1000
_MAX_FOUND = 100

Document = TypeVar("Document")


class AgentAPI:
    """Asks an agent's routes.

    Parameters
    ----------
    session : Session
        With one of its registries, or the agent itself.
    url : str
        Of its routes: ``http://localhost:8000/api/v1``.
    """

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url

    def __repr__(self) -> str:
        return f"<AgentAPI at {self._url}>"

    async def registries(self) -> list[RegistryEntry]:
        """List the agent's registries."""
        request = self._request("/registries", "the list of its registries")
        return (await self._read(request, Registries)).registries

    async def registry(self, registry: str, *, ping: bool) -> RegistryEntry | None:
        """Describe one of its registries; None: the agent is too old for that.

        Parameters
        ----------
        registry : str
            What the agent calls it.
        ping : bool
            Whether the agent asks that registry how it is.
        """
        path = f"/registries/{quote(registry)}" + "?ping=true" * ping
        request = self._request(path, f"what {registry} is")
        try:
            return await self._read(request, RegistryEntry)
        except UnsupportedError as e:
            # Older ones had the same address for removing alone.
            if e.status == 405:
                return None
            raise
        except NotFoundError as e:
            # An agent that has the route says which registries there are.
            if e.diagnostics:
                raise
            return None

    async def usage(self, registry: str, name: str, namespace: str | None) -> list[UsageRecord]:
        """Tell what a registry stores by namespace; see `repositories`.

        Raises
        ------
        UnsupportedError
            If the registry's vendor does not tell, or the agent is too old to ask it.
        """
        query = f"?{urlencode({'namespace': namespace})}" if namespace else ""
        path = f"/registries/{quote(registry)}/usage{query}"
        request = self._request(path, "what is stored")
        try:
            found = (await self._read(request, Usage)).usage
        except NotFoundError as e:
            # There may be no such namespace, or no such route.
            if await self.registry(registry, ping=False) is not None:
                raise
            raise _too_old(name, e) from e
        return [replace(record, registry=name) for record in found]

    async def repositories(
        self, registry: str, name: str, namespace: str | None
    ) -> AsyncIterator[RepositoryRecord]:
        """Iterate over a registry's repositories.

        Parameters
        ----------
        registry : str
            What the agent calls it.
        name : str
            What it is called here.
        namespace : str or None
        """
        query = {"n": str(_PAGE_SIZE)} | ({"namespace": namespace} if namespace else {})
        path = f"/registries/{quote(registry)}/repositories?{urlencode(query)}"
        async for part in self._parts(path, "the list of repositories", Repositories):
            for record in part.details:
                yield replace(record, registry=name)

    async def tags(self, registry: str, name: str, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags with their details; see `repositories`."""
        place = f"/registries/{quote(registry)}/repositories/{repository}/tags"
        path = f"{place}?n={_PAGE_SIZE}&details=true"
        async for part in self._parts(path, f"the tags of {repository}", Tags):
            for entry in part.details:
                yield entry.record(name, repository)

    async def search(self, registry: str, name: str, words: str, limit: int) -> list[SearchRecord]:
        """Search a registry, for a hundred at most; see `repositories`.

        Raises
        ------
        RegistryError
            If all of it failed; what could not be read has its error in its record.
        """
        query = {"q": words, "registry": registry, "limit": min(limit, _MAX_FOUND)}
        request = self._request(f"/images/search?{urlencode(query)}", f"a search for {words!r}")
        found = await self._read(request, Found)
        records = [image.record(name) for image in found.images]
        for failure in found.errors:
            error = self._error(request, failure)
            if not failure.repository:
                raise error
            records.append(SearchRecord(name, failure.repository, failure.tag or None, error=error))
        return records

    async def _parts(self, path: str, what: str, kind: type[Document]) -> AsyncIterator[Document]:
        request, asked = self._request(path, what), set()
        while request.url and request.url not in asked:
            asked.add(request.url)
            reply = await self._fetch(request)
            yield self._decode(reply, kind)
            request = replace(request, url=next_url(reply, self._session.config.name))

    async def _read(self, request: Request, kind: type[Document]) -> Document:
        return self._decode(await self._fetch(request), kind)

    def _request(self, path: str, what: str) -> Request:
        headers = {"accept": "application/json"}
        return Request("GET", f"{self._url}{path}", what, headers=headers)

    async def _fetch(self, request: Request) -> Reply:
        reply = await self._session.fetch(request, expected=_ANSWERS)
        if reply.status != 200:
            raise self._session.refusal(request, reply)
        return reply

    def _error(self, request: Request, failure: Failure) -> RegistryError:
        """Make the error for what failed while the rest was answered."""
        body = msgspec.json.encode(failure)
        return self._session.refusal(request, Reply(502, {}, body, request.url))

    def _decode(self, reply: Reply, kind: type[Document]) -> Document:
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            raise not_json(reply, self._session.config.name, e) from e


def _too_old(name: str, error: RegistryError) -> UnsupportedError:
    return UnsupportedError(
        f"{name} is behind an agent that is older than this, and does not tell what is stored.",
        hint="Update ghostnb where the agent runs, or count it: "
        "analysis.storage(await reg.inventory()).",
        registry=name,
        url=error.url,
        status=error.status,
    )
