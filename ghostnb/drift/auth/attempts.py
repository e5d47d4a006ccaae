"""Logins that failed: too many of them, and the next must wait."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from ghostnb.drift.replies import RefusedError

__all__ = ["Attempts"]

# The oldest go first: each of so many costs who tries them one check of a password.
_MAX_KEYS = 10_000
# No user's name is longer; what somebody makes up may be as long as a header.
_NAME_LENGTH = 255


class Attempts:
    """Counts failed logins, by whom and from where.

    Parameters
    ----------
    limit : int
    window_seconds : float
        So many failures within so long, and the next login is refused.
    clock : callable
        Gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        limit: int = 10,
        window_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Let a login be tried.

        Raises
        ------
        RefusedError
            429, if too many have failed.
        """
        failures = self._failures.get(_key(name, address))
        if failures is None or len(failures) < self._limit:
            return
        left = failures[0] + self._window_seconds - self._clock()
        if left > 0:
            raise RefusedError(
                429,
                "TOOMANYREQUESTS",
                f"{self._limit} logins have failed; try again in {math.ceil(left)} s.",
                headers={"retry-after": str(math.ceil(left))},
            )

    def note_failed(self, name: str, address: str) -> None:
        """Count a login that failed."""
        key = _key(name, address)
        self._failures.setdefault(key, deque(maxlen=self._limit)).append(self._clock())
        self._failures.move_to_end(key)
        while len(self._failures) > _MAX_KEYS:
            self._failures.popitem(last=False)

    def forget(self, name: str, address: str) -> None:
        """Begin anew, since a login succeeded."""
        self._failures.pop(_key(name, address), None)


def _key(name: str, address: str) -> tuple[str, str]:
    return name[:_NAME_LENGTH], address
