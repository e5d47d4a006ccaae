"""An image layout written straight into a tar: what is copied to it is in one file at the end."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from ghostnb.errors import ArchiveError, IntegrityError
from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.media_types import OCI_INDEX
from ghostnb.registries.abilities import CATALOGUE
from ghostnb.registries.config import LAYOUT_SCHEME
from ghostnb.registries.layout.index import REF_NAME, REPOSITORY
from ghostnb.registries.layout.marker import MARKER
from ghostnb.registries.layout.store import INDEX, place_of
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.records import ManifestRecord
from ghostnb.registries.storing import no_such_blob
from ghostnb.registries.verify import check_pieces
from ghostnb.transfer.archive import Archive, Member
from ghostnb.transfer.untagged import untagged_manifests

__all__ = ["LayoutArchive"]

# Members cannot be taken out again: there nobody looks for what was given up.
_GIVEN_UP = ".ghostnb/incomplete/"


class LayoutArchive(MemoryRegistry):
    """A registry whose manifests are in memory, too, and whose blobs only go to an archive.

    Parameters
    ----------
    path : Path
        The file that is to be.

    Attributes
    ----------
    error : ArchiveError or None
        Why the archive can take nothing more: a full disk.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.url = f"{LAYOUT_SCHEME}{path}"
        self.concurrency = 4
        self.error: ArchiveError | None = None
        self._archive: Archive | None = None
        self._sizes: dict[Digest, int] = {}
        self._open: dict[tuple[Digest, int], Member] = {}

    def begin(self, archive: Archive) -> None:
        """Begin with an archive that holds nothing yet."""
        self.error, self._archive = None, archive
        self._repositories.clear()
        self._sizes.clear()
        self._open.clear()

    async def push_blob(
        self, repository: str, descriptor: Descriptor, content: BlobContent
    ) -> None:
        """Write a blob to its place, once it is known how many bytes it has."""
        source = f"What was copied of {repository} to {self.name}"
        self._check_size(repository, descriptor)
        key = descriptor.digest, descriptor.size_bytes
        member, is_whole = self._open.pop(key, None), False
        try:
            if member is None:
                name = "/".join(place_of(descriptor.digest))
                member = self._usable().reserve(name, descriptor.size_bytes)
            await member.begin()
            async with aclosing(check_pieces(content(0), descriptor, source=source)) as pieces:
                async for piece in pieces:
                    await member.write(piece)
            self._sizes[descriptor.digest] = descriptor.size_bytes
            is_whole = True
        except ArchiveError as e:
            self.error = e
            raise
        finally:
            # The next image that needs it may have more luck, in the same place.
            if member is not None and not is_whole:
                self._open[key] = member

    async def push_manifest(
        self,
        repository: str,
        raw: bytes,
        media_type: str,
        *,
        tag: str = "",
        digest: Digest | None = None,
    ) -> Digest:
        """Write a manifest, and note what it is called."""
        pushed = await super().push_manifest(repository, raw, media_type, tag=tag, digest=digest)
        if pushed not in self._sizes:
            self._sizes[pushed] = len(raw)
            try:
                await self._usable().add("/".join(place_of(pushed)), raw)
            except ArchiveError as e:
                self.error = e
                raise
        return pushed

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Say how many bytes a blob has that was written."""
        if digest not in self._sizes:
            raise no_such_blob(self.name, repository, digest)
        return self._sizes[digest]

    async def usage(self) -> tuple[int, int]:
        """Count what was written, and its bytes."""
        return len(self._sizes), sum(self._sizes.values())

    async def finish(self, catalogue: bytes) -> None:
        """Write what makes a layout of it, and its catalogue.

        Parameters
        ----------
        catalogue : bytes
        """
        archive = self._usable()
        for member in self._open.values():
            await member.give_up(_GIVEN_UP + member.name.rpartition("/")[2])
        manifests = [entry async for entry in self._entries()]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        await archive.add(MARKER, msgspec.json.encode({"imageLayoutVersion": "1.0.0"}))
        await archive.add("/".join(CATALOGUE), catalogue)
        await archive.add(INDEX, msgspec.json.encode(index))

    def _check_size(self, repository: str, descriptor: Descriptor) -> None:
        """Refuse another size for what is there: its place would stay in the file, empty."""
        known = self._sizes.get(descriptor.digest)
        if known not in (None, descriptor.size_bytes):
            raise IntegrityError(
                f"A manifest of {repository} says of {descriptor.digest} that it has "
                f"{descriptor.size_bytes:,} bytes; what came of it to {self.name} has {known:,}.",
                hint="Whoever built that image may build it again: its manifest is wrong.",
                registry=self.name,
            )

    async def _entries(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over the index: tags, what nothing leads to, and what is attached."""
        async for found in self.repositories():
            name = found.repository
            loose = {record.digest for record in await untagged_manifests(self, name)}
            async for record in self.manifests(name):
                for tag in record.tags:
                    yield _entry(record, {REF_NAME: f"{name}:{tag}", REPOSITORY: name})
                # Who asks for what is attached finds it among the entries, though an index
                # (the tag that stands for a missing API) holds it, too.
                if record.digest in loose or (not record.tags and self._has_subject(name, record)):
                    yield _entry(record, {REPOSITORY: name})

    def _has_subject(self, repository: str, record: ManifestRecord) -> bool:
        return self._repositories[repository].manifests[record.digest].subject is not None

    def _usable(self) -> Archive:
        if self.error is not None:
            raise self.error
        if self._archive is None:
            raise ValueError(f"{self.name} has not been begun.")
        return self._archive


def _entry(record: ManifestRecord, annotations: dict[str, str]) -> dict[str, Any]:
    return {
        "mediaType": record.media_type,
        "digest": str(record.digest),
        "size": record.size_bytes,
        "annotations": annotations,
    }
