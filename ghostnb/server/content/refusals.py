"""What a registry did not do for the agent, in the form in which registries refuse."""

from ghostnb.drift.replies import RefusedError, refusal_of
from ghostnb.errors import GhostnbError, LastTagError, RejectedError
from ghostnb.registries.protocol import Registry
from ghostnb.server.failures import Failure, failure_of

__all__ = ["refused", "refused_by_agent"]

# RFC 4918, section 11.4: what the request depends on failed. 401 and 403 would be said of
# whoever asks; 502 would have him ask again, which the agent has done already.
_DEPENDED = 424
_GATEWAY = (502, 504)
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
        What concerns whoever asks has the status that the registry gave, or 409 if that is its
        last word; what it did to the agent has 424, and the code of `failure_of` as registries
        write codes.
    """
    refusal = refusal_of(error, registry=registry, unknown=unknown)
    # What to try is said by who asks the agent; and the rest is for whoever runs that.
    refusal.message = refusal.message.removesuffix(error.hint).rstrip()
    if isinstance(error, RejectedError):
        return _rejected(error, refusal.message)
    failure = failure_of(error)
    if failure.status in _GATEWAY or refusal.status >= 500:
        return RefusedError(_DEPENDED, failure.code.upper(), refusal.message)
    return refusal


def refused_by_agent(failure: Failure) -> dict[str, list[dict[str, str]]]:
    """Write the agent's own refusal as registries do."""
    code = _OWN_CODES.get(failure.status, failure.code.upper())
    return {"errors": [{"code": code, "message": failure.message}]}


def _rejected(error: RejectedError, message: str) -> RefusedError:
    code = error.diagnostics[0].code if error.diagnostics else ""
    if error.status and not error.is_final:
        return RefusedError(error.status, code or "UNSUPPORTED", message)
    # 400 and 405 are also said where only another way is needed: this is the last word.
    code = "LAST_TAG" if isinstance(error, LastTagError) else code or "REGISTRY_REJECTS"
    return RefusedError(409, code, message)
