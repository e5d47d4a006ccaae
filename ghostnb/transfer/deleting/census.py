"""Everything that a registry holds: what deletions and their bytes are worked out from."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import pandas as pd

from ghostnb.errors import (
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    ProtocolError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import AnyManifest, Descriptor, Digest, SchemaOneManifest
from ghostnb.oci.media_types import MANIFESTS
from ghostnb.registries.abilities import KeepsAttachedTags, RereadsManifests
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.protocol import ListsManifests, Registry
from ghostnb.registries.records import ManifestRecord
from ghostnb.registries.walk import Failure, Tally
from ghostnb.transfer.holdings import HeldManifest, Holdings, entries_of

__all__ = ["Census", "CensusReader", "read_census", "read_holdings"]

_WINDOW = 256
# Indexes in indexes, and signatures of signatures; more is a registry that makes them up.
_MAX_LEVELS = 16
# A list of all repositories is for administrators in many places.
_UNLISTED = (UnsupportedError, ForbiddenError, UnauthorizedError)


@dataclass
class Census:
    """What a registry holds, as far as it could be read.

    Attributes
    ----------
    registry : str
    repositories : dict of str to Holdings
    failures : list of Failure
        What could not be read.
    unlisted : GhostnbError or None
        Why the registry does not say which repositories it has; then only those that were
        asked for are here.
    has_untagged : bool
        Whether manifests are here that no tag leads to.
    """

    registry: str
    repositories: dict[str, Holdings] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unlisted: GhostnbError | None = None
    has_untagged: bool = True

    @cached_property
    def contents(self) -> pd.DataFrame:
        """Tabulate what each manifest is and names, as `analysis.freed_bytes` takes it.

        Returns
        -------
        pandas.DataFrame
            repository, manifest, digest : category
            size_bytes : Int64, bytes as stored
        """
        rows = [
            (holdings.repository, str(one.digest), str(digest), size)
            for holdings in self.repositories.values()
            for one in holdings.manifests.values()
            for digest, size in _content(one)
        ]
        names = ["repository", "manifest", "digest", "size_bytes"]
        kinds = {**dict.fromkeys(names[:3], "category"), "size_bytes": "Int64"}
        return pd.DataFrame(rows, columns=names).astype(kinds)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say in what it is not whole, and what that means for bytes."""
        notes = []
        if self.unlisted is not None:
            notes.append(
                f"{self.registry} does not list its repositories ({self.unlisted.message}): what "
                "others than those named here share is counted as freed, and stays."
            )
        if not self.has_untagged:
            notes.append(
                f"{self.registry} does not list untagged manifests: bytes are counted over "
                "tagged ones and what they lead to."
            )
        return (*notes, *map(_unread, self.failures))


async def read_census(
    registry: Registry,
    tally: Tally,
    *,
    named: Mapping[str, Collection[Digest]] = MappingProxyType({}),
) -> Census:
    """Read every manifest of a registry that is listed, or that tags lead to.

    Parameters
    ----------
    registry : Registry
    tally : Tally
        Kept up to date: manifests read, and manifests known so far.
    named : mapping of str to collection of Digest, optional
        Repositories that are read even if the registry does not list them, and manifests in
        them that no tag may lead to.

    Returns
    -------
    Census
        What cannot be read is among its failures.
    """
    reader = CensusReader(registry, tally, named)
    await reader.read_named()
    await reader.read_others()
    return reader.census


