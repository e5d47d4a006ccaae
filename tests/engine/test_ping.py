from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ghostnb.engine import Daemon, Engine
from ghostnb.errors import ConfigError, EngineError, EngineUnreachableError
from tests.parts.daemons import RunningDaemon
from tests.parts.faults import faulty_server
from tests.parts.processes import find_program
from tests.parts.replies import hang, reply


async def ping(context: str | None = None, **options: float) -> Daemon:
    async with Engine(context, **options) as engine:
        return await engine.ping()


def test_says_who_answers(daemon: RunningDaemon) -> None:
    program = {"docker": "dockerd", "podman": "podman"}[daemon.product]
    told = subprocess.run(
        [find_program(program, program), "--version"], capture_output=True, text=True, check=True
    ).stdout

    found = asyncio.run(ping(daemon.url))

    assert (found.product, found.context, found.url) == (daemon.product, daemon.url, daemon.url)
    assert found.version in told
    assert (found.os, found.architecture, found.api_version) == ("linux", "amd64", "1.41")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.version = "0"  # type: ignore[misc]


def test_docker_host_is_used(daemon: RunningDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.url)

    found = asyncio.run(ping())

    assert (found.context, found.url) == ("default", daemon.url)


def test_known_sockets_are_tried_in_order(
    docker_daemon: RunningDaemon,
    podman_daemon: RunningDaemon,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", podman_daemon.url)
    assert asyncio.run(ping()).product == "podman"

    rootless = home / "run" / "docker.sock"
    rootless.symlink_to(docker_daemon.socket_path)

    found = asyncio.run(ping())
    assert (found.product, found.context) == ("docker", f"unix://{rootless}")


def test_stays_with_the_daemon_that_answered(
    docker_daemon: RunningDaemon,
    podman_daemon: RunningDaemon,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", podman_daemon.url)

    async def ping_twice() -> list[str]:
        async with Engine() as engine:
            first = await engine.ping()
            (home / "run" / "docker.sock").symlink_to(docker_daemon.socket_path)
            return [first.product, (await engine.ping()).product]

    assert asyncio.run(ping_twice()) == ["podman", "podman"]


def test_no_daemon_names_every_socket(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_HOST", "tcp://127.0.0.1:1")
    (home / "run" / "docker.sock").touch()

    with pytest.raises(EngineUnreachableError) as caught:
        asyncio.run(ping())

    text = str(caught.value)
    for tried in (
        "unix:///var/run/docker.sock (no such file)",
        f"unix://{home}/run/docker.sock (connection refused)",
        f"unix://{home}/run/podman/podman.sock (no such file)",
        "unix:///run/podman/podman.sock (no such file)",
        f"unix://{home}/.docker/run/docker.sock (no such file)",
        "tcp://127.0.0.1:1 (connection refused)",
        "systemctl start docker",
        "podman system service",
    ):
        assert tried in text
    assert caught.value.tried[:2] == (
        ("unix:///var/run/docker.sock", "no such file"),
        (f"unix://{home}/run/docker.sock", "connection refused"),
    )
    assert len(caught.value.tried) == 6


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    with pytest.raises(EngineUnreachableError, match=r"/s \(connection refused\)\. Start one"):
        asyncio.run(ping(f"unix://{path}"))


def test_a_socket_without_permission(docker_daemon: RunningDaemon) -> None:
    """Root may do everything, so somebody else asks."""
    script = (
        "import asyncio, os, sys; from ghostnb.engine import Engine; import ghostnb.engine.sdk\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "asyncio.run(Engine(sys.argv[1]).ping())"
    )
    docker_daemon.directory.chmod(0o755)
    docker_daemon.socket_path.chmod(0o660)

    done = subprocess.run(
        [sys.executable, "-c", script, docker_daemon.url],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    last = done.stderr.strip().splitlines()[-1]
    assert "EngineUnreachableError" in last
    assert f"{docker_daemon.url} (permission denied)" in last
    assert "usermod -aG docker" in last


def test_something_else_answers() -> None:
    with faulty_server({"*": reply(200, json=["hello"])}) as server:
        with pytest.raises(EngineUnreachableError, match="no container daemon answers"):
            asyncio.run(ping(f"tcp://{server.host}"))
        server.routes["*"] = reply(503, body=b"busy")
        with pytest.raises(EngineUnreachableError, match="HTTP 503"):
            asyncio.run(ping(f"tcp://{server.host}"))


def test_silence_ends_in_time() -> None:
    unreachable = pytest.raises(EngineUnreachableError, match="no answer in time")
    with faulty_server({"*": hang()}) as server, unreachable:
        asyncio.run(ping(f"tcp://{server.host}", timeout_seconds=0.3))


def test_a_cancelled_ping_leaves_at_once() -> None:
    """The fixture sees to it that no thread stays behind."""

    async def impatient(host: str) -> None:
        async with asyncio.timeout(0.3):
            await ping(f"tcp://{host}")

    with faulty_server({"*": hang()}) as server:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(impatient(server.host))
        assert time.monotonic() - began < 2


def test_closing_breaks_off_what_is_under_way() -> None:
    async def close_meanwhile(host: str) -> None:
        engine = Engine(f"tcp://{host}")
        waiting = asyncio.ensure_future(engine.ping())
        await asyncio.sleep(0.3)
        await engine.close()
        await engine.close()
        await waiting

    closed = pytest.raises(EngineError, match="was closed while it was in use")
    with faulty_server({"*": hang()}) as server, closed:
        asyncio.run(close_meanwhile(server.host))


def test_a_closed_engine_is_a_mistake() -> None:
    async def use_closed() -> None:
        async with Engine("unix:///nowhere") as engine:
            pass
        await engine.ping()

    with pytest.raises(ValueError, match="is closed"):
        asyncio.run(use_closed())


def test_ssh_needs_the_extra() -> None:
    with pytest.raises(ConfigError, match="paramiko"):
        asyncio.run(ping("ssh://me@example.invalid"))


def test_missing_tls_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")

    with pytest.raises(ConfigError, match=r"(?i)tls"):
        asyncio.run(ping("tcp://127.0.0.1:2376"))


def test_importing_costs_no_docker() -> None:
    script = "import sys, ghostnb.engine as e; e.Engine(); sys.exit('docker' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_repr_shows_no_user() -> None:
    assert repr(Engine("tcp://me:secret@example.com:2375")) == "Engine('tcp://example.com:2375')"
