"""What a registry did not do for the agent, in the form in which registries refuse."""

from ghostnb.drift.replies import RefusedError, refusal_of
from ghostnb.errors import (
    ForbiddenError,
    GhostnbError,
    IntegrityError,
    ProtocolError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
)
from ghostnb.registries.protocol import Registry
from ghostnb.server.failures import Failure

__all__ = ["refused", "refused_by_agent"]

# The codes are those of `failures`, as registries write codes.
_BY_KIND: tuple[tuple[type[GhostnbError], str], ...] = (
    (UnauthorizedError, "REGISTRY_WANTS_CREDENTIALS"),
    (ForbiddenError, "REGISTRY_FORBIDS"),
    (TransportTimeoutError, "REGISTRY_TIMEOUT"),
    (TransportError, "REGISTRY_UNREACHABLE"),
    (IntegrityError, "REGISTRY_DAMAGED"),
    (ProtocolError, "REGISTRY_UNREADABLE"),
    (ServerError, "REGISTRY_FAILED"),
)
# RFC 4918, section 11.4: what the request depends on failed. 401 and 403 would be said of
# whoever asks; 502 would have him ask again, which the agent has done already.
_DEPENDED = 424
# Of the specification's list, by the agent's own status.
_OWN_CODES = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    405: "UNSUPPORTED",
    429: "TOOMANYREQUESTS",
}


def refused(error: GhostnbError, *, registry: Registry, unknown: str = "") -> RefusedError:
    """Make a refusal of what a registry raised; see `refusal_of`.

    Parameters
    ----------
    error : GhostnbError
    registry : Registry
    unknown : str, optional

    Returns
    -------
    RefusedError
        What concerns whoever asks has the status that the registry gave; what the registry did
        to the agent has 424, and a code of its own.
    """
    refusal = refusal_of(error, registry=registry, unknown=unknown)
    for kind, code in _BY_KIND:
        if isinstance(error, kind):
            return RefusedError(_DEPENDED, code, refusal.message)
    if isinstance(error, RejectedError):
        return RefusedError(error.status or 400, _said_code(error), refusal.message)
    return refusal


def refused_by_agent(failure: Failure) -> dict[str, list[dict[str, str]]]:
    """Write the agent's own refusal as registries do."""
    code = _OWN_CODES.get(failure.status, failure.code.upper())
    return {"errors": [{"code": code, "message": failure.message}]}


def _said_code(error: RegistryError) -> str:
    return error.diagnostics[0].code if error.diagnostics else "UNSUPPORTED"
