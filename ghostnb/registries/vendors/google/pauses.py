"""How long a sign-in that keeps everybody waiting is left alone."""

import time

__all__ = ["Pauses"]

# Credentials are looked up anew after a minute: a shorter pause would save nothing.
_FIRST_SECONDS = 60.0
_LONGEST_SECONDS = 600.0


class Pauses:
    """Leaves alone what was waited for in vain: a minute, and twice as long each time.

    Attributes
    ----------
    seconds : float
        How long the next one is.
    """

    def __init__(self) -> None:
        self.seconds = _FIRST_SECONDS
        self._ends_at = 0.0
        self._signs: object = None

    def __repr__(self) -> str:
        return f"<Pauses of {self.seconds:g} s>"

    def holds(self, signs: object) -> bool:
        """Tell whether to wait still; not where the signs of what is asked are others by now."""
        return time.monotonic() < self._ends_at and signs == self._signs

    def begin(self, signs: object) -> None:
        """Begin a pause, for what was asked in vain by these signs."""
        self._ends_at = time.monotonic() + self.seconds
        self._signs = signs
        self.seconds = min(2 * self.seconds, _LONGEST_SECONDS)

    def reset(self) -> None:
        """Forget all of them: it has answered."""
        self.seconds, self._ends_at = _FIRST_SECONDS, 0.0
