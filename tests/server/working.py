"""An agent with everything that it works with: registries, a daemon, and users of each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.engine import images
from tests.parts.agent import RunningAgent, running_agent
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.parts.storage import write_storage
from tests.serving import wait_until

SETTINGS = """
c.AgentIdentityProvider.user_tokens = {"dev": "dev-token", "vic": "vic-token"}
c.RoleAuthorizer.roles = {"dev": "developer", "vic": "viewer"}
"""
DEVELOPER, VIEWER = "dev-token", "vic-token"
REPOSITORIES = {
    name: images.REPOSITORIES[name] for name in ("team/app", "team/other", "team/multi")
}


@dataclass(frozen=True)
class Working:
    """What runs: `origin` has images, `target` and `private` (which wants a password) none."""

    agent: RunningAgent
    origin: RunningRegistry
    target: RunningRegistry
    private: RunningRegistry
    daemon: RunningDaemon

    @property
    def box(self) -> str:
        """The image that runs, which the daemon has."""
        return f"{self.origin.host}/team/box:1.0"

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.agent.ask(method, path, **options)

    def begin(self, path: str, **body: Any) -> str:
        """Begin a job, and give its id."""
        answer = self.ask("POST", f"/images/{path}", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["job"]["id"]

    def ended(self, job: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        wait_until(lambda: self.job(job)["ended"] is not None, seconds=60)
        return self.job(job)

    def job(self, job: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/jobs/{job}")
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    def done(self, path: str, **body: Any) -> dict[str, Any]:
        """Have something done, and give its result."""
        job = self.ended(self.begin(path, **body))
        assert job["state"] == "done", job
        return job["result"]


@contextmanager
def working_agent(directory: Path) -> Iterator[Working]:
    """Run it all."""
    repositories = {**REPOSITORIES, "team/box": {"1.0": images.box()}}
    write_storage(directory / "storage", repositories)
    with (
        docker_registry(storage_dir=directory / "storage", hostname="localhost") as origin,
        docker_registry(hostname="localhost", delete=True) as target,
        docker_registry(hostname="localhost", auth=Htpasswd()) as private,
        dockerd() as daemon,
    ):
        registries = {"origin": origin.url, "target": target.url, "private": private.url}
        options = ("--daemon", daemon.url)
        # What every installation has: of the extra `fast`, connections outlive who was cancelled.
        without = {"GHOSTNB_FAST": "off"}
        with running_agent(
            directory / "agent", registries, *options, settings=SETTINGS, environment=without
        ) as agent:
            working = Working(agent, origin, target, private, daemon)
            pulled = {"registry": "origin", "repository": "team/box", "tag": "1.0"}
            assert working.ask("POST", "/images/pull", json=pulled).status_code == 200
            yield working
