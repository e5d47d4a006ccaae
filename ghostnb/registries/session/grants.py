"""The tokens that a registry granted, as long as they hold."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

__all__ = ["Grant", "Grants"]

# A token has some 2 KB: so many are a few megabytes, and far more than are in use at once.
_MAX_GRANTS = 2000


@dataclass(slots=True)
class Grant:
    """A header's value and until when it holds (monotonic seconds)."""

    header: str = field(repr=False)
    until: float

    @property
    def is_fresh(self) -> bool:
        """True if a request may still be sent with it."""
        return time.monotonic() < self.until


class Grants:
    """Keeps the newest grants, one a set of scopes.

    Notes
    -----
    Each repository has a scope of its own: without a bound, a walk over
    100,000 of them would keep 100,000 tokens.
    """

    def __init__(self) -> None:
        self._grants: OrderedDict[tuple[str, ...], Grant] = OrderedDict()

    def __len__(self) -> int:
        return len(self._grants)

    def get(self, scopes: tuple[str, ...]) -> Grant | None:
        """Give the grant for exactly these scopes; None if there is none that is fresh."""
        grant = self._grants.get(scopes)
        return grant if grant is not None and grant.is_fresh else None

    def keep(self, scopes: tuple[str, ...], grant: Grant) -> None:
        """Keep a grant, and drop those from the oldest on that are over or too many."""
        self._grants[scopes] = grant
        self._grants.move_to_end(scopes)
        while self._grants and self._is_oldest_to_go():
            self._grants.popitem(last=False)

    def _is_oldest_to_go(self) -> bool:
        oldest = next(iter(self._grants.values()))
        return len(self._grants) > _MAX_GRANTS or not oldest.is_fresh
