from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ghostnb.engine import Engine
from ghostnb.errors import (
    EngineError,
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from tests.engine.test_pull import Credentials
from tests.engine.test_pull_errors import plain_registry
from tests.parts.daemons import RunningDaemon
from tests.parts.faults import FaultyServer
from tests.parts.registries import RunningRegistry
from tests.parts.replies import reply


def refuse(
    daemon: RunningDaemon, reference: str, image: str | None, **options: object
) -> GhostnbError:
    """Tag an image if there is one, and push what cannot be pushed."""

    async def push() -> None:
        async with Engine(daemon.url) as engine:
            if image:
                await engine.tag(image, reference)
            async for _ in engine.push(reference, **options):  # type: ignore[arg-type]
                pass

    with pytest.raises(GhostnbError) as caught:
        asyncio.run(push())
    assert f"could not push {reference}" in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_an_image_that_is_not_there(daemon: RunningDaemon, target: RunningRegistry) -> None:
    error = refuse(daemon, f"{target.host}/denied/denied:denied", None)

    assert type(error) is EngineError
    assert error.status == 404
    assert "engine.images()" in error.hint
    assert f"engine.tag(image, '{target.host}/denied/denied:denied')" in error.hint


def test_a_tag_that_is_not_there(
    daemon: RunningDaemon, pushed: str, target: RunningRegistry
) -> None:
    asyncio.run(tag(daemon, pushed, f"{target.host}/team/app:1.0"))

    error = refuse(daemon, f"{target.host}/team/app:unauthorized", None)

    assert (type(error), getattr(error, "status", None)) == (EngineError, 404)


async def tag(daemon: RunningDaemon, image: str, reference: str) -> None:
    async with Engine(daemon.url) as engine:
        await engine.tag(image, reference)


@pytest.mark.parametrize("image", ["nowhere:1", "r.example:5000/no/where", "0123456789ab"])
def test_tagging_what_is_not_there(daemon: RunningDaemon, image: str) -> None:
    with pytest.raises(EngineError, match=f"would not tag .*{image}.* as app:1: ") as caught:
        asyncio.run(tag(daemon, image, "app:1"))

    assert caught.value.status == 404
    assert caught.value.hint == "engine.images() lists those that there are."


def test_no_credentials(
    daemon: RunningDaemon, pushed: str, private_target: RunningRegistry
) -> None:
    error = refuse(daemon, f"{private_target.host}/team/secret:1.0", pushed)

    assert type(error) is UnauthorizedError
    assert error.registry == private_target.host
    assert f"docker login {private_target.host}" in str(error)


def test_wrong_password_shows_nowhere(
    daemon: RunningDaemon,
    pushed: str,
    private_target: RunningRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = Credentials(private_target.username, "wr0ng-pa55word")

    error = refuse(daemon, f"{private_target.host}/team/secret:1.0", pushed, credentials=wrong)

    assert type(error) is UnauthorizedError
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (caplog.text, "".join(trace.format()), repr(error)):
        assert "wr0ng-pa55word" not in text


def test_unreachable_registry(daemon: RunningDaemon, pushed: str, unreachable_host: str) -> None:
    error = refuse(daemon, f"{unreachable_host}/team/app:1.0", pushed)
    assert type(error) is TransportError


def test_plain_http_where_tls_is_wanted(daemon: RunningDaemon, pushed: str) -> None:
    with plain_registry() as host:
        error = refuse(daemon, f"{host}/team/app:1.0", pushed)

    assert type(error) is TransportError
    assert "insecure-registries" in str(error)


@contextmanager
def saying(hostile: FaultyServer, status: int, code: str) -> Iterator[None]:
    """Let the registry answer everything but the first question so."""
    says = {"errors": [{"code": code, "message": "because I say so"}]}
    hostile.routes["/v2/"] = reply(200, json={})
    hostile.routes["*"] = reply(status, json=says)
    yield
    hostile.routes.clear()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "DENIED", ForbiddenError),
        (404, "NAME_UNKNOWN", NotFoundError),
        (405, "UNSUPPORTED", UnsupportedError),
    ],
)
def test_what_a_registry_says(
    daemon: RunningDaemon,
    pushed: str,
    hostile: FaultyServer,
    hostile_host: str,
    status: int,
    code: str,
    kind: type,
) -> None:
    with saying(hostile, status, code):
        error = refuse(daemon, f"{hostile_host}/team/app:1.0", pushed)

    assert type(error) is kind


def test_too_many_requests(
    docker_daemon: RunningDaemon, origin: RunningRegistry, hostile: FaultyServer, hostile_host: str
) -> None:
    """Podman 4.3 comes to the same end, but tries again for minutes before."""
    image = asyncio.run(pulled(docker_daemon, f"{origin.host}/team/app:1.0"))
    with saying(hostile, 429, "TOOMANYREQUESTS"):
        error = refuse(docker_daemon, f"{hostile_host}/team/app:1.0", image)

    assert type(error) is RateLimitedError


def test_a_registry_that_fails(
    podman_daemon: RunningDaemon, origin: RunningRegistry, hostile: FaultyServer, hostile_host: str
) -> None:
    """Docker comes to the same end, but tries again for 50 seconds before."""
    image = asyncio.run(pulled(podman_daemon, f"{origin.host}/team/app:1.0"))
    with saying(hostile, 500, "UNKNOWN"):
        error = refuse(podman_daemon, f"{hostile_host}/team/app:1.0", image)

    assert type(error) is ServerError


async def pulled(daemon: RunningDaemon, name: str) -> str:
    async with Engine(daemon.url) as engine:
        async for _ in engine.pull(name):
            pass
    return name
