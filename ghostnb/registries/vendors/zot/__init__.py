"""zot."""

from ghostnb.registries.vendors.zot.vendor import Zot

__all__ = ["Zot"]
