"""What a daemon says about a registry, as errors of the tree.

Daemons pass on a registry's answer as prose: Go's errors joined by ``": "``, with the reason
among the last parts. So a reason counts only as a whole part, or where a known wording introduces
it: ``manifest for localhost:5000/denied:1 not found: manifest unknown`` is no denial, and
``failed to register layer: unexpected EOF`` is no broken connection.

Sources: github.com/distribution/distribution ``registry/api/errcode``;
github.com/containers/image ``docker/errors.go``; containerd ``remotes/docker``; Go's ``net/url``
(``url.Error``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ghostnb.engine.absent_images import absent_image_error, says_absent
from ghostnb.errors import (
    Diagnostic,
    EngineError,
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Reference

__all__ = ["pull_error", "push_error"]

# distribution's errcode writes MANIFEST_UNKNOWN like this
_CODES: dict[str, type[RegistryError]] = {
    "manifest unknown": NotFoundError,
    "name unknown": NotFoundError,
    "blob unknown": NotFoundError,
    "unauthorized": UnauthorizedError,
    "denied": ForbiddenError,
    "toomanyrequests": RateLimitedError,
    "unsupported": UnsupportedError,
    "manifest invalid": RejectedError,
    "manifest blob unknown": RejectedError,
    "blob upload unknown": RejectedError,
    "blob upload invalid": RejectedError,
    "digest invalid": RejectedError,
    "size invalid": RejectedError,
    "name invalid": RejectedError,
    "tag invalid": RejectedError,
}
_WORDS: dict[str, type[RegistryError]] = {
    **_CODES,
    "authentication required": UnauthorizedError,
    "no basic auth credentials": UnauthorizedError,
    "invalid username/password": UnauthorizedError,
    "insufficient_scope": UnauthorizedError,  # containerd, for a token that is too weak
    "too many requests to registry": RateLimitedError,
}
# each is the wording of one client; the number is the registry's status
_STATUS = re.compile(
    r"(?:received unexpected HTTP status: "
    r"|invalid status code from registry "
    r"|StatusCode: "
    r"|unexpected status from [A-Z]+ request to \S+: "
    r"|failed to read from destination repository \S+: "
    r"|failed with status code \[[^\]]*\]: )(?P<status>[45]\d\d)\b"
)
_STATUS_CLASSES: dict[int, type[RegistryError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: UnsupportedError,
    429: RateLimitedError,
}
# containerd keeps nothing of a 404 but this
_NOT_RESOLVED = re.compile(r'failed to resolve reference "[^"]+": .*: not found$')
_NO_PLATFORM = re.compile(r"(?:^|: )(?:no matching manifest for |no image found in )")
# Go's url.Error: the request failed below HTTP, or no connection came about at all
_NO_ANSWER = re.compile(
    r'\b(?:Get|Head|Post|Put|Patch) "?https?://[^ ]+: '
    r"|(?:^|: )(?:dial|read|write|proxyconnect) tcp\b"
)
_NO_TLS = re.compile(r"server gave HTTP response to HTTPS client|\b(?:x509|tls): ")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in a daemon's prose; without a hint of its own, its kind's is given."""

    kind: type[RegistryError]
    hint: str = ""
    status: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def pull_error(
    message: str, *, reference: Reference, daemon: str, daemon_status: int | None = None
) -> GhostnbError:
    """Make the error for a pull that a daemon gave up.

    Parameters
    ----------
    message : str
        The daemon's words, without credentials.
    reference : Reference
        What was to be pulled.
    daemon : str
        Who was to pull it, for the message.
    daemon_status : int or None
        The HTTP status, if the daemon refused before it began.

    Returns
    -------
    GhostnbError
        A `RegistryError` of the right kind if the words say it, else an `EngineError`.
    """
    found = _find(message)
    if found is None and daemon_status == 404:  # moby: errdefs.NotFound, whatever the prose
        found = Finding(NotFoundError)
    said = f"{daemon} could not pull {reference}: {_shown(message)}."
    return _error(said, found, reference, _HINTS)


def push_error(
    message: str, *, reference: Reference, daemon: str, daemon_status: int | None = None
) -> GhostnbError:
    """Make the error for a push that a daemon gave up.

    Parameters
    ----------
    message, reference, daemon, daemon_status
        As for `pull_error`.

    Returns
    -------
    GhostnbError
        An `EngineError` of status 404 if the daemon has no such image, a `RegistryError` of the
        right kind if the words say it, else an `EngineError`.
    """
    said = f"{daemon} could not push {reference}: {_shown(message)}."
    if says_absent(message) or daemon_status == 404:
        return absent_image_error(said, f"engine.tag(image, {str(reference)!r}) names one so.")
    return _error(said, _find(message), reference, _HINTS | _PUSH_HINTS)


def _shown(message: str) -> str:
    return message.strip().rstrip(".")


def _error(
    said: str,
    found: Finding | None,
    reference: Reference,
    hints: Mapping[type[RegistryError], str],
) -> GhostnbError:
    if found is None:
        return EngineError(said)
    return found.kind(
        said,
        hint=(found.hint or hints[found.kind]).format(reference.registry),
        registry=reference.registry,
        status=found.status,
        diagnostics=found.diagnostics,
    )


def _find(message: str) -> Finding | None:
    return _find_word(message) or _find_status(message) or _find_shape(message)


def _find_word(message: str) -> Finding | None:
    parts = [part.strip().rstrip(".") for part in message.split(": ")]
    for position, part in enumerate(parts):
        if part in _WORDS:
            rest = ": ".join(parts[position + 1 :])[:500]
            code = (Diagnostic(part.replace(" ", "_").upper(), rest),) if part in _CODES else ()
            return Finding(_WORDS[part], diagnostics=code)
    return None


def _find_status(message: str) -> Finding | None:
    match = _STATUS.search(message)
    if match is None:
        return None
    status = int(match["status"])
    other = RejectedError if status < 500 else ServerError
    return Finding(_STATUS_CLASSES.get(status, other), status=status)


def _find_shape(message: str) -> Finding | None:
    if _NO_PLATFORM.search(message):
        return Finding(NotFoundError, _PLATFORM_HINT)
    if _NOT_RESOLVED.search(message):
        return Finding(NotFoundError)
    if _NO_ANSWER.search(message):
        return Finding(TransportError, _TLS_HINT if _NO_TLS.search(message) else "")
    return None


_HINTS: dict[type[RegistryError], str] = {
    NotFoundError: "Check the repository and the tag.",
    UnauthorizedError: "Give credentials=…, or log in first: docker login {0}",
    ForbiddenError: "The repository may not exist, or these credentials may not read it.",
    RateLimitedError: "Wait, or log in to raise the limit: docker login {0}",
    TransportError: "Is {0} running, and can the daemon's machine reach it?",
    UnsupportedError: "The registry does not offer this, or has it switched off.",
    RejectedError: "Correct what it names; if nothing is wrong, the registry's log says more.",
    ServerError: "The registry's own log says more; try again later.",
}
_PUSH_HINTS: dict[type[RegistryError], str] = {
    NotFoundError: "Some registries want a repository to be made before it is first pushed to.",
    ForbiddenError: "The repository may not exist, or these credentials may not write to it.",
}
_PLATFORM_HINT = "The image is not made for that platform; ask for another with platform=…"
_TLS_HINT = (
    "If {0} is meant to speak plain HTTP or has a certificate of its own, tell the daemon:"
    " insecure-registries in Docker's daemon.json, or a [[registry]] with insecure = true in"
    " Podman's registries.conf."
)
