"""Replies that are refusals, decoded into the error tree."""

import msgspec

from ghostnb.errors import (
    Diagnostic,
    ForbiddenError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnsupportedError,
    redact_url,
)
from ghostnb.oci import Digest
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.retries import retry_after_seconds
from ghostnb.wire.urls import origin

ABSENT_BLOB = (
    "An image that names it is damaged: a garbage collection took it during a push, or the "
    "registry's storage lost it. Push that image again; if it was only just deleted, list anew."
)
"""What to try where a piece is missing that a manifest names."""
_MAX_TEXT = 200
_MAX_DIAGNOSTICS = 5
_NO_REPOSITORY = "NAME_UNKNOWN"
# Go's net/http, http.Server on a TLS listener
_PLAIN_ON_TLS = b"HTTP request to an HTTPS server"


class _Entry(msgspec.Struct):
    code: str | int = ""
    message: str | None = None
    detail: msgspec.Raw = msgspec.Raw(b"null")


class _Errors(msgspec.Struct):
    errors: list[_Entry] = []


_decoder = msgspec.json.Decoder(_Errors)

_BY_CODE: dict[str, type[RegistryError]] = {
    "UNAUTHORIZED": UnauthorizedError,
    "DENIED": ForbiddenError,
    "NAME_UNKNOWN": NotFoundError,
    "MANIFEST_UNKNOWN": NotFoundError,
    "BLOB_UNKNOWN": NotFoundError,
    "UNSUPPORTED": UnsupportedError,
    "TOOMANYREQUESTS": RateLimitedError,
}
_BY_STATUS: dict[int, type[RegistryError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: UnsupportedError,
    429: RateLimitedError,
}
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: "Check the username and password, or log in with: docker login {host}",
    ForbiddenError: "These credentials may not do this: ask for access, or use others.",
    NotFoundError: "Check the spelling; repositories() and tags() list what there is.",
    UnsupportedError: "The registry does not offer this, or has it switched off.",
    RateLimitedError: "Wait and try again; logging in usually raises the limit.",
    RejectedError: "Correct what it names; if nothing is wrong, the registry's log says more.",
    ServerError: "Try again; if it stays so, the registry's log says why.",
}

_ELSEWHERE = "Try again; if it stays so, ask whoever runs the registry: it sends clients there."


def digest_told(reply: Reply) -> Digest | None:
    """Read the digest that a reply's header names.

    Returns
    -------
    Digest or None
        None where it is absent, unreadable, or of an algorithm that cannot be checked: it is
        optional, and the bytes have a digest anyway.
    """
    try:
        digest = Digest(reply.headers.get("docker-content-digest", ""))
        digest.hasher()
    except InvalidReferenceError:
        return None
    return digest


def decode_diagnostics(body: bytes) -> tuple[Diagnostic, ...]:
    """Read a registry's ``errors`` list; empty if the body holds none.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Error Codes". Registries also answer
    with HTML or nothing, so that a body which cannot be read is no error here:
    the status has said what matters.
    """
    try:
        entries = _decoder.decode(body).errors[:_MAX_DIAGNOSTICS]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(
        Diagnostic(
            str(entry.code)[:_MAX_TEXT],
            (entry.message or "")[:_MAX_TEXT],
            _detail(bytes(entry.detail)),
        )
        for entry in entries
    )


def _detail(raw: bytes) -> str:
    """Give a diagnostic's detail, which may be any JSON, as text; empty for null."""
    return "" if raw == b"null" else raw[:_MAX_TEXT].decode("utf-8", "replace")


def error_for(request: Request, reply: Reply, *, registry: str, host: str) -> RegistryError:
    """Make the error that a refusal means.

    Parameters
    ----------
    request : Request
        What was asked.
    reply : Reply
        With a status that is not the expected one.
    registry, host : str
        The registry's name and address, for messages.

    Returns
    -------
    RegistryError
        Of the class that the registry's error code says, else the status.
    """
    if _PLAIN_ON_TLS in reply.body:
        return ProtocolError(
            f"{registry} at {host} speaks HTTPS, but was asked in plain HTTP.",
            hint=f"Use https://{host} as its URL.",
            registry=registry,
            url=request.url,
            status=reply.status,
        )
    diagnostics = decode_diagnostics(reply.body)
    kind = _kind(reply.status, diagnostics)
    said = "; ".join(map(str, diagnostics)) or f"HTTP {reply.status}"
    who, hint = f"{registry} at {redact_url(request.url)}", _HINTS[kind].format(host=host)
    # A repository that is not there may well be a mistake in spelling.
    has_repository = all(one.code != _NO_REPOSITORY for one in diagnostics)
    if kind is NotFoundError and request.is_blob and has_repository:
        hint = ABSENT_BLOB
    if reply.url and origin(reply.url) != origin(request.url):
        who, hint = f"{who} led to {redact_url(reply.url)}, which", _ELSEWHERE
    error = kind(
        f"{who} refused {request.what} ({said}).",
        hint=hint,
        registry=registry,
        url=request.url,
        status=reply.status,
        diagnostics=diagnostics,
    )
    if isinstance(error, RateLimitedError):
        error.retry_after_seconds = retry_after_seconds(reply.headers)
    return error


def _kind(status: int, diagnostics: tuple[Diagnostic, ...]) -> type[RegistryError]:
    # The status first where it is exact: some registries send 404 with DENIED
    # in the body, others 401 with NAME_UNKNOWN.
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if not 400 <= status < 500:
        return ServerError
    return _BY_CODE.get(diagnostics[0].code, RejectedError) if diagnostics else RejectedError
