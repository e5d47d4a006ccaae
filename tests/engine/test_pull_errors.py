from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ghostnb.engine import Engine
from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnauthorizedError,
)
from tests.engine.images import document
from tests.engine.proxies import proxy
from tests.engine.test_pull import Credentials
from tests.parts.daemons import RunningDaemon
from tests.parts.faults import FaultyServer
from tests.parts.registries import RunningRegistry
from tests.parts.replies import reply


def refuse(daemon: RunningDaemon, reference: str, **options: object) -> GhostnbError:
    """Pull what cannot be pulled."""

    async def pull() -> None:
        async with Engine(daemon.url) as engine:
            async for _ in engine.pull(reference, **options):  # type: ignore[arg-type]
                pass

    with pytest.raises(GhostnbError) as caught:
        asyncio.run(pull())
    assert reference.partition("@")[0] in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_unknown_tag(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    error = refuse(daemon, f"{origin.host}/team/app:unauthorized")

    assert type(error) is NotFoundError
    assert error.registry == origin.host
    assert [diagnostic.code for diagnostic in error.diagnostics] == ["MANIFEST_UNKNOWN"]


def test_unknown_repository(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    assert type(refuse(daemon, f"{origin.host}/denied/denied:denied")) is NotFoundError


def test_unknown_digest(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    error = refuse(daemon, f"{origin.host}/team/app@sha256:{'0' * 64}")
    assert type(error) is NotFoundError


def test_no_credentials(daemon: RunningDaemon, private: RunningRegistry) -> None:
    error = refuse(daemon, f"{private.host}/team/secret:1.0")

    assert type(error) is UnauthorizedError
    assert f"docker login {private.host}" in str(error)


def test_wrong_password_shows_nowhere(
    daemon: RunningDaemon, private: RunningRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = Credentials(private.username, "wr0ng-pa55word")

    error = refuse(daemon, f"{private.host}/team/secret:1.0", credentials=wrong)

    assert type(error) is UnauthorizedError
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (caplog.text, "".join(trace.format()), repr(error)):
        assert "wr0ng-pa55word" not in text


def test_unreachable_registry(daemon: RunningDaemon, unreachable_host: str) -> None:
    assert type(refuse(daemon, f"{unreachable_host}/team/app:1.0")) is TransportError


@contextlib.contextmanager
def plain_registry() -> Iterator[str]:
    """Serve plain HTTP on an address of this machine that is not loopback."""
    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    with proxy(1, address=found[0]) as running:
        yield running.host


def test_plain_http_where_tls_is_wanted(daemon: RunningDaemon) -> None:
    """Docker speaks plain HTTP to 127.0.0.0/8, and to nobody else."""
    with plain_registry() as host:
        error = refuse(daemon, f"{host}/team/app:1.0")

    assert type(error) is TransportError
    assert "insecure-registries" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "DENIED", ForbiddenError),
        (404, "NAME_UNKNOWN", NotFoundError),
    ],
)
def test_what_a_registry_says(
    daemon: RunningDaemon,
    hostile: FaultyServer,
    hostile_host: str,
    status: int,
    code: str,
    kind: type,
) -> None:
    says = {"errors": [{"code": code, "message": "because I say so"}]}
    hostile.routes["/v2/"] = reply(200, json={})
    hostile.routes["*"] = reply(status, json=says)

    assert type(refuse(daemon, f"{hostile_host}/team/app:1.0")) is kind


def test_too_many_requests(
    docker_daemon: RunningDaemon, hostile: FaultyServer, hostile_host: str
) -> None:
    """Podman 4.3 comes to the same end, but tries again for two and a half minutes before."""
    says = {"errors": [{"code": "TOOMANYREQUESTS", "message": "because I say so"}]}
    hostile.routes["/v2/"] = reply(200, json={})
    hostile.routes["*"] = reply(429, json=says)

    assert type(refuse(docker_daemon, f"{hostile_host}/team/app:1.0")) is RateLimitedError


def test_a_registry_that_fails(
    daemon: RunningDaemon, hostile: FaultyServer, hostile_host: str
) -> None:
    hostile.routes["/v2/"] = reply(200, json={})
    hostile.routes["*"] = reply(500, body=b"oh")

    assert type(refuse(daemon, f"{hostile_host}/team/app:1.0")) is ServerError


@pytest.mark.filterwarnings("ignore:docker-credential-no-such-store")
def test_a_credential_helper_that_is_missing(
    docker_daemon: RunningDaemon, origin: RunningRegistry, home: Path
) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "no-such-store"}')

    error = refuse(docker_daemon, f"{origin.host}/team/app:1.0")

    assert type(error) is ConfigError
    assert "credsStore" in str(error)
    assert document("team/app:1.0").digest not in str(error)
