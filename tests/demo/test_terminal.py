"""``ghostnb demo`` in a terminal: JupyterLab opens, and Ctrl-C ends everything."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from ghostnb.demo.opening import notebooks
from tests.demo.running import Running, copy_of, demo_in_terminal, is_free, wait_for_kernel, without


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    return copy_of(filled, tmp_path / "root")


def ask(running: Running, path: str, body: object = None) -> object:
    """Ask Jupyter's own API, as its page does."""
    found = running.wait_for(r"(http://localhost:\d+)/lab\S*\?token=(\w+)")
    request = urllib.request.Request(
        f"{found[1]}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {found[2]}"},
    )
    # It names its address before it answers there.
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)
        except urllib.error.URLError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_lab_opens_on_copies_of_the_notebooks_and_ctrl_c_ends_everything(root: Path) -> None:
    with demo_in_terminal("--lab", "--no-browser", "--root", str(root), "--port", "0") as running:
        port = running.port
        contents = ask(running, "/api/contents")
        assert {entry["name"] for entry in contents["content"]} == {one.name for one in notebooks()}
        kernel = ask(running, "/api/kernels", {"name": "python3"})
        assert kernel["name"] == "python3"
        family = wait_for_kernel(running)
        environment = family[-1].environ()
        assert environment["GHOSTNB_CONFIG"] == str(root / "registries.toml")
        lab = int(running.wait_for(r"http://localhost:(\d+)/lab")[1])
        assert running.signal(signal.SIGINT) == 130
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert is_free(port)
    assert is_free(lab)
    # Its kernel, ended while it starts, may complain; the demo may not.
    assert "ghostnb/demo/" not in running.output


def test_the_address_that_is_shown_is_the_notebooks(root: Path) -> None:
    with demo_in_terminal("--lab", "--no-browser", "--root", str(root), "--port", "0") as running:
        running.wait_for(r"http://localhost:\d+/lab/tree/quickstart.ipynb\?token=\w+")
        found = ask(running, "/api/contents/quickstart.ipynb")
        assert found["path"] == "quickstart.ipynb"
        assert running.signal(signal.SIGINT) == 130


def test_ctrl_c_in_the_terminal_is_not_asked_about(root: Path) -> None:
    """The terminal tells the whole group of it; Jupyter would ask whether it is meant."""
    with demo_in_terminal("--lab", "--no-browser", "--root", str(root), "--port", "0") as running:
        running.wait_for(r"/lab\S*\?token=")
        os.killpg(os.getpgid(running.process.pid), signal.SIGINT)
        assert running.finish() == 130
    assert "Shut down this Jupyter server" not in running.output


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a kill")
def test_a_killed_demo_leaves_no_lab_behind(root: Path) -> None:
    with demo_in_terminal("--lab", "--no-browser", "--root", str(root), "--port", "0") as running:
        running.wait_for(r"/lab\S*\?token=")
        family = running.family()
        assert len(family) > 1
        running.process.kill()
        _, alive = psutil.wait_procs(family[1:], timeout=10)
    assert alive == []


def test_once_runs_the_notebook_in_a_terminal_too_and_a_signal_ends_its_kernel(root: Path) -> None:
    with demo_in_terminal("--once", "--root", str(root), "--port", "0") as running:
        port = running.port
        family = wait_for_kernel(running)
        assert any("nbconvert" in one.cmdline() for one in family)
        assert running.signal(signal.SIGTERM) == 143
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert is_free(port)
    assert not (root / "quickstart.html").exists()


def test_without_jupyterlab_it_says_what_to_install(root: Path) -> None:
    command = without("jupyterlab")
    options = ("--lab", "--root", str(root), "--port", "0")
    with demo_in_terminal(*options, command=command) as running:
        running.wait_for(r"JupyterLab is not installed. .*pip install jupyterlab")
        assert running.finish() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_dashboard_opens_on_it_and_ends_with_it(root: Path, number: signal.Signals) -> None:
    with demo_in_terminal("--no-browser", "--root", str(root), "--port", "0") as running:
        port = running.port
        found = running.wait_for(r"The dashboard: (http://127.0.0.1:(\d+)/)\?token=(\S+)")
        asked = urllib.request.Request(found[1], headers={"Authorization": f"token {found[3]}"})
        with urllib.request.urlopen(asked, timeout=60) as page:
            assert b"application/vnd.jupyter.widget-view+json" in page.read()
        family = wait_for_kernel(running)
        assert family[-1].environ()["GHOSTNB_CONFIG"] == str(root / "registries.toml")
        assert running.signal(number) == 128 + number
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert is_free(port)
    assert is_free(int(found[2]))
    assert "Traceback" not in running.output
