"""What an agent's refusals mean: its own, and those of the registries that it has."""

from dataclasses import replace

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    LastTagError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
)
from ghostnb.registries.vendors.agent.documents import Failure
from ghostnb.registries.vendors.recasting import recast
from ghostnb.wire.messages import Reply
from ghostnb.wire.notifications.reading import text_of

__all__ = ["agent_error", "as_registries_do"]

# What a registry did to the agent, by the codes of `ghostnb.server.failures`.
_BY_CODE: dict[str, type[RegistryError]] = {
    "LAST_TAG": LastTagError,
    "REGISTRY_WANTS_CREDENTIALS": UnauthorizedError,
    "REGISTRY_FORBIDS": ForbiddenError,
    "REGISTRY_UNREACHABLE": TransportError,
    "REGISTRY_TIMEOUT": TransportTimeoutError,
    "REGISTRY_DAMAGED": IntegrityError,
    "REGISTRY_UNREADABLE": ProtocolError,
    "REGISTRY_FAILED": ServerError,
    "INVALID_CONFIGURATION": ServerError,
    "FAILED": ServerError,
}
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: "Give the agent's token: Fleet.from_agent(url, token), or set "
    "GHOSTNB_AGENT_TOKEN.",
    ForbiddenError: "Your role at the agent does not allow it: viewers read, developers push, "
    "admins delete.",
    RateLimitedError: "Wait and try again.",
}
_WHOLE = "Delete the image itself, by its digest; or give it another tag first."
_NOT_RUNNING = "Is the agent running? Start it with: ghostnb agent"


def agent_error(error: RegistryError, agent: str) -> RegistryError:
    """Give the error for what went wrong: at the agent, or between it and the registry.

    Parameters
    ----------
    error : RegistryError
        What the agent's refusal means by its status, or why it did not answer.
    agent : str
        Its host and port.

    Returns
    -------
    RegistryError
        The one that whoever asks the registry himself would have got, if it is the registry's.
    """
    told = error.diagnostics[0] if error.diagnostics else None
    kind = _BY_CODE.get(told.code) if told is not None else None
    if told is None or kind is None:
        error.hint = _hint(error) or error.hint
        return error
    hint = f"So says the agent at {agent}, which asks it with its own credentials."
    if kind is LastTagError:
        hint = _WHOLE
    return recast(kind, error, hint, message=told.message)


def _hint(error: RegistryError) -> str:
    if isinstance(error, TransportError) and error.may_be_stopped:
        return _NOT_RUNNING
    return _HINTS.get(type(error), "")


def as_registries_do(reply: Reply) -> Reply:
    """Write what an agent's own routes refuse in the form in which registries do."""
    try:
        failure = msgspec.json.decode(reply.body, type=Failure)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return reply  # of something between
    if not (failure.message or failure.code):
        return reply  # in that form already, as below each of its registries' addresses
    code = failure.code.upper() or f"HTTP {reply.status}"
    entry = {"code": code, "message": text_of(failure.message)}
    return replace(reply, body=msgspec.json.encode({"errors": [entry]}))
