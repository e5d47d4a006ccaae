"""From a request to its handler: names checked, access checked, errors written."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ghostnb.drift.replies import RefusedError, error_response, refusal_of
from ghostnb.drift.service import Service
from ghostnb.errors import GhostnbError, InvalidReferenceError
from ghostnb.oci import check_repository
from ghostnb.registries.protocol import Registry

__all__ = ["Refuse", "Router", "failed", "not_found", "repository_of"]

Handler = Callable[[Request], Awaitable[Response]]
Locate = Callable[[Request], str]
_log = logging.getLogger("ghostnb.drift")
_CODES = {404: "NOT_FOUND", 405: "UNSUPPORTED"}


class Refuse(Protocol):
    """Makes a refusal of what a registry raised: see `refusal_of`."""

    def __call__(
        self, error: GhostnbError, *, registry: Registry, unknown: str = ""
    ) -> RefusedError:
        """Make it."""
        ...


class Router:
    """Collects routes.

    Parameters
    ----------
    service : Service
    refuse : callable, optional

    Attributes
    ----------
    routes : list of Route
        In the order in which they are tried.
    """

    def __init__(self, service: Service, refuse: Refuse = refusal_of) -> None:
        self._service = service
        self._refuse = refuse
        self.routes: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        action: str,
        unknown: str = "",
        locate: Locate | None = None,
    ) -> None:
        """Add a route.

        Parameters
        ----------
        method : str
            A ``GET`` is also a ``HEAD``.
        path : str
            As Starlette has it; ``name`` is a repository.
        handler : callable
        action : str
            See `Access.check`.
        unknown : str, optional
            The error code of what is not there.
        locate : callable, optional
            Gives the repository that a request is about, where it is not ``name``.
        """

        async def endpoint(request: Request) -> Response:
            try:
                repository = (locate or _repository)(request)
                await self._service.access.check(request, action, repository)
                return await handler(request)
            except RefusedError as e:
                return error_response(e)
            except GhostnbError as e:
                refusal = self._refuse(e, registry=self._service.registry, unknown=unknown)
                if refusal.status >= 500:
                    _log.error("%s %s: %s", request.method, request.url.path, e)
                return error_response(refusal)
            except ClientDisconnect:
                # Nobody is there to be answered; what came of an upload stays.
                return Response(status_code=499)

        self.routes.append(Route(path, endpoint, methods=[method]))


def _repository(request: Request) -> str:
    return repository_of(request.path_params["name"]) if "name" in request.path_params else ""


def repository_of(text: str) -> str:
    """Read a repository's name that stands in a URL.

    Raises
    ------
    RefusedError
    """
    try:
        return check_repository(text)
    except InvalidReferenceError as e:
        raise RefusedError(400, "NAME_INVALID", str(e)) from e


async def not_found(request: Request, error: Exception) -> Response:
    """Answer what no route knows in the specification's form."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = _CODES.get(status, "UNKNOWN")
    message = f"There is no {request.method} {request.url.path[:200]} here."
    headers = {"allow": _allowed(request)} if status == 405 else getattr(error, "headers", None)
    return error_response(RefusedError(status, code, message, headers=headers))


def _allowed(request: Request) -> str:
    """List the methods of all routes that a path has: Starlette knows the first one's alone."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


async def failed(request: Request, error: Exception) -> Response:
    """Answer what is a mistake of ours; the error itself goes on to the log."""
    return error_response(RefusedError(500, "UNKNOWN", "Drift failed; its log says how."))
