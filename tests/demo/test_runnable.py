"""The sample image that runs, pulled from Drift by real daemons."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from ghostnb.demo.bases import BUSYBOX, hello_releases
from ghostnb.demo.serving import Serving, bind
from tests.parts.daemons import RunningDaemon, dockerd, podman

LIMITED = ("nofile", "nproc")


def test_a_machine_without_a_static_busybox_has_all_but_this_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert [one.repository for one in hello_releases()] == ["library/hello"]
    monkeypatch.setattr("ghostnb.demo.bases.BUSYBOX", tmp_path / "busybox")
    assert hello_releases() == []
    assert BUSYBOX.exists()


def test_docker_runs_it(filled: Path) -> None:
    with Serving(filled / "registry", bind(0)) as drift, dockerd() as daemon:
        assert run_hello(daemon, drift.url) == b"hello from ghostnb\n"


def test_podman_runs_it(filled: Path) -> None:
    with (
        Serving(filled / "registry", bind(0)) as drift,
        podman(insecure=[drift.url.removeprefix("http://")]) as daemon,
    ):
        assert run_hello(daemon, drift.url) == b"hello from ghostnb\n"


def run_hello(daemon: RunningDaemon, url: str) -> bytes:
    """Pull the image and run it, without a network of its own."""
    client = docker.DockerClient(base_url=daemon.url)
    try:
        name = f"{url.removeprefix('http://')}/library/hello:latest"
        client.images.pull(name)
        # By itself Podman raises these limits, which not every machine lets it.
        limits = [docker.types.Ulimit(name=what, soft=1000, hard=1000) for what in LIMITED]
        return client.containers.run(name, network_mode="host", remove=True, ulimits=limits)
    finally:
        client.close()
