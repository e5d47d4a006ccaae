"""Drift as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from ghostnb.drift.auth.guard import BrowserGuard
from ghostnb.drift.auth.login import add_login
from ghostnb.drift.bolt import add_bolt
from ghostnb.drift.front import add_front
from ghostnb.drift.limits import Limits
from ghostnb.drift.metrics import Measured, add_metrics
from ghostnb.drift.pulls import add_pulls
from ghostnb.drift.pushes import add_pushes
from ghostnb.drift.routing import Router, failed, not_found
from ghostnb.drift.service import Access, Anyone, Service
from ghostnb.drift.upkeep import add_upkeep, health_routes
from ghostnb.registries.protocol import Registry

__all__ = ["create_app"]


def create_app(
    registry: Registry,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    public_url: str = "",
    local_only: bool = False,
) -> Starlette:
    """Make the application that serves a registry.

    Parameters
    ----------
    registry : Registry
        Read only, unless it keeps its content itself (an image layout, memory).
        Closed when the application ends.
    access : Access, optional
        Who may do what; by default everybody everything.
    limits : Limits, optional
    public_url, local_only : optional
        What `BrowserGuard` is to know.

    Returns
    -------
    Starlette
    """
    service = Service(registry, access or Anyone(), limits or Limits())
    router = Router(service)
    add_pulls(router, service)
    add_pushes(router, service)
    add_upkeep(router, service)
    add_bolt(router, service)
    add_front(router, service)
    add_login(router, service)
    metrics = add_metrics(router, service)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with service.closing:
            yield

    return Starlette(
        routes=[*router.routes, *health_routes(service)],
        middleware=[
            Middleware(Measured, metrics=metrics),
            Middleware(BrowserGuard, public_url=public_url, local_only=local_only),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: not_found, Exception: failed},
    )