async def read_holdings(registry: Registry, repository: str) -> Holdings:
    """Read one repository anew: its tags, and what they lead to or what it lists.

    Raises
    ------
    GhostnbError
        If its tags or manifests cannot be listed.
    """
    reader = CensusReader(registry, Tally(), {repository: ()}, is_exact=False)
    await reader.read_named()
    for failure in reader.census.failures:
        if not failure.tag:
            raise failure.error
    return reader.census.repositories[repository]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A manifest that is to be read: by tag, or as a list or an index describes it."""

    repository: str
    tag: str = ""
    entry: Descriptor | ManifestRecord | None = None

    @property
    def locator(self) -> str:
        return self.entry.digest if self.entry is not None else self.tag


class CensusReader:
    """Reads lists, then manifests level by level: an index before what it holds.

    Parameters
    ----------
    registry, tally, named
        As for `read_census`.
    is_exact : bool, optional
        False for what tags lead to alone: neither is asked what is attached, nor whether the
        registry still has what indexes hold.

    Attributes
    ----------
    census : Census
        What was read so far.
    """

    def __init__(
        self,
        registry: Registry,
        tally: Tally,
        named: Mapping[str, Collection[Digest]],
        *,
        is_exact: bool = True,
    ) -> None:
        self._registry = registry
        self._named = named
        self._tally = tally
        self._is_exact = is_exact
        has_untagged = isinstance(registry, ListsManifests)
        self._asks_referrers = is_exact and not has_untagged
        self.census = Census(registry.name, failures=tally.failures, has_untagged=has_untagged)
        self._tags: dict[str, set[str]] = {}
        # More than can ask at once: while one reads its answer, another's question is ready.
        self._workers = registry.concurrency * 3 // 2 + 1

    async def read_named(self) -> None:
        """Read the repositories that are named."""
        await self._read_all(_each(self._named))

    async def read_others(self) -> None:
        """Read all other repositories that the registry lists: they share what is counted."""
        await self._read_all(self._others())

    async def _others(self) -> AsyncIterator[str]:
        known = 0
        try:
            async for record in self._registry.repositories():
                known += 1
                if record.repository not in self._named:
                    yield record.repository
        except GhostnbError as e:
            if known:
                self._note(e)
            elif isinstance(e, _UNLISTED):
                self.census.unlisted = e
            else:
                raise

    async def _read_all(self, names: AsyncIterator[str]) -> None:
        level: list[_Wanted] = []
        lists = ordered_map(self._list, names, workers=max(2, self._workers // 4))
        async with aclosing(lists) as batches:
            async for batch in batches:
                level += batch
        for _ in range(_MAX_LEVELS):
            if not level:
                return
            level = await self._read_level(level)
        raise ProtocolError(
            f"{level[0].repository} in {self._registry.name} nests manifests deeper than "
            f"{_MAX_LEVELS}.",
            registry=self._registry.name,
        )

    async def _list(self, repository: str) -> list[_Wanted]:
        holdings = self.census.repositories[repository] = Holdings(repository)
        registry = self._registry
        # Their media types and sizes are known when they are read.
        asked = self._named.get(repository, ())
        found = [_Wanted(repository, entry=Descriptor("", digest, 0)) for digest in asked]
        try:
            if isinstance(registry, ListsManifests):
                async for record in registry.manifests(repository):
                    holdings.tags |= dict.fromkeys(record.tags, record.digest)
                    found.append(_Wanted(repository, entry=record))
            else:
                tags = [tag async for tag in registry.tags(repository)]
                self._tags[repository] = set(tags)
                found += [_Wanted(repository, tag) for tag in tags]
        except NotFoundError:
            # Some list a repository that is empty by now, and answer so.
            return found
        except GhostnbError as e:
            self._note(e, repository)
        return found

    async def _read_level(self, level: Sequence[_Wanted]) -> list[_Wanted]:
        self._tally.total += len(level)
        below: dict[tuple[str, str], _Wanted] = {}
        reads = ordered_map(self._read, level, workers=self._workers, window=_WINDOW)
        async with aclosing(reads) as batches:
            async for batch in batches:
                below |= {(one.repository, one.locator): one for one in batch}
        return [
            one
            for (repository, digest), one in below.items()
            if digest not in self.census.repositories[repository].manifests
        ]

    async def _read(self, wanted: _Wanted) -> list[_Wanted]:
        """Read a manifest, and give what it leads to."""
        holdings = self.census.repositories[wanted.repository]
        try:
            manifest = await self._manifest(wanted)
            return await self._take(wanted, holdings, manifest)
        except NotFoundError as e:
            # A tag that is gone again, or a platform that a mirror left out.
            if isinstance(wanted.entry, ManifestRecord):
                self._miss(wanted, holdings, e)
        except GhostnbError as e:
            self._miss(wanted, holdings, e)
        finally:
            self._tally.done += 1
        return []

    async def _manifest(self, wanted: _Wanted) -> AnyManifest:
        """Read a manifest; what an index holds may be gone, and still be cached."""
        is_part = self._is_exact and isinstance(wanted.entry, Descriptor)
        if is_part and isinstance(self._registry, RereadsManifests):
            return await self._registry.stored_manifest(wanted.repository, wanted.locator)
        return await self._registry.manifest(wanted.repository, wanted.locator)

    async def _take(
        self, wanted: _Wanted, holdings: Holdings, manifest: AnyManifest
    ) -> list[_Wanted]:
        if isinstance(manifest, SchemaOneManifest):
            self._miss_old(wanted, holdings, manifest)
            return []
        if wanted.tag:
            holdings.tags[wanted.tag] = manifest.digest
        if manifest.digest in holdings.manifests:
            return []
        holdings.manifests[manifest.digest] = HeldManifest.of(manifest)
        found = [*entries_of(manifest), *await self._referrers(wanted, manifest.digest)]
        return [_Wanted(wanted.repository, entry=entry) for entry in found]

    async def _referrers(self, wanted: _Wanted, digest: Digest) -> list[Descriptor]:
        if not self._asks_referrers:
            return []
        try:
            if isinstance(self._registry, KeepsAttachedTags):
                tags = self._tags.get(wanted.repository)
                return await self._registry.referrers_among(wanted.repository, digest, tags)
            return await self._registry.referrers(wanted.repository, digest)
        except GhostnbError as e:
            self._note(e, wanted.repository, str(digest))
            return []

    def _miss(self, wanted: _Wanted, holdings: Holdings, error: GhostnbError) -> None:
        entry = wanted.entry
        if entry is None:
            holdings.unread[wanted.tag] = error
        else:
            children = () if entry.media_type in MANIFESTS else None
            holdings.manifests[entry.digest] = HeldManifest(
                entry.digest, entry.media_type, entry.size_bytes, children=children
            )
        self._note(error, wanted.repository, wanted.tag or str(wanted.locator))

    def _miss_old(self, wanted: _Wanted, holdings: Holdings, old: SchemaOneManifest) -> None:
        error = UnsupportedError(
            f"{wanted.repository}:{wanted.locator} is a Docker schema 1 image, which is not read.",
            registry=self._registry.name,
        )
        if old.digest is None:
            self._miss(wanted, holdings, error)
            return
        if wanted.tag:
            holdings.tags[wanted.tag] = old.digest
        holdings.manifests[old.digest] = HeldManifest(old.digest, old.media_type, len(old.raw))
        self._note(error, wanted.repository, wanted.tag)

    def _note(self, error: GhostnbError, repository: str = "", what: str = "") -> None:
        self.census.failures.append(Failure(self._registry.name, repository, what, error))


async def _each(names: Iterable[str]) -> AsyncIterator[str]:
    for name in names:
        yield name


def _content(one: HeldManifest) -> Iterable[tuple[str, int]]:
    yield one.digest, one.size_bytes
    for blob in one.blobs:
        yield blob.digest, blob.size_bytes


def _unread(failure: Failure) -> str:
    where = failure.repository or "A part of the repositories"
    what = f"{where}{'@' if ':' in failure.tag else ':'}{failure.tag}" if failure.tag else where
    return (
        f"{what} in {failure.registry} could not be read ({failure.error.message}): what it may "
        "need is kept where that can be told, and what it shares with others is counted as freed."
    )
