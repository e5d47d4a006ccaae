"""The distribution protocol over each of the agent's registries."""

from pathlib import Path
from weakref import WeakKeyDictionary

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghostnb.client import RegistryClient
from ghostnb.drift.limits import Limits
from ghostnb.drift.pulls import add_pulls
from ghostnb.drift.pushes import add_pushes
from ghostnb.drift.routing import Router, failed, not_found
from ghostnb.drift.service import Anyone, Service
from ghostnb.registries.abilities import Greets
from ghostnb.registries.protocol import Registry, RegistryStore, WritableRegistry
from ghostnb.server.content.refusals import refused
from ghostnb.server.content.staging import Staging
from ghostnb.server.content.uploads import Uploads
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["Contents"]


class Contents:
    """Gives an application for each registry, as long as the fleet has it.

    Parameters
    ----------
    directory : Path
        For uploads to registries that take blobs only whole.
    """

    def __init__(self, directory: Path) -> None:
        self._staging = Staging(directory)
        self._apps: WeakKeyDictionary[RegistryClient, Starlette] = WeakKeyDictionary()

    def app(self, client: RegistryClient) -> Starlette:
        """Give a registry's application; it belongs to ghostnb's I/O loop."""
        app = self._apps.get(client)
        if app is None:
            app = self._apps[client] = _app(client.registry, self._staging)
        return app

    async def close(self) -> None:
        """Let go of what is on its way; on ghostnb's loop."""
        self._staging.close()


def _app(registry: Registry, staging: Staging) -> Starlette:
    """Serve the protocol alone: who may do what was asked before."""
    service = Service(registry, Anyone(), Limits(), uploads=_uploads(registry, staging))
    router = Router(service, refused)
    router.add("GET", "/v2/", _Base(registry).answer, "none")
    add_pulls(router, service)
    add_pushes(router, service)
    handlers = {HTTPException: not_found, Exception: failed}
    return Starlette(routes=router.routes, exception_handlers=handlers)


def _uploads(registry: Registry, staging: Staging) -> Uploads | None:
    if isinstance(registry, RegistryStore) or not isinstance(registry, WritableRegistry):
        return None
    return Uploads(registry, staging)


class _Base:
    """Whether the registry is there, and takes the agent's credentials."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def answer(self, request: Request) -> Response:
        """Ask it, and tell the pull limit if it tells one (end-1)."""
        if isinstance(self._registry, Greets):
            # Without what its vendor says of rights, which nobody hears here.
            limit = await self._registry.greet()
        else:
            limit = (await self._registry.ping()).rate_limit
        headers = {"docker-distribution-api-version": "registry/2.0"}
        return JSONResponse({}, headers=headers | _limits(limit))


def _limits(limit: RateLimit | None) -> dict[str, str]:
    """Write a limit as Docker Hub does; see `parse_rate_limit`."""
    if limit is None:
        return {}
    window = f";w={limit.window_seconds}" if limit.window_seconds is not None else ""
    counts = {"ratelimit-limit": limit.limit, "ratelimit-remaining": limit.remaining}
    headers = {name: f"{count}{window}" for name, count in counts.items() if count is not None}
    return headers | ({"docker-ratelimit-source": limit.source} if limit.source else {})
