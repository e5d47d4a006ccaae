"""An agent over registries of every kind, for the tests of its content routes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.parts.agent import USERS_SETTINGS, RunningAgent, running_agent
from tests.parts.archives import tarred
from tests.parts.images import plain_image
from tests.parts.registries import docker_registry
from tests.registries.conftest import push

IMAGE = plain_image("content")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent over a registry, a layout and an archive; all of them hold ``app:1``."""
    directory = tmp_path_factory.mktemp("content")
    layout = directory / "layout"
    asyncio.run(push(LayoutRegistry(layout), "app:1", IMAGE))
    archive = tarred(layout, directory / "archive.tar")
    with docker_registry(delete=True) as registry:
        registries = {
            "local": registry.url,
            "layout": f"oci:{layout}",
            "archive": f"oci:{archive}",
            "down": "http://localhost:9",
        }
        with running_agent(directory, registries, settings=USERS_SETTINGS) as running:
            fill(running, "local")
            yield running


def fill(agent: RunningAgent, registry: str) -> None:
    """Push the image by the agent's routes."""
    for blob in IMAGE.blobs:
        assert upload(agent, f"/registries/{registry}/v2/app", blob.data).status_code == 201
    put(agent, f"/registries/{registry}/v2/app/manifests/1")


def put(agent: RunningAgent, path: str, **options: object) -> None:
    """Push the image's manifest."""
    headers = {"Content-Type": IMAGE.media_type}
    answer = agent.ask("PUT", path, content=IMAGE.raw, headers=headers, **options)
    assert answer.status_code == 201, answer.text


def upload(agent: RunningAgent, repository: str, data: bytes, digest: str = "", **options: object):
    """Push a blob in one piece; a digest other than its own may be given."""
    begun = agent.ask("POST", f"{repository}/blobs/uploads/", **options)
    assert begun.status_code == 202, begun.text
    place = begun.headers["location"].partition("/api/v1")[2]
    return agent.ask("PUT", f"{place}?digest={digest or Digest.of(data)}", content=data, **options)


@contextmanager
def added(agent: RunningAgent, url: str, name: str = "odd") -> Iterator[None]:
    """Let the agent have another registry as long as the context lasts."""
    assert agent.ask("POST", "/registries", json={"name": name, "url": url}).status_code == 201
    try:
        yield
    finally:
        agent.ask("DELETE", f"/registries/{name}")


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """Name a repository for one test alone."""
    return request.node.name.partition("[")[0].replace("_", "-")[:60]


def state_files(agent: RunningAgent) -> list[Path]:
    """Give the files that uploads have left."""
    return list((agent.state / "uploads").glob("*"))
