"""The OpenAPI description, made of the routes and their operations."""

import re
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from ghostnb.server.answers import FailureAnswer
from ghostnb.server.operations import Operation, operations_of

__all__ = ["description"]

_PART = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
# What any request may be answered: wrong, nobody's, not allowed, too much at once.
_ALWAYS = (400, 401, 403, 422, 429)
_WITH_BODY = (413, 415)
_SAYS = {
    400: "The request cannot be read.",
    401: "Nobody that is known asks.",
    403: "The user's role does not allow it.",
    404: "It is not there.",
    409: "What is there now does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Something of what was sent cannot be meant, or the registry has no such feature.",
    429: "Too much is under way, or the registry limits requests.",
    502: "A registry or the daemon failed.",
    503: "No container daemon answers, or the agent is ending.",
    504: "A registry did not answer in time.",
}


Routes = tuple[tuple[str, type], ...]


@cache
def description(routes: Routes, base_url: str) -> dict[str, Any]:
    """Describe the agent.

    Parameters
    ----------
    routes : tuple of (str, type)
        Paths and their handlers.
    base_url : str
        Where its routes stand.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    schemas = _schemas(
        operation for _, handler in routes for operation in operations_of(handler).values()
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ghostnb agent",
            "version": version("ghostnb"),
            "description": "Container image registries and a container daemon, over HTTP.",
        },
        "servers": [{"url": base_url}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {path: _path(path, handler) for path, handler in routes},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _schemas(operations: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {"FailureAnswer": FailureAnswer}
    for operation in operations:
        for kind in (operation.body, *_answers(operation)):
            kinds[getattr(kind, "__name__", str(kind))] = kind
    named = [kind for kind in kinds.values() if isinstance(kind, type) and kind is not dict]
    _, components = msgspec.json.schema_components(named, ref_template=_REF)
    return components


def _answers(operation: Operation) -> list[Any]:
    """Give the kinds of all of an operation's successes."""
    return [*_shapes(operation.answer), *_shapes(*operation.also.values())]


def _shapes(*kinds: Any) -> list[Any]:
    """Give the kinds that unions are made of."""
    found = (one for kind in kinds for one in getattr(kind, "__args__", (kind,)))
    return [kind for kind in found if _is_shape(kind)]


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _path(path: str, handler: type) -> dict[str, Any]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(path)
    ]
    return {
        method: _method(operation, parts) for method, operation in operations_of(handler).items()
    }


def _method(operation: Operation, parts: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*parts, *_query(operation.query)],
        "responses": _responses(operation),
    }
    if operation.is_open:
        told["security"] = []
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": _json(operation.body)}
    return told


def _query(kind: Any) -> list[dict[str, Any]]:
    if kind is None:
        return []
    schema = msgspec.json.schema(kind)
    properties = schema["$defs"][kind.__name__]["properties"]
    required = schema["$defs"][kind.__name__].get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(shape)}
        for name, shape in properties.items()
    ]


def _plain(shape: dict[str, Any]) -> dict[str, Any]:
    """Leave null out: no query says it."""
    kinds = [kind for kind in shape.get("anyOf", ()) if kind != {"type": "null"}]
    return dict(kinds[0]) if len(kinds) == 1 else shape


def _responses(operation: Operation) -> dict[str, Any]:
    own = [kind for kind in _shapes(operation.answer) if kind not in operation.also.values()]
    # What has no kind of its own is what the other success has, or is not JSON at all.
    kinds = own or _shapes(operation.answer)
    media = _content(kinds) if operation.answer is not None or not operation.media_types else {}
    media |= {name: {} for name in operation.media_types}
    fails = {*_ALWAYS, *operation.fails, *(_WITH_BODY if operation.body else ())}
    failure = {"application/json": {"schema": _ref(FailureAnswer)}}
    return {
        str(operation.status): {"description": operation.summary, "content": media},
        **{
            str(status): {"description": operation.summary, "content": _content(_shapes(kind))}
            for status, kind in operation.also.items()
        },
        **{str(code): {"description": _SAYS[code], "content": failure} for code in sorted(fails)},
    }


def _content(kinds: list[Any]) -> dict[str, Any]:
    schemas = [_ref(kind) for kind in kinds]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"application/json": {"schema": schema} if schemas else {}}


def _json(kind: Any) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(kind)}}


def _ref(kind: Any) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}
