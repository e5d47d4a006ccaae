"""What is taken out of an image layout: tags, manifests, blobs, garbage."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from ghostnb.oci import Descriptor, Digest, Index
from ghostnb.registries.garbage import GarbageReport, orphans, reachable
from ghostnb.registries.layout.index import Contents, remove_manifest, remove_tag
from ghostnb.registries.layout.store import LayoutStore, place_of
from ghostnb.registries.storing import (
    no_such_blob,
    no_such_manifest,
    no_such_repository,
    still_needed,
)

__all__ = ["Removal"]

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Doomed:
    """What a garbage collection takes away."""

    manifests: frozenset[tuple[str, Digest]]
    files: dict[Place, int]
    uploads: dict[str, int]


class Removal:
    """Takes content out of a layout. Every method blocks: call them on a thread.

    Parameters
    ----------
    store : LayoutStore
    """

    def __init__(self, store: LayoutStore) -> None:
        self._store = store

    def tag(self, repository: str, tag: str) -> None:
        """Take a tag away; its manifest stays.

        Raises
        ------
        NotFoundError
        """
        if tag not in self._contents(repository).tags:
            raise no_such_manifest(self._store.registry, repository, tag)
        self._store.record(
            partial(remove_tag, repository=repository, tag=tag, default=self._store.default)
        )

    def manifest(self, repository: str, digest: Digest) -> None:
        """Take a manifest and its tags away; its bytes stay until garbage is collected.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If an index of the repository holds it.
        """
        contents = self._contents(repository)
        for entry in contents.manifests.values():
            index = self._store.existing(entry) if entry.is_index else None
            if isinstance(index, Index) and any(one.digest == digest for one in index.manifests):
                holder = f"the index {index.digest}"
                raise still_needed(self._store.registry, repository, digest, holder)
        if digest not in contents.manifests:
            raise no_such_manifest(self._store.registry, repository, digest)
        self._store.record(self._without(repository, digest))

    def blob(self, repository: str, digest: Digest) -> None:
        """Remove a blob that nothing needs.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If a manifest needs it.
        """
        with self._store.files.locked():
            if self._store.blob_size(digest) is None:
                raise no_such_blob(self._store.registry, repository, digest)
            if digest in reachable(_entries(self._store.fresh()), self._store.existing):
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
        deadline = time.time() - grace_seconds
        with self._store.files.locked():
            state = self._store.fresh()
            files = dict(self._store.blob_files())
            old = {_digest(place) for place, found in files.items() if found.st_mtime < deadline}
            orphaned = frozenset(
                (name, digest)
                for name, contents in state.items()
                for digest in orphans(
                    contents.tags.values(), contents.manifests, self._store.existing
                )
            )
            leaving = frozenset(pair for pair in orphaned if untagged and pair[1] in old)
            kept = reachable(_entries(state, without=leaving), self._store.existing)
            loose = {place: found for place, found in files.items() if _digest(place) not in kept}
            doomed = _Doomed(
                leaving,
                {place: f.st_size for place, f in loose.items() if f.st_mtime < deadline},
                dict(self._store.staging.stale(grace_seconds)),
            )
            if not dry_run:
                self._remove(doomed)
        manifests = {digest for _, digest in orphaned}
        return GarbageReport(
            orphaned_blobs_found=_count_blobs(loose, manifests),
            orphaned_manifests_found=len(orphaned),
            blobs_deleted=_count_blobs(doomed.files, manifests),
            manifests_deleted=len(doomed.manifests),
            bytes_freed=sum(doomed.files.values()) + sum(doomed.uploads.values()),
            run_duration_seconds=time.monotonic() - started,
        )

    def _remove(self, doomed: _Doomed) -> None:
        # The index first: killed in between, files are left over and none is missing.
        if doomed.manifests:
            self._store.rewrite([self._without(*pair) for pair in doomed.manifests])
        for place in doomed.files:
            self._store.files.remove(*place)
        for upload in doomed.uploads:
            self._store.staging.discard(upload)

    def _contents(self, repository: str) -> Contents:
        contents = self._store.fresh().get(repository)
        if contents is None:
            raise no_such_repository(self._store.registry, repository)
        return contents

    def _without(self, repository: str, digest: Digest) -> partial[None]:
        default = self._store.default
        return partial(remove_manifest, repository=repository, digest=digest, default=default)


def _entries(
    state: dict[str, Contents], without: frozenset[tuple[str, Digest]] = frozenset()
) -> list[Descriptor]:
    return [
        entry
        for repository, contents in state.items()
        for digest, entry in contents.manifests.items()
        if (repository, digest) not in without
    ]


def _digest(place: Place) -> str:
    return ":".join(place[1:])


def _count_blobs(places: Iterable[Place], manifests: set[Digest]) -> int:
    # A file that begins with a dot is the rest of a write that was cut off.
    return sum(_digest(one) not in manifests and not one[2].startswith(".") for one in places)
