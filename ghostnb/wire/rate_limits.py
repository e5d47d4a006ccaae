"""Docker Hub's pull limits, as reply headers tell them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# No more digits than a frame's Int64 holds (and than `int` agrees to read).
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many pulls are allowed and left.

    Attributes
    ----------
    limit, remaining : int or None
        Pulls in the window.
    window_seconds : int or None
    source : str
        The address or account that is counted.

    Notes
    -----
    Source: Docker, "Docker Hub pull usage and limits":
    ``ratelimit-limit: 100;w=21600``.
    """

    limit: int | None
    remaining: int | None
    window_seconds: int | None
    source: str = ""


def parse_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Read the rate limit headers; None if there are none.

    Examples
    --------
    >>> parse_rate_limit({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"})
    RateLimit(limit=100, remaining=76, window_seconds=21600, source='')
    """
    # Looked for in every reply, and hardly ever there.
    if "ratelimit-limit" not in headers and "ratelimit-remaining" not in headers:
        return None
    limit, window = _parse(headers.get("ratelimit-limit", ""))
    remaining, other_window = _parse(headers.get("ratelimit-remaining", ""))
    if limit is None and remaining is None:
        return None
    source = headers.get("docker-ratelimit-source", "")
    return RateLimit(limit, remaining, window or other_window, source)


def _parse(text: str) -> tuple[int | None, int | None]:
    count, _, rest = text.partition(";")
    window = rest.strip().removeprefix("w=")
    return _number(count), _number(window)


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text.strip()) else None
