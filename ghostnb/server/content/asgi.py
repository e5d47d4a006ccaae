"""From Tornado's requests to ASGI's, and back: what the protocol knows, and nothing else."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from starlette.types import Message, Scope
from tornado.httputil import HTTPServerRequest

__all__ = ["headers_of", "scope_of"]

# Credentials, cookies and what browsers say of pages are the agent's to read.
_HEADERS = frozenset(
    {
        "accept",
        "content-length",
        "content-range",
        "content-type",
        "if-none-match",
        "if-range",
        "range",
    }
)
_QUERY = frozenset({"artifactType", "digest", "from", "last", "mount", "n"})
_ROOT = "/v2/"


def scope_of(request: HTTPServerRequest, path: str) -> Scope:
    """Describe a request to an application.

    Parameters
    ----------
    request : HTTPServerRequest
    path : str
        What stands behind ``/v2/``, decoded.

    Notes
    -----
    Source: ASGI specification, "HTTP Connection Scope".
    """
    query = [pair for pair in parse_qsl(request.query, True) if pair[0] in _QUERY]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.protocol,
        "path": f"{_ROOT}{path}",
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers.get_all()
            if name.lower() in _HEADERS
        ],
        "client": (request.remote_ip, 0),
        "server": None,
        "state": {},
    }


def headers_of(message: Message, prefix: str) -> Iterator[tuple[str, str]]:
    """Give an answer's headers, whose places are below the agent's own path.

    Parameters
    ----------
    message : dict
        That begins an answer.
    prefix : str
        Where the registry's ``/v2/`` stands.
    """
    for raw_name, raw_value in message["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "location" and value.startswith(_ROOT):
            value = prefix + value
        elif name == "link" and value.startswith(f"<{_ROOT}"):
            value = f"<{prefix}{value[1:]}"
        yield name, value
