"""Sample images and artifacts as what a registry stores: blobs and manifests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ghostnb.demo.layers import Layer
from ghostnb.demo.releases import Release
from ghostnb.oci import Descriptor, Digest, Platform, media_types

__all__ = ["Blob", "Document", "artifact", "attestation", "encode", "image", "index"]

_VARIANTS = {"arm64": "v8"}


@dataclass(frozen=True, slots=True)
class Blob:
    """Some content with its media type.

    Attributes
    ----------
    content : bytes
    media_type : str
    annotations : dict of str to str or None
        Of its descriptor.
    """

    content: bytes
    media_type: str
    annotations: dict[str, str] | None = None

    @property
    def descriptor(self) -> Descriptor:
        """What a manifest says of it."""
        return Descriptor(
            self.media_type,
            Digest.of(self.content),
            len(self.content),
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index, and what must be stored with it.

    Attributes
    ----------
    raw : bytes
    media_type : str
    blobs : tuple of Blob
        Those that are not layers of images.
    children : tuple of Document
        Of an index.
    platform : Platform or None
    annotations : dict of str to str or None
        Of its descriptor in an index.
    """

    raw: bytes
    media_type: str
    blobs: tuple[Blob, ...] = ()
    children: tuple["Document", ...] = ()
    platform: Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def descriptor(self) -> Descriptor:
        """What an index, or a referrer, says of it."""
        return Descriptor(
            self.media_type,
            Digest.of(self.raw),
            len(self.raw),
            annotations=self.annotations,
            platform=self.platform,
        )


def encode(document: Any) -> bytes:
    """Write JSON; digests are texts of a class of their own, which the encoder wants named."""
    return msgspec.json.encode(document, enc_hook=str)


def image(release: Release, architecture: str, layers: Sequence[Layer]) -> Document:
    """Make a release's image for one processor."""
    platform = Platform(architecture, "linux", _VARIANTS.get(architecture, ""))
    names = msgspec.to_builtins(platform)
    config = release.build.config(names, [layer.diff_id for layer in layers])
    return _manifest(
        Blob(encode(config), media_types.OCI_CONFIG),
        [layer.descriptor for layer in layers],
        platform=platform,
    )


def index(children: Sequence[Document]) -> Document:
    """Make an index of images, and of what attests them."""
    raw = encode(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": [child.descriptor for child in children],
        }
    )
    return Document(raw, media_types.OCI_INDEX, children=tuple(children))


def artifact(
    kind: str,
    content: Sequence[Blob],
    *,
    config: Blob | None = None,
    subject: Document | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """Make something that is no image.

    Parameters
    ----------
    kind : str
        The artifact's type; empty where `config` says it.
    content : sequence of Blob
    config : Blob, optional
        By default the empty one.
    subject : Document, optional
        What it is attached to.
    annotations : mapping of str to str, optional

    Notes
    -----
    Source: OCI image-spec v1.1, "Guidelines for Artifact Usage".
    """
    more: dict[str, Any] = {"artifactType": kind} if kind else {}
    if subject:
        # A referrer says which manifest, not what that is to its index.
        of = subject.descriptor
        more["subject"] = Descriptor(of.media_type, of.digest, of.size_bytes)
    if annotations:
        more["annotations"] = dict(annotations)
    return _manifest(
        config or Blob(b"{}", media_types.OCI_EMPTY),
        [blob.descriptor for blob in content],
        blobs=tuple(content),
        more=more,
    )


def attestation(of: Document, statement: Blob) -> Document:
    """Make the manifest that stands beside an image in its index, as BuildKit does.

    Notes
    -----
    Source: BuildKit, docs/attestations/attestation-storage.md.
    """
    config = {
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(statement.content)]},
    }
    return _manifest(
        Blob(encode(config), media_types.OCI_CONFIG),
        [statement.descriptor],
        blobs=(statement,),
        platform=Platform("unknown", "unknown"),
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(of.descriptor.digest),
        },
    )


def _manifest(
    config: Blob,
    layers: Sequence[Descriptor],
    *,
    blobs: tuple[Blob, ...] = (),
    more: Mapping[str, Any] | None = None,
    platform: Platform | None = None,
    annotations: dict[str, str] | None = None,
) -> Document:
    raw = encode(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": config.descriptor,
            "layers": layers,
            **(more or {}),
        }
    )
    return Document(
        raw,
        media_types.OCI_MANIFEST,
        blobs=(config, *blobs),
        platform=platform,
        annotations=annotations,
    )
