"""``ghostnb agent``, as a process of its own on a free port."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.parts.processes import PLAIN, PartError, end, launch, log_tail

START_SECONDS = 30
TOKEN = "the-owners-token"
# One of each role, in their order; the token of vic is vic-token.
USERS = {"vic": "viewer", "dev": "developer", "ada": "admin"}
USERS_SETTINGS = f"""
c.AgentIdentityProvider.user_tokens = {{name: name + "-token" for name in {list(USERS)}}}
c.RoleAuthorizer.roles = {USERS}
"""


@dataclass(frozen=True)
class RunningAgent:
    """An agent that answers."""

    url: str
    state: Path
    log_file: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def audit_file(self) -> Path:
        return self.state / "audit.jsonl"

    def ask(
        self, method: str, path: str, *, token: str | None = TOKEN, **options: Any
    ) -> httpx2.Response:
        """Send one request, by default the owner's; `path` is below ``/api/v1``."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        with httpx2.Client(verify=PLAIN, trust_env=False, timeout=60) as client:
            return client.request(method, f"{self.url}/api/v1{path}", headers=headers, **options)

    def ask_as_written(self, method: str, path: str) -> httpx2.Response:
        """Send one request of the owner's, with a path of which a client would drop ``..``."""
        host = self.url.removeprefix("http://")
        with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            connection.request(method, f"/api/v1{path}", headers=headers)
            answer = connection.getresponse()
            return httpx2.Response(answer.status, content=answer.read())

    def stop(self) -> None:
        end(self.process)


@contextmanager
def running_agent(
    directory: Path,
    registries: Mapping[str, str],
    *arguments: str,
    settings: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningAgent]:
    """Run an agent as long as the context lasts; its state is kept in `directory`.

    Parameters
    ----------
    directory : where its configuration and state are.
    registries : names and addresses.
    arguments : further ones of the command.
    settings : what stands in its ``jupyter_ghostnb_config.py``.
    environment : further variables.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config, log, state = directory / "registries.toml", directory / "log", directory / "state"
    tables = (f'[[registries]]\nname = "{n}"\nurl = "{u}"\n' for n, u in registries.items())
    config.write_text("\n".join(tables) or "registries = []\n")
    (directory / "jupyter").mkdir(exist_ok=True)
    (directory / "jupyter/jupyter_ghostnb_config.py").write_text(settings)
    command = [sys.executable, "-m", "ghostnb", "agent", "--port", "0"]
    command += ["--config", str(config), "--state", str(state), *arguments]
    variables = {"GHOSTNB_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(directory / "jupyter")}
    said_before = log.stat().st_size if log.exists() else 0
    process = launch(command, log, {**variables, **(environment or {})})
    try:
        yield RunningAgent(_wait_for_url(process, log, said_before), state, log, process)
    finally:
        end(process)


def _wait_for_url(process: subprocess.Popen[bytes], log: Path, said_before: int) -> str:
    """Read it in the log, where an agent that ran before may have said another."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(rb"(https?://\S+)/api/v1/", log.read_bytes()[said_before:]):
            return found[1].decode()
        time.sleep(0.05)
    raise PartError(f"the agent did not start:\n{log_tail(log)}")


@contextmanager
def short_lived_agent(registries: Mapping[str, str], *arguments: str) -> Iterator[RunningAgent]:
    """Run an agent in a directory that goes with it."""
    with tempfile.TemporaryDirectory(prefix="agent-test-") as directory:
        with running_agent(Path(directory), registries, *arguments) as agent:
            yield agent
