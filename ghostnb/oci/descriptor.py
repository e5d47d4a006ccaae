"""Descriptors: how one piece of content points to another."""

from typing import Annotated, Any

import msgspec

from ghostnb.oci import media_types
from ghostnb.oci.digest import Digest
from ghostnb.oci.platform import Platform

# A frame's Int64 must be able to hold the size, and sums of sizes.
Size = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What a piece of content is, how large, and the digest that names it.

    Attributes
    ----------
    media_type : str
    digest : Digest
    size_bytes : int
        Bytes as stored (compressed, for a compressed layer).
    urls : tuple of str
        Where a foreign layer's bytes are.
    annotations : dict of str to str
    platform : Platform or None
        Only in an index.
    artifact_type : str

    Notes
    -----
    Source: OCI image-spec v1.1, "OCI Content Descriptors".
    """

    media_type: str
    digest: Digest
    size_bytes: Size = msgspec.field(name="size")
    urls: tuple[str, ...] | None = None
    annotations: dict[str, str] | None = None
    platform: Platform | None = None
    artifact_type: str = ""

    @property
    def is_index(self) -> bool:
        """True if this points to an index or manifest list."""
        return self.media_type in media_types.INDEXES

    @property
    def is_attestation(self) -> bool:
        """True for a BuildKit attestation, which stands in an index but is no platform.

        Notes
        -----
        Source: BuildKit, "Image Attestation Storage".
        """
        kind = (self.annotations or {}).get("vnd.docker.reference.type", "")
        unknown = self.platform is not None and self.platform.is_unknown
        return kind == "attestation-manifest" or unknown

    @property
    def is_foreign(self) -> bool:
        """True for a layer whose bytes are not in the registry."""
        return media_types.is_foreign(self.media_type)


def decode_digest(kind: type, value: Any) -> Any:
    """Turn text into a `Digest` while JSON is decoded (a msgspec ``dec_hook``)."""
    if kind is Digest:
        return Digest(value)
    raise TypeError(f"cannot decode a {kind.__name__}")
