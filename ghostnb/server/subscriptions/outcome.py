"""How one try to deliver an event went, and what follows from it."""

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2

from ghostnb.wire.retries import retry_after_seconds

__all__ = ["Outcome", "outcome_of_answer", "outcome_of_failure"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try went.

    Attributes
    ----------
    error : str
        What was wrong, to follow the receiver's name; empty: the event is delivered. Never the
        answer's own words: who may subscribe is not to read with our eyes.
    may_pass : bool
        It is worth another try.
    is_gone : bool
        The receiver wants nothing any more.
    asked_seconds : float or None
        How long the receiver asks to wait.
    """

    error: str = ""
    may_pass: bool = False
    is_gone: bool = False
    asked_seconds: float | None = None


def outcome_of_answer(status: int, headers: Mapping[str, str]) -> Outcome:
    """Judge an answer.

    Notes
    -----
    Source: Standard Webhooks 1.0.0, "Delivery success and failure". It calls everything but
    2xx a failure; what a client error says of one event is not asked again.
    """
    if 200 <= status < 300:
        return Outcome()
    if 300 <= status < 400:
        return Outcome(f"answered {status}, a redirect, which is not followed")
    if status == 410:
        return Outcome("answered 410: it wants no more events", is_gone=True)
    may_pass = status in (408, 429) or 500 <= status < 600
    asked = retry_after_seconds(headers) if may_pass else None
    return Outcome(f"answered {status}", may_pass=may_pass, asked_seconds=asked)


def outcome_of_failure(error: Exception) -> Outcome:
    """Judge that no answer came: it is worth another try."""
    return Outcome(f"cannot be reached ({_cause(error)})", may_pass=True)


def _cause(error: Exception) -> str:
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate was not accepted: {link.verify_message}"
        if isinstance(link, ssl.SSLError):
            return "it does not speak TLS there, or not as we do"
        if isinstance(link, socket.gaierror | UnicodeError):
            return "no such host"
        if isinstance(link, OSError) and link.errno:
            return os.strerror(link.errno).lower()
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return "no answer in time"
    return "its answer broke off or is not HTTP"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
