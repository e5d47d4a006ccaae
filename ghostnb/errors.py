"""Everything that can go wrong outside of the caller's own code.

The tree::

    GhostnbError
    ├── ConfigError              a configuration file or value
    ├── InvalidReferenceError    a reference, digest or platform (also ValueError)
    ├── InvalidContainerError    what a container is to be like (also ValueError)
    ├── ArchiveError             a file that an image is to be saved to
    ├── PathError                a file or directory that is to be pushed
    ├── SnapshotError            a file that an inventory is saved to, or read from
    ├── PictureError             a file that a picture is to be saved to
    ├── AuditError               a file that an agent's audit is to be read from
    ├── IncompleteError          a plan of which some steps failed
    ├── EngineError              a container daemon
    │   └── EngineUnreachableError
    └── RegistryError            a registry
        ├── TransportError       no answer came: refused, DNS, TLS, proxy
        │   └── TransportTimeoutError   (also TimeoutError)
        ├── ProtocolError        an answer that the specification does not allow
        │   └── UnsafeRedirectError
        ├── IntegrityError       content that is not what its digest says
        ├── UnauthorizedError    401: who are you?
        ├── ForbiddenError       403: you may not
        ├── NotFoundError        404: no such repository, tag, manifest or blob
        │   └── PlatformNotFoundError   an image that is there, and for other platforms
        ├── UnsupportedError     405, or a feature that this registry lacks
        ├── RateLimitedError     429: too many requests
        ├── RejectedError        400, 409, 413 and other 4xx: not so, or not as it is now
        │   ├── LastTagError     a tag that cannot go without its image
        │   └── TagMovedError    a tag that was to be deleted or replaced leads elsewhere
        └── ServerError          5xx, or any other status that was not expected

Programming mistakes stay `TypeError` and `ValueError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

__all__ = [
    "ArchiveError",
    "AuditError",
    "ConfigError",
    "Diagnostic",
    "EngineError",
    "EngineUnreachableError",
    "ForbiddenError",
    "GhostnbError",
    "IncompleteError",
    "IntegrityError",
    "InvalidContainerError",
    "InvalidReferenceError",
    "LastTagError",
    "NotFoundError",
    "PathError",
    "PictureError",
    "PlatformNotFoundError",
    "ProtocolError",
    "RateLimitedError",
    "RegistryError",
    "RejectedError",
    "ServerError",
    "SnapshotError",
    "TagMovedError",
    "TransportError",
    "TransportTimeoutError",
    "UnauthorizedError",
    "UnsafeRedirectError",
    "UnsupportedError",
    "redact_url",
]


def redact_url(url: str) -> str:
    """Drop what may be secret in a URL: user information and the query's values.

    Parameters
    ----------
    url : str

    Returns
    -------
    str
        The URL with neither user information nor fragment; each value of the
        query is replaced by an ellipsis (signed storage URLs carry their
        signature there).

    Examples
    --------
    >>> redact_url("https://me:secret@example.com/v2/?sig=abc")
    'https://example.com/v2/?sig=…'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    pairs = [_redact_pair(pair) for pair in parts.query.split("&") if pair]
    # urlunsplit leaves out an empty host, which unix:///path has.
    path = f"//{parts.path}" if not host and url.startswith(f"{parts.scheme}:///") else parts.path
    return urlunsplit((parts.scheme, host, path, "&".join(pairs), ""))


def _redact_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}=…" if equals else "…"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One entry of a registry's ``errors`` list.

    Attributes
    ----------
    code : str
        For example ``MANIFEST_UNKNOWN``.
    message, detail : str
        As the registry wrote them, shortened.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Error Codes".
    """

    code: str
    message: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class GhostnbError(Exception):
    """The root of the tree: what happened, and what to try next.

    Parameters
    ----------
    message : str
        What was asked of whom, and what came.
    hint : str
        What to try next; shown after the message.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """What was asked of whom and what came, without the hint."""
        return str(self.args[0])

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(GhostnbError):
    """A configuration file, environment variable or configuration value is invalid."""


class InvalidReferenceError(GhostnbError, ValueError):
    """A text is no image reference, digest or platform."""


