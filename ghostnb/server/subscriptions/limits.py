"""How many subscriptions there are, how much waits for them, and how patient they are served."""

from dataclasses import dataclass

from ghostnb.wire.retries import RetryPolicy

__all__ = ["Limits"]

# Waits of half a minute, one, two … 32: eight tries within about an hour. The time is twice as
# much, so that a receiver may ask for an hour by Retry-After and be tried again.
_PATIENCE = RetryPolicy(total_seconds=7200.0, max_attempts=8, first_wait_seconds=30.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept and done for subscriptions.

    Attributes
    ----------
    subscriptions : int
        How many there may be.
    waiting : int
        Events of one subscription that wait; one more, and the oldest is dropped.
    at_once : int
        Deliveries under way, of all subscriptions together.
    timeout_seconds : float
        For one try: looking the name up, connecting, sending, and the answer's headers.
    patience : RetryPolicy
        For one event. Retry-After is heeded up to half of its ``total_seconds``.
    """

    subscriptions: int = 50
    waiting: int = 1000
    at_once: int = 4
    timeout_seconds: float = 10.0
    patience: RetryPolicy = _PATIENCE
