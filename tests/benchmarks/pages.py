"""Pages to measure: the dashboard's, and stock Voilà's with one button on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import nbformat
import psutil

from tests.dashboard.running import running_dashboard, write_config
from tests.parts.browsers import PATIENCE_MS
from tests.parts.processes import PartError, end, free_port, launch, log_tail

BUTTON = """
import ipywidgets

button = ipywidgets.Button(description="0")
button.on_click(lambda _: setattr(button, "description", str(int(button.description) + 1)))
button
"""
# As favourable as stock Voilà can be: nothing of JupyterLab's, and a kernel that waits.
FAVOURABLE = (
    "--VoilaConfiguration.preheat_kernel=True",
    "--VoilaConfiguration.extension_allowlist=@voila-dashboards/widgets-manager8",
    "--VoilaConfiguration.extension_allowlist=@jupyter-widgets/jupyterlab-manager",
    "--VoilaConfiguration.extension_allowlist=anywidget",
)
QUIET_SECONDS, QUIET_SHARE = 1.0, 0.05


@dataclass(frozen=True)
class Page:
    """A page that is served.

    Attributes
    ----------
    url : str
    rows : str
        A selector: what is to be on the screen before one calls it visible.
    count : int
        And how many of them.
    pid : int
        Of the process that serves it.
    """

    url: str
    rows: str
    count: int
    pid: int

    def rest(self) -> None:
        """Wait until nothing is done any more: a kernel that waits has run its cells."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        spent = self._cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            before, spent = spent, self._cpu_seconds()
            if abs(spent - before) < QUIET_SHARE * QUIET_SECONDS:
                return
        raise PartError(f"{self.url} does not come to rest")

    def _cpu_seconds(self) -> float:
        process = psutil.Process(self.pid)
        spent = 0.0
        for one in (process, *process.children(recursive=True)):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            spent += times.user + times.system
        return spent


@contextmanager
def button_page(folder: Path, *options: str) -> Iterator[Page]:
    """Serve one button by stock Voilà."""
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BUTTON)])
    nbformat.write(notebook, folder / "page.ipynb")
    port, log = free_port(), folder / "voila.log"
    words = ["--no-browser", f"--port={port}", f"--Voila.root_dir={folder}", *options]
    process = launch([sys.executable, "-m", "voila", str(folder / "page.ipynb"), *words], log)
    try:
        yield Page(_answering(f"http://localhost:{port}/", log), ".jupyter-button", 1, process.pid)
    finally:
        end(process, 15)


@contextmanager
def dashboard_page(folder: Path, **registries: str) -> Iterator[Page]:
    """Serve the dashboard, with these registries."""
    folder.mkdir()
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    config = write_config(folder, **registries)
    rows = '[role=grid][aria-label="Registries"] .ghostnb-space [role=row]'
    with running_dashboard(folder, config, environment=nowhere) as running:
        yield Page(running.link, rows, len(registries), running.pid)


def _answering(url: str, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        try:
            # Not the page itself: each time it starts a kernel.
            httpx2.get(f"{url}voila/static/none", timeout=5, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return url
    raise PartError(f"voila did not start:\n{log_tail(log)}")
