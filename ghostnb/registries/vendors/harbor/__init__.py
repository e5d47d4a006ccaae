"""Harbor, by its own API."""

from ghostnb.registries.vendors.harbor.vendor import Harbor

__all__ = ["Harbor"]
