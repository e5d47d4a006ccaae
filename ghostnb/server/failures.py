"""What went wrong, as an HTTP status and a code: the one table from errors to answers."""

from dataclasses import dataclass, field
from http.client import responses

from tornado.web import HTTPError

from ghostnb.errors import (
    ConfigError,
    EngineError,
    EngineUnreachableError,
    ForbiddenError,
    GhostnbError,
    IncompleteError,
    IntegrityError,
    InvalidContainerError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.server.subscriptions import TooManySubscriptionsError
from ghostnb.server.webhooks import (
    BusyError,
    NotAuthenticError,
    NotificationError,
    UnknownSourceError,
)

__all__ = ["Failure", "FailureError", "failure_of"]


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says what is wrong.

    Attributes
    ----------
    status : int
    code : str
        For programs: lower case, with underscores.
    message : str
    headers : dict of str to str
    problems : dict of str to str
        A field's name to what is wrong in it, where that is known.
    """

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


class FailureError(Exception):
    """Ends a request with a failure of its own."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.failure = Failure(status, code, message, headers or {})


# The first that fits. What a registry or a daemon did wrong is a gateway's failure: 401 and 403
# would say that whoever asks is not allowed to, and 500 that the agent is broken.
_TABLE: tuple[tuple[type[GhostnbError], int, str], ...] = (
    (InvalidContainerError, 422, "invalid_container"),
    (InvalidReferenceError, 422, "invalid_reference"),
    (ConfigError, 422, "invalid_configuration"),
    (UnauthorizedError, 502, "registry_wants_credentials"),
    (ForbiddenError, 502, "registry_forbids"),
    (NotFoundError, 404, "not_found"),
    (UnsupportedError, 422, "unsupported"),
    (RateLimitedError, 429, "registry_limits"),
    (RejectedError, 409, "registry_rejects"),
    (TransportTimeoutError, 504, "registry_timeout"),
    (TransportError, 502, "registry_unreachable"),
    (IntegrityError, 502, "registry_damaged"),
    (ProtocolError, 502, "registry_unreadable"),
    (RegistryError, 502, "registry_failed"),
    (EngineUnreachableError, 503, "no_daemon"),
    (IncompleteError, 502, "incomplete"),
    (TooManySubscriptionsError, 409, "too_many_subscriptions"),
    (UnknownSourceError, 404, "not_found"),
    (NotAuthenticError, 401, "unauthenticated"),
    (NotificationError, 422, "invalid_notification"),
    (BusyError, 429, "busy"),
)
_ENGINE = {400: (422, "cannot_run"), 404: (404, "not_found"), 409: (409, "conflict")}
_HTTP = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "too_many_requests",
}


def failure_of(error: BaseException) -> Failure:
    """Say how an error is answered.

    Parameters
    ----------
    error : BaseException
        What ghostnb, Tornado or Python raised.

    Returns
    -------
    Failure
        500 without details for what is a mistake of ours: those are the log's.
    """
    if isinstance(error, FailureError):
        return error.failure
    if isinstance(error, HTTPError):
        return _of_http(error)
    if isinstance(error, EngineError) and error.status in _ENGINE:
        return Failure(*_ENGINE[error.status or 0], str(error))
    for kind, status, code in _TABLE:
        if isinstance(error, kind):
            return Failure(status, code, str(error), _headers(error), _problems(error))
    if isinstance(error, GhostnbError):
        return Failure(502, "failed", str(error))
    return Failure(500, "internal", "The agent failed; its log says how.")


def _of_http(error: HTTPError) -> Failure:
    status = error.status_code
    code = _HTTP.get(status, "failed")
    message = error.log_message if status < 500 and error.log_message else ""
    return Failure(status, code, message or f"{responses.get(status, 'Failed')}.")


def _headers(error: GhostnbError) -> dict[str, str]:
    if not isinstance(error, RateLimitedError | BusyError) or error.retry_after_seconds is None:
        return {}
    return {"Retry-After": str(max(round(error.retry_after_seconds), 1))}


def _problems(error: GhostnbError) -> dict[str, str]:
    return error.problems if isinstance(error, InvalidContainerError) else {}
