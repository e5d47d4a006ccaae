"""Drift, our own embedded registry: in process for most tests, as a process for some."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from ghostnb.drift import create_app
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.protocol import Registry
from tests.parts.processes import PartError, end, launch, log_tail

START_SECONDS = 20
IN_PROCESS_URL = "http://localhost:5000"


@dataclass(frozen=True)
class RunningDrift:
    """A ``ghostnb drift`` that answers."""

    url: str
    root: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def kill(self) -> None:
        """End it wherever it is. What it wrote the kernel keeps, which a power cut would not."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_drift(root: Path, *arguments: str) -> Iterator[RunningDrift]:
    """Run ``ghostnb drift`` on a free port, and end it."""
    with tempfile.TemporaryDirectory(prefix="drift-test-") as directory:
        log = Path(directory) / "log"
        command = [sys.executable, "-m", "ghostnb", "drift", "--root", str(root), "--port", "0"]
        process = launch([*command, *arguments], log)
        try:
            yield RunningDrift(_wait_for_url(process, log), root, process)
        finally:
            end(process)


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"https?://[^\s]+", log.read_text())
        if found and _answers(found[0]):
            return found[0]
        time.sleep(0.02)
    raise PartError(f"drift did not start:\n{log_tail(log)}")


def _answers(url: str) -> bool:
    try:
        httpx2.get(f"{url}/v2/", timeout=1, verify=False, trust_env=False)
    except httpx2.TransportError:
        return False
    return True


def drift_transport(registry: Registry) -> httpx2.ASGITransport:
    """Serve a registry by Drift in this process."""
    return httpx2.ASGITransport(create_app(registry))


def through_drift(registry: Registry, name: str = "reg") -> HTTPRegistry:
    """Look at a registry by HTTP, without a network."""
    config = RegistryConfig(name, IN_PROCESS_URL)
    return HTTPRegistry(config, transport=drift_transport(registry), cache=ContentCache())
