"""What is taken out of an image layout: tags, manifests, blobs, garbage."""

import os
import time
from collections.abc import Collection, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from ghostnb.errors import ForbiddenError
from ghostnb.oci import Descriptor, Digest, Index
from ghostnb.registries.garbage import GarbageReport, orphans, reachable
from ghostnb.registries.layout.changes import Change
from ghostnb.registries.layout.index import Contents, digest_of_tag, remove_manifests, remove_tag
from ghostnb.registries.layout.staging import ABANDONED_SECONDS
from ghostnb.registries.layout.store import INDEX, LayoutStore, Place, is_leftover, place_of
from ghostnb.registries.storing import (
    no_such_blob,
    no_such_manifest,
    still_needed,
    tag_moved,
)

__all__ = ["Removal"]

# Nothing is written so slowly, and nothing is in a hurry to remove what was cut off.
_CUT_OFF_SECONDS = 3600.0
Pairs = frozenset[tuple[str, Digest]]
State = dict[str, Contents]


@dataclass(frozen=True, slots=True)
class _Doomed:
    """What a garbage collection takes away."""

    manifests: Pairs
    files: dict[Place, os.stat_result]
    uploads: dict[str, os.stat_result]

    @property
    def size_bytes(self) -> int:
        return sum(file.st_size for file in (*self.files.values(), *self.uploads.values()))


@dataclass(frozen=True, slots=True)
class _Found:
    """What a garbage collection found."""

    orphaned: Pairs
    loose: Collection[Place]
    doomed: _Doomed