class InvalidContainerError(GhostnbError, ValueError):
    """No container can be made of what was given, or be called so.

    Parameters
    ----------
    message, hint : str
        As for `GhostnbError`.
    problems : mapping of str to str
        A field's name to what is wrong in it and what would be right, for a form to show in
        place. Values of environment variables are never among it.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        problems: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = dict(problems)


class ArchiveError(GhostnbError):
    """A file cannot be written: it is there already, its directory is not, the disk is full."""


class PathError(GhostnbError):
    """A path cannot be pushed: nothing is there, it may not be read, or it changes meanwhile."""


class SnapshotError(GhostnbError):
    """A snapshot cannot be written or read: it is there already, is no snapshot, is damaged."""


class PictureError(GhostnbError):
    """A picture cannot be saved (its file is there, its directory is not), or lacks an extra."""


class AuditError(GhostnbError):
    """An agent's audit cannot be read: it is not there, or it is something else."""


class IncompleteError(GhostnbError):
    """Some steps of a plan failed; the others are done, and what failed can be tried again."""


class EngineError(GhostnbError):
    """The container daemon refused or failed.

    Attributes
    ----------
    status : int or None
        In HTTP's numbers, the same for every daemon: 400 for a container that cannot run as it
        is described, 404 for a container, image or network that is not there, 409 for what the
        present state forbids; None for everything else.
    """

    status: int | None = None


class EngineUnreachableError(EngineError):
    """No container daemon answers.

    Attributes
    ----------
    tried : tuple of (str, str)
        Each address where one was looked for, without user information, and why none answered;
        empty for a daemon that was lost on the way.
    """

    tried: tuple[tuple[str, str], ...] = ()


class RegistryError(GhostnbError):
    """Something about a registry.

    Parameters
    ----------
    message, hint : str
        As for `GhostnbError`.
    registry : str
        The registry's name in the configuration.
    url : str
        What was asked; kept redacted.
    status : int or None
        The HTTP status, when there was an answer.
    diagnostics : tuple of Diagnostic
        What the registry itself said.

    Attributes
    ----------
    is_final : bool
        True if a vendor that knows how it is done was refused: there is no other way.
    """

    is_final: bool = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        registry: str = "",
        url: str = "",
        status: int | None = None,
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.registry = registry
        self.url = redact_url(url)
        self.status = status
        self.diagnostics = diagnostics

    @property
    def said(self) -> str:
        """What the registry itself said; its status if it said nothing."""
        return "; ".join(map(str, self.diagnostics)) or f"HTTP {self.status}"


class TransportError(RegistryError):
    """No answer came: connection refused, no such host, TLS, proxy, connection lost.

    Attributes
    ----------
    may_be_stopped : bool
        True if nothing is known but that nobody answers on this machine, or beside it: who asks
        may be able to start it.
    """

    may_be_stopped: bool = False


class TransportTimeoutError(TransportError, TimeoutError):
    """No answer came in time."""


class ProtocolError(RegistryError):
    """The answer is not what the specification allows."""


class UnsafeRedirectError(ProtocolError):
    """A redirect, token realm or next link leads where it must not."""


class IntegrityError(RegistryError):
    """Content does not have the digest or size that it was asked by."""


class UnauthorizedError(RegistryError):
    """The registry wants credentials, or refuses those that it got."""


class ForbiddenError(RegistryError):
    """The credentials do not allow this."""


class NotFoundError(RegistryError):
    """No such repository, tag, manifest or blob."""


class PlatformNotFoundError(NotFoundError):
    """An image is there, and is for none of the platforms that are wanted."""


class UnsupportedError(RegistryError):
    """The registry has no such feature, or has it switched off."""


class RateLimitedError(RegistryError):
    """Too many requests.

    Attributes
    ----------
    retry_after_seconds : float or None
        How long the registry asks to wait.
    """

    retry_after_seconds: float | None = None


class RejectedError(RegistryError):
    """The registry does not take what was sent: it is wrong, too large, or in conflict."""


class LastTagError(RejectedError):
    """A tag was to be taken away alone, where the registry deletes an image with its last one."""


class TagMovedError(RejectedError):
    """A tag was to be deleted or replaced while it leads to one manifest, and leads to another.

    Attributes
    ----------
    digest : str
        That of the other.
    """

    digest: str = ""


class ServerError(RegistryError):
    """The registry failed, or answered with a status that was not expected."""
