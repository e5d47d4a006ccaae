"""Widgets in a real browser, on a page that Voilà serves."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page

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


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Give what runs some cells' code and opens the page on it; complaints fail the test."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def opened(code: str) -> Page:
            url = stack.enter_context(served(code, tmp_path))
            page = stack.enter_context(contextlib.closing(browser.new_page()))
            page.set_viewport_size({"width": 1280, "height": 900})
            page.route(ELSEWHERE, lambda route: route.fulfill(body=""))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
            page.set_default_timeout(START_SECONDS * 1000)
            page.goto(url)
            return page

        yield opened
    assert [one for one in complaints if FAREWELL not in one] == []


@contextlib.contextmanager
def served(code: str, folder: Path) -> Iterator[str]:
    """Serve a notebook of one cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, folder / "page.ipynb")
    port, log = free_port(), folder / "voila.log"
    options = ["--no-browser", f"--port={port}", f"--Voila.root_dir={folder}"]
    options += [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    process = launch([sys.executable, "-m", "voila", str(folder / "page.ipynb"), *options], log)
    try:
        url = f"http://localhost:{port}/"
        # Not the page itself: each time it starts a kernel.
        wait_until_answering(f"{url}voila/static/none", "Voilà", log)
        yield url
    finally:
        end(process)
        shutil.rmtree(folder / "data", ignore_errors=True)
