"""The time, as events, answers and artifacts have it."""

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> str:
    """Give the time: RFC 3339 in UTC, to a thousandth of a second."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
