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

__all__ = ["ENGINE", "REGISTRY", "Operation", "operation"]

# What asking a registry, or a daemon, may end with.
REGISTRY = (404, 409, 422, 429, 502, 504)
ENGINE = (404, 409, 422, 502, 503)

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
        known = Operation(
            name,
            summary,
            action,
            status,
            hints.get("body"),
            hints.get("query"),
            None if hints.get("return") is type(None) else hints.get("return"),
            tuple(media_types),
            tuple(fails),
            dict(also),
            is_open,
            resource,
        )

        @wraps(method)
        async def run(self: Any, **parts: str) -> None:
            self.about(**parts)
            try:
                given = dict(parts)
                if known.query is None and not is_open:
                    self.query_as(Nothing)
                if known.query is not None:
                    given["query"] = self.query_as(known.query)
                if known.body is not None:
                    given["body"] = self.body_as(known.body)
                    self.about(**_named(given["body"]))
                answer = await method(self, **given)
            except StreamClosedError:
                self.note_left()
            except Exception as e:
                self.fail(failure_of(e), e)
            else:
                if answer is not None:
                    self.answer(answer, status)

        refusal = f"Your role does not allow it: {summary}."
        guarded: Any = (
            allow_unauthenticated(run)
            if is_open
            else web.authenticated(
                authorized(action=action, resource=resource, message=refusal)(run)
            )
        )
        guarded.operation = known
        return cast(Method, guarded)

    return decorate


def _named(body: Any) -> dict[str, str]:
    """Give what of a body says what it is about; never anything else of it."""
    names = {name: getattr(body, name, None) for name in ("registry", "repository", "tag")}
    return {name: value for name, value in names.items() if isinstance(value, str)}
