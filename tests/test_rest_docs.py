"""docs/rest.md: every line with curl is run, and every route has one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghostnb.drift.auth.identity import Role
from ghostnb.server.openapi import description
from ghostnb.server.roles import _NEEDED, role_needed
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
# What cannot be seen from here is not asked for, whatever is not 2xx fails, and statuses are told.
TELL = r"%{stderr}status %{http_code}\n"
CURL = f"""curl() {{ command curl --fail-with-body --noproxy "*" -w '{TELL}' "$@"; }}"""
# Who cancels a job that has ended already is told so, and the line goes on.
CANCEL = "-X DELETE $AGENT/jobs/$JOB ||"
# The registry of this page is one that does not tell.
USAGE = "/usage ||"
HOOK = "c.AgentExtension.webhook_secrets = {'distribution': 'hook-secret'}"
# What stands in the table of roles, and what of the agent is asked for it: resources and actions.
RIGHTS = {
    "registries and their content": ["registries read", "images read", "content read"],
    "searches": ["images read"],
    "containers and what they use": ["containers read"],
    "jobs": ["jobs read"],
    "events": ["events read"],
    "pull": ["images write"],
    "push": ["images write", "content write"],
    "copy": ["images write"],
    "sync": ["images write"],
    "create and run containers": ["containers write"],
    "read their logs and commands": ["logs read"],
    "cancel their own jobs": ["jobs write"],
    "add and remove registries": ["registries write"],
    "delete": ["deletions write"],
    "prune": ["deletions write"],
    "give containers the host's directories or network": ["host write"],
    "cancel others' jobs": ["deletions write"],
    "read and change subscriptions": ["subscriptions read", "subscriptions write"],
}


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
    said = [f"echo 'line {number}' >&2\n{line} || exit 1" for number, line in enumerate(RUN)]
    script = "\n".join(["set -o pipefail", CURL, *said])
    environment = {
        "AGENT": f"{agent.url}/api/v1",
        "AUTH": f"Authorization: Bearer {TOKEN}",
        "PATH": "/usr/bin:/bin",
    }

    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )

    *_, last = ["0", *re.findall(r"^line (\d+)$", done.stderr, re.MULTILINE)]
    assert done.returncode == 0, f"{RUN[int(last)]}\n{done.stdout[-500:]}\n{done.stderr[-500:]}"
    answered = re.findall(r"^line (\d+)\nstatus (\d+)$", done.stderr, re.MULTILINE)
    assert [RUN[int(number)] for number, _ in answered] == RUN
    (cancelled,) = [status for number, status in answered if CANCEL in RUN[int(number)]]
    assert cancelled in {"202", "409"}
    (untold,) = [status for number, status in answered if USAGE in RUN[int(number)]]
    assert untold == "422"


def asked(line: str) -> tuple[str, str]:
    """Give the method and the path that a line asks for."""
    method = re.search(r" -X (\w+) ", line)
    path = re.search(r"\$AGENT([^\s\"?)]*)", line)
    return method[1] if method else "GET", path[1] if path else ""


def test_every_route_has_a_line():
    lines = [asked(line) for line in RUN]
    for path, methods in description(ROUTES, "")["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path.replace("{repository}", ".+"))
        found = {method for method, asked_path in lines if re.fullmatch(pattern, asked_path)}
        assert {method.upper() for method in methods} <= found, path


def rows(first_column: str) -> list[tuple[str, str]]:
    """Give the rows of the table whose first column is called so."""
    table = TEXT.partition(f"| {first_column} | ")[2].partition("\n\n")[0].splitlines()[2:]
    return [tuple(re.fullmatch(r"\| (.+?) \| (.+) \|", row).groups()) for row in table]


def test_every_status_is_told_and_no_other():
    statuses = {
        status
        for methods in description(ROUTES, "")["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "400"
    }

    # Of no operation: a method that there is not, and what stands below a registry's v2/.
    told = [status for row, _ in rows("Status") for status in row.split(", ")]
    assert sorted(told) == sorted(statuses | {"405", "424"})


def operations() -> set[str]:
    """Give what the routes' operations ask of whoever asks: ``images write``."""
    methods = [
        (handler, getattr(getattr(handler, name), "operation", None))
        for _, handler in ROUTES
        for name in ("get", "post", "put", "patch", "delete")
    ]
    return {
        f"{(known.resource or handler.auth_resource).removeprefix('ghostnb.')} {known.action}"
        for handler, known in methods
        if known and not known.is_open
    }


def test_the_table_of_roles_says_what_the_agent_goes_by():
    told = {
        right: Role(role)
        for role, row in rows("Role")
        for right in re.sub("^(read: |also )", "", row).split(", ")
    }

    for right, needs in RIGHTS.items():
        least = {
            role_needed(f"ghostnb.{resource}", action) for resource, action in map(str.split, needs)
        }
        assert least == {told[right]}, right
    assert set(told) == set(RIGHTS)
    decided = {f"{name.removeprefix('ghostnb.')} {action}" for name, action in _NEEDED}
    assert operations() | decided <= {need for needs in RIGHTS.values() for need in needs}
