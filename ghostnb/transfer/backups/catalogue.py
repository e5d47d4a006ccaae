"""The catalogue of a backup: what it holds, said by whoever made it."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias

import msgspec

from ghostnb.errors import NotFoundError, ProtocolError, RegistryError, redact_url
from ghostnb.oci import Descriptor
from ghostnb.registries.abilities import HasCatalogue
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.protocol import ListsManifests, Registry
from ghostnb.registries.records import ManifestRecord
from ghostnb.transfer.contents import blobs_of, manifests_of, readable
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.untagged import untagged_manifests

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "Key",
    "Run",
    "catalogue_of",
    "check_catalogue",
    "read_catalogue",
]

_SHOWN = 3
# One a day for a quarter of a year: what is older says nothing of what is there.
_MAX_RUNS = 100
Key: TypeAlias = tuple[str, str | None, str | None]
"""Repository, tag and digest."""


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tag, or a manifest without one, that a backup holds; None is unknown.

    Attributes
    ----------
    repository : str
    tag, digest, media_type : str or None
    size_bytes : int or None
        Of all that belongs to it, manifests included.
    registry : str or None
        Where it came from; None for what was there before any backup.
    backed_up : str or None
        When it came, RFC 3339.
    problem : str or None
        Why it is not there: it could not be read.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    registry: str | None = None
    backed_up: str | None = None
    problem: str | None = None

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.repository, self.tag, self.digest

    @property
    def title(self) -> str:
        """Its name, for messages."""
        return self.repository + (f":{self.tag}" if self.tag else f"@{self.digest}")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One backup into the same place.

    Attributes
    ----------
    finished : str
        RFC 3339.
    registry, url : str
        The source's, without credentials.
    ghostnb : str
        The version that made it.
    """

    finished: str
    registry: str
    url: str
    ghostnb: str

    @classmethod
    def of(cls, source: Registry) -> "Run":
        """Describe a backup of a source that ends now."""
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(
            finished=finished,
            registry=source.name,
            url=redact_url(source.url),
            ghostnb=_own_version(),
        )


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes
    ----------
    runs : tuple of Run
        The backups that made it, oldest first; the newest 100 of them.
    entries : tuple of CatalogueEntry
        What it holds.
    unread : tuple of CatalogueEntry
        What the last of them could not read.
    blobs : int
        Pieces of content, manifests among them.
    size_bytes : int
        Of all of them.
    format : int
    """

    runs: tuple[Run, ...] = ()
    entries: tuple[CatalogueEntry, ...] = ()
    unread: tuple[CatalogueEntry, ...] = ()
    blobs: int = 0
    size_bytes: int = 0
    format: int = 1

    @property
    def rows(self) -> tuple[CatalogueEntry, ...]:
        """What it holds, and what could not be read: as `catalogue_frame` takes it."""
        return self.entries + self.unread

    def encode(self) -> bytes:
        """Give it as JSON that can be read without a program."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


async def read_catalogue(registry: Registry) -> Catalogue | None:
    """Read the catalogue of a backup; None where there is none.

    Raises
    ------
    ProtocolError
        If what stands in its place is none.
    """
    raw = await registry.read_catalogue() if isinstance(registry, HasCatalogue) else None
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=Catalogue)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise ProtocolError(
            f"The catalogue of {registry.name} at {registry.url} cannot be read: {e}.",
            hint="The images do not need it. Remove .ghostnb/catalogue.json, "
            "and the next backup writes it anew.",
            registry=registry.name,
        ) from e


async def catalogue_of(
    target: Registry,
    usage: tuple[int, int],
    run: Run,
    brought: Collection[Key],
    unread: Iterable[CatalogueEntry],
    before: Catalogue,
) -> Catalogue:
    """Describe what a backup holds by now.

    Parameters
    ----------
    target : Registry
        The backup.
    usage : tuple of int, int
        How many pieces of content it has, and their bytes.
    run : Run
        That has just ended.
    brought : collection of Key
        What that run brought, or found to be there.
    unread : iterable of CatalogueEntry
    before : Catalogue
        As it was; what it says of what is still there stays.
    """
    known = {entry.key: entry for entry in before.entries}
    sizes = {entry.digest: entry.size_bytes for entry in before.entries}

    async def describe(found: CatalogueEntry) -> CatalogueEntry:
        if found.key in known and known[found.key].registry:
            return known[found.key]
        size = sizes.get(found.digest)
        if size is None:
            size = await _size_bytes(target, found)
        is_ours = found.key in brought
        return msgspec.structs.replace(
            found,
            size_bytes=size,
            registry=run.registry if is_ours else None,
            backed_up=run.finished if is_ours else None,
        )

    entries = []
    async with aclosing(
        ordered_map(describe, _held(target), workers=target.concurrency)
    ) as described:
        async for entry in described:
            entries.append(entry)
    blobs, size_bytes = usage
    return Catalogue(
        runs=(*before.runs, run)[-_MAX_RUNS:],
        entries=tuple(entries),
        unread=tuple(unread),
        blobs=blobs,
        size_bytes=size_bytes,
    )