class Removal:
    """Takes content out of a layout. Every method blocks: call them on a thread.

    Parameters
    ----------
    store : LayoutStore
    """

    def __init__(self, store: LayoutStore) -> None:
        self._store = store

    def check(self) -> None:
        """See whether anything can be taken out, without a trace.

        Raises
        ------
        RegistryError
            If there is no layout.
        ForbiddenError
            If its directory cannot be written to.
        """
        self._store.marker.check()
        self._store.faults.check_writable(INDEX)

    def tag(self, repository: str, tag: str, expected: Digest | None) -> Future[None]:
        """Let a tag be taken away; its manifest stays.

        Raises
        ------
        NotFoundError
        TagMovedError
            If it leads to something else than what is expected.
        """
        found = self._store.contents(repository).tags.get(tag)
        if found is None:
            raise no_such_manifest(self._store.registry, repository, tag)
        if expected is not None and found.digest != expected:
            raise tag_moved(self._store.registry, repository, tag, found.digest, expected)
        return self._store.record(self._without_tag(repository, tag, expected))

    def _without_tag(self, repository: str, tag: str, expected: Digest | None) -> Change:
        """Make the change of an index; another process may have moved the tag before it."""

        def change(document: dict[str, Any]) -> None:
            now = digest_of_tag(document, repository, tag, self._store.default)
            if now is not None and expected is not None and now != expected:
                raise tag_moved(self._store.registry, repository, tag, now, expected)
            remove_tag(document, repository, tag, self._store.default)

        return change

    def manifest(self, repository: str, digest: Digest) -> Future[None]:
        """Let a manifest and its tags be taken away; its bytes stay until garbage is collected.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If an index of the repository holds it.
        """
        contents = self._store.contents(repository)
        for entry in contents.entries.values():
            # What a damaged index holds nobody gets from it any more.
            is_other_index = entry.is_index and entry.digest != digest
            index = self._store.manifests.undamaged(entry) if is_other_index else None
            if isinstance(index, Index) and any(one.digest == digest for one in index.manifests):
                holder = f"the index {index.digest}"
                raise still_needed(self._store.registry, repository, digest, holder)
        if digest not in contents.entries:
            raise no_such_manifest(self._store.registry, repository, digest)
        return self._store.record(self._without(frozenset({(repository, digest)})))

    def blob(self, repository: str, digest: Digest) -> None:
        """Remove a blob that nothing needs.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If a manifest needs it.
        """
        self._store.marker.check()
        with self._store.lock.held():
            if self._store.blob_size(digest) is None:
                raise no_such_blob(self._store.registry, repository, digest)
            if digest in reachable(_entries(self._store.load()), self._store.manifests.existing):
                raise still_needed(self._store.registry, repository, digest, "a manifest")
            self._store.files.remove(*place_of(digest))

    def garbage(self, *, dry_run: bool, untagged: bool, grace_seconds: float) -> GarbageReport:
        """Remove what nothing points to, unless it is younger than the grace.

        Raises
        ------
        RegistryError
            If a manifest cannot be read: then nothing is removed.
        """
        started = time.monotonic()
        stale = time.time() - grace_seconds
        # Before the lock, whose file would else be left where no layout is.
        self._store.marker.check()
        with self._store.lock.held():
            # A push may take longer than the grace: what it sent before, it needs at the end.
            deadline = min(stale, self._store.staging.oldest_begin(stale) - grace_seconds)
            uploads = dict(self._store.staging.stale(stale))
            found = self._look(deadline, untagged, uploads)
            while not dry_run and self._is_asked_for(found.doomed.manifests, deadline):
                found = self._look(deadline, untagged, uploads)
            gone = found.doomed if dry_run else self._remove(found.doomed)
        manifests = {digest for _, digest in found.orphaned}
        return GarbageReport(
            orphaned_blobs_found=_count_blobs(found.loose, manifests),
            orphaned_manifests_found=len(found.orphaned),
            blobs_deleted=_count_blobs(gone.files, manifests),
            manifests_deleted=len(gone.manifests),
            bytes_freed=gone.size_bytes,
            run_duration_seconds=time.monotonic() - started,
        )

    def leftovers(self) -> None:
        """Remove what was left by writes that were cut off so long ago that nobody goes on.

        No lock is waited for: who writes makes a file young with each piece.
        """
        deadline = time.time() - ABANDONED_SECONDS
        found = [(place, file) for place, file in self._store.blob_files() if is_leftover(place)]
        for place, file in (*found, *self._store.leftovers()):
            # Where that is not allowed, it stays: nothing depends on it.
            with suppress(ForbiddenError):
                if not _is_young(file, deadline):
                    self._store.files.remove_unchanged(file, *place)

    def _look(self, deadline: float, untagged: bool, uploads: dict[str, os.stat_result]) -> _Found:
        state = self._store.load()
        files = dict(self._store.blob_files())
        young = {_digest(place) for place, file in files.items() if _is_young(file, deadline)}
        orphaned = self._orphans(state)
        leaving = self._orphans(state, young) if untagged else frozenset()
        kept = reachable(_entries(state, without=leaving), self._store.manifests.existing)
        loose = {place: file for place, file in files.items() if _digest(place) not in kept}
        candidates = loose | dict(self._store.leftovers())
        old = {place: file for place, file in candidates.items() if _is_old(place, file, deadline)}
        return _Found(orphaned, loose, _Doomed(leaving, old, uploads))

    def _is_asked_for(self, manifests: Pairs, deadline: float) -> bool:
        """Tell whether one was touched since it was looked at: its entry has no time."""
        states = (self._store.files.state(*place_of(digest)) for _, digest in manifests)
        return any(state is not None and state.st_mtime >= deadline for state in states)

    def _orphans(self, state: State, young: Collection[str] = ()) -> Pairs:
        return frozenset(
            (name, digest)
            for name, contents in state.items()
            for digest in orphans(
                _roots(contents, young), contents.entries, self._store.manifests.existing
            )
        )

    def _remove(self, doomed: _Doomed) -> _Doomed:
        """Remove what is doomed, and say what was: some may be in use again."""
        # The index first: killed in between, files are left over and none is missing.
        if doomed.manifests:
            self._store.rewrite([self._without(doomed.manifests)])
        files = {
            place: file
            for place, file in doomed.files.items()
            if self._store.files.remove_unchanged(file, *place)
        }
        uploads = {
            name: file
            for name, file in doomed.uploads.items()
            if self._store.staging.discard(file, name)
        }
        return _Doomed(doomed.manifests, files, uploads)

    def _without(self, going: Pairs) -> partial[None]:
        return partial(remove_manifests, going=going, default=self._store.default)


def _roots(contents: Contents, young: Collection[str]) -> list[Descriptor]:
    """Give what a repository's tags point to, and what is young."""
    fresh = [entry for digest, entry in contents.entries.items() if digest in young]
    return [*contents.tags.values(), *fresh]


def _entries(state: State, without: Pairs = frozenset()) -> list[Descriptor]:
    return [
        entry
        for repository, contents in state.items()
        for digest, entry in contents.entries.items()
        if (repository, digest) not in without
    ]


def _is_old(place: Place, file: os.stat_result, deadline: float) -> bool:
    # Another process may be writing it at this moment, whatever the grace.
    is_cut_off = time.time() - file.st_mtime > _CUT_OFF_SECONDS
    return not _is_young(file, deadline) and (is_cut_off or not is_leftover(place))


def _is_young(file: os.stat_result, deadline: float) -> bool:
    # A time can be set by the owner alone, while the directory's may remove: who asks for
    # somebody else's file cannot make it young.
    return file.st_mtime >= deadline or os.geteuid() not in (0, file.st_uid)


def _digest(place: Place) -> str:
    return ":".join(place[1:])


def _count_blobs(places: Iterable[Place], manifests: set[Digest]) -> int:
    return sum(_digest(one) not in manifests and not is_leftover(one) for one in places)
