"""What every registry can do, wherever it keeps its content."""

from collections.abc import AsyncIterator, Callable, Collection
from typing import Protocol, runtime_checkable

from ghostnb.oci import AnyManifest, Descriptor, Digest, Reference
from ghostnb.registries.abilities import TakesUploads
from ghostnb.registries.garbage import GarbageReport
from ghostnb.registries.records import (
    ManifestRecord,
    Ping,
    RepositoryRecord,
    SearchRecord,
    TagRecord,
)
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["BlobContent", "ListsManifests", "Registry", "RegistryStore", "WritableRegistry"]

BlobContent = Callable[[int], AsyncIterator[bytes]]
"""Opens a blob's bytes from the given one on; called again where sending them broke off."""


class Registry(Protocol):
    """A place that holds images: over HTTP, in a directory or a file, in memory.

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
        """The vendor or sort, such as ``distribution``, ``docker-hub``, ``layout``, ``archive``."""
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

    async def resolve(self, repository: str, locator: str) -> Descriptor:
        """Ask what a tag or digest points to now; no cache answers for the registry.

        Returns
        -------
        Descriptor
            Of the manifest: media type, digest and size, which are not checked.

        Raises
        ------
        NotFoundError
            If there is no such manifest.
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

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Say how many bytes a blob has, without reading it.

        Raises
        ------
        NotFoundError
            If there is no such blob.
        """
        ...

    async def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest: signatures, SBOMs and other artifacts.

        Returns
        -------
        list of Descriptor
            With artifact types and annotations; empty where nothing is known.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...


@runtime_checkable
class WritableRegistry(Registry, Protocol):
    """A registry that content can be pushed to, and deleted from."""

    async def mount_blob(self, repository: str, descriptor: Descriptor, source: str) -> bool:
        """Take a blob over from another repository of the registry, without sending it.

        Returns
        -------
        bool
            False if its bytes must be sent.
        """
        ...

    async def push_blob(
        self, repository: str, descriptor: Descriptor, content: BlobContent
    ) -> None:
        """Store a blob under its digest.

        Raises
        ------
        IntegrityError
            If the bytes have another size or digest; then nothing is stored.
        """
        ...

    async def push_manifest(
        self,
        repository: str,
        raw: bytes,
        media_type: str,
        *,
        tag: str = "",
        digest: Digest | None = None,
    ) -> Digest:
        """Store a manifest exactly as it is, and point a tag to it.

        Parameters
        ----------
        repository : str
        raw : bytes
        media_type : str
        tag : str, optional
        digest : Digest, optional
            Under which it is to be found, where that is not its sha256.

        Raises
        ------
        IntegrityError
            If it has another digest than that.
        """
        ...

    async def check_deletable(self, repository: str) -> None:
        """See whether a repository's tags and manifests may be deleted, and delete nothing.

        Raises
        ------
        UnsupportedError
            If the registry has deletions switched off.
        ForbiddenError
            If the credentials, or the file system, do not allow it.
        """
        ...

    async def delete_tag(
        self, repository: str, tag: str, *, expected: Digest | None = None
    ) -> None:
        """Take a tag away; its manifest stays, and so do other tags of it.

        Parameters
        ----------
        repository : str
        tag : str
        expected : Digest, optional
            What the tag must lead to; nothing of this process comes between the look and the
            deletion.

        Raises
        ------
        NotFoundError
        TagMovedError
            If it leads to something else; then it stays.
        UnsupportedError
            If the registry cannot do that.
        """
        ...

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Delete a manifest with all its tags.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If the registry forbids it, or something needs the manifest.
        """
        ...

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob.

        Raises
        ------
        NotFoundError
        UnsupportedError
            If the registry forbids it, or a manifest needs the blob.
        """
        ...


@runtime_checkable
class ListsManifests(Protocol):
    """A registry that knows its manifests by more than their tags."""

    def manifests(self, repository: str) -> AsyncIterator[ManifestRecord]:
        """Iterate over all that can be deleted by digest, untagged manifests too.

        What only an index holds may be left out.

        Raises
        ------
        NotFoundError
            If there is no such repository.
        """
        ...


@runtime_checkable
class RegistryStore(WritableRegistry, TakesUploads, Protocol):
    """A registry that keeps its content itself, and can be served to others."""

    async def prepare(self) -> None:
        """Make what is needed to keep content, so that reading finds an empty registry."""
        ...

    async def probe(self) -> None:
        """See that what is kept can be read, and that more can be kept.

        Raises
        ------
        RegistryError
        """
        ...

    async def touch_blobs(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Keep blobs and manifests from garbage collections for their time of grace.

        Returns
        -------
        dict of Digest to int
            How many bytes each has; what is not there is left out.
        """
        ...

    def open_range(self, digest: Digest, first: int, last: int) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes from `first` to `last` inclusive, unchecked.

        Raises
        ------
        NotFoundError
        """
        ...

    async def usage(self) -> tuple[int, int]:
        """Count the blobs and manifests that are kept, and their bytes."""
        ...

    async def collect_garbage(
        self, *, dry_run: bool = False, untagged: bool = False, grace_seconds: float = 3600
    ) -> GarbageReport:
        """Remove what nothing points to.

        Parameters
        ----------
        dry_run : bool, optional
            Count only.
        untagged : bool, optional
            Also manifests that no tag leads to, and that are attached to none.
        grace_seconds : float, optional
            What was pushed, or asked for, so shortly ago stays: an upload may
            need it.
        """
        ...
