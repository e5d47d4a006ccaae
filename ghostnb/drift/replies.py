"""What Drift answers with when it refuses."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from ghostnb.errors import (
    ForbiddenError,
    GhostnbError,
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.config import LAYOUT_SCHEME
from ghostnb.registries.protocol import Registry

__all__ = ["RefusedError", "error_response", "refusal_of"]


class RefusedError(Exception):
    """A request that is not answered as it was asked.

    Parameters
    ----------
    status : int
    code : str
        Of the specification's list, where one fits.
    message : str
    detail : object, optional
        Anything that JSON can hold.
    headers : mapping of str to str, optional

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Error Codes".
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = dict(headers or {})


_BY_KIND: tuple[tuple[type[GhostnbError], int, str], ...] = (
    (UnauthorizedError, 401, "UNAUTHORIZED"),
    (ForbiddenError, 403, "DENIED"),
    (UnsupportedError, 405, "UNSUPPORTED"),
    (RateLimitedError, 429, "TOOMANYREQUESTS"),
)


def refusal_of(error: GhostnbError, *, registry: Registry, unknown: str = "") -> RefusedError:
    """Make a refusal of what a registry raised.

    Parameters
    ----------
    error : GhostnbError
    registry : Registry
        Where its files are on this machine, its clients are not told.
    unknown : str, optional
        The code for what is not there: it depends on what was asked for.
    """
    refusal = _refusal(error, unknown)
    if registry.url.startswith(LAYOUT_SCHEME):
        root = registry.url.removeprefix(LAYOUT_SCHEME)
        refusal.message = refusal.message.replace(root, registry.name)
    return refusal


def _refusal(error: GhostnbError, unknown: str) -> RefusedError:
    if isinstance(error, NotFoundError):
        return RefusedError(404, unknown or "UNKNOWN", str(error))
    if isinstance(error, InvalidReferenceError):
        return RefusedError(400, "NAME_INVALID", str(error))
    if isinstance(error, ForbiddenError) and error.status in (405, 500):
        # Storage that Drift may not use: nothing that a client could log in for.
        code = "UNSUPPORTED" if error.status == 405 else "UNKNOWN"
        return RefusedError(error.status, code, str(error))
    for kind, status, code in _BY_KIND:
        if isinstance(error, kind):
            return RefusedError(status, code, str(error))
    status = error.status if isinstance(error, RegistryError) and error.status else 500
    if isinstance(error, ProtocolError | IntegrityError):
        # What is stored cannot be read: that is not the client's fault.
        status = 500
    status = status if status >= 500 else 502
    return RefusedError(status, "UNAVAILABLE" if status == 503 else "UNKNOWN", str(error))


def error_response(refusal: RefusedError) -> Response:
    """Write a refusal as the specification has it."""
    entry: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.detail is not None:
        entry["detail"] = refusal.detail
    return JSONResponse({"errors": [entry]}, refusal.status, headers=refusal.headers)
