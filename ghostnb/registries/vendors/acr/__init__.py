"""Azure Container Registry."""

from ghostnb.registries.vendors.acr.vendor import ACR

__all__ = ["ACR"]