async def check_catalogue(
    registry: Registry, catalogue: Catalogue, selection: Selection
) -> list[str]:
    """Say what a backup should hold by its catalogue, and does not.

    Parameters
    ----------
    registry : Registry
        The backup.
    catalogue : Catalogue
    selection : Selection
        Only of what is selected something is said.

    Returns
    -------
    list of str
        Sentences; none if all is there.
    """
    wanted = _selected(catalogue.entries, selection)
    gone, moved = [], []
    for repository, entries in wanted.items():
        there = await _manifests(registry, repository)
        tags = {tag: record.digest for record in there for tag in record.tags}
        digests = {record.digest for record in there}
        for entry in entries:
            if entry.tag in tags if entry.tag else entry.digest in digests:
                if entry.tag and tags[entry.tag] != entry.digest:
                    moved.append(entry)
            else:
                gone.append(entry)
    unread = [one for found in _selected(catalogue.unread, selection).values() for one in found]
    said = (
        ("should be there by the catalogue, and {} not", gone),
        ("pointed elsewhere when the catalogue was written", moved),
        ("could not be read when the backup was made", unread),
    )
    return [_sentence(what, entries) for what, entries in said if entries]


def _selected(
    entries: Iterable[CatalogueEntry], selection: Selection
) -> Mapping[str, list[CatalogueEntry]]:
    found: dict[str, list[CatalogueEntry]] = {}
    for entry in entries:
        if selection.has_repository(entry.repository):
            found.setdefault(entry.repository, []).append(entry)
    for repository, ours in found.items():
        tags = set(selection.pick_tags([entry.tag for entry in ours if entry.tag]))
        all_of_it = selection.has_all_tags
        found[repository] = [one for one in ours if (one.tag in tags if one.tag else all_of_it)]
    return found


def _sentence(what: str, entries: Collection[CatalogueEntry]) -> str:
    names = ", ".join(entry.title for entry in list(entries)[:_SHOWN])
    more = len(entries) - _SHOWN
    who = names + (f" and {more:,} more" if more > 0 else "")
    return f"{who} {what.format('is' if len(entries) == 1 else 'are')}."


async def _manifests(registry: Registry, repository: str) -> list[ManifestRecord]:
    if not isinstance(registry, ListsManifests):
        return []
    try:
        return [record async for record in registry.manifests(repository)]
    except NotFoundError:
        return []


async def _held(target: Registry) -> AsyncIterator[CatalogueEntry]:
    """Iterate over tags, and over what nothing leads to."""
    async for repository in target.repositories():
        name = repository.repository
        for record in await _manifests(target, name):
            for tag in record.tags:
                yield _entry(name, record, tag)
        for record in await untagged_manifests(target, name):
            yield _entry(name, record, None)


def _entry(repository: str, record: ManifestRecord, tag: str | None) -> CatalogueEntry:
    return CatalogueEntry(
        repository=repository, tag=tag, digest=str(record.digest), media_type=record.media_type
    )


async def _size_bytes(target: Registry, entry: CatalogueEntry) -> int | None:
    """Count all that belongs to an entry, each once; None if it cannot be read."""
    blobs: dict[str, Descriptor] = {}
    size = 0
    name = entry.repository
    try:
        top = readable(await target.manifest(name, entry.digest or ""), target, name)
        async with aclosing(manifests_of(target, name, top)) as manifests:
            async for manifest in manifests:
                size += len(manifest.raw)
                blobs |= {blob.digest: blob for blob in blobs_of(manifest)}
    except RegistryError:
        # It is damaged: a verification says how. What it would need is not known.
        return None
    return size + sum(blob.size_bytes for blob in blobs.values())


def _own_version() -> str:
    try:
        return version("ghostnb")
    except PackageNotFoundError:
        return "unknown"
