"""What some registries can do beyond the protocol: asked for by what needs it."""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from ghostnb.oci import AnyManifest, Descriptor, Digest

__all__ = [
    "CATALOGUE",
    "MAX_CATALOGUE_BYTES",
    "HasCatalogue",
    "KeepsAttachedTags",
    "RereadsManifests",
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
