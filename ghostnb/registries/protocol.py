"""What every registry can do, wherever it keeps its content."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from ghostnb.oci import AnyManifest, Descriptor, Digest, Reference
from ghostnb.registries.records import Ping, RepositoryRecord, SearchRecord, TagRecord
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["Registry", "WritableRegistry"]


class Registry(Protocol):
    """A place that holds images: over HTTP, in a directory, in memory.

    Attributes
    ----------
    name : str
        What the user calls it.
    url : str
    concurrency : int
        How many reads at once it makes sense to begin.
    """

    name: str
    url: str
    concurrency: int

    @property
    def kind(self) -> str:
        """The vendor or sort: ``distribution``, ``docker-hub``, ``layout``, ``memory``."""
        ...

    @property
    def rate_limit(self) -> RateLimit | None:
        """The pull limit, as the registry last told it."""
        ...

    def repository(self, name: str) -> str:
        """Check a repository's name, and complete it as this registry's users expect."""
        ...

    def reference(self, text: str) -> Reference:
        """Read a reference to something in this registry."""
        ...

    async def ping(self) -> Ping:
        """Ask whether the registry answers, and takes the credentials."""
        ...

    def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, as they come.

        Parameters
        ----------
        namespace : str, optional
            Only those whose names begin with it and a slash.

        Raises
        ------
        UnsupportedError
            If the registry does not list them.
        """
        ...

    def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags, as they come.

        Raises
        ------
        NotFoundError
            If there is no such repository.
        """
        ...

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags with all that is known of each."""
        ...

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over at most `limit` images that a query finds."""
        ...

    async def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read the manifest of a tag or digest.

        Raises
        ------
        NotFoundError
            If there is no such manifest.
        IntegrityError
            If its bytes have another digest.
        """
        ...

    async def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a small blob, such as a config, whole.

        Raises
        ------
        NotFoundError
            If there is no such blob.
        IntegrityError
            If its bytes have another size or digest.
        """
        ...

    def open_blob(self, repository: str, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes, in pieces.

        The digest is known only after the last piece: nothing that was made
        of the pieces may be used before the iterator has ended without error.

        Raises
        ------
        NotFoundError
            If there is no such blob.
        IntegrityError
            At the end, if the bytes had another size or digest.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...


@runtime_checkable
class WritableRegistry(Protocol):
    """A registry that content can be pushed to."""

    async def push_blob(
        self, repository: str, descriptor: Descriptor, pieces: AsyncIterator[bytes]
    ) -> None:
        """Store a blob under its digest.

        Raises
        ------
        IntegrityError
            If the bytes have another size or digest; then nothing is stored.
        """
        ...

    async def push_manifest(
        self, repository: str, raw: bytes, media_type: str, *, tag: str = ""
    ) -> Digest:
        """Store a manifest exactly as it is, and point a tag to it."""
        ...
