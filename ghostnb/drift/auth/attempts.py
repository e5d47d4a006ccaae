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
    limit, address_limit : int
    window_seconds : float
        So many failures of one name from one address within so long, or of any
        names from one address, and the next login is refused.
    clock : callable
        Gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        limit: int = 10,
        address_limit: int = 100,
        window_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._address_limit = address_limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._failures: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Let a login be tried.

        Raises
        ------
        RefusedError
            429, if too many have failed.
        """
        for key, limit in self._counted(name, address):
            self._check(key, limit)

    def note_failed(self, name: str, address: str) -> None:
        """Count a login that failed."""
        for key, limit in self._counted(name, address):
            self._failures.setdefault(key, deque(maxlen=limit)).append(self._clock())
            self._failures.move_to_end(key)
        while len(self._failures) > _MAX_KEYS:
            self._failures.popitem(last=False)

    def forget(self, name: str, address: str) -> None:
        """Begin anew with a name, since a login succeeded; who has one may still guess others."""
        self._failures.pop((name[:_NAME_LENGTH], address), None)

    def _counted(self, name: str, address: str) -> list[tuple[tuple[str, ...], int]]:
        return [((name[:_NAME_LENGTH], address), self._limit), ((address,), self._address_limit)]

    def _check(self, key: tuple[str, ...], limit: int) -> None:
        failures = self._failures.get(key)
        if failures is None or len(failures) < limit:
            return
        left = failures[0] + self._window_seconds - self._clock()
        if left > 0:
            raise RefusedError(
                429,
                "TOOMANYREQUESTS",
                f"{limit} logins have failed; try again in {math.ceil(left)} s.",
                headers={"retry-after": str(math.ceil(left))},
            )
