"""Drift's own state: is it well, and what can be cleaned up."""

import asyncio
import logging
import time
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ghostnb.drift.bodies import whole
from ghostnb.drift.limits import Limits
from ghostnb.drift.replies import RefusedError, refusal_of
from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.errors import GhostnbError
from ghostnb.registries.garbage import GarbageReport
from ghostnb.registries.protocol import RegistryStore

__all__ = ["add_upkeep", "health_routes"]

_log = logging.getLogger("ghostnb.drift")
_MAX_BODY_BYTES = 4096
_READY_SECONDS = 1.0


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /admin/gc`` takes."""

    dry_run: bool = False
    delete_untagged: bool = False
    grace_seconds: float | None = None


def add_upkeep(router: Router, service: Service) -> None:
    """Add the routes that collect garbage."""
    garbage = _Garbage(service)
    router.add("POST", "/admin/gc", garbage.collect, "admin")
    router.add("GET", "/admin/gc/status", garbage.status, "admin")


def health_routes(service: Service) -> list[Route]:
    """Make the routes that everyone may ask: load balancers know no passwords."""

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return [Route("/health", health), Route("/readyz", _Readiness(service).ready)]


class _Readiness:
    """Whether content can be read and kept, as of a second ago at most."""

    def __init__(self, service: Service) -> None:
        self._registry = service.registry
        self._asking = asyncio.Lock()
        self._reason = ""
        self._asked_at = -_READY_SECONDS

    async def ready(self, request: Request) -> Response:
        """Answer as a load balancer wants it."""
        # Everyone may ask, and each time the disk would be written to.
        async with self._asking:
            if time.monotonic() - self._asked_at >= _READY_SECONDS:
                await self._ask()
        if self._reason:
            return JSONResponse({"ready": False, "reason": self._reason}, 503)
        return JSONResponse({"ready": True})

    async def _ask(self) -> None:
        try:
            if isinstance(self._registry, RegistryStore):
                await self._registry.probe()
            else:
                await self._registry.ping()
            reason = ""
        except GhostnbError as e:
            reason = refusal_of(e, registry=self._registry).message
            if reason != self._reason:
                _log.error("Not ready: %s", e)
        self._reason, self._asked_at = reason, time.monotonic()


class _Garbage:
    """Handlers of the collection; one runs at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._is_running = False
        self._last: dict[str, Any] | None = None

    async def collect(self, request: Request) -> Response:
        """Remove what nothing points to, or count it."""
        options, store = await _options(request, self._service.limits), self._service.store
        if self._is_running:
            raise RefusedError(409, "DENIED", "A garbage collection is running; see its status.")
        grace = options.grace_seconds
        self._is_running = True
        try:
            async with self._service.collecting():
                report = await store.collect_garbage(
                    dry_run=options.dry_run,
                    untagged=options.delete_untagged,
                    grace_seconds=self._service.limits.grace_seconds if grace is None else grace,
                )
        finally:
            self._is_running = False
        self._last = {
            "success": True,
            "message": _summary(report, options),
            "dry_run": options.dry_run,
            "metrics": asdict(report),
        }
        return JSONResponse(self._last)

    async def status(self, request: Request) -> Response:
        """Say whether a collection is running, and what the last one did."""
        return JSONResponse({"running": self._is_running, "last": self._last})


async def _options(request: Request, limits: Limits) -> _Options:
    body = await whole(request, limits, _MAX_BODY_BYTES, "The options")
    if not body and request.headers.get("content-length", "0") != "0":
        # Lost on the way: it may have said that this is a dry run.
        raise RefusedError(400, "UNSUPPORTED", "The options did not arrive; nothing was done.")
    try:
        options = msgspec.json.decode(body or b"{}", type=_Options)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        message = f"The options cannot be read ({e})."
        raise RefusedError(400, "UNSUPPORTED", message) from e
    if options.grace_seconds is not None and not 0 <= options.grace_seconds < float("inf"):
        raise RefusedError(400, "UNSUPPORTED", "grace_seconds must be 0 or more.")
    return options


def _summary(report: GarbageReport, options: _Options) -> str:
    would = "would be " if options.dry_run else ""
    gone = (
        f"{_count(report.blobs_deleted, 'blob')} and "
        f"{_count(report.manifests_deleted, 'manifest')} {would}deleted, "
        f"{report.bytes_freed:,} bytes {would}freed."
    )
    young = report.orphaned_blobs_found - report.blobs_deleted
    untagged = report.orphaned_manifests_found - report.manifests_deleted
    if young:
        gone += f" {_count(young, 'blob')} that nothing points to stay: they are too young."
    if untagged and options.delete_untagged:
        gone += f" {_count(untagged, 'manifest')} without a tag stay: they are too young."
    elif untagged:
        gone += f" {_count(untagged, 'manifest')} without a tag stay: delete_untagged was not said."
    return gone


def _count(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"
