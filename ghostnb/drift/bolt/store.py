"""Where things of one kind are kept: OCI artifacts in ordinary repositories."""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from ghostnb.drift.bolt.kinds import Kind
from ghostnb.drift.bolt.parcels import LATEST, Parcel
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.service import Service
from ghostnb.drift.streaming import closed
from ghostnb.errors import NotFoundError, RegistryError
from ghostnb.oci import AnyManifest, Digest, Manifest
from ghostnb.oci.media_types import OCI_MANIFEST
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import content_of
from ghostnb.wire.bolt import Entry
from ghostnb.wire.clock import now

__all__ = ["Item", "Store"]

_log = logging.getLogger("ghostnb.drift")
_CREATED = "org.opencontainers.image.created"
# Metadata that is larger is none of ours; lists read one for each entry.
_MAX_CONFIG_BYTES = 256 * 2**10
_KNOWN_CONFIGS = 4096
_PIECE_BYTES = 2**20
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Item:
    """One version of something.

    Attributes
    ----------
    tag : str
    manifest : Manifest
    entry : Entry
        What is known of it, but for downloads.
    """

    tag: str
    manifest: Manifest
    entry: Entry

    @property
    def created(self) -> str:
        """When it was uploaded, in RFC 3339; empty if that is not known."""
        return self.manifest.annotations.get(_CREATED, "")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an upload.

    Attributes
    ----------
    digest : Digest
        The manifest's.
    is_new : bool
        Whether it was not there already.
    is_first : bool
        Whether nothing of its name was there.
    """

    digest: Digest
    is_new: bool
    is_first: bool


class Store:
    """Things of one kind.

    Parameters
    ----------
    service : Service
    kind : Kind

    Attributes
    ----------
    kind : Kind

    Notes
    -----
    What others push into these repositories and is no such artifact (an image,
    a signature) is passed over, and stays.
    """

    def __init__(self, service: Service, kind: Kind) -> None:
        self.kind = kind
        self._service = service
        self._registry = service.registry
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._entries: OrderedDict[Digest, Entry] = OrderedDict()

    async def items(self) -> list[Item]:
        """List the current version of everything, in the order of the names."""
        names = sorted([name async for name in self._names()])
        found = ordered_map(self._listed, names, workers=self._registry.concurrency)
        return [item async for item in found if item is not None]

    async def item(self, name: str, version: str | None = None) -> Item:
        """Give one version; the newest upload, if none is named.

        Raises
        ------
        RefusedError
            404, if there is none.
        """
        found = await (self._current(name) if version is None else self._at(name, version))
        if found is None:
            raise self._unknown(name, version)
        return found

    async def versions(self, name: str) -> list[Item]:
        """List all versions, the newest first."""
        found = [one for one in await self._tagged(name) if one.tag != LATEST]
        return sorted(found, key=_by_age, reverse=True)

    async def content(self, item: Item) -> AsyncIterator[bytes]:
        """Iterate over a version's content; the last piece comes only if the digest is right."""
        repository = self._repository(item.entry.name)
        held = b""
        pieces = self._registry.open_blob(repository, item.manifest.layers[0])
        async with closed(pieces):
            async for piece in pieces:
                if held:
                    yield held
                held = piece
            yield held

    async def put(self, parcel: Parcel, *, overwrite: bool) -> Stored:
        """Store something as a version, and as the newest.

        Raises
        ------
        RefusedError
            409, if the version is there with other content.
        """
        async with self._turn(parcel.name):
            there = await self._manifest(parcel.repository, parcel.version)
            if isinstance(there, Manifest) and self._is_same(there, parcel):
                return Stored(there.digest, is_new=False, is_first=False)
            if there is not None and not overwrite:
                raise self._taken(parcel)
            is_first = await self._is_free(parcel.name)
            return Stored(await self._push(parcel), is_new=True, is_first=is_first)

    async def delete(self, name: str, version: str | None) -> bool:
        """Delete a version, or all; say whether any is left.

        Raises
        ------
        RefusedError
            404, if there is no such thing.
        """
        async with self._turn(name):
            tagged = await self._tagged(name)
            going = {one.manifest.digest for one in tagged if version is None or one.tag == version}
            if not going:
                raise self._unknown(name, version)
            async with self._service.pushing():
                if version is not None:
                    return await self._delete_version(name, version, tagged)
                for digest in going:
                    await self._service.store.delete_manifest(self._repository(name), digest)
                return False

    async def _delete_version(self, name: str, version: str, tagged: list[Item]) -> bool:
        """Take a version away, and let `latest` go on to the newest that is left."""
        repository, store = self._repository(name), self._service.store
        gone = next(one.manifest.digest for one in tagged if one.tag == version)
        has_moved = any(one.tag == LATEST and one.manifest.digest == gone for one in tagged)
        kept = [one for one in tagged if one.tag not in (version, LATEST)]
        if has_moved and kept:
            raw = max(kept, key=_by_age).manifest.raw
            await store.push_manifest(repository, raw, OCI_MANIFEST, tag=LATEST)
        if any(one.manifest.digest == gone for one in kept):
            await store.delete_tag(repository, version)
        else:
            await store.delete_manifest(repository, gone)
        return bool(kept)

    async def _push(self, parcel: Parcel) -> Digest:
        store, repository = self._service.store, parcel.repository
        raw = parcel.manifest(now())
        async with self._service.pushing():
            for descriptor, content in (parcel.config, parcel.content):
                await store.push_blob(repository, descriptor, content_of(content))
            # The version last: an upload that was broken off is not taken for a whole one.
            await store.push_manifest(repository, raw, OCI_MANIFEST, tag=LATEST)
            return await store.push_manifest(repository, raw, OCI_MANIFEST, tag=parcel.version)

    async def _names(self) -> AsyncIterator[str]:
        folder = self.kind.shelf.folder
        async for record in self._registry.repositories(folder):
            name = record.repository.removeprefix(f"{folder}/")
            if "/" not in name:
                yield name

    async def _listed(self, name: str) -> Item | None:
        """Give what a list shows; one that is damaged must not hide the others."""
        try:
            return await self._current(name)
        except RegistryError as e:
            _log.error("The %s %s cannot be listed: %s", self.kind.name, name, e)
            return None

    async def _current(self, name: str) -> Item | None:
        """Give what `latest` leads to; where it leads to nothing of ours, the highest version."""
        for tag in sorted(await self._tags(name), key=_by_number, reverse=True):
            if found := await self._at(name, tag):
                return found
        return None

    async def _is_free(self, name: str) -> bool:
        try:
            return await self._current(name) is None
        except RegistryError:
            # What is damaged is there, and no reason not to take another version.
            return False

    async def _tagged(self, name: str) -> list[Item]:
        async def read(tag: str) -> Item | None:
            return await self._at(name, tag)

        tags = await self._tags(name)
        found = ordered_map(read, tags, workers=self._registry.concurrency)
        return [item async for item in found if item is not None]

    async def _tags(self, name: str) -> list[str]:
        try:
            return [tag async for tag in self._registry.tags(self._repository(name))]
        except NotFoundError:
            return []

    async def _at(self, name: str, tag: str) -> Item | None:
        """Read what a tag leads to; None if that is nothing, or nothing of ours."""
        repository = self._repository(name)
        manifest = await self._manifest(repository, tag)
        if not isinstance(manifest, Manifest) or not self._is_ours(manifest):
            return None
        entry = await self._entry(repository, manifest)
        if entry is None:
            return None
        known = msgspec.structs.replace(
            entry,
            name=name,
            version=entry.version if tag == LATEST else tag,
            digest=str(manifest.digest),
            size_bytes=manifest.layers[0].size_bytes,
            updated_at=manifest.annotations.get(_CREATED),
            versions=msgspec.UNSET,
        )
        return Item(tag, manifest, known)

    async def _manifest(self, repository: str, tag: str) -> AnyManifest | None:
        try:
            return await self._registry.manifest(repository, tag)
        except NotFoundError:
            return None

    def _is_ours(self, manifest: Manifest) -> bool:
        # Tools that are older than artifactType leave it out: the config says it then.
        kind, config = self.kind, manifest.config
        return (
            manifest.artifact_type in (kind.artifact_type, "")
            and config.media_type == kind.config_type
            and config.size_bytes <= _MAX_CONFIG_BYTES
            and [layer.media_type for layer in manifest.layers] == [kind.layer_type]
        )

    async def _entry(self, repository: str, manifest: Manifest) -> Entry | None:
        """Read the metadata; once, however often they are asked for."""
        digest = manifest.config.digest
        if digest in self._entries:
            self._entries.move_to_end(digest)
            return self._entries[digest]
        raw = await self._registry.blob(repository, manifest.config)
        try:
            entry: Entry = msgspec.json.decode(raw, type=self.kind.shelf.entry)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            _log.warning("%s in %s is passed over: %s", manifest.digest, repository, e)
            return None
        self._entries[digest] = entry
        if len(self._entries) > _KNOWN_CONFIGS:
            self._entries.popitem(last=False)
        return entry

    def _is_same(self, there: Manifest, parcel: Parcel) -> bool:
        mine = [parcel.config[0].digest, parcel.content[0].digest]
        theirs = [there.config.digest, *(layer.digest for layer in there.layers)]
        return self._is_ours(there) and theirs == mine

    def _repository(self, name: str) -> str:
        return self.kind.shelf.repository(name)

    def _turn(self, name: str) -> asyncio.Lock:
        """Keep what is written under one name to one request at a time."""
        return self._turns.setdefault(name, asyncio.Lock())

    def _taken(self, parcel: Parcel) -> RefusedError:
        message = (
            f"The {self.kind.name} {parcel.name} has a version {parcel.version} with other "
            "content. Upload this one as another version, or with ?overwrite=true in its place."
        )
        return RefusedError(409, "VERSION_EXISTS", message)

    def _unknown(self, name: str, version: str | None) -> RefusedError:
        kind, code = self.kind.name, f"{self.kind.name.upper()}_UNKNOWN"
        path = f"/v1/{self.kind.shelf.plural}"
        if version is None:
            return RefusedError(404, code, f"There is no {kind} {name}; GET {path} lists all.")
        said = f"There is no version {version} of the {kind} {name}"
        return RefusedError(404, code, f"{said}; GET {path}/{name} lists its versions.")


def _by_age(item: Item) -> tuple[datetime, Any]:
    return _moment(item.created), _by_number(item.tag)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        # Others write the annotation as they like, or not at all.
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _by_number(tag: str) -> tuple[Any, ...]:
    """Order `latest` above all, 1.10 above 1.9, and 1.0 above 1.0-rc1."""
    release, _, candidate = tag.partition("-")
    return tag == LATEST, _natural(release), not candidate, _natural(candidate)


def _natural(text: str) -> list[tuple[int, str]]:
    parts = (part.lstrip("0") if part.isdecimal() else part for part in _NUMBERS.split(text))
    return [(len(part) if part.isdecimal() else 0, part) for part in parts]
