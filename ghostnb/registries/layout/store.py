"""What an image layout holds, read from and written to its files."""

import os
import time
from typing import BinaryIO

import msgspec

from ghostnb.errors import NotFoundError, RegistryError
from ghostnb.oci import (
    MAX_MANIFEST_BYTES,
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    parse_manifest,
)
from ghostnb.registries.layout.files import LayoutFiles
from ghostnb.registries.layout.index import (
    Contents,
    Entry,
    add_entry,
    default_repository,
    empty_index,
    read_index,
)
from ghostnb.registries.layout.upload import Upload
from ghostnb.registries.storing import no_such_blob, no_such_manifest, no_such_repository
from ghostnb.registries.verify import check_content

__all__ = ["LayoutStore"]

INDEX = "index.json"
_MAX_INDEX_BYTES = 256 * 2**20
# A file that was changed this shortly ago may change again without its time showing it.
_SETTLED_SECONDS = 0.05


class LayoutStore:
    """The contents of a layout. Every method blocks: call them on a thread.

    Parameters
    ----------
    root : str
        The directory, absolute.
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, root: str, registry: str) -> None:
        self._registry = registry
        self._source = f"{INDEX} of {root}"
        self._default = default_repository(os.path.basename(root))
        self._files = LayoutFiles(root, registry)
        self._known: tuple[tuple[int, ...], dict[str, Contents]] | None = None
        self._pending: list[Entry] = []

    def load(self) -> dict[str, Contents]:
        """Give every repository; the index is read again only if the file was changed."""
        try:
            with self._files.open(INDEX) as file:
                state = os.fstat(file.fileno())
                identity = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
                if self._known is not None and self._known[0] == identity:
                    return self._known[1]
                raw = self._files.read_open(file, _MAX_INDEX_BYTES)
        except FileNotFoundError:
            self._files.check()
            raise self._files.broken(f"it has no {INDEX}") from None
        self._files.check()
        found = read_index(raw, self._default, source=self._source)
        if time.time() - state.st_ctime > _SETTLED_SECONDS:
            self._known = (identity, found)
        return found

    def forget(self) -> None:
        """Let go of what was read."""
        self._known = None

    def contents(self, repository: str) -> Contents:
        """Give one repository.

        Raises
        ------
        NotFoundError
        """
        found = self.load().get(repository)
        if found is None:
            raise no_such_repository(self._registry, repository)
        return found

    def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read a manifest by tag or digest, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        contents = self.contents(repository)
        if ":" in locator:
            descriptor = self._member(repository, contents, Digest(locator))
        else:
            descriptor = contents.tags.get(locator)
        if descriptor is None:
            raise no_such_manifest(self._registry, repository, locator)
        return self._read(repository, contents, descriptor)

    def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a blob whole, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        with self.open_blob(repository, descriptor) as file:
            # One byte more than there should be, to see that there are more.
            content = self.read_piece(file, descriptor.size_bytes + 1)
        source = f"{repository} in {self._registry}"
        return check_content(content, descriptor.digest, descriptor.size_bytes, source=source)

    def open_blob(self, repository: str, descriptor: Descriptor) -> BinaryIO:
        """Open a blob for reading.

        Raises
        ------
        NotFoundError
        """
        # Not what the index says, but that there is one: blobs are shared.
        self._files.check()
        try:
            return self._files.open(*_place(descriptor.digest))
        except FileNotFoundError as e:
            raise no_such_blob(self._registry, repository, descriptor) from e

    def read_piece(self, file: BinaryIO, size_bytes: int) -> bytes:
        """Read on in an open blob."""
        with self._files.guard(os.path.basename(file.name)):
            return file.read(size_bytes)

    def make(self) -> None:
        """Make the layout if there is none yet."""
        self._files.make(INDEX, empty_index())

    def upload(self, digest: Digest) -> Upload:
        """Begin a blob; nothing is on disk before something is written."""
        return self._files.upload(*_place(digest))

    def push(self, entry: Entry, raw: bytes) -> None:
        """Store a manifest and name it in the index."""
        self.make()
        self._files.replace(raw, *_place(entry.digest))
        self._record(entry)

    def _member(self, repository: str, contents: Contents, digest: Digest) -> Descriptor | None:
        """Find a manifest among a repository's entries, then in the indexes among them."""
        tried: set[Digest] = set()
        while digest not in contents.manifests:
            fresh = [index for index in contents.unopened if index.digest not in tried]
            if not fresh:
                return None
            for index in fresh:
                tried.add(index.digest)
                self._open_index(repository, contents, index)
        return contents.manifests[digest]

    def _open_index(self, repository: str, contents: Contents, index: Descriptor) -> None:
        try:
            self._read(repository, contents, index)
        except RegistryError:
            # Damaged or absent: who asks for it is told, others are not held up by it.
            return

    def _read(self, repository: str, contents: Contents, descriptor: Descriptor) -> AnyManifest:
        digest, source = descriptor.digest, f"{repository} in {self._registry}"
        try:
            raw = self._files.read(*_place(digest), limit_bytes=MAX_MANIFEST_BYTES)
        except FileNotFoundError as e:
            raise self._lost(repository, digest) from e
        check_content(raw, digest, descriptor.size_bytes, source=source)
        manifest = parse_manifest(raw, descriptor.media_type, digest=digest, source=source)
        if isinstance(manifest, Index):
            contents.add_children(digest, manifest.manifests)
        return manifest

    def _lost(self, repository: str, digest: Digest) -> NotFoundError:
        return NotFoundError(
            f"{repository} in {self._registry} names the manifest {digest}, "
            "but the layout has no such file.",
            hint="It was copied in part only: copy the image again.",
            registry=self._registry,
        )

    def _record(self, entry: Entry) -> None:
        """Put an entry into the index, together with what others wait to put there."""
        self._pending.append(entry)
        try:
            with self._files.locked():
                # Else it was written by who had the lock before.
                if entry in self._pending:
                    self._write(tuple(self._pending))
        finally:
            if entry in self._pending:
                self._pending.remove(entry)

    def _write(self, entries: tuple[Entry, ...]) -> None:
        raw = self._files.read(INDEX, limit_bytes=_MAX_INDEX_BYTES)
        read_index(raw, self._default, source=self._source)
        document = msgspec.json.decode(raw)
        for entry in entries:
            add_entry(document, entry, self._default)
        self._files.replace(msgspec.json.encode(document), INDEX)
        for entry in entries:
            self._pending.remove(entry)


def _place(digest: Digest) -> tuple[str, str, str]:
    return "blobs", digest.algorithm, digest.encoded
