"""What is attached to a manifest: signatures, SBOMs and other artifacts."""

from ghostnb.oci import AnyManifest, Descriptor, Digest, Manifest, SchemaOneManifest

__all__ = ["Referrer", "as_referrer", "described", "fallback_tag"]

Referrer = tuple[Digest, Descriptor]
"""A subject's digest, and the descriptor of what is attached to it."""


def as_referrer(manifest: AnyManifest) -> Referrer | None:
    """Describe a manifest as the referrers API does; None if it is attached to nothing.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Listing Referrers": the descriptor has
    the manifest's annotations, and its artifact type or else its config's type.
    """
    if isinstance(manifest, SchemaOneManifest) or manifest.subject is None:
        return None
    kind = manifest.artifact_type
    if not kind and isinstance(manifest, Manifest):
        kind = manifest.config.media_type
    descriptor = Descriptor(
        manifest.media_type,
        manifest.digest,
        len(manifest.raw),
        annotations=manifest.annotations or None,
        artifact_type=kind,
    )
    return manifest.subject.digest, descriptor


def fallback_tag(digest: Digest) -> str:
    """Give the tag that stands for a manifest's referrers where a registry does not list them.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Referrers Tag Schema".
    """
    return f"{digest.algorithm}-{digest.encoded[:64]}"


def described(manifest: AnyManifest) -> Descriptor:
    """Give the descriptor of a manifest that was read."""
    digest = manifest.digest or Digest.of(manifest.raw)
    return Descriptor(manifest.media_type, digest, len(manifest.raw))
