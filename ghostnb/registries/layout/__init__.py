"""A registry in a directory: an OCI image layout."""

from ghostnb.registries.layout.registry import LayoutRegistry

__all__ = ["LayoutRegistry"]
