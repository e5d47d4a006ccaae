"""What an image layout holds, read from and written to its files."""

import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

import msgspec

from ghostnb.errors import NotFoundError, RegistryError
from ghostnb.oci import MAX_MANIFEST_BYTES, Digest
from ghostnb.registries.abilities import CATALOGUE, MAX_CATALOGUE_BYTES
from ghostnb.registries.layout.changes import Change, Changes
from ghostnb.registries.layout.faults import Faults
from ghostnb.registries.layout.files import LayoutFiles
from ghostnb.registries.layout.index import (
    MAX_INDEX_BYTES,
    Contents,
    Entry,
    add_entry,
    default_repository,
    editable_index,
    empty_index,
    read_index,
)
from ghostnb.registries.layout.lock import WriteLock
from ghostnb.registries.layout.marker import Marker
from ghostnb.registries.layout.reader import BlobFile, LayoutReader
from ghostnb.registries.layout.staging import Staging
from ghostnb.registries.layout.upload import PARTIAL, Upload
from ghostnb.registries.storing import no_such_blob

__all__ = ["INDEX", "LayoutStore", "Place", "is_leftover", "place_of"]

Place = tuple[str, ...]
INDEX = "index.json"


class LayoutStore(LayoutReader[dict[str, Contents]]):
    """The contents of a layout. Every method blocks: call them on a thread.

    Parameters
    ----------
    root : str
        The directory, absolute.
    registry : str
        The registry's name, for messages.

    Attributes
    ----------
    registry : str
    default : str
        The repository of entries that name none.
    faults, files, lock, marker
        The directory: its errors, its files, who may write, and whether it is a layout.
    manifests : Manifests
        What is read of them.
    staging : Staging
        Blobs that come in pieces.
    """

    def __init__(self, root: str, registry: str) -> None:
        super().__init__(registry)
        self._source = f"{INDEX} of {root}"
        self.default = default_repository(os.path.basename(root))
        self.faults = Faults(root, registry)
        self.files = LayoutFiles(self.faults)
        self.lock = WriteLock(self.faults)
        self.marker = Marker(self.files, self.lock, self.faults)
        self._changes = Changes(self.lock, self.rewrite)
        self.staging = Staging(self.files, self.marker, registry)

    def load(self) -> dict[str, Contents]:
        """Give every repository; the index is read again only if the file was changed."""
        try:
            return self._load()
        except FileNotFoundError:
            self.marker.check()
        # There is a layout by now: perhaps it was made at this moment.
        try:
            return self._load()
        except FileNotFoundError:
            raise self._no_index() from None

    def check_usable(self) -> bool:
        """Tell whether there is a layout.

        Raises
        ------
        ProtocolError
            If there is something else, so that none can be made.
        ForbiddenError
            If it cannot be written to, or none can be made.
        """
        is_there = True
        try:
            self.load()
        except NotFoundError:
            self.marker.check_room(INDEX, empty_index())
            is_there = False
        self.faults.check_writable(INDEX)
        return is_there

    def _load(self) -> dict[str, Contents]:
        with self.files.open(INDEX) as file:
            return self._found(os.fstat(file.fileno()), partial(self._read, file))

    def _read(self, file: BinaryIO) -> dict[str, Contents]:
        raw = self.files.read_open(file, MAX_INDEX_BYTES)
        self.marker.check()
        return read_index(raw, self.default, source=self._source)

    def open_range(self, digest: Digest, first: int) -> BlobFile:
        """Open a blob for reading from some byte on.

        Raises
        ------
        NotFoundError
        """
        try:
            file = self.files.open(*place_of(digest))
        except FileNotFoundError as e:
            self.marker.check()
            raise no_such_blob(self.registry, "a repository", digest) from e
        file.seek(first)
        return _OpenBlob(file, self.faults)

    def make(self) -> None:
        """Make the layout if there is none yet."""
        self.marker.make(INDEX, empty_index())

    def serve(self) -> None:
        """Make the layout if there is none yet, for the last time: from now on it is there."""
        self.make()
        self.faults.is_served = True
        # A disk that is read only is served all the same.
        with suppress(RegistryError):
            self.staging.sweep()

    def probe(self) -> None:
        """See that the index can be read, and that a disk has room and takes it."""
        self.load()
        self.staging.probe()

    def upload(self, digest: Digest) -> Upload:
        """Begin a blob; nothing is on disk before something is written."""
        return self.files.upload(*place_of(digest))

    def push(self, entry: Entry, raw: bytes) -> Future[None]:
        """Store a manifest, and let the index name it."""
        self.make()
        self.files.replace(raw, *place_of(entry.digest))

        def add(document: dict[str, Any]) -> None:
            # Another process may have collected it meanwhile: it has no entry yet.
            if self.blob_size(entry.digest) is None:
                self.files.replace(raw, *place_of(entry.digest))
            add_entry(document, entry, self.default)

        return self.record(add)

    def blob_size(self, digest: Digest) -> int | None:
        """Say how large a blob is; None if it is not there."""
        try:
            return self.files.size_bytes(*place_of(digest))
        except FileNotFoundError:
            self.marker.check()
            return None

    def touch(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Keep blobs from a garbage collection that runs meanwhile; say how large they are."""
        sizes = {}
        for digest in digests:
            with suppress(FileNotFoundError):
                sizes[digest] = self.files.touch(*place_of(digest))
        if len(sizes) < len(digests):
            self.marker.check()
        return sizes

    def finish_upload(self, repository: str, upload: str, digest: Digest) -> None:
        """Make a blob of a complete upload."""
        self.make()
        self.staging.finish(repository, upload, digest, *place_of(digest))

    def usage(self) -> tuple[int, int]:
        """Count the files of blobs and manifests, and their bytes."""
        self.marker.check()
        sizes = [state.st_size for place, state in self.blob_files() if not is_leftover(place)]
        return len(sizes), sum(sizes)

    def catalogue(self) -> bytes | None:
        """Read the catalogue that a backup wrote; None if there is none."""
        try:
            return self.files.read(*CATALOGUE, limit_bytes=MAX_CATALOGUE_BYTES)
        except FileNotFoundError:
            return None

    def _no_index(self) -> RegistryError:
        self.marker.check()
        return self.faults.broken(f"it has no {INDEX}")

    def _open(self, digest: Digest) -> BlobFile:
        # Not what the index says, but that there is one: blobs are shared.
        self.marker.check()
        return _OpenBlob(self.files.open(*place_of(digest)), self.faults)

    def _manifest_bytes(self, digest: Digest) -> bytes:
        return self.files.read(*place_of(digest), limit_bytes=MAX_MANIFEST_BYTES)

    def record(self, change: Change) -> Future[None]:
        """Let the index be changed, and give what is done when that is on disk."""
        return self._changes.add(change)

    def rewrite(self, changes: Iterable[Change]) -> None:
        """Change the index; the caller has the lock."""
        try:
            raw = self.files.read(INDEX, limit_bytes=MAX_INDEX_BYTES)
        except FileNotFoundError:
            raise self._no_index() from None
        document = editable_index(raw, source=self._source)
        for change in changes:
            change(document)
        self.files.replace(msgspec.json.encode(document), INDEX)

    def blob_files(self) -> Iterator[tuple[Place, os.stat_result]]:
        """Iterate over the places and states of all files below ``blobs``."""
        for algorithm in ("sha256", "sha512"):
            for name, state in self.files.listed("blobs", algorithm):
                yield ("blobs", algorithm, name), state

    def leftovers(self) -> Iterator[tuple[Place, os.stat_result]]:
        """Iterate over what writes of the index and the catalogue left that were cut off."""
        for folder in (".", CATALOGUE[0]):
            for name, state in self.files.listed(folder):
                if is_leftover((name,)):
                    yield (folder, name), state


class _OpenBlob:
    """A blob's file, whose errors are ours."""

    def __init__(self, file: BinaryIO, faults: Faults) -> None:
        self._file, self._faults = file, faults
        self.close = file.close

    def read(self, size_bytes: int) -> bytes:
        with self._faults.guard(os.path.basename(self._file.name)):
            return self._file.read(size_bytes)


def is_leftover(place: Place) -> bool:
    """Tell whether a file is a write that goes on, or was cut off."""
    return place[-1].startswith(".") and place[-1].endswith(PARTIAL)


def place_of(digest: Digest) -> tuple[str, str, str]:
    """Say where the content of a digest is."""
    return "blobs", digest.algorithm, digest.encoded
