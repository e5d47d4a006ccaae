"""A Jupyter server of the tests' own, and notebooks that are opened on it in a browser.

JupyterLab and Notebook 7 come from the same server: each is another address of the same file.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import nbformat
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Response

from tests.parts.processes import PartError, end, free_port, launch, wait_until_answering
from tests.scripts import ROOT

START_SECONDS = 60
# The environment's own, and an older one that the Makefile installs beside it.
KERNELS: Mapping[str, Path | None] = {
    "7": None,
    "6.31": Path(sys.prefix) / "ipykernel-6.31",
}
SETTINGS: Mapping[str, Mapping[str, object]] = {
    # What would ask, or ask other hosts.
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/apputils-extension:sessionDialogs": {"skipKernelRestartDialog": True},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}
# Notebook 7.6 complains of itself: it has no file browser, and its server refuses a font.
OF_NOTEBOOK_7 = re.compile(
    r"reading 'schema'|Command 'filebrowser:open-path'|/static/notebook/\w+\.woff2"
)


@dataclass
class Lab:
    """A server that answers."""

    url: str
    root: Path
    token: str = field(repr=False)

    def write(self, name: str, cells: Sequence[str], *, kernel: str = "7") -> Path:
        """Write a notebook that no cell of has run."""
        metadata = {"kernelspec": {"name": f"test-{kernel}", "display_name": f"Test {kernel}"}}
        made = [nbformat.v4.new_code_cell(cell) for cell in cells]
        path = self.root / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
        return path

    def address(self, notebook: Path, *, app: str = "lab") -> str:
        """Give the page of a notebook, in JupyterLab or in Notebook 7."""
        # A workspace of its own: else Lab opens again what the test before had open.
        places = {"lab": f"lab/workspaces/{notebook.stem}/tree", "notebook": "notebooks"}
        return f"{self.url}{places[app]}/{notebook.name}?token={self.token}"

    def stop_kernels(self) -> None:
        """End what notebooks have left running, as closing a tab does not."""
        headers = {"Authorization": f"token {self.token}"}
        with httpx2.Client(headers=headers, trust_env=False) as client:
            for session in client.get(f"{self.url}api/sessions").raise_for_status().json():
                client.delete(f"{self.url}api/sessions/{session['id']}").raise_for_status()


class OpenNotebook:
    """A notebook in the browser, used as by hand.

    Attributes
    ----------
    page : Page
    path : Path
        Of the file.
    """

    def __init__(self, page: Page, path: Path, lab: Lab) -> None:
        self.page, self.path, self.lab = page, path, lab

    def wait_for_kernel(self) -> None:
        """Wait until cells can be run: what is run before that is lost."""
        self.page.locator(".jp-Toolbar-kernelName", has_text="Test ").wait_for()
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook-cell").nth(number)

    def count_cells(self) -> int:
        return self.page.locator(".jp-Notebook-cell").count()

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea-output")

    def start(self, number: int) -> None:
        """Begin a cell and do not wait for it."""
        # A restarted kernel counts from 1 again: without this the old number would do.
        self.prompt(number).evaluate("prompt => prompt.textContent = ''")
        self.cell(number).locator(".jp-InputArea .cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, number: int) -> None:
        """Run a cell to its end."""
        self.start(number)
        self.prompt(number).filter(has_text=re.compile(r"^\[\d+\]:$")).wait_for()

    def prompt(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-InputPrompt")

    def is_busy(self, number: int) -> bool:
        return self.prompt(number).inner_text() == "[*]:"

    def restart(self) -> None:
        """Press the toolbar's button, and wait for the new kernel."""
        self.page.locator("[data-jp-item-name=restart]").click()
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=restarting]").wait_for()
        self.wait_for_kernel()

    def reopen(self) -> None:
        """Load the page anew, with another kernel: this one knows nothing of the widgets."""
        self.lab.stop_kernels()
        self.page.reload()
        self.wait_for_kernel()

    def save(self) -> dict[str, Any]:
        """Save by the keyboard, and give what the file then holds."""
        name = self.path.name
        with self.page.expect_response(lambda got: _is_saved(got, name)):
            self.page.keyboard.press("Control+s")
        return json.loads(self.path.read_text(encoding="utf-8"))


def _is_saved(response: Response, name: str) -> bool:
    return response.request.method == "PUT" and f"/api/contents/{name}" in response.url


@contextlib.contextmanager
def opened(context: BrowserContext, lab: Lab, path: Path, *, app: str) -> Iterator[OpenNotebook]:
    """Open a notebook; complaints in the console and requests to other hosts are failures."""
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(f"{error}"))
    page.on("console", lambda said: complaints.extend(_complaint(said)))
    page.on("request", lambda request: complaints.extend(_elsewhere(request.url)))
    page.on("websocket", lambda socket: complaints.extend(_elsewhere(socket.url)))
    with contextlib.closing(page):
        page.goto(lab.address(path, app=app))
        notebook = OpenNotebook(page, path, lab)
        notebook.wait_for_kernel()
        yield notebook
    lab.stop_kernels()
    known = OF_NOTEBOOK_7 if app == "notebook" else re.compile("(?!)")
    bad = [one for one in complaints if not known.search(one)]
    assert bad == [], bad


def _complaint(said: ConsoleMessage) -> list[str]:
    return [f"{said.text} ({said.location['url']})"] if said.type == "error" else []


def _elsewhere(url: str) -> list[str]:
    parts = urlsplit(url)
    is_here = parts.scheme in {"data", "blob"} or parts.hostname == "localhost"
    return [] if is_here else [f"a request to another host: {url}"]


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Run JupyterLab in a home of its own, with both kernels."""
    root, log = folder / "root", folder / "lab.log"
    root.mkdir()
    environment = _home(folder / "home")
    port, token = free_port(), secrets.token_hex(16)
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
        # The other one asks PyPI for what could be installed.
        "--LabApp.extension_manager=readonly",
    ]
    process = launch([sys.executable, "-m", "jupyterlab", *options], log, environment)
    try:
        url = f"http://localhost:{port}/"
        wait_until_answering(f"{url}api", "JupyterLab", log, process)
        yield Lab(url, root, token)
    finally:
        end(process)


def _home(home: Path) -> dict[str, str]:
    config, data = home / "config", home / "data"
    for kernel, directory in KERNELS.items():
        _write(data / "kernels" / f"test-{kernel}" / "kernel.json", _kernel_spec(kernel, directory))
    _write(config / "labconfig" / "default_setting_overrides.json", SETTINGS)
    exempt = "localhost,127.0.0.1"
    return {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(data),
        "JUPYTER_RUNTIME_DIR": str(home / "run"),
        "IPYTHONDIR": str(home / "ipython"),
        "GHOSTNB_CACHE": "off",
        "NO_PROXY": exempt,
        "no_proxy": exempt,
    }


def _kernel_spec(kernel: str, directory: Path | None) -> dict[str, Any]:
    if directory is not None and not (directory / "ipykernel").is_dir():
        raise PartError(f"ipykernel {kernel} is not in {directory}. Try: make kernels")
    path = [str(one) for one in (directory, ROOT) if one is not None]
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Test {kernel}",
        "language": "python",
        "env": {"PYTHONPATH": ":".join(path)},
    }


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
