"""Manifests and indexes, read from the bytes that a registry gave."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from ghostnb.errors import InvalidReferenceError, ProtocolError
from ghostnb.oci import media_types
from ghostnb.oci.descriptor import Descriptor, decode_digest
from ghostnb.oci.digest import Digest

MAX_MANIFEST_BYTES = 4 * 2**20
"""Registries must take manifests of 4 MiB and may refuse larger ones
(distribution-spec v1.1, "Pushing Manifests"), so none should be larger."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image (or another artifact) for one platform.

    Attributes
    ----------
    media_type : str
    digest : Digest
        Of `raw`.
    config : Descriptor
    layers : tuple of Descriptor
        From the base up.
    annotations : dict of str to str
    subject : Descriptor or None
        What this is attached to, for signatures, SBOMs and the like.
    artifact_type : str
    raw : bytes
        The document exactly as it came.
    """

    media_type: str
    digest: Digest
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str = ""
    raw: bytes = field(default=b"", repr=False)

    @property
    def is_image(self) -> bool:
        """True if the config is an image's; otherwise this is another artifact."""
        return self.config.media_type in media_types.IMAGE_CONFIGS

    @property
    def size_bytes(self) -> int:
        """Sum of the layers' stored sizes; foreign layers are not in the registry."""
        return sum(layer.size_bytes for layer in self.layers if not layer.is_foreign)


@dataclass(frozen=True, slots=True)
class Index:
    """An OCI index or Docker manifest list: manifests for several platforms.

    Attributes
    ----------
    media_type : str
    digest : Digest
        Of `raw`.
    manifests : tuple of Descriptor
        Images, nested indexes, attestations and other artifacts, in order.
    annotations : dict of str to str
    subject : Descriptor or None
    artifact_type : str
    raw : bytes
        The document exactly as it came.
    """

    media_type: str
    digest: Digest
    manifests: tuple[Descriptor, ...]
    annotations: dict[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str = ""
    raw: bytes = field(default=b"", repr=False)

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """What is in the index, attestations set apart."""
        return tuple(entry for entry in self.manifests if not entry.is_attestation)

    @property
    def attestations(self) -> tuple[Descriptor, ...]:
        """BuildKit's attestations."""
        return tuple(entry for entry in self.manifests if entry.is_attestation)


@dataclass(frozen=True, slots=True)
class SchemaOneManifest:
    """A Docker schema 1 manifest: named and kept, but not interpreted.

    Attributes
    ----------
    media_type : str
    digest : Digest or None
        As the registry gave it; the digest leaves the signatures out, so that
        it cannot be computed from `raw`.
    raw : bytes
    """

    media_type: str
    digest: Digest | None
    raw: bytes = field(default=b"", repr=False)


AnyManifest = Manifest | Index | SchemaOneManifest


class _Document(msgspec.Struct, rename="camel"):
    """Every field of every manifest document, all optional."""

    media_type: str | None = None
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    annotations: dict[str, str] | None = None
    subject: Descriptor | None = None
    artifact_type: str | None = None
    fs_layers: list[Any] | None = None


_KNOWN = media_types.MANIFESTS | media_types.INDEXES | media_types.SCHEMA1
# What a document is called if neither it nor its Content-Type says so rightly.
_USUAL = {
    media_types.MANIFESTS: media_types.OCI_MANIFEST,
    media_types.INDEXES: media_types.OCI_INDEX,
    media_types.SCHEMA1: media_types.DOCKER_SCHEMA1,
    _KNOWN: media_types.OCI_MANIFEST,
}
_decoder = msgspec.json.Decoder(_Document, dec_hook=decode_digest)


def parse_manifest(
    raw: bytes, media_type: str = "", *, digest: Digest | None = None, source: str = "a manifest"
) -> AnyManifest:
    """Read a manifest or index.

    Parameters
    ----------
    raw : bytes
        The document; kept as it is.
    media_type : str
        The Content-Type that it came with; decides where the document itself
        does not say, unless the document's members show that it is wrong.
    digest : Digest, optional
        Its digest, if the caller has checked it already; computed otherwise.
    source : str
        Where it came from, for messages.

    Returns
    -------
    Manifest, Index or SchemaOneManifest

    Raises
    ------
    ProtocolError
        If the document is not a manifest, or could be read in two ways.

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Manifest" and "Image Index". The
    document's own ``mediaType`` wins over the header, which some registries
    get wrong: it is under the digest and cannot differ between readers.
    """
    try:
        document = _decoder.decode(raw)
    except (msgspec.MsgspecError, InvalidReferenceError, UnicodeDecodeError, RecursionError) as e:
        raise ProtocolError(f"{source} is not a valid manifest: {e}.") from e
    kind = _kind(document, media_type.partition(";")[0].strip(), source)
    if kind in media_types.SCHEMA1:
        return SchemaOneManifest(kind, digest, raw)
    return _build(document, kind, digest or Digest.of(raw), raw)


def _build(document: _Document, kind: str, digest: Digest, raw: bytes) -> Manifest | Index:
    shared: dict[str, Any] = {
        "annotations": document.annotations or {},
        "subject": document.subject,
        "artifact_type": document.artifact_type or "",
        "raw": raw,
    }
    if document.config is not None and kind in media_types.MANIFESTS:
        return Manifest(kind, digest, document.config, tuple(document.layers or ()), **shared)
    return Index(kind, digest, tuple(document.manifests or ()), **shared)


def _kind(document: _Document, content_type: str, source: str) -> str:
    """Decide the media type: what the document says, then its members, then the header."""
    possible = _possible(document, source)
    kind = document.media_type or content_type
    if kind not in possible:
        if document.media_type in _KNOWN:
            raise ProtocolError(f"{source} is called {kind}, but its members are of another kind.")
        kind = _USUAL[possible]
    if kind in media_types.MANIFESTS and document.config is None:
        raise ProtocolError(f"{source} is not a valid manifest: it has no config.")
    return kind


def _possible(document: _Document, source: str) -> frozenset[str]:
    """Tell by a document's members which media types it can have.

    Notes
    -----
    Source: CVE-2021-41190, a document with both ``manifests`` and ``layers``:
    what two readers could read differently is refused.
    """
    members = {
        media_types.MANIFESTS: document.config is not None or document.layers is not None,
        media_types.INDEXES: document.manifests is not None,
        media_types.SCHEMA1: document.fs_layers is not None,
    }
    found = [kinds for kinds, present in members.items() if present]
    if len(found) > 1:
        raise ProtocolError(f"{source} is ambiguous: it has members of more than one kind.")
    return found[0] if found else _KNOWN
