"""Drift as an ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from ghostnb.drift.front import add_front
from ghostnb.drift.metrics import Measured, add_metrics
from ghostnb.drift.pulls import add_pulls
from ghostnb.drift.pushes import add_pushes
from ghostnb.drift.routing import Router, not_found
from ghostnb.drift.service import Access, Anyone, Limits, Service
from ghostnb.drift.upkeep import add_upkeep, health_routes
from ghostnb.registries.protocol import Registry

__all__ = ["create_app"]


def create_app(
    registry: Registry, *, access: Access | None = None, limits: Limits | None = None
) -> Starlette:
    """Make the application that serves a registry.

    Parameters
    ----------
    registry : Registry
        Read only, unless it keeps its content itself (an image layout, memory).
    access : Access, optional
        Who may do what; by default everybody everything.
    limits : Limits, optional

    Returns
    -------
    Starlette
    """
    service = Service(registry, access or Anyone(), limits or Limits())
    router = Router(service)
    add_pulls(router, service)
    add_pushes(router, service)
    add_upkeep(router, service)
    add_front(router, service)
    metrics = add_metrics(router, service)
    return Starlette(
        routes=[*router.routes, *health_routes(service)],
        middleware=[Middleware(Measured, metrics=metrics)],
        exception_handlers={HTTPException: not_found},
    )
