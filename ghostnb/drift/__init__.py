"""The embedded registry: serves any `Registry` over HTTP."""

from ghostnb.drift.app import create_app
from ghostnb.drift.limits import Limits

__all__ = ["Limits", "create_app"]
