"""Binder's scripts, run as repo2docker runs them: in an environment that has nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
# Stands in for the session's server, and does what a cell of a notebook would.
SESSION = """
import os, ghostnb
fleet = ghostnb.Fleet.from_config()
print(os.environ["GHOSTNB_CONFIG"])
print(fleet["local-drift"].config.url)
print(*ghostnb.run(fleet["local-drift"].repositories())["repository"])
print("ghostnb from", ghostnb.__file__)
# The dashboard is at ghostnb/ of the session's address.
import jupyter_server_proxy
from importlib.metadata import entry_points
print(*entry_points(group="jupyter_serverproxy_servers").names)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install `binder/requirements.txt` into a new virtual environment."""
    directory = tmp_path_factory.mktemp("binder") / "venv"
    venv.create(directory, with_pip=True)
    # Compiled is what is imported, which is little of it.
    options = ["-q", "--no-compile", "-r", "binder/requirements.txt"]
    command = [directory / "bin" / "pip", "install", *options]
    subprocess.run(command, cwd=ROOT, check=True, timeout=500)
    return directory


@pytest.mark.timeout(600)
def test_a_session_begins_with_drift_and_the_configuration(environment: Path, home: Path) -> None:
    build = run(environment, home, BINDER / "postBuild")
    assert build.returncode == 0, build.stderr
    assert "The quickstart notebook, run: " in build.stdout

    session = run(environment, home, BINDER / "start", "python", "-c", SESSION)

    assert session.returncode == 0, session.stderr
    config, url, repositories, where, proxied = session.stdout.splitlines()
    assert config == str(home / ".ghostnb-demo" / "registries.toml")
    assert url.startswith("http://localhost:")
    assert "team/shop/api" in repositories.split()
    # The package as it was installed, not this working copy.
    assert str(environment) in where
    assert proxied == "ghostnb"


@pytest.mark.timeout(600)
def test_a_session_begins_even_if_the_demo_cannot(environment: Path, home: Path) -> None:
    (home / ".ghostnb-demo").mkdir()
    (home / ".ghostnb-demo" / "registry").write_text("in the way")
    session = run(environment, home, BINDER / "start", "echo", "a session", "of its own")
    assert session.stdout == "a session of its own\n"
    assert "ghostnb: " in session.stderr


def test_its_python_is_one_that_the_package_takes() -> None:
    name, _, version = (BINDER / "runtime.txt").read_text().strip().partition("-")
    assert name == "python"
    assert tuple(map(int, version.split("."))) >= (3, 11)


def test_the_scripts_can_be_executed() -> None:
    for script in ("postBuild", "start"):
        assert os.access(BINDER / script, os.X_OK)
        assert (BINDER / script).read_text().startswith("#!/bin/bash\n")


def run(environment: Path, home: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a script from the repository's root, and end what it left in the background.

    On Binder the container's end does that.
    """
    variables = {**os.environ, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    output, errors = home / "stdout", home / "stderr"
    with output.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=variables | {"PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=120)
        finally:
            end_group(process.pid)
    return subprocess.CompletedProcess(
        list(command), status, output.read_text(), errors.read_text()
    )


def end_group(number: int) -> None:
    try:
        os.killpg(number, signal.SIGTERM)
    except ProcessLookupError:  # nothing was left
        return
