"""Google Artifact Registry."""

from ghostnb.registries.vendors.google.vendor import ArtifactRegistry

__all__ = ["ArtifactRegistry"]
