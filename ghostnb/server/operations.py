"""One method of one route: what it takes, what it answers, and who may do it.

A handler's method takes the path's parts and, by keyword, `body` and `query`; what it returns
is the answer. From its annotations come the checks of what is sent, and the OpenAPI
description.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import MappingProxyType
from typing import Any, cast, get_type_hints

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web
from tornado.iostream import StreamClosedError

from ghostnb.server.asks import Nothing
from ghostnb.server.failures import failure_of

__all__ = ["ENGINE", "REGISTRY", "Operation", "operation", "operations_of"]

# What asking a registry, or a daemon, may end with.
REGISTRY = (404, 409, 422, 429, 502, 504)
ENGINE = (404, 409, 422, 502, 503)

_METHODS = ("get", "post", "put", "patch", "delete")

Method = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of a method.

    Attributes
    ----------
    name : str
        ``registries.add``: for the audit, and as the description's `operationId`.
    summary : str
    action : str
        ``read``, ``write`` or ``execute``: for the authorizer.
    status : int
        Of its success.
    body, query, answer : type or None
    media_types : tuple of str
        Of its success, where that is not JSON alone.
    also : dict of int to type
        Further statuses of success, and what they answer.
    fails : tuple of int
        With which it may fail beside what every operation may.
    is_open : bool
        True if it finds out by itself who asks.
    resource : str or None
        What the roles are about; by default the handler's.
    """

    name: str
    summary: str
    action: str = "read"
    status: int = 200
    body: Any = None
    query: Any = None
    answer: Any = None
    media_types: tuple[str, ...] = ()
    fails: tuple[int, ...] = ()
    also: Mapping[int, Any] = field(default_factory=dict)
    is_open: bool = False
    resource: str | None = None

    @property
    def is_audited(self) -> bool:
        """True if it is remembered who did it; a refusal always is."""
        return self.action != "read"


def operation(
    name: str,
    summary: str,
    *,
    action: str = "read",
    status: int = 200,
    also: Mapping[int, Any] = MappingProxyType({}),
    media_types: Iterable[str] = (),
    fails: Iterable[int] = (),
    is_open: bool = False,
    resource: str | None = None,
) -> Callable[[Method], Method]:
    """Make a handler's method an operation.

    Parameters
    ----------
    name, summary, action, status, also, media_types, fails, is_open, resource
        As of `Operation`.
    """

    def decorate(method: Method) -> Method:
        hints = get_type_hints(method)
        answer = hints.get("return")
        known = Operation(
            name=name,
            summary=summary,
            action=action,
            status=status,
            body=hints.get("body"),
            query=hints.get("query"),
            answer=None if answer is type(None) else answer,
            media_types=tuple(media_types),
            fails=tuple(fails),
            also=dict(also),
            is_open=is_open,
            resource=resource,
        )
        guarded: Any = _guarded(known, _running(known, method))
        guarded.operation = known
        return cast(Method, guarded)

    return decorate


def operations_of(handler: type) -> dict[str, Operation]:
    """Give a handler's operations, by method: ``get`` and so on."""
    found = {name: getattr(getattr(handler, name), "operation", None) for name in _METHODS}
    return {name: known for name, known in found.items() if known is not None}


def _guarded(known: Operation, run: Method) -> Method:
    if known.is_open:
        return allow_unauthenticated(run)
    allowed: Callable[[Method], Method] = authorized(
        action=known.action,
        resource=known.resource,
        message=f"Your role does not allow it: {known.summary}.",
    )
    return cast(Method, web.authenticated(allowed(run)))


def _running(known: Operation, method: Method) -> Method:
    """Have a method given what was sent, and its answer, or what it raises, written."""

    @wraps(method)
    async def run(self: Any, **parts: str) -> None:
        self.about(**parts)
        try:
            answer = await method(self, **parts, **_given(self, known))
        except StreamClosedError:
            self.note_left()
        except Exception as e:
            self.fail(failure_of(e), e)
        else:
            if answer is not None:
                self.answer(answer, known.status)

    return run


def _given(handler: Any, known: Operation) -> dict[str, Any]:
    """Read what was sent, as an operation takes it."""
    given: dict[str, Any] = {}
    if known.query is not None:
        given["query"] = handler.query_as(known.query)
    elif not known.is_open:
        handler.query_as(Nothing)
    if known.body is not None:
        given["body"] = handler.body_as(known.body)
        handler.about(**_named(given["body"]))
    return given


def _named(body: Any) -> dict[str, str]:
    """Give what of a body says what it is about; never anything else of it."""
    names = {name: getattr(body, name, None) for name in ("registry", "repository", "tag")}
    return {name: value for name, value in names.items() if isinstance(value, str)}
