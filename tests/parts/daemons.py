"""Debian's ``dockerd`` 20.10 and ``podman`` 4.3 on sockets of their own.

Both want root. Each has its data in a fresh directory directly under ``/tmp``: the path of a
Unix socket may not be longer than 107 characters.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.parts.processes import PartError, end, find_program, launch, log_tail

START_SECONDS = 30


@dataclass(frozen=True)
class RunningDaemon:
    """A container daemon that answers on a Unix socket."""

    product: str
    directory: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def socket_path(self) -> Path:
        return self.directory / "socket"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def kill(self) -> None:
        """Let it die without a goodbye, and everything that it started with it."""
        family = [self.process.pid, *_children(self.process)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def dockerd(*, where: RunningDaemon | None = None) -> Iterator[RunningDaemon]:
    """Run a Docker daemon, without networks, for as long as the context lasts.

    Parameters
    ----------
    where : one that was killed, to be followed on its socket and with its data.
    """
    program = find_program("dockerd", "docker.io")
    with contextlib.nullcontext(where.directory) if where else _directory() as directory:
        # As after a boot: else it waits for a containerd whose number somebody else has by now.
        shutil.rmtree(directory / "exec", ignore_errors=True)
        command = [
            program,
            f"--host=unix://{directory}/socket",
            f"--data-root={directory}/data",
            f"--exec-root={directory}/exec",
            f"--pidfile={directory}/pid",
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
        ]
        with _running("docker", command, directory, {}) as daemon:
            yield daemon


@contextlib.contextmanager
def podman(*, insecure: Sequence[str] = ()) -> Iterator[RunningDaemon]:
    """Run Podman's Docker-like service.

    Parameters
    ----------
    insecure : hosts with ports to which it may speak plain HTTP.
    """
    program = find_program("podman", "podman")
    with _directory() as directory:
        registries = directory / "registries.conf"
        registries.write_text("".join(_insecure_registry(host) for host in insecure))
        command = [
            program,
            f"--root={directory}/root",
            f"--runroot={directory}/run",
            "system",
            "service",
            "--time=0",
            f"unix://{directory}/socket",
        ]
        environment = {
            "CONTAINERS_REGISTRIES_CONF": str(registries),
            "REGISTRY_AUTH_FILE": str(directory / "no-such-auth.json"),
        }
        with _running("podman", command, directory, environment) as daemon:
            yield daemon


def _insecure_registry(host: str) -> str:
    return f'[[registry]]\nlocation = "{host}"\ninsecure = true\n'


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="g"))
    try:
        yield directory
    finally:
        _unmount_below(directory)
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _running(
    product: str, command: Sequence[str], directory: Path, environment: dict[str, str]
) -> Iterator[RunningDaemon]:
    process = launch(command, directory / "log", environment)
    daemon = RunningDaemon(product, directory, process)
    try:
        _wait(daemon)
        yield daemon
    finally:
        children = _children(process)
        end(process, timeout_seconds=10)
        _end_all([*children, *_containers(directory)])


def _wait(daemon: RunningDaemon) -> None:
    deadline = time.monotonic() + START_SECONDS
    while daemon.process.poll() is None and time.monotonic() < deadline:
        if _answers(daemon.socket_path):
            return
        time.sleep(0.02)
    tail = log_tail(daemon.directory / "log")
    raise PartError(f"{daemon.product} did not answer on {daemon.url}. Its log:\n{tail}")


def _answers(path: Path) -> bool:
    connection = http.client.HTTPConnection("localhost", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        try:
            connection.sock.connect(str(path))
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    return []


def _containers(directory: Path) -> list[int]:
    """Find the containers that a daemon leaves running: nobody is their parent any more."""
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f"{directory}/" in " ".join(process.cmdline()):
                found += [*(child.pid for child in process.children(recursive=True)), process.pid]
    return found


def _end_all(pids: Sequence[int]) -> None:
    """Kill what a daemon left behind (dockerd starts a containerd)."""
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def _unmount_below(directory: Path) -> None:
    """Detach what a killed daemon left mounted, the deepest first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1] for line in lines]
    for point in sorted((p for p in points if p.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "-l", point], check=True)
