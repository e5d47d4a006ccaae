"""What a registry over HTTP lists: by its vendor's API, else by the distribution protocol."""

import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import is_within
from ghostnb.registries.catalog import details_by_digest, details_of_tags, search_catalog
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http.acquaintance import Acquaintance
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.vendors import is_open
from ghostnb.registries.vendors.plain import ABILITIES, LoginNeededError
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import Pager, at_url, decode_page

__all__ = ["Lists"]

# distribution refuses more with 400 PAGINATION_NUMBER_INVALID.
_PAGE_SIZE = 1000
# An API that was no help so often in a row is left alone for a while.
_PATIENCE = 3
_PAUSE_SECONDS = 300.0
# Where a registry has no such list at all, its vendor's word tells more.
_NO_LIST = (ForbiddenError, NotFoundError, UnauthorizedError, UnsupportedError)

Record = TypeVar("Record")


@dataclass(slots=True)
class _Listing(Generic[Record]):
    """A list that is wanted, and what came of it at the vendor's API.

    Attributes
    ----------
    ability : str
        Whose list it is, of `ABILITIES`.
    own : async iterator or None
        The vendor's; None if it has none.
    plain : callable
        Gives the registry's own, told what need not be in it.
    key : callable
        Tells records apart: what comes twice, as it has moved to the next page meanwhile, is
        given once.
    needs_catalog : bool
        True where the registry may have no such list.
    is_named : bool
        True where it is of something that somebody has named.
    seen : set
        What the vendor's API gave.
    cause : RegistryError or None
        Why it gave no more.
    """

    ability: str
    own: AsyncIterator[Record] | None
    plain: Callable[[Collection[Any]], AsyncIterator[Record]]
    key: Callable[[Record], Hashable]
    needs_catalog: bool = True
    is_named: bool = False
    seen: set[Hashable] = field(default_factory=set)
    cause: RegistryError | None = None


