"""Bolt's profiles, plugins and Boltfile templates, kept as OCI artifacts."""

from ghostnb.drift.bolt.routes import add_bolt

__all__ = ["add_bolt"]
