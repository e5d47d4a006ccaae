"""Drift's figures, as Prometheus reads them."""

import logging
import math
import re
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.errors import RegistryError
from ghostnb.registries.protocol import RegistryStore

__all__ = ["Measured", "Metrics", "add_metrics"]

_log = logging.getLogger("ghostnb.drift")
# The content is counted anew at most so often: it is a walk over all files.
_USAGE_SECONDS = 10.0
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DISTRIBUTION = re.compile(
    r"/v2/(?P<name>.+)/(?P<route>manifests|blobs/uploads|blobs|referrers|tags)/[^/]*"
)
_OTHERS = frozenset(
    {"/", "/v2/", "/v2/_catalog", "/metrics", "/health", "/readyz", "/token", "/login", "/whoami"}
)


class Metrics:
    """Counts what Drift does.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        self._requests = self._counter("http_requests", "Requests", "method", "route", "status")
        self._seconds = Histogram(
            "drift_http_request_duration_seconds",
            "From a request's headers to the end of its answer",
            ("method", "route"),
            registry=self._registry,
        )
        self._received = self._counter("received_bytes", "Bytes of bodies that came in")
        self._sent = self._counter("sent_bytes", "Bytes of bodies that went out")
        self._pulls = self._counter("pulls", "Manifests given out", "repository")
        self._pushes = self._counter("pushes", "Manifests stored", "repository")
        self._blobs = self._gauge("blobs", "Blobs and manifests that are kept")
        self._bytes = self._gauge("stored_bytes", "Their bytes")
        self._counted_at = -_USAGE_SECONDS

    async def exposition(self, request: Request) -> Response:
        """Give all figures as text."""
        registry = self._service.registry
        if (
            isinstance(registry, RegistryStore)
            and time.monotonic() - self._counted_at >= _USAGE_SECONDS
        ):
            count, size = await _usage(registry)
            self._blobs.set(count)
            self._bytes.set(size)
            self._counted_at = time.monotonic()
        return Response(generate_latest(self._registry), media_type=_CONTENT_TYPE)

    def note(
        self, scope: Scope, status: int, seconds: float, received_bytes: int, sent_bytes: int
    ) -> None:
        """Count one request that is over."""
        method, (route, repository) = scope["method"], _classify(scope["path"])
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        self._received.inc(received_bytes)
        self._sent.inc(sent_bytes)
        if route == "manifests" and (method, status) == ("GET", 200):
            self._pulls.labels(repository).inc()
        if route == "manifests" and (method, status) == ("PUT", 201):
            self._pushes.labels(repository).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"drift_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"drift_{name}", text, registry=self._registry)


class Measured:
    """Passes requests on, and counts them.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status, received, sent = time.perf_counter(), 500, 0, 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            # uvicorn leaves out what a HEAD is answered with.
            sent += 0 if scope["method"] == "HEAD" else len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.note(scope, status, seconds, received, sent)


def add_metrics(router: Router, service: Service) -> Metrics:
    """Add the route that shows the figures, and give what counts them."""
    metrics = Metrics(service)
    router.add("GET", "/metrics", metrics.exposition, "none")
    return metrics


async def _usage(registry: RegistryStore) -> tuple[float, float]:
    try:
        return await registry.usage()
    except RegistryError as e:
        # That is when the other figures are looked at.
        _log.error("What is kept cannot be counted: %s", e)
        return math.nan, math.nan


def _classify(path: str) -> tuple[str, str]:
    """Give a request's route and repository: few routes, whatever is asked for."""
    found: Any = _DISTRIBUTION.fullmatch(path)
    if found:
        return found["route"], found["name"]
    if path in _OTHERS:
        return path, ""
    first, second = [*path.split("/"), "", ""][1:3]
    return (f"/{first}/{second}" if first in ("v1", "admin") else "other"), ""
