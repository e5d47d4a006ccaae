"""When to ask again, and how long to wait before it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Nobody asks to wait for thirty years: so large a number is a moment.
_OLDEST_MOMENT = 1e9
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# RFC 9110, section 9.2.2
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be.

    Attributes
    ----------
    total_seconds : float
        No wait begins that would end after so long.
    max_attempts : int
    first_wait_seconds : float
        Doubled at each attempt; up to half of it is left to chance.
    """

    total_seconds: float = 30.0
    max_attempts: int = 5
    first_wait_seconds: float = 0.25

    def wait_seconds(
        self, attempt: int, elapsed_seconds: float, asked_seconds: float | None = None
    ) -> float | None:
        """Say how long to wait before the next attempt.

        Parameters
        ----------
        attempt : int
            How many attempts there were.
        elapsed_seconds : float
            Since the first of them began.
        asked_seconds : float, optional
            What the registry asks for by Retry-After.

        Returns
        -------
        float or None
            None: do not try again.
        """
        backoff = self.first_wait_seconds * 2 ** (attempt - 1)
        jittered = random.uniform(backoff / 2, backoff)  # noqa: S311 (no secret)
        wait = jittered if asked_seconds is None else asked_seconds + jittered / 10
        if attempt >= self.max_attempts or elapsed_seconds + wait > self.total_seconds:
            return None
        return wait


def may_repeat(method: str, status: int | None) -> bool:
    """Tell whether a request may be sent again.

    Parameters
    ----------
    method : str
    status : int or None
        What was answered; None if the connection failed, so that the request
        may have been taken or not.
    """
    if status is None:
        return method in _IDEMPOTENT
    # 429 and 503 say that the request was not taken.
    return status in RETRIED_STATUSES and (method in _IDEMPOTENT or status in (429, 503))


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read Retry-After in either form: seconds, or a date.

    Notes
    -----
    Source: RFC 9110, section 10.2.3. Docker Hub's API writes the moment as
    seconds since 1970 instead (docker/hub-feedback, issue 2459).

    Examples
    --------
    >>> retry_after_seconds({"retry-after": "7"})
    7.0
    """
    text = headers.get("retry-after", "").strip()
    now = now or datetime.now(UTC)
    if text.isdecimal():
        seconds = float(text)
        return max(0.0, seconds - now.timestamp()) if seconds > _OLDEST_MOMENT else seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
