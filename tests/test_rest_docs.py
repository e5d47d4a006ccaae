"""docs/rest.md: every line is run, and every route has one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghostnb.server.openapi import description
from ghostnb.server.routes import ROUTES
from tests.engine import images
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.images import plain_image
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage

TEXT = (Path(__file__).parents[1] / "docs/rest.md").read_text(encoding="utf-8")
LINES = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
RUN = [line for line in LINES if "curl" in line]
# What cannot be seen from here is not asked for, and whatever is not 2xx fails.
CURL = 'curl() { command curl --fail-with-body --noproxy "*" "$@"; }'
HOOK = "c.AgentExtension.webhook_secrets = {'distribution': 'hook-secret'}"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run what the page speaks of."""
    directory = tmp_path_factory.mktemp("rest")
    app = {"1.0": images.document("team/app:1.0"), "old": plain_image("old")}
    write_storage(directory / "storage", {"team/app": app, "team/box": {"1.0": images.box()}})
    storage = directory / "storage"
    with (
        docker_registry(storage_dir=storage, hostname="localhost", delete=True) as registry,
        dockerd() as daemon,
        running_agent(
            directory / "agent",
            {"local-drift": registry.url, "backup": f"oci:{directory / 'backup'}"},
            "--daemon",
            daemon.url,
            settings=HOOK,
        ) as running,
    ):
        yield running


def test_every_line_works_one_after_the_other(agent: RunningAgent):
    said = [f"echo '{number}' >&2\n{line} || exit 1" for number, line in enumerate(RUN)]
    script = "\n".join(["set -o pipefail", CURL, *said])
    environment = {
        "AGENT": f"{agent.url}/api/v1",
        "AUTH": f"Authorization: Bearer {TOKEN}",
        "PATH": "/usr/bin:/bin",
    }

    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )

    last = done.stderr.split()[-1] if done.stderr.split() else "0"
    assert done.returncode == 0, f"{RUN[int(last)]}\n{done.stdout[-500:]}\n{done.stderr[-500:]}"


def test_every_route_has_a_line():
    for path, methods in description(ROUTES, "")["paths"].items():
        pattern = re.sub(r"\{\w+\}", r"[^ \"?]+", path)
        for method in methods:
            flag = "" if method == "get" else f"-X {method.upper()}.*"
            found = [
                line for line in LINES if re.search(rf"{flag}\$AGENT{pattern}[\" ?)]", f"{line} ")
            ]
            assert found, (method, path)


def test_every_role_and_status_is_told():
    statuses = {
        status
        for methods in description(ROUTES, "")["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "400"
    }

    assert {status for status in statuses if f"{status}" not in TEXT} == set()
