"""What registries store, and where it could be less."""

from ghostnb.widgets.storage.panel import StoragePanel

__all__ = ["StoragePanel"]
