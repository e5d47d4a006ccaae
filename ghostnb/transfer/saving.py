"""An image saved as a file: an OCI image layout in a tar archive, which Docker loads, too."""

import asyncio
import tarfile
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ghostnb.errors import IntegrityError
from ghostnb.oci import (
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    Reference,
    parse_manifest,
)
from ghostnb.oci.media_types import OCI_INDEX
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import blob_pieces
from ghostnb.registries.images import Image
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import read_image
from ghostnb.transfer.archive import Archive, new_archive
from ghostnb.transfer.contents import blobs_of, manifests_of, readable
from ghostnb.transfer.names import target_path
from ghostnb.transfer.tally import TransferTally

__all__ = ["is_loadable", "save_image"]

# One more than Docker fetches: others would only share the same line.
_BLOBS_AT_ONCE = 4
_DOCKER_MANIFEST = "manifest.json"


async def save_image(
    registry: Registry,
    reference: Reference,
    path: Path,
    *,
    name: str = "",
    platform: Platform | None = None,
    overwrite: bool = False,
    tally: TransferTally | None = None,
) -> Path:
    """Save an image as an OCI archive.

    Parameters
    ----------
    registry : Registry
    reference : Reference
        Within the registry.
    path : Path
        The file; or a directory, for a file in it that is called after the image.
    name : str, optional
        What the image is to be called where it is loaded.
    platform : Platform, optional
        Only this one of an index; by default the index with all that it leads to.
    overwrite : bool, optional
        Replace what is there.
    tally : TransferTally, optional
        Kept up to date.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ArchiveError
        If the file is there already, or cannot be written.
    NotFoundError
        If there is no such image, or not for that platform, or not all of it.
    IntegrityError
        If what came is not what its digest says.
    UnsupportedError
        If it is a Docker schema 1 image.

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Layout" and "Annotations"; the names as containerd and
    Podman read them. Docker before 25 knows no layouts: for it a ``manifest.json`` names one
    image, the one that `read_image` chooses (moby, ``image/tarexport/load.go``). It is left out
    where Docker could not load that: for other artifacts, and where a layer is foreign, whose
    bytes are in no registry.
    """
    target = await asyncio.to_thread(target_path, path, reference)
    async with new_archive(target, overwrite=overwrite) as archive:
        saver = _Saver(registry, reference.repository, archive, tally or TransferTally())
        top = readable(
            await registry.manifest(reference.repository, reference.locator),
            registry,
            reference.repository,
        )
        # By its digest: the tag may move meanwhile.
        image = await read_image(registry, reference.with_digest(top.digest), platform)
        if platform is not None:
            top = readable(_manifest_of(image), registry, reference.repository)
        await saver.write_index(top, name)
        await saver.write_docker_manifest(image, name)
        await saver.write_manifests(top)
        await saver.write_blobs()
    return target


def is_loadable(path: Path) -> bool:
    """Say whether ``docker load`` and ``podman load`` take an archive that `save_image` wrote."""
    with tarfile.open(path) as archive:
        # It is among the first: the layers' headers need not be looked for.
        return any(member.name == _DOCKER_MANIFEST for member in archive)


@dataclass(slots=True)
class _Saver:
    """Writes one image to an archive, each piece of content once."""

    registry: Registry
    repository: str
    archive: Archive
    tally: TransferTally
    _blobs: dict[Digest, Descriptor] = field(default_factory=dict)

    async def write_index(self, top: Manifest | Index, name: str) -> None:
        """Write what says that this is a layout, and where it begins."""
        entry: dict[str, Any] = {
            "mediaType": top.media_type,
            "digest": str(top.digest),
            "size": len(top.raw),
        }
        if name:
            # Podman and skopeo read the one, containerd and Docker the other.
            names = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
            entry["annotations"] = dict.fromkeys(names, name)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        await self._add_json("oci-layout", {"imageLayoutVersion": "1.0.0"})
        await self._add_json("index.json", index)

    async def write_docker_manifest(self, image: Image, name: str) -> None:
        """Write what Docker looks for, if it could load the image."""
        manifest = _manifest_of(image)
        if not isinstance(manifest, Manifest) or not manifest.is_image:
            return
        if any(layer.is_foreign for layer in manifest.layers):
            return
        entry = {
            "Config": _blob_name(manifest.config.digest),
            "RepoTags": [name] if name else None,
            "Layers": [_blob_name(layer.digest) for layer in manifest.layers],
        }
        await self._add_json(_DOCKER_MANIFEST, [entry])

    async def write_manifests(self, top: Manifest | Index) -> None:
        """Write every manifest as it came, and note the blobs."""
        written = set()
        async with aclosing(manifests_of(self.registry, self.repository, top)) as found:
            async for manifest in found:
                written.add(manifest.digest)
                await self.archive.add(_blob_name(manifest.digest), manifest.raw)
                for blob in blobs_of(manifest):
                    self._note(blob)
        for digest in written & set(self._blobs):
            del self._blobs[digest]

    async def write_blobs(self) -> None:
        """Write every blob, some at once."""
        blobs = list(self._blobs.values())
        await self.archive.check_room(sum(blob.size_bytes for blob in blobs))
        for blob in blobs:
            self.tally.expect(blob.digest, blob.size_bytes)
        async with aclosing(ordered_map(self._write_blob, blobs, workers=_BLOBS_AT_ONCE)) as done:
            async for _ in done:
                pass

    async def _write_blob(self, blob: Descriptor) -> None:
        with self.tally.failing(blob.digest):
            member = self.archive.reserve(_blob_name(blob.digest), blob.size_bytes)
            await member.begin()
            # Who is cancelled while the disk takes a piece must not leave the connection open.
            async with aclosing(blob_pieces(self.registry, self.repository, blob)) as pieces:
                async for piece in pieces:
                    await member.write(piece)
                    self.tally.advance(blob.digest, len(piece))
        self.tally.finish(blob.digest)

    def _note(self, blob: Descriptor) -> None:
        known = self._blobs.setdefault(blob.digest, blob)
        if known.size_bytes != blob.size_bytes:
            raise IntegrityError(
                f"{self.repository} in {self.registry.name} says of {blob.digest} that it has "
                f"{known.size_bytes} bytes, and that it has {blob.size_bytes}.",
                hint="Whoever built it may build it again: one of its manifests is wrong.",
                registry=self.registry.name,
            )

    async def _add_json(self, name: str, document: Mapping[str, Any] | list[Any]) -> None:
        await self.archive.add(name, msgspec.json.encode(document))


def _manifest_of(image: Image) -> AnyManifest:
    return parse_manifest(image.raw_manifest, image.media_type, digest=image.digest)


def _blob_name(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.encoded}"
