"""Why no daemon answers, and what to do about it."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Sequence

from ghostnb.engine.endpoints import Endpoint
from ghostnb.errors import EngineUnreachableError

__all__ = ["Attempt", "reason", "unreachable_error"]

Attempt = tuple[Endpoint, str]

_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ETIMEDOUT: "no answer in time",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ENOTSOCK: "not a socket",
    errno.EPROTOTYPE: "not a stream socket",
    errno.ENOTDIR: "no such file",
}
_START = "Start one (systemctl start docker, or podman system service --time=0)"


def unreachable_error(attempts: Sequence[Attempt]) -> EngineUnreachableError:
    """Make the error that lists every address tried and what each said.

    Parameters
    ----------
    attempts : sequence of (Endpoint, str)
        In the order tried; the text is a `reason`.
    """
    tried = ", ".join(f"{endpoint.shown_url} ({said})" for endpoint, said in attempts)
    error = EngineUnreachableError(f"No container daemon answers at {tried}.", hint=_hint(attempts))
    error.tried = tuple((endpoint.shown_url, said) for endpoint, said in attempts)
    return error


def _hint(attempts: Sequence[Attempt]) -> str:
    reasons = {said for _, said in attempts}
    advice = []
    if "permission denied" in reasons:
        user = "$USER" if os.name != "nt" else "%USERNAME%"
        advice.append(
            f"Where permission was denied, join the socket's group (sudo usermod -aG docker {user},"
            " then log in again) or use a rootless daemon."
        )
    if reasons != {"permission denied"}:
        advice.append(f"{_START}, or name it: Engine('unix:///path') or DOCKER_HOST.")
    return " ".join(advice)


def reason(error: BaseException) -> str:
    """Say in a few words why a connection failed.

    Parameters
    ----------
    error : BaseException
        As ``requests`` or the SDK raised it; the cause lies somewhere inside.

    Returns
    -------
    str
        For example ``connection refused``.
    """
    for inner in _unfold(error, set()):
        if isinstance(inner, socket.gaierror):
            return "no such host"
        if isinstance(inner, ssl.SSLError):  # its numbers are OpenSSL's, and 1 is not EPERM
            return f"TLS failed: {getattr(inner, 'verify_message', '') or inner.reason}"
        if isinstance(inner, TimeoutError):
            return "no answer in time"
        if isinstance(inner, OSError) and inner.errno in _REASONS:
            return _REASONS[inner.errno]
    return _last_words(error)


def _last_words(error: BaseException) -> str:
    """Name what is not in the table; the innermost error says the most."""
    *_, inner = _unfold(error, set())
    return f"{type(inner).__name__}: {inner}" if str(inner) else type(inner).__name__


def _unfold(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Walk into an error: requests and urllib3 keep the cause among the arguments."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    inside = [*error.args, getattr(error, "reason", None), error.__cause__, error.__context__]
    for inner in inside:
        if isinstance(inner, BaseException):
            yield from _unfold(inner, seen)
