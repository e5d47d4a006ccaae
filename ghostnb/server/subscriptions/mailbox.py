"""One subscription's events: they wait in order, and are delivered one after the other."""

import asyncio
import itertools
import logging
import time
from collections import deque

from ghostnb.server.subscriptions.courier import Courier
from ghostnb.server.subscriptions.limits import Limits
from ghostnb.server.subscriptions.message import Message
from ghostnb.server.subscriptions.outcome import Outcome
from ghostnb.server.subscriptions.signing import signed_headers
from ghostnb.server.subscriptions.subscription import DeliveryState, Subscription
from ghostnb.server.subscriptions.targets import Target
from ghostnb.wire.events import Event

__all__ = ["Mailbox"]

_MAX_ERROR_CHARACTERS = 300
_log = logging.getLogger("ghostnb.server")


class Mailbox:
    """Keeps and delivers what one subscription wants.

    Parameters
    ----------
    subscription : Subscription
    target : Target
    key : bytes
        That signs.
    courier : Courier
        Of all subscriptions.
    limits : Limits

    Notes
    -----
    Receivers get events in their order: while one is tried again, the others wait. There is a
    task only while there are events.
    """

    def __init__(
        self,
        subscription: Subscription,
        target: Target,
        key: bytes,
        courier: Courier,
        limits: Limits,
    ) -> None:
        self.subscription = subscription
        self._target = target
        self._key = key
        self._courier = courier
        self._max_waiting = limits.waiting
        self._patience = limits.patience
        self._events: deque[Event] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._is_delivering = False
        self._is_disabled = False
        self._delivered = self._failed = self._dropped = 0
        self._last_error = ""

    def __repr__(self) -> str:
        return f"<Mailbox of {self.subscription.id}: {len(self._events)} waiting>"

    @property
    def state(self) -> DeliveryState:
        """How delivering goes."""
        return DeliveryState(
            self._delivered,
            self._failed,
            self._dropped,
            len(self._events) + self._is_delivering,
            self._last_error,
            self._is_disabled,
        )

    def offer(self, event: Event) -> None:
        """Keep an event for delivery if it is wanted; if there is no room, drop the oldest."""
        if self._is_disabled or not self.subscription.wants(event):
            return
        if len(self._events) >= self._max_waiting:
            self._events.popleft()
            self._dropped += 1
        self._events.append(event)
        self._ensure_worker()

    def stop(self) -> "asyncio.Task[None] | None":
        """Deliver no more; give the task that ends for it."""
        if self._worker is not None:
            self._worker.cancel()
        return self._worker

    def _ensure_worker(self) -> None:
        if self._worker is not None and not self._worker.done():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # Before the server runs: the next event is offered when it does.
        self._worker = loop.create_task(self._work(), name=f"webhook {self.subscription.id}")

    async def _work(self) -> None:
        while self._events:
            event = self._events.popleft()
            self._is_delivering = True
            try:
                await self._deliver(Message.of(event))
            except Exception:
                # A mistake of ours: it is told, and the events behind this one still go.
                self._failed += 1
                self._last_error = "An event could not be sent; the server's log says why."
                _log.exception("Webhook %s lost an event:", self.subscription.id)
            finally:
                self._is_delivering = False

    async def _deliver(self, message: Message) -> None:
        begun = time.monotonic()
        for attempt in itertools.count(1):
            outcome = await self._try(message)
            self._last_error = self._words(outcome)
            wait_seconds = self._wait_seconds(outcome, attempt, time.monotonic() - begun)
            if wait_seconds is None:
                self._conclude(outcome)
                return
            await asyncio.sleep(wait_seconds)

    async def _try(self, message: Message) -> Outcome:
        headers = signed_headers(self._key, message.id, int(time.time()), message.body)
        return await self._courier.post(self._target, headers, message.body)

    def _words(self, outcome: Outcome) -> str:
        # The host alone: a path or query may be secret.
        words = f"{self._target.authority} {outcome.error}." if outcome.error else ""
        return words[:_MAX_ERROR_CHARACTERS]

    def _wait_seconds(self, outcome: Outcome, attempt: int, elapsed: float) -> float | None:
        if not outcome.may_pass:
            return None
        asked = outcome.asked_seconds
        if asked is not None:
            asked = min(asked, self._patience.total_seconds / 2)
        return self._patience.wait_seconds(attempt, elapsed, asked)

    def _conclude(self, outcome: Outcome) -> None:
        if not outcome.error:
            self._delivered += 1
            return
        self._failed += 1
        if outcome.is_gone:
            self._is_disabled = True
            self._dropped += len(self._events)
            self._events.clear()
        what = "is disabled" if outcome.is_gone else "lost an event"
        _log.warning("Webhook %s %s: %s", self.subscription.id, what, self._last_error)
