"""Webhooks in: who may send, what is new, and who is told."""

from ghostnb.server.webhooks.inbox import Inbox
from ghostnb.server.webhooks.refusals import (
    BusyError,
    NotAuthenticError,
    UnknownSourceError,
    WebhookError,
)
from ghostnb.wire.notifications import MAX_BODY_BYTES, NotificationError

__all__ = [
    "MAX_BODY_BYTES",
    "BusyError",
    "Inbox",
    "NotAuthenticError",
    "NotificationError",
    "UnknownSourceError",
    "WebhookError",
]
