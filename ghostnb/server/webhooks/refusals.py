"""Why a webhook's request is not taken.

What is wrong with its body is a `ghostnb.wire.notifications.NotificationError`.
"""

from ghostnb.errors import GhostnbError

__all__ = ["BusyError", "NotAuthenticError", "UnknownSourceError", "WebhookError"]


class WebhookError(GhostnbError):
    """A request is not taken."""


class UnknownSourceError(WebhookError, LookupError):
    """No kind of sender is called so."""


class NotAuthenticError(WebhookError):
    """The sender has not proved that it knows the secret, or there is none."""


class BusyError(WebhookError):
    """Too much waits to be worked off; the sender is to come again.

    Parameters
    ----------
    message : str
    retry_after_seconds : float
    """

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
