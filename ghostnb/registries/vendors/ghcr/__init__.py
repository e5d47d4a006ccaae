"""GitHub's container registry."""

from ghostnb.registries.vendors.ghcr.vendor import GHCR

__all__ = ["GHCR"]
