"""What some registries can do beyond the protocol: asked for by what needs it."""

from collections.abc import AsyncIterator, Collection
from typing import Protocol, runtime_checkable

from ghostnb.errors import GhostnbError
from ghostnb.oci import AnyManifest, Descriptor, Digest
from ghostnb.registries.records import TagRecord, UsageRecord
from ghostnb.wire.rate_limits import RateLimit

__all__ = [
    "CATALOGUE",
    "MAX_CATALOGUE_BYTES",
    "DropsUntagged",
    "Greets",
    "HasCatalogue",
    "KeepsAttachedTags",
    "ListsDetails",
    "ReadsOn",
    "RereadsManifests",
    "SendsOn",
    "TakesUploads",
    "TellsFaults",
    "TellsUsage",
]

CATALOGUE = (".ghostnb", "catalogue.json")
"""Where a backup's catalogue stands: beside the content, where other programs do not look."""
MAX_CATALOGUE_BYTES = 256 * 2**20


@runtime_checkable
class HasCatalogue(Protocol):
    """A registry in a directory or file, which may say itself what it should hold."""

    async def read_catalogue(self) -> bytes | None:
        """Read what a backup wrote of itself; None if there is nothing.

        Raises
        ------
        ProtocolError
            If it is larger than it can be.
        """
        ...


@runtime_checkable
class ListsDetails(Protocol):
    """A registry that may list its tags with their details, so that none must be read for them."""

    def listed_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags with their details; None if it does not list them."""
        ...


@runtime_checkable
class TellsUsage(Protocol):
    """A registry that may say what it stores."""

    def usage_records(self, namespace: str | None = None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored, by namespace.

        Raises
        ------
        UnsupportedError
            If it does not tell.
        """
        ...


@runtime_checkable
class RereadsManifests(Protocol):
    """A registry whose manifests are cached here."""

    async def stored_manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read a manifest as the registry has it now; no cache answers for it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        ...


@runtime_checkable
class KeepsAttachedTags(Protocol):
    """A registry whose lists of what is attached may be tags, ``ALGORITHM-HEX``.

    It changes them itself when it takes or deletes what is attached.
    """

    async def referrers_among(
        self, repository: str, digest: Digest, tags: Collection[str] | None
    ) -> list[Descriptor]:
        """Give what is attached to a manifest, and ask for no tag that is not among those."""
        ...


@runtime_checkable
class Greets(Protocol):
    """A registry that can be asked no more than whether it answers."""

    async def greet(self) -> RateLimit | None:
        """Ask whether it answers, and takes the credentials; give the pull limit, if it tells one.

        Raises
        ------
        RegistryError
            If it does not.
        """
        ...


@runtime_checkable
class DropsUntagged(Protocol):
    """A registry that may keep no image without a tag."""

    @property
    def drops_untagged(self) -> bool:
        """True if it is one: an image goes there with its last tag."""
        ...

    async def delete_with_image(self, repository: str, tag: str, *, expected: Digest) -> None:
        """Take a tag away, and with it its image, if no other tag leads there.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        TagMovedError
            If the tag leads to another manifest than is expected.
        """
        ...


@runtime_checkable
class TellsFaults(Protocol):
    """A registry that is reached by what is on this machine: passwords, certificates, profiles."""

    async def local_faults(self) -> list[GhostnbError]:
        """Say what of that is missing or wrong; nothing is sent, and nothing hangs."""
        ...


@runtime_checkable
class ReadsOn(Protocol):
    """A registry that reads a blob from any byte on, without what comes before."""

    def open_blob_from(
        self, repository: str, descriptor: Descriptor, first: int
    ) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes from `first` on, unchecked.

        Raises
        ------
        NotFoundError
        """
        ...


class TakesUploads(Protocol):
    """A place for blobs that come in pieces, until they are complete."""

    async def begin_upload(self, repository: str) -> str:
        """Begin a blob that comes in pieces, and give the upload's name."""
        ...

    async def upload_size(self, repository: str, upload: str) -> int:
        """Say how many bytes of an upload have come.

        Raises
        ------
        NotFoundError
            If there is no such upload, or it is another repository's.
        """
        ...

    async def append_upload(
        self, repository: str, upload: str, pieces: AsyncIterator[bytes]
    ) -> int:
        """Append bytes to an upload, and say how many have come by now.

        What came before an error stays.
        """
        ...

    async def finish_upload(self, repository: str, upload: str, digest: Digest) -> None:
        """Make a blob of a complete upload.

        Raises
        ------
        IntegrityError
            If it has another digest; then no blob was made.
        """
        ...

    async def cancel_upload(self, repository: str, upload: str) -> None:
        """Forget an upload."""
        ...


@runtime_checkable
class SendsOn(TakesUploads, Protocol):
    """A place for uploads that sends them on while they come, if it is told what comes."""

    async def finish_with(
        self,
        repository: str,
        upload: str,
        digest: Digest,
        pieces: AsyncIterator[bytes],
        size_bytes: int,
    ) -> None:
        """Append the last `size_bytes`, and make a blob of all.

        What came before an error stays.

        Raises
        ------
        IntegrityError
            If it has another digest; then no blob was made.
        """
        ...
