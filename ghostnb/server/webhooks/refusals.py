"""Why a webhook's request is not taken.

What is wrong with its body is a `ghostnb.wire.notifications.NotificationError`, for 422.
"""

__all__ = ["BusyError", "NotAuthenticError", "UnknownSourceError", "WebhookError"]


class WebhookError(Exception):
    """A request is not taken.

    Attributes
    ----------
    status : int
        What to answer, in HTTP's numbers.
    """

    status: int = 500


class UnknownSourceError(WebhookError, LookupError):
    """No kind of sender is called so."""

    status = 404


class NotAuthenticError(WebhookError):
    """The sender has not proved that it knows the secret, or there is none."""

    status = 401


class BusyError(WebhookError):
    """Too much waits to be worked off; the sender is to come again.

    Parameters
    ----------
    message : str
    retry_seconds : int
        After how long: for the header Retry-After.
    """

    status = 429

    def __init__(self, message: str, retry_seconds: int) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds
