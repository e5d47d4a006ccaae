"""What an image layout holds, wherever its files are: read, and checked."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from typing import Generic, Protocol, TypeVar

from ghostnb.oci import AnyManifest, Descriptor, Digest
from ghostnb.registries.layout.index import Contents
from ghostnb.registries.layout.manifests import Manifests
from ghostnb.registries.storing import no_such_blob, no_such_repository
from ghostnb.registries.verify import check_content

__all__ = ["BlobFile", "LayoutReader"]

Found = TypeVar("Found")
# A file that was changed this shortly ago may change again without its time showing it.
_SETTLED_SECONDS = 0.05


class BlobFile(Protocol):
    """An open blob. `read` blocks: call it on a thread."""

    def read(self, size_bytes: int, /) -> bytes:
        """Read on; fewer bytes come only at the end."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class LayoutReader(ABC, Generic[Found]):
    """The contents of a layout, as they are read. Every method blocks: call them on a thread.

    Parameters
    ----------
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.manifests = Manifests(registry, self._manifest_bytes)
        self._known: tuple[tuple[int, ...], Found] | None = None

    @abstractmethod
    def load(self) -> dict[str, Contents]:
        """Give every repository."""

    @abstractmethod
    def blob_size(self, digest: Digest) -> int | None:
        """Say how large a blob is; None if it is not there."""

    @abstractmethod
    def catalogue(self) -> bytes | None:
        """Read the catalogue that a backup wrote; None if there is none."""

    @abstractmethod
    def _open(self, digest: Digest) -> BlobFile:
        """Open a blob; raises `FileNotFoundError` where there is none."""

    @abstractmethod
    def _manifest_bytes(self, digest: Digest) -> bytes:
        """Read a manifest, unchecked; raises `FileNotFoundError` where there is none."""

    @property
    def is_read(self) -> bool:
        """Whether it is known what is there, unless that changes."""
        return self._known is not None

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
            raise no_such_repository(self.registry, repository)
        return found

    def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read a manifest by tag or digest, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        return self.manifests.find(repository, self.contents(repository), locator)

    def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a blob whole, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        with closing(self.open_blob(repository, descriptor)) as file:
            # One byte more than there should be, to see that there are more.
            content = file.read(descriptor.size_bytes + 1)
        source = f"{repository} in {self.registry}"
        return check_content(content, descriptor.digest, descriptor.size_bytes, source=source)

    def open_blob(self, repository: str, descriptor: Descriptor) -> BlobFile:
        """Open a blob for reading.

        Raises
        ------
        NotFoundError
        """
        try:
            return self._open(descriptor.digest)
        except FileNotFoundError as e:
            raise no_such_blob(self.registry, repository, descriptor.digest, descriptor.urls) from e

    def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest, in the order of the index."""
        return self.manifests.referrers(self.load().get(repository, Contents()), digest)

    def _found(self, state: os.stat_result, read: Callable[[], Found]) -> Found:
        """Give what is in an open file of this state; read again only if it was changed."""
        identity = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        known = self._known
        if known is not None and known[0] == identity:
            return known[1]
        found = read()
        if time.time() - state.st_ctime > _SETTLED_SECONDS:
            self._known = identity, found
        return found
