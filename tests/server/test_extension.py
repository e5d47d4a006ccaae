"""The agent in a Jupyter Server of somebody's own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.parts.processes import PLAIN, end, free_port, launch, log_tail, wait_until_answering

TOKEN = "jupyters-token"
PAGE = (Path(__file__).parents[2] / "docs/rest.md").read_text(encoding="utf-8")
(ROLES,) = re.findall(r"```python\n(c\.ServerApp\.authorizer_class.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a plain Jupyter Server that has found the extension by itself."""
    with jupyter_server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="module")
def server_with_roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one that is configured as docs/rest.md says."""
    with jupyter_server(tmp_path_factory.mktemp("roles"), ROLES) as running:
        yield running


@contextmanager
def jupyter_server(directory: Path, settings: str = "") -> Iterator[str]:
    port, log, config = free_port(), directory / "log", directory / "config"
    config.mkdir()
    (config / "jupyter_server_config.py").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "jupyter_server", f"--port={port}", "--no-browser"]
    command += ["--allow-root", "--ServerApp.base_url=/lab/", f"--ServerApp.root_dir={directory}"]
    command += ["--ServerApp.port_retries=0"]
    environment = {
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(directory / "data"),
        "JUPYTER_RUNTIME_DIR": str(directory / "run"),
        "XDG_STATE_HOME": str(directory / "state"),
        "XDG_CONFIG_HOME": str(config),
    }
    # Where there is no such file, there are two registries.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GHOSTNB_CONFIG", raising=False)
        process = launch(command, log, environment)
    try:
        url = f"http://127.0.0.1:{port}/lab"
        wait_until_answering(f"{url}/api/status", "Jupyter Server", log, process)
        yield url
    finally:
        end(process)


def ask(
    server: str, path: str, token: str | None = TOKEN, method: str = "GET", **options: Any
) -> httpx2.Response:
    headers = {"Authorization": f"token {token}"} if token else {}
    options = {"verify": PLAIN, "trust_env": False, **options}
    return httpx2.request(method, f"{server}{path}", headers=headers, **options)


def add_registry(server: str) -> httpx2.Response:
    body = {"name": "added", "url": "http://localhost:1"}
    return ask(server, "/api/v1/registries", method="POST", json=body)


def test_what_is_wrong_with_the_configuration_is_said_in_its_log(tmp_path):
    (tmp_path / "registries.toml").write_text("registries = 1")
    script = (
        "from jupyter_server.serverapp import ServerApp\n"
        "ServerApp.instance(jpserver_extensions={'ghostnb.server': True})"
        ".initialize(['--allow-root', '--no-browser'], find_extensions=False)\n"
    )
    environment = {"GHOSTNB_CONFIG": str(tmp_path / "registries.toml"), "JUPYTER_NO_CONFIG": "1"}
    process = launch([sys.executable, "-c", script], tmp_path / "log", environment)

    try:
        assert process.wait(60) == 0
    finally:
        end(process)
    assert "registries.toml" in log_tail(tmp_path / "log")


def test_its_routes_stand_below_the_servers_own_address(server):
    answer = ask(server, "/api/v1/registries")

    assert [one["name"] for one in answer.json()["registries"]] == ["local-drift", "docker-hub"]


def test_the_servers_token_is_wanted(server):
    assert ask(server, "/api/v1/registries", None).status_code == 401
    assert ask(server, "/api/v1/registries", "wrong").status_code == 401


def test_what_the_server_had_before_is_there(server):
    assert ask(server, "/api/kernelspecs").json()["default"]


def test_roles_are_what_the_page_has_the_server_configured_for(server_with_roles):
    refused = add_registry(server_with_roles)

    assert ask(server_with_roles, "/api/v1/registries").status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "role does not allow it" in refused.json()["message"]
    assert ask(server_with_roles, "/api/kernels").status_code == 403


def test_without_roles_everybody_who_is_let_in_may_do_everything(server):
    added = add_registry(server)
    removed = ask(server, "/api/v1/registries/added", method="DELETE")

    assert (added.status_code, removed.status_code) == (201, 200)
    assert ask(server, "/api/kernels").status_code == 200


def test_it_is_enabled_by_being_installed():
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)

    said = re.sub(r"\x1b\[[0-9;]*m", "", listed.stdout + listed.stderr)
    assert "ghostnb.server enabled" in said


def test_the_description_stands_there_too(server):
    described = json.loads(ask(server, "/api/v1/openapi.json").text)

    assert described["servers"] == [{"url": "/lab/api/v1"}]
