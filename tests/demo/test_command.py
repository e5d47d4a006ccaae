"""``ghostnb demo`` without a terminal: it serves, tells what is there, makes a page, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tomllib
import urllib.request
from pathlib import Path

import psutil
import pytest

from ghostnb.demo import DemoRoot
from ghostnb.demo.opening import notebooks, quickstart
from tests.demo.running import copy_of, demo, is_free, without
from tests.parts.processes import free_port
from tests.serving import wait_until

FIGURES = r"(\d+) repositories, (\d+) tags: ([\d.]+) MB as listed, ([\d.]+) MB as stored\."


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    return copy_of(filled, tmp_path / "root")


def test_it_fills_tells_what_is_there_runs_the_notebook_and_ends(tmp_path: Path) -> None:
    """All of it, on a machine that has nothing yet, within the time that a user waits."""
    root = tmp_path / "new"
    with demo("--root", str(root), "--port", "0") as running:
        repositories, tags, listed, stored = running.wait_for(FIGURES).groups()
        times, port = psutil.Process(running.process.pid).cpu_times(), running.port
        assert running.finish() == 0, running.output
    assert (int(repositories) >= 12, int(tags) >= 60) == (True, True)
    assert float(stored) * 4 < float(listed)
    # On one processor, whatever else this machine does; half of it on two.
    assert times.user + times.system < 10
    assert is_free(port)
    page = (root / "quickstart.html").read_text()
    assert f"run: {root / 'quickstart.html'}" in running.output
    assert "team/shop/api" in page
    assert page.count("local-drift") >= int(repositories)


def test_a_second_run_reuses_what_is_there(root: Path) -> None:
    index = root / "registry" / "index.json"
    before = index.stat().st_mtime_ns
    with demo("--serve", "--root", str(root), "--port", "0") as running:
        running.wait_for("Serving until Ctrl-C")
        running.signal(signal.SIGINT)
    assert "Filling" not in running.output
    assert index.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_serving_ends_with_a_signal(root: Path, number: signal.Signals, status: int) -> None:
    with demo("--serve", "--root", str(root), "--port", "0") as running:
        running.wait_for("Serving until Ctrl-C")
        port = running.port
        url = f"http://localhost:{port}/v2/library/base/tags/list"
        with urllib.request.urlopen(url) as reply:
            assert "1.0" in json.load(reply)["tags"]
        assert running.signal(number) == status
    assert is_free(port)
    assert "Traceback" not in running.output


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lets a thread be named for a signal")
def test_a_signal_that_another_thread_takes_ends_it_too(root: Path) -> None:
    """The kernel may choose any thread; the main one sleeps on unless it wakes by itself."""
    with demo("--serve", "--root", str(root), "--port", "0") as running:
        running.wait_for("Serving until Ctrl-C")
        threads = [one.id for one in psutil.Process(running.process.pid).threads()]
        os.kill(next(one for one in threads if one != running.process.pid), signal.SIGINT)
        assert running.finish() == 130


def test_a_signal_while_it_fills_ends_it_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with demo("--serve", "--root", str(tmp_path), "--port", "0") as running:
        running.wait_for("Filling")
        wait_until((tmp_path / "registry" / "blobs").exists, seconds=60)
        assert running.signal(signal.SIGINT) == 130
    assert running.output.startswith("Filling")
    assert running.output.count("\n") == 1
    assert not DemoRoot(tmp_path).is_filled
    with demo("--serve", "--root", str(tmp_path), "--port", "0") as running:
        running.wait_for("Filling")
        running.wait_for("Serving until Ctrl-C")


def test_the_configuration_leads_to_it_though_the_port_is_another(root: Path) -> None:
    with demo("--serve", "--root", str(root), "--port", "0") as running:
        port = running.port
        assert f'url = "http://localhost:{port}"' in (root / "registries.toml").read_text()
        assert f"Fleet.from_config('{root / 'registries.toml'}')" in running.output


def test_a_taken_port_is_an_error_before_anything_is_filled(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with demo("--root", str(tmp_path / "root"), "--port", str(port)) as running:
            assert running.finish() == 1
    assert f"ghostnb: Port {port} of 127.0.0.1 cannot be had" in running.output
    assert "--port" in running.output
    assert not (tmp_path / "root" / "registry").exists()


def test_a_directory_that_cannot_be_made_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with demo("--root", str(tmp_path / "file" / "root")) as running:
        assert running.finish() == 1
    assert running.output.startswith("ghostnb: The demo cannot be kept in")
    assert running.output.count("\n") == 1


def test_a_second_demo_in_the_same_directory_is_told_of_the_first(root: Path) -> None:
    with demo("--serve", "--root", str(root), "--port", "0") as first:
        first.wait_for("Serving until Ctrl-C")
        with demo("--serve", "--root", str(root), "--port", "0") as second:
            assert second.finish() == 1
    assert f"GHOSTNB_CONFIG={root / 'registries.toml'}" in second.output


def test_without_nbconvert_it_says_what_to_install(root: Path) -> None:
    command = without("nbconvert")
    with demo("--once", "--root", str(root), "--port", "0", command=command) as running:
        assert running.finish() == 1
    assert "pip install nbconvert" in running.output
    assert running.wait_for(FIGURES)


def test_a_proxy_of_the_machine_is_not_asked_for_localhost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with demo("--serve", "--root", str(root), "--port", "0") as running:
        assert running.wait_for(FIGURES)


def test_the_notebooks_are_the_repositorys_own() -> None:
    """All but the dashboard's, which is the page of ``ghostnb dashboard``."""
    folder = Path(__file__).parents[2] / "notebooks"
    assert quickstart() == folder / "quickstart.ipynb"
    assert set(notebooks()) == set(folder.glob("*.ipynb")) - {folder / "dashboard.ipynb"}


def test_the_package_takes_every_notebook_along() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    packaged = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert packaged == {
        **{f"notebooks/{one.name}": f"ghostnb/demo/notebooks/{one.name}" for one in notebooks()},
        "notebooks/dashboard.ipynb": "ghostnb/dashboard/dashboard.ipynb",
    }
