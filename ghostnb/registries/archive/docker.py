"""Archives as ``docker save`` wrote them before version 25: no layout, and no manifests."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.descriptor import decode_digest
from ghostnb.oci.media_types import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
)
from ghostnb.registries.archive.contained import (
    Contained,
    find_document,
    read_document,
    read_member,
)
from ghostnb.registries.archive.file import ArchiveFile
from ghostnb.registries.archive.members import Member, Members, shown
from ghostnb.registries.layout.index import MAX_INDEX_BYTES, REF_NAME, arranged
from ghostnb.registries.storing import MAX_BLOB_BYTES

__all__ = ["DOCKER_MANIFEST", "read_docker_archive"]

DOCKER_MANIFEST = "manifest.json"
_PIECE_BYTES = 2**20
_COMPRESSED = {b"\x1f\x8b": OCI_LAYER_GZIP, b"\x28\xb5\x2f\xfd": OCI_LAYER_ZSTD}
_INVALID = (msgspec.MsgspecError, InvalidReferenceError, UnicodeDecodeError, RecursionError)


class _Image(msgspec.Struct, rename="pascal"):
    config: str
    layers: list[str] | None = None
    repo_tags: list[str] | None = None


class _RootFS(msgspec.Struct):
    diff_ids: list[Digest] | None = None


class _Config(msgspec.Struct):
    rootfs: _RootFS


_images = msgspec.json.Decoder(list[_Image])
_configs = msgspec.json.Decoder(_Config, dec_hook=decode_digest)


def read_docker_archive(file: ArchiveFile, members: Members, default: str) -> Contained:
    """Read what a Docker archive holds, and make the manifests that it lacks.

    Parameters
    ----------
    file : ArchiveFile
    members : Members
    default : str
        The repository of images without a name.

    Raises
    ------
    ProtocolError
        If its documents are none, or name what is not there.

    Notes
    -----
    An image is what its config says: the config is taken as it is, and a layer is
    named by its diff-id, which is the digest of a tar that is not compressed. Some
    builders store compressed layers, whose digest stands nowhere: it is computed here.

    Source: moby v20.10, ``image/tarexport/save.go``, and "Docker Image Specification
    v1.2", "Combined Image JSON + Filesystem Changeset Format".
    """
    raw = read_document(file, members, DOCKER_MANIFEST, limit_bytes=MAX_INDEX_BYTES)
    try:
        images = _images.decode(raw)
    except _INVALID as e:
        raise file.faults.broken(f"its {DOCKER_MANIFEST} is invalid ({e})") from e
    reader = _Reader(file, members)
    entries = [entry for image in images for entry in reader.entries(image)]
    return Contained(arranged(entries, default), reader.blobs.get, reader.made)


@dataclass(slots=True)
class _Reader:
    file: ArchiveFile
    members: Members
    blobs: dict[Digest, Member] = field(default_factory=dict)
    made: dict[Digest, bytes] = field(default_factory=dict)
    # Images share configs and layers: each is looked at once, whatever links lead to it.
    _configs: dict[Member, tuple[Descriptor, list[Digest]]] = field(default_factory=dict)
    _kinds: dict[Member, tuple[str, Digest | None]] = field(default_factory=dict)

    def entries(self, image: _Image) -> Iterator[Descriptor]:
        """Give an image as an index names it: once for each name, or once without any."""
        raw = self._manifest(image)
        digest = Digest.of(raw)
        self.made[digest] = raw
        for name in image.repo_tags or [""]:
            notes = {REF_NAME: name} if name else None
            yield Descriptor(OCI_MANIFEST, digest, len(raw), annotations=notes)

    def _manifest(self, image: _Image) -> bytes:
        config, diff_ids = self._config(image.config)
        names = image.layers or []
        if len(names) != len(diff_ids):
            raise self.file.faults.broken(
                f"{DOCKER_MANIFEST} names {len(names)} layers of an image "
                f"whose config, {shown(image.config)}, has {len(diff_ids)}"
            )
        layers = [self._layer(*pair) for pair in zip(names, diff_ids, strict=True)]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _entry(config),
            "layers": [_entry(layer) for layer in layers],
        }
        return msgspec.json.encode(document)

    def _config(self, name: str) -> tuple[Descriptor, list[Digest]]:
        member = find_document(self.file, self.members, name)
        if member not in self._configs:
            raw = read_member(self.file, member, name, limit_bytes=MAX_BLOB_BYTES)
            config = Descriptor(OCI_CONFIG, Digest.of(raw), len(raw))
            self._configs[member] = config, self._diff_ids(name, raw)
            self.blobs[config.digest] = member
        return self._configs[member]

    def _diff_ids(self, name: str, raw: bytes) -> list[Digest]:
        try:
            return _configs.decode(raw).rootfs.diff_ids or []
        except _INVALID as e:
            raise self.file.faults.broken(f"its {shown(name)} is no image's config ({e})") from e

    def _layer(self, name: str, diff_id: Digest) -> Descriptor:
        member = self.members.find(name)
        if member is None:
            raise self.file.faults.broken(f"it lacks the layer {shown(name)}")
        if member not in self._kinds:
            self._kinds[member] = self._kind(member)
        media_type, digest = self._kinds[member]
        layer = Descriptor(media_type, digest or diff_id, member.size_bytes)
        self.blobs.setdefault(layer.digest, member)
        return layer

    def _kind(self, member: Member) -> tuple[str, Digest | None]:
        """Give a layer's media type, and its digest if that is not the diff-id."""
        start = self.file.read_at(member.offset, min(4, member.size_bytes))
        for magic, media_type in _COMPRESSED.items():
            if start.startswith(magic):
                return media_type, self._digest(member)
        return OCI_LAYER, None

    def _digest(self, member: Member) -> Digest:
        hasher = hashlib.sha256()
        for start in range(0, member.size_bytes, _PIECE_BYTES):
            size = min(_PIECE_BYTES, member.size_bytes - start)
            hasher.update(self.file.read_at(member.offset + start, size))
        return Digest(f"sha256:{hasher.hexdigest()}")


def _entry(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size_bytes,
    }
