"""What happened, and who tells or is told of it."""

from ghostnb.server.answers.answer import Answer
from ghostnb.wire.events import Event

__all__ = ["EventList", "SubscriptionEntry", "SubscriptionList", "Taken"]


class EventList(Answer, frozen=True, kw_only=True):
    """What happened, the newest first."""

    events: list[Event]


class SubscriptionEntry(Answer, frozen=True, kw_only=True):
    """Who is sent what happens, and how that goes; `secret` is told once, where it was made."""

    id: str
    url: str
    actions: list[str]
    registries: list[str]
    created: str
    delivered: int
    failed: int
    dropped: int
    waiting: int
    last_error: str
    disabled: bool
    secret: str | None = None


class SubscriptionList(Answer, frozen=True, kw_only=True):
    """Who is sent what happens."""

    subscriptions: list[SubscriptionEntry]


class Taken(Answer, frozen=True, kw_only=True):
    """How many events of a delivery were new."""

    success: bool = True
    new: int
