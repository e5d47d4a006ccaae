"""What a registry with Bolt's shelves can do."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, runtime_checkable

from ghostnb.wire.bolt import AnyEntry, BoltUpload, Shelf

__all__ = ["Bolt", "OffersBolt"]


class Bolt(Protocol):
    """Bolt's profiles, plugins and Boltfile templates, where a registry keeps such."""

    def entries(
        self, shelf: Shelf[AnyEntry], wanted: Mapping[str, Any], *, limit: int | None = None
    ) -> AsyncIterator[AnyEntry]:
        """Iterate over at most `limit` of what is on a shelf and fits the filters."""
        ...

    async def download(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> bytes:
        """Read the content of a version, by default of the newest upload.

        Raises
        ------
        NotFoundError
        IntegrityError
            If it has another digest than the registry says.
        """
        ...

    async def upload(
        self, shelf: Shelf[AnyEntry], document: Mapping[str, Any], *, overwrite: bool
    ) -> BoltUpload:
        """Store something new.

        Raises
        ------
        RegistryError
            Of status 409 if the version is there with other content.
        """
        ...

    async def delete(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> None:
        """Delete one version, or all.

        Raises
        ------
        NotFoundError
        """
        ...


@runtime_checkable
class OffersBolt(Protocol):
    """A registry that may have Bolt's shelves."""

    async def bolt(self) -> Bolt:
        """Give what reads and writes them; asks the registry who it is if that is not known.

        Raises
        ------
        UnsupportedError
            If it has none.
        """
        ...
