"""``ghostnb dashboard`` as a process, and its kernels."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from tests.parts.processes import PLAIN, PartError, end, launch, log_tail

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class RunningDashboard:
    """A dashboard, and how it is reached."""

    url: str
    token: str
    log: Path
    pid: int

    @property
    def link(self) -> str:
        """What was printed."""
        return f"{self.url}?token={self.token}"

    def ask(self, path: str = "", **options: object) -> httpx2.Response:
        """Ask for a page as nobody in particular."""
        return httpx2.get(f"{self.url}{path}", timeout=30, verify=PLAIN, trust_env=False, **options)

    @property
    def authorization(self) -> dict[str, str]:
        """Show the token as programs do."""
        return {"Authorization": f"token {self.token}"}

    def family(self) -> list[psutil.Process]:
        """Give the process, and all that it started."""
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]

    def kernels(self) -> set[int]:
        """Give the processes of kernels."""
        found = set()
        for one in self.family():
            try:
                if "ipykernel_launcher" in one.cmdline():
                    found.add(one.pid)
            except psutil.Error:
                continue
        return found

    def wait_for_kernels(self, count: int) -> set[int]:
        """Wait until there are so many."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.kernels()) != count:
            assert time.monotonic() < deadline, f"{len(found)} kernels, and not {count}"
            time.sleep(0.1)
        return found


@contextmanager
def running_dashboard(
    folder: Path,
    config: Path | None,
    *options: str,
    in_browser: bool = False,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningDashboard]:
    """Serve the dashboard on a free port."""
    log = folder / "dashboard.log"
    words = ["dashboard", "--port=0", *options]
    if config is not None:
        words.append(f"--config={config}")
    if not in_browser:
        words.append("--no-browser")
    variables = {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), **(environment or {})}
    process = launch([python, "-P", "-m", "ghostnb", *words], log, variables)
    try:
        found = _said(log, r"The dashboard: (http://\S+/)(?:\?token=(\S+))?")
        token = found[2] or variables["GHOSTNB_TOKEN"]
        yield RunningDashboard(found[1], token, log, process.pid)
    finally:
        end(process, 15)


def _said(log: Path, pattern: str) -> re.Match[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(pattern, log_tail(log, 100_000))):
        if time.monotonic() > deadline:
            raise PartError(f"the dashboard did not start:\n{log_tail(log)}")
        time.sleep(0.05)
    return found


def write_config(folder: Path, **urls: str) -> Path:
    """Write a registries.toml; a name's dashes are underscores here."""
    entries = [
        f'[[registries]]\nname = "{name.replace("_", "-")}"\nurl = "{url}"\n'
        for name, url in urls.items()
    ]
    config = folder / "registries.toml"
    config.write_text("\n".join(entries))
    return config
