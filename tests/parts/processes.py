"""Start real parts as child processes that never outlive the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

# For whoever asks a part that speaks plain HTTP: the usual settings, with the authorities of this
# system, take longer than some requests. They trust nobody.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class PartError(RuntimeError):
    """A real part is missing or did not start: a broken machine, never a reason to skip."""


def find_program(name: str, debian_package: str) -> str:
    """Find a program on the PATH, or say which Debian package holds it."""
    found = shutil.which(name)
    if found is None:
        raise PartError(f"{name} is not installed. Try: apt-get install {debian_package}")
    return found


def free_port(host: str = "127.0.0.1") -> int:
    """Ask the kernel for a port. Another process may take it first: callers try again."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def launch(
    command: Sequence[str], log_file: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ``command`` with its output in ``log_file``; the kernel kills it when we die.

    Notes
    -----
    ``PR_SET_PDEATHSIG`` follows the *thread* that started the child, so start parts from a
    thread that lives as long as they are needed. ``setpriv`` sets it without ``preexec_fn``,
    which is unsafe when other threads run.
    """
    guard = shutil.which("setpriv")
    prefix = [guard, "--pdeathsig", "KILL"] if guard else []
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )


def end(process: subprocess.Popen[bytes], timeout_seconds: float = 5) -> None:
    """Ask a process to end, then insist. Ending it twice is fine."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_answering(
    url: str,
    name: str,
    log_file: Path,
    process: subprocess.Popen[bytes] | None = None,
    patience_seconds: float = 60,
) -> None:
    """Wait for a server to answer, whatever it says; not for one whose process has ended."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(url, timeout=5, verify=PLAIN, trust_env=False)
            return
        time.sleep(0.1)
    raise PartError(f"{name} did not start:\n{log_tail(log_file)}")


def log_tail(log_file: Path, size: int = 2000) -> str:
    """Give the last characters of a log, for error messages."""
    return log_file.read_text(errors="replace")[-size:] if log_file.exists() else ""
