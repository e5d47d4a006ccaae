"""Docker, Podman, skopeo and our own client push to a Drift that runs, and pull from it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ghostnb.client import RegistryClient
from ghostnb.loop import run
from ghostnb.oci import Digest
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import Caller
from tests.parts.daemons import RunningDaemon, _directory, dockerd
from tests.parts.drift import RunningDrift, running_drift
from tests.parts.images import artifact, index, plain_image
from tests.parts.processes import find_program
from tests.parts.pushes import Pusher, RefusedError, skopeo, skopeo_manifest, write_layout
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import ask

MULTI = index([plain_image("amd64"), plain_image("arm64", platform="linux/arm64")], attested=True)


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDrift]:
    with running_drift(tmp_path_factory.mktemp("drift") / "root") as running:
        yield running


@pytest.fixture
def call(drift: RunningDrift) -> Iterator[Caller]:
    with Caller(drift.url) as caller:
        yield caller


@pytest.fixture
def local(drift: RunningDrift) -> str:
    """Name it so that no client wants TLS."""
    return drift.host.replace("127.0.0.1", "localhost")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make what an image is imported from, with some megabytes in it."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "hello").write_text("hello")
    (tmp_path / "tree" / "zeros").write_bytes(bytes(5_000_000))
    archive = tmp_path / "tree.tar"
    subprocess.run(["tar", "-C", str(tmp_path / "tree"), "-cf", str(archive), "."], check=True)
    return archive


@dataclass(frozen=True)
class Client:
    """A command line client with a place of its own."""

    command: Sequence[str]

    def __call__(self, *arguments: str) -> str:
        command = [*self.command, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def docker_daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


def test_docker_pushes_and_pulls(local, docker_daemon, tree, tmp_path, call):
    program = find_program("docker", "docker.io")
    docker = Client((program, f"--host={docker_daemon.url}", f"--config={tmp_path}/config"))
    image, copy = f"{local}/docker/tool:1", f"{local}/docker/copy:1"
    docker("import", str(tree), image)
    docker("push", image)
    # The second finds its layers there, and mounts them.
    docker("tag", image, copy)
    docker("push", copy)
    before = docker("image", "inspect", "--format={{.Id}} {{json .RootFS.Layers}}", image)
    docker("rmi", image, copy)
    docker("pull", image)
    docker("pull", copy)
    for name in (image, copy):
        inspected = docker("image", "inspect", "--format={{.Id}} {{json .RootFS.Layers}}", name)
        assert inspected == before
    assert call("GET", "/v2/docker/tool/tags/list").json["tags"] == ["1"]
    digest = call("HEAD", "/v2/docker/tool/manifests/1").headers["docker-content-digest"]
    docker("rmi", image, copy)
    docker("pull", f"{local}/docker/tool@{digest}")


@pytest.fixture(scope="module")
def podman() -> Iterator[Client]:
    program = find_program("podman", "podman")
    with _directory() as place:
        yield Client((program, f"--root={place}/root", f"--runroot={place}/run"))


def test_podman_pushes_and_pulls(local, podman, tree, tmp_path, call):
    options = ("--tls-verify=false", f"--authfile={tmp_path}/auth.json")
    (tmp_path / "auth.json").write_text("{}")
    image = f"{local}/podman/tool:1"
    podman("import", str(tree), image)
    before = podman("image", "inspect", "--format={{.Id}}", image)
    for form in ("oci", "v2s2"):
        podman("push", *options, f"--format={form}", image, f"{local}/podman/{form}:1")
        podman("pull", *options, f"{local}/podman/{form}:1")
    podman("rmi", "--all", "--force")
    podman("pull", *options, f"{local}/podman/oci:1")
    assert podman("image", "inspect", "--format={{.Id}}", f"{local}/podman/oci:1") == before
    kinds = {
        form: call("GET", f"/v2/podman/{form}/manifests/1").headers["content-type"]
        for form in ("oci", "v2s2")
    }
    assert kinds == {
        "oci": "application/vnd.oci.image.manifest.v1+json",
        "v2s2": "application/vnd.docker.distribution.manifest.v2+json",
    }


# skopeo


def copied(layout: Path, name: str, host: str) -> None:
    """Copy one image of a layout, with all platforms, as it is."""
    options = ("--all", "--preserve-digests", "--dest-tls-verify=false")
    skopeo("copy", *options, f"oci:{layout}:it", f"docker://{host}/{name}")


def test_skopeo_copies_an_index_there_and_back(drift, tmp_path):
    source = write_layout(tmp_path / "source", {"it": MULTI})
    copied(source, "skopeo/multi:1", drift.host)
    assert skopeo_manifest(drift.host, "skopeo/multi:1") == MULTI.raw
    target = tmp_path / "target"
    options = ("--all", "--preserve-digests", "--src-tls-verify=false")
    skopeo("copy", *options, f"docker://{drift.host}/skopeo/multi:1", f"oci:{target}:it")
    blobs = {path.name: path.read_bytes() for path in (source / "blobs" / "sha256").iterdir()}
    assert {
        path.name: path.read_bytes() for path in (target / "blobs" / "sha256").iterdir()
    } == blobs


def test_skopeo_copies_within_it(drift, tmp_path, call):
    copied(write_layout(tmp_path / "source", {"it": MULTI}), "skopeo/origin:1", drift.host)
    options = ("--all", "--src-tls-verify=false", "--dest-tls-verify=false")
    host = f"docker://{drift.host}/skopeo"
    skopeo("copy", *options, f"{host}/origin:1", f"{host}/other/place:2")
    assert call("GET", "/v2/skopeo/other/place/manifests/2").body == MULTI.raw


def test_skopeo_inspects_lists_and_deletes(drift, tmp_path):
    image = plain_image("inspected")
    source = write_layout(tmp_path / "source", {"it": image})
    for tag in ("1.0", "1.1", "latest"):
        copied(source, f"skopeo/tool:{tag}", drift.host)
    place, insecure = f"docker://{drift.host}/skopeo/tool", "--tls-verify=false"
    found = json.loads(skopeo("inspect", insecure, f"{place}:1.0"))
    assert found["Digest"] == image.digest
    assert found["RepoTags"] == ["1.0", "1.1", "latest"]
    assert found["Layers"] == [layer.digest for layer in image.layers]
    listed = json.loads(skopeo("list-tags", insecure, place))
    assert listed["Tags"] == ["1.0", "1.1", "latest"]
    # skopeo asks for the digest, and deletes that: with all its tags.
    skopeo("delete", insecure, f"{place}:1.0")
    with pytest.raises(RefusedError, match="manifest unknown"):
        skopeo("inspect", insecure, f"{place}:latest")


def test_skopeo_synchronises_in_both_directions(drift, tmp_path, call):
    tags = {"1.0": plain_image("sync 1.0"), "1.1": plain_image("sync 1.1")}
    with Pusher(drift.url) as pusher:
        for tag, document in tags.items():
            pusher.push("sync/tool", tag, document)
    place = tmp_path / "place"
    place.mkdir()
    options = ("--all", "--preserve-digests", "--src", "docker", "--dest", "dir")
    skopeo("sync", "--src-tls-verify=false", *options, f"{drift.host}/sync/tool", str(place))
    assert {path.name for path in place.iterdir()} == {"tool:1.0", "tool:1.1"}
    options = ("--all", "--preserve-digests", "--src", "dir", "--dest", "docker")
    skopeo("sync", "--dest-tls-verify=false", *options, str(place), f"{drift.host}/back")
    for tag, document in tags.items():
        assert call("GET", f"/v2/back/tool/manifests/{tag}").body == document.raw
        for layer in document.layers:
            assert call("GET", f"/v2/back/tool/blobs/{layer.digest}").body == layer.data


def test_skopeo_reads_the_directory_that_is_served(drift, tmp_path):
    copied(write_layout(tmp_path / "source", {"it": MULTI}), "skopeo/served:1", drift.host)
    found = skopeo("inspect", "--raw", f"oci:{drift.root}:skopeo/served:1")
    assert found.encode() == MULTI.raw


# Our own client


def test_our_own_client_reads_all_of_it(tmp_path):
    with running_drift(tmp_path / "root") as running:
        with Pusher(running.url) as pusher:
            for name, document in STANDARD_IMAGES.items():
                repository, _, tag = name.rpartition(":")
                pusher.push(repository, tag, document)
        served, kept = RegistryClient(running.url), RegistryClient(f"oci:{running.root}")
        assert run(served.ping()).url == running.url
        repositories = list(run(served.repositories())["repository"])
        assert repositories == sorted({name.rpartition(":")[0] for name in STANDARD_IMAGES})
        for name in repositories:
            names = [one.rpartition(":") for one in STANDARD_IMAGES]
            expected = sorted(tag for repository, _, tag in names if repository == name)
            assert list(run(served.tags(name, details=True))["tag"]) == expected
        columns = ["repository", "tag", "platform", "position", "digest", "size_bytes"]
        frames = [run(client.inventory())[columns].astype(str) for client in (served, kept)]
        assert len(frames[0]) > len(STANDARD_IMAGES)
        assert frames[0].values.tolist() == frames[1].values.tolist()


def test_what_is_attached_is_found_by_our_own_client(drift):
    image = plain_image("signed")
    signature = artifact("application/vnd.example.sig", [], subject=image)
    with Pusher(drift.url) as pusher:
        pusher.push("own/signed", "1", image)
        pusher.push("own/signed", None, signature)
    for registry in (
        HTTPRegistry(RegistryConfig("reg", drift.url)),
        LayoutRegistry(drift.root),
    ):
        found = ask(registry, lambda one: one.referrers("own/signed", Digest(image.digest)))
        assert [str(entry.digest) for entry in found] == [signature.digest]
