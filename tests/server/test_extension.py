"""The agent in a Jupyter Server of somebody's own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.parts.processes import end, free_port, launch, log_tail

TOKEN = "jupyters-token"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a plain Jupyter Server that has found the extension by itself."""
    directory = tmp_path_factory.mktemp("jupyter")
    port, log = free_port(), directory / "log"
    command = [sys.executable, "-m", "jupyter_server", f"--port={port}", "--no-browser"]
    command += ["--allow-root", "--ServerApp.base_url=/lab/", f"--ServerApp.root_dir={directory}"]
    environment = {
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_CONFIG_DIR": str(directory / "config"),
        "JUPYTER_DATA_DIR": str(directory / "data"),
        "JUPYTER_RUNTIME_DIR": str(directory / "run"),
        "XDG_STATE_HOME": str(directory / "state"),
        "XDG_CONFIG_HOME": str(directory / "config"),
    }
    # Where there is no such file, there are two registries.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GHOSTNB_CONFIG", raising=False)
        process = launch(command, log, environment)
    try:
        wait(f"http://127.0.0.1:{port}/lab/api/status", log, process)
        yield f"http://127.0.0.1:{port}/lab"
    finally:
        end(process)


def wait(url: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(url, timeout=2, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log_tail(log))


def ask(server: str, path: str, token: str | None = TOKEN) -> httpx2.Response:
    headers = {"Authorization": f"token {token}"} if token else {}
    return httpx2.get(f"{server}{path}", headers=headers, trust_env=False)


def test_what_is_wrong_with_the_configuration_is_said_in_its_log(tmp_path):
    (tmp_path / "registries.toml").write_text("registries = 1")
    script = (
        "from jupyter_server.serverapp import ServerApp\n"
        "ServerApp.instance(jpserver_extensions={'ghostnb.server': True})"
        ".initialize(['--allow-root', '--no-browser'], find_extensions=False)\n"
    )
    environment = {"GHOSTNB_CONFIG": str(tmp_path / "registries.toml"), "JUPYTER_NO_CONFIG": "1"}
    process = launch([sys.executable, "-c", script], tmp_path / "log", environment)

    assert process.wait(60) == 0
    assert "registries.toml" in log_tail(tmp_path / "log")


def test_its_routes_stand_below_the_servers_own_address(server):
    answer = ask(server, "/api/v1/registries")

    assert [one["name"] for one in answer.json()["registries"]] == ["local-drift", "docker-hub"]


def test_the_servers_token_is_wanted(server):
    assert ask(server, "/api/v1/registries", None).status_code == 401
    assert ask(server, "/api/v1/registries", "wrong").status_code == 401


def test_what_the_server_had_before_is_there(server):
    assert ask(server, "/api/kernelspecs").json()["default"]


def test_it_is_enabled_by_being_installed():
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)

    said = re.sub(r"\x1b\[[0-9;]*m", "", listed.stdout + listed.stderr)
    assert "ghostnb.server enabled" in said


def test_the_description_stands_there_too(server):
    described = json.loads(ask(server, "/api/v1/openapi.json").text)

    assert described["servers"] == [{"url": "/lab/api/v1"}]
