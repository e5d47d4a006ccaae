"""The tool, opened on the demo: the dashboard, JupyterLab, or the notebook run to a page."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ghostnb.errors import ConfigError, GhostnbError

__all__ = [
    "environment",
    "notebooks",
    "open_dashboard",
    "open_lab",
    "quickstart",
    "run_to_page",
]

_NOTEBOOKS = ("quickstart", "layer-economics", "cleanup-what-if", "compare-images", "lineage")
_PATIENCE_SECONDS = 10.0
# A signal is noticed only when the main thread wakes up.
_WAKE_SECONDS = 0.2


def notebooks() -> list[Path]:
    """Find the notebooks, the quickstart first: in the package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "notebooks"
    folder = packaged if packaged.exists() else Path(__file__).parents[2] / "notebooks"
    return [folder / f"{name}.ipynb" for name in _NOTEBOOKS]


def quickstart() -> Path:
    """Find the quickstart notebook."""
    return notebooks()[0]


def environment(config: Path) -> dict[str, str]:
    """Give the variables by which this process and others find the demo.

    Parameters
    ----------
    config : Path
        The ``registries.toml``.
    """
    exempt = ",".join(filter(None, [os.environ.get("NO_PROXY"), "localhost,127.0.0.1"]))
    return {"GHOSTNB_CONFIG": str(config), "NO_PROXY": exempt, "no_proxy": exempt}


def run_to_page(notebook: Path, folder: Path, variables: Mapping[str, str]) -> Path:
    """Run a notebook, and write what it shows as an HTML page.

    Parameters
    ----------
    notebook, folder : Path
        The notebook stays as it is; the page is written into the folder.
    variables : mapping
        As `environment` gives them.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If nbconvert is not installed.
    GhostnbError
        If a cell fails.
    """
    if not _is_installed("nbconvert"):
        raise ConfigError(
            "The notebook cannot be run: nbconvert is not installed.",
            hint="Install it with: pip install nbconvert",
        )
    page = folder / f"{notebook.stem}.html"
    options = ["--log-level=WARN", "--to=html", "--execute", f"--output-dir={folder}"]
    status = _run(["nbconvert", *options, f"--output={page.name}", str(notebook)], variables)
    if status:
        raise GhostnbError(
            f"The notebook {notebook.name} could not be run (nbconvert ended with {status}).",
            hint="What it said stands above.",
        )
    return page


def open_dashboard(variables: Mapping[str, str], *, in_browser: bool) -> None:
    """Open the dashboard, and wait until it is ended.

    Raises
    ------
    GhostnbError
        If it does not start.
    """
    # A process of its own: who pulls from the registry does not keep the page waiting.
    status = _run(["ghostnb", "dashboard", *([] if in_browser else ["--no-browser"])], variables)
    if status:
        raise GhostnbError(
            f"The dashboard ended with {status}.",
            hint="What it said stands above; ghostnb demo --serve serves without it.",
        )


def open_lab(notebook: Path, variables: Mapping[str, str], *, in_browser: bool) -> None:
    """Open a notebook in JupyterLab, and wait until that is shut down.

    Raises
    ------
    ConfigError
        If JupyterLab is not installed.
    GhostnbError
        If it does not start.
    """
    if not _is_installed("jupyterlab"):
        raise ConfigError(
            "JupyterLab is not installed.", hint="Install it with: pip install jupyterlab"
        )
    options = [
        "--log-level=WARN",
        # What it prints, and opens, is then the notebook and not the launcher.
        f"--ServerApp.root_dir={notebook.parent}",
        f"--LabApp.default_url=/lab/tree/{notebook.name}",
        *([] if in_browser else ["--no-browser"]),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Jupyter asks whether that is meant; who runs a demo as root has said so.
        options.append("--allow-root")
    status = _run(["jupyterlab", *options], variables)
    if status:
        raise GhostnbError(
            f"JupyterLab ended with {status}.",
            hint="What it said stands above; ghostnb demo --serve serves without it.",
        )


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a module of this Python to its end; it ends when this process is told to."""
    with _child([sys.executable, "-m", *command], variables) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_WAKE_SECONDS)


@contextmanager
def _child(
    command: Sequence[str], variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    # Even who kills this process with SIGKILL ends the child too, where that can be had.
    guard = shutil.which("setpriv")
    process = subprocess.Popen(
        [*([guard, "--pdeathsig", "TERM"] if guard else []), *command],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        # Ctrl-C is told to us alone: Jupyter would ask whether it is meant.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
