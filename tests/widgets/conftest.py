"""Widgets in a real browser, on a page that Voilà serves."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, Page

from tests.parts.forked_kernels import forked_kernels
from tests.parts.processes import end, free_port, launch, wait_until_answering

START_SECONDS = 60
# Voilà's own page takes leave without the token that Voilà itself wants for it.
FAREWELL = "status of 403"
# Voilà's own template names style sheets and fonts elsewhere.
ELSEWHERE = re.compile("https://")
# Voilà loads what is there for JupyterLab, and Notebook 7's fails on its page.
EXTENSIONS = (
    "@voila-dashboards/widgets-manager8",
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
)
Show = Callable[[str], Page]


@dataclass(frozen=True)
class RunningVoila:
    """Voilà, and the folder of the notebooks that it serves."""

    url: str
    folder: Path
    pid: int

    @contextmanager
    def serve(self, code: str) -> Iterator[str]:
        """Serve a notebook of one cell; its kernel ends at the end."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        # Kernels have the server's environment, and this test has a home of its own.
        home = f"import os\nos.environ.clear()\nos.environ.update({dict(os.environ)!r})\n"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(home + code)])
        notebook.metadata["kernelspec"] = {"name": "forked", "display_name": "Forked"}
        nbformat.write(notebook, folder / "page.ipynb")
        before = self._kernels()
        try:
            yield f"{self.url}voila/render/{folder.name}/page.ipynb"
        finally:
            for kernel in self._kernels() - before:
                kernel.kill()

    def _kernels(self) -> set[psutil.Process]:
        return set(psutil.Process(self.pid).children())


@pytest.fixture(scope="session")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVoila]:
    """Run Voilà for all tests: it starts in two seconds, and each page has its own kernel."""
    folder = tmp_path_factory.mktemp("voila")
    port, log = free_port(), folder / "voila.log"
    options = ["--no-browser", f"--port={port}", "--AsyncIOLoopKernelManager.autorestart=False"]
    options += [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    imported = "ghostnb.widgets"
    with forked_kernels(tmp_path_factory.mktemp("kernels"), imported) as variables:
        process = launch([sys.executable, "-m", "voila", str(folder), *options], log, variables)
        try:
            url = f"http://localhost:{port}/"
            # Not a page: each starts a kernel.
            wait_until_answering(f"{url}voila/static/none", "Voilà", log, process)
            yield RunningVoila(url, folder, process.pid)
        finally:
            end(process)


@pytest.fixture
def show(browser: Browser, voila: RunningVoila) -> Iterator[Show]:
    """Give what runs some cells' code and opens the page on it; complaints fail the test."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def opened(code: str) -> Page:
            url = stack.enter_context(voila.serve(code))
            page = stack.enter_context(closing(browser.new_page()))
            page.set_viewport_size({"width": 1280, "height": 900})
            page.route(ELSEWHERE, lambda route: route.fulfill(body=""))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
            page.set_default_timeout(START_SECONDS * 1000)
            page.goto(url)
            return page

        yield opened
    assert [one for one in complaints if FAREWELL not in one] == []
