"""The time, as answers and events have it."""

from ghostnb.wire.clock import now

__all__ = ["now"]
