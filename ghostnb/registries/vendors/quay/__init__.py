"""Quay."""

from ghostnb.registries.vendors.quay.vendor import Quay

__all__ = ["Quay"]