class Lists:
    """Lists of one registry.

    Parameters
    ----------
    registry : Registry
        Whose manifests are read where nothing tells more at once.
    config : RegistryConfig
    endpoint : Endpoint
    acquaintance : Acquaintance
    fetch : callable
        Sends a request to the registry.
    """

    def __init__(
        self,
        registry: Registry,
        config: RegistryConfig,
        endpoint: Endpoint,
        acquaintance: Acquaintance,
        fetch: Callable[[Request], Awaitable[Reply]],
    ) -> None:
        self._registry = registry
        self._config = config
        self._endpoint = endpoint
        self._acquaintance = acquaintance
        self._fetch = fetch
        # By ability: how often in a row the vendor's API was no help, and since when.
        self._troubles: dict[str, tuple[int, float]] = {}

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, by default over the configured namespace's."""
        name = namespace or self._config.namespace
        vendor = await self._acquaintance.introduced()
        wanted = _Listing(
            "repositories",
            vendor.repositories(name),
            lambda _: self._catalog(name),
            lambda record: record.repository,
            is_named=name is not None,
        )
        async for record in self._preferred(wanted):
            yield record

    async def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags."""
        size = self._acquaintance.vendor.tags_page_size
        pages = self._names(lambda last: self._endpoint.tags(repository, size, last), size)
        async for tag in pages:
            yield tag

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags with their details."""
        vendor = await self._acquaintance.introduced()
        ability, own = "tag_details", vendor.tag_details(repository)
        if own is None and (digests := vendor.tag_digests(repository)) is not None:
            ability, own = "tag_digests", details_by_digest(self._registry, repository, digests)
        wanted = _Listing(
            ability,
            own,
            lambda seen: details_of_tags(self._registry, repository, besides=seen),
            lambda record: record.tag,
            needs_catalog=False,
        )
        async for record in self._preferred(wanted):
            yield record

    def listed_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags as the vendor's API lists them; None: not now.

        What it leaves out, or fails to tell, is not read instead.
        """
        own = self._acquaintance.vendor.tag_details(repository)
        if own is None or self._is_paused("tag_details"):
            return None
        wanted = _Listing(
            "tag_details", own, lambda _: _nothing(), lambda record: record.tag, needs_catalog=False
        )
        return self._preferred(wanted)

    async def search(self, query: str, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what a query finds."""
        vendor = await self._acquaintance.introduced()
        wanted = _Listing(
            "search",
            vendor.search(query, limit=limit),
            lambda seen: _of_others(
                search_catalog(self._registry, query, limit=limit), {name for name, _ in seen}
            ),
            lambda record: (record.repository, record.tag),
        )
        count = 0
        async for record in self._preferred(wanted):
            count += 1
            yield record
            if count == limit:
                return

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored, by namespace, as the vendor counts it.

        Raises
        ------
        UnsupportedError
            If the vendor does not tell.
        """
        vendor = await self._acquaintance.introduced()
        told = vendor.usage(namespace or self._config.namespace)
        if told is None and is_open(vendor, self._config):
            # One that does not take the credentials has not said who it is.
            await self._acquaintance.meet()
            vendor = self._acquaintance.vendor
            told = vendor.usage(namespace or self._config.namespace)
        if told is None:
            raise UnsupportedError(
                f"{self._config.name} ({vendor.title}) does not tell what is stored.",
                hint="Count it: analysis.storage(await reg.inventory()).",
                registry=self._config.name,
                url=self._config.url,
            )
        async for record in told:
            yield record

    async def _preferred(self, wanted: _Listing[Record]) -> AsyncIterator[Record]:
        """Iterate over what the vendor's API gives; where it fails, the registry has the rest.

        So it has where the API may leave something out.
        """
        vendor, ability = self._acquaintance.vendor, wanted.ability
        may_fall_back = vendor.has_catalog or not wanted.needs_catalog
        if wanted.own is not None and not (may_fall_back and self._is_paused(ability)):
            try:
                async for record in wanted.own:
                    if (name := wanted.key(record)) not in wanted.seen:
                        wanted.seen.add(name)
                        yield record
            except vendor.falls_back_on as e:
                if not may_fall_back:
                    raise
                wanted.cause = e
            else:
                self._troubles.pop(ability, None)
                if ability not in vendor.leaves_out:
                    return
        async for record in self._rest(wanted):
            yield record

    async def _rest(self, wanted: _Listing[Record]) -> AsyncIterator[Record]:
        """Iterate over what the registry has beside what the vendor's API gave."""
        cause, is_empty = wanted.cause, not wanted.seen
        # Who has no login wants to hear no more of it than that it works.
        trouble = None if isinstance(cause, LoginNeededError) else cause
        try:
            async for record in wanted.plain(wanted.seen):
                if trouble is not None:
                    # At once: who has enough of them does not come back.
                    self._note_trouble(wanted.ability, trouble)
                    trouble = None
                if wanted.key(record) not in wanted.seen:
                    is_empty = False
                    yield record
        except _NO_LIST as e:
            if cause is not None and wanted.needs_catalog:
                raise cause from e
            raise
        if wanted.is_named and is_empty and isinstance(cause, NotFoundError):
            # Neither knows what was named.
            raise cause
        if trouble is not None:
            self._note_trouble(wanted.ability, trouble)

    def _is_paused(self, ability: str) -> bool:
        count, since = self._troubles.get(ability, (0, 0.0))
        return count >= _PATIENCE and time.monotonic() - since < _PAUSE_SECONDS

    def _note_trouble(self, ability: str, cause: RegistryError) -> None:
        count, _ = self._troubles.get(ability, (0, 0.0))
        self._troubles[ability] = count + 1, time.monotonic()
        if not count:
            title = self._acquaintance.vendor.title
            warnings.warn(
                f"{self._config.name}: {title}'s own API was no help with {ABILITIES[ability]} "
                f"({cause.message}); the registry itself was asked, which may tell less.",
                UserWarning,
                stacklevel=2,
            )

    async def _catalog(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        try:
            pages = self._names(lambda last: self._endpoint.catalog(_PAGE_SIZE, last), _PAGE_SIZE)
            async for name in pages:
                if is_within(name, namespace):
                    yield RepositoryRecord(self._config.name, name)
        except NotFoundError as e:
            e.hint = (
                f"Is there a registry at {self._config.url}, and does it list its repositories? "
                'If it does not, name one: tags("team/app").'
            )
            raise

    async def _names(
        self, page_after: Callable[[str], Request], page_size: int
    ) -> AsyncIterator[str]:
        """Iterate over a list that comes in pages."""
        pager, request = Pager(page_size, registry=self._config.name), page_after("")
        while True:
            page = decode_page(await self._fetch(request), registry=self._config.name)
            fresh = pager.take(page)
            for name in fresh:
                yield name
            following = pager.following(request, page, fresh)
            if following is None:
                return
            request = at_url(request, following) if following else page_after(fresh[-1])


async def _of_others(
    found: AsyncIterator[SearchRecord], repositories: Collection[str]
) -> AsyncIterator[SearchRecord]:
    """Pass on what was found in other repositories than these, whatever their tags."""
    async for record in found:
        if record.repository not in repositories:
            yield record


async def _nothing() -> AsyncIterator[TagRecord]:
    none: tuple[TagRecord, ...] = ()
    for record in none:
        yield record
