"""Archives as Docker, Podman, skopeo and ghostnb write them, read and compared with skopeo."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ghostnb import RegistryClient, run
from ghostnb.oci import media_types
from ghostnb.registries.archive import ArchiveRegistry
from tests.parts.archives import tarred
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.images import Document, index, plain_image
from tests.parts.processes import find_program
from tests.parts.pushes import skopeo, write_layout
from tests.registries.conftest import ask, listed

BASE, APP, SECOND, HOSTED = "base:1", "app:1", "team/app:2", "localhost:5000/other/app:3"
# What is copied twice is one layer with two names: Docker writes the second as a link.
RECIPES = {APP: "FROM base:1\nCOPY a /b\nCOPY a /b\n", HOSTED: "FROM app:1\nLABEL for=other\n"}


def docker(daemon: RunningDaemon, *arguments: str | Path, stdin: bytes | None = None) -> str:
    """Ask Docker's own command, and insist."""
    done = subprocess.run(
        [find_program("docker", "docker.io"), *arguments],
        env={**os.environ, "DOCKER_HOST": daemon.url, "DOCKER_BUILDKIT": "0"},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode().strip()


def build(daemon: RunningDaemon, directory: Path) -> None:
    """Make images of shared layers, by no network."""
    (directory / "a").write_text("one")
    tree = subprocess.run(["tar", "-C", directory, "-c", "a"], capture_output=True, check=True)
    docker(daemon, "import", "-", BASE, stdin=tree.stdout)
    for name, recipe in RECIPES.items():
        (directory / "Dockerfile").write_text(recipe)
        docker(daemon, "build", "-t", name, directory)
    docker(daemon, "tag", APP, SECOND)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Let Docker save images: with names, and without."""
    directory = tmp_path_factory.mktemp("docker")
    named, nameless = directory / "named.tar", directory / "No Name.tar"
    with dockerd() as daemon:
        build(daemon, tmp_path_factory.mktemp("built"))
        docker(daemon, "save", "-o", named, BASE, APP, SECOND, HOSTED)
        ids = {name: docker(daemon, "inspect", "-f", "{{.Id}}", name) for name in (BASE, APP)}
        docker(daemon, "save", "-o", nameless, ids[APP])
        yield SimpleNamespace(daemon=daemon, named=named, nameless=nameless, ids=ids)


def names(path: Path) -> list[str]:
    """Every repository:tag in the order of listing."""

    async def question(registry: ArchiveRegistry) -> list[str]:
        return [
            f"{record.repository}:{tag}"
            async for record in registry.repositories()
            async for tag in registry.tags(record.repository)
        ]

    return ask(ArchiveRegistry(path), question)


def contents(path: Path, name: str) -> tuple[str, list[str]]:
    """Give the digests of an image's config and layers, all bytes read and checked."""
    repository, _, tag = name.rpartition(":")

    async def question(registry: ArchiveRegistry) -> tuple[str, list[str]]:
        manifest = await registry.manifest(repository, tag)
        assert manifest == await registry.manifest(repository, manifest.digest)
        for blob in (manifest.config, *manifest.layers):
            pieces = await listed(registry.open_blob(repository, blob))
            assert sum(map(len, pieces)) == blob.size_bytes
            assert await registry.blob_size(repository, blob.digest) == blob.size_bytes
        return manifest.config.digest, [layer.digest for layer in manifest.layers]

    return ask(ArchiveRegistry(path), question)


def by_skopeo(place: str) -> tuple[str, list[str]]:
    """Give the same as skopeo sees it."""
    manifest = json.loads(skopeo("inspect", "--raw", place))
    return manifest["config"]["digest"], [layer["digest"] for layer in manifest["layers"]]


def test_dockers_archive_has_its_names(saved):
    assert names(saved.named) == ["app:1", "base:1", "other/app:3", "team/app:2"]


def test_images_of_dockers_archive_are_those_that_skopeo_sees(saved):
    for name, shown in ((BASE, BASE), (APP, APP), (SECOND, SECOND), (HOSTED, "other/app:3")):
        expected = by_skopeo(f"docker-archive:{saved.named}:{name}")
        assert contents(saved.named, shown) == expected
    config, layers = contents(saved.named, APP)
    assert config == saved.ids[APP]
    # Of one tree, copied twice: a link in the archive.
    assert (len(layers), len(set(layers))) == (3, 2)


def test_the_manifest_that_is_made_is_the_same_each_time(saved):
    async def question(registry):
        manifest = await registry.manifest("team/app", "2")
        assert manifest.media_type == media_types.OCI_MANIFEST
        assert {one.media_type for one in manifest.layers} == {media_types.OCI_LAYER}
        assert manifest.raw == (await registry.manifest("app", "1")).raw
        return manifest.raw

    assert ask(ArchiveRegistry(saved.named), question) == ask(
        ArchiveRegistry(saved.named), question
    )


def test_an_image_without_a_name_is_reached_by_digest(saved):
    async def by_name(registry):
        return (await registry.manifest("app", "1")).digest

    digest = ask(ArchiveRegistry(saved.named), by_name)

    async def question(registry):
        assert [one.repository async for one in registry.repositories()] == ["no-name"]
        assert await listed(registry.tags("no-name")) == []
        return (await registry.manifest("no-name", digest)).config.digest

    assert ask(ArchiveRegistry(saved.nameless), question) == saved.ids[APP]


def test_frames_are_those_of_any_registry(saved):
    with_names = RegistryClient(f"oci:{saved.named}")
    tags = run(with_names.tags("team/app", details=True))
    assert tags["tag"].tolist() == ["2"]
    assert run(with_names.image(HOSTED.partition("/")[2])).labels == {"for": "other"}
    layers = run(with_names.layers("team/app:2"))
    assert layers["size_bytes"].sum() == tags["size_bytes"].sum() + layers["size_bytes"].iloc[-1]
    inventory = run(with_names.inventory())
    assert set(inventory["repository"]) == {"app", "base", "other/app", "team/app"}
    assert inventory.attrs.get("errors", []) == []


def test_what_is_saved_of_dockers_archive_is_loaded_by_docker(saved, tmp_path):
    path = run(RegistryClient(f"oci:{saved.named}").save("team/app:2", tmp_path / "again.tar"))
    assert contents(path, "team/app:2") == contents(saved.named, "team/app:2")
    for name in (HOSTED, APP, SECOND):
        docker(saved.daemon, "rmi", "-f", name)
    assert saved.ids[APP] not in docker(saved.daemon, "images", "-aq", "--no-trunc")
    docker(saved.daemon, "load", "-i", path)
    assert docker(saved.daemon, "inspect", "-f", "{{.Id}}", SECOND) == saved.ids[APP]


IMAGE = plain_image("archived")
MULTI = index([plain_image("amd"), plain_image("arm", platform="linux/arm64/v8")])


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    documents: dict[str, Document] = {"team/app:1": IMAGE, "team/multi:1": MULTI}
    return write_layout(tmp_path / "layout", documents)


@pytest.mark.parametrize("name", ["team/app:1", "team/multi:1"])
def test_an_archive_by_skopeo_has_the_same_digests(layout, tmp_path, name):
    target = tmp_path / "by-skopeo.tar"
    skopeo("copy", "--all", f"oci:{layout}:{name}", f"oci-archive:{target}:{name}")

    async def question(registry):
        return await registry.manifest(*name.rpartition(":")[::2])

    assert names(target) == [name]
    manifest = ask(ArchiveRegistry(target), question)
    assert manifest.digest == {"team/app:1": IMAGE, "team/multi:1": MULTI}[name].digest
    assert manifest.raw.decode() == skopeo("inspect", "--raw", f"oci-archive:{target}:{name}")


def test_a_tag_alone_belongs_to_a_repository_called_after_the_file(layout, tmp_path):
    target = tmp_path / "My Images.tar"
    skopeo("copy", f"oci:{layout}:team/app:1", f"oci-archive:{target}:1.0")
    assert names(target) == ["my-images:1.0"]


def test_a_docker_archive_by_skopeo_is_the_same_image(layout, tmp_path):
    target = tmp_path / "by-skopeo.tar"
    skopeo("copy", f"oci:{layout}:team/app:1", f"docker-archive:{target}:host.example/team/app:1")
    assert names(target) == ["team/app:1"]
    config, layers = contents(target, "team/app:1")
    assert config == IMAGE.manifest["config"]["digest"]
    assert layers == IMAGE.config["rootfs"]["diff_ids"]


def test_an_archive_that_is_a_layout_and_dockers_is_read_as_a_layout(layout, tmp_path):
    """As Docker, which is older here, writes it since version 25: moby, image/tarexport/save.go."""
    notes = {
        "io.containerd.image.name": "docker.io/library/app:1.0",
        "org.opencontainers.image.ref.name": "1.0",
    }
    document = {"schemaVersion": 2, "manifests": [IMAGE.descriptor(**notes)]}
    (layout / "index.json").write_text(json.dumps(document))
    parts = [IMAGE.manifest["config"]["digest"], *(part.digest for part in IMAGE.layers)]
    config, *layers = [f"blobs/{digest.replace(':', '/')}" for digest in parts]
    entry = {"Config": config, "RepoTags": ["app:1.0"], "Layers": layers}
    (layout / "manifest.json").write_text(json.dumps([entry]))
    target = tarred(layout, tmp_path / "docker-25.tar")
    assert names(target) == ["library/app:1.0"]
    found = ask(ArchiveRegistry(target), lambda registry: registry.manifest("library/app", "1.0"))
    assert found.raw == IMAGE.raw


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_archives_by_podman_are_read(saved, tmp_path, form):
    target = tmp_path / "by-podman.tar"
    many = ["--multi-image-archive"] if form == "docker-archive" else []
    asked = [SECOND, BASE] if many else [SECOND]
    with podman() as daemon:
        for command in (
            ["load", "-i", saved.named],
            ["save", *many, "--format", form, "-o", target, *asked],
        ):
            whole = [find_program("podman", "podman"), "--remote", "--url", daemon.url, *command]
            subprocess.run(whole, check=True, capture_output=True, timeout=120)
    assert names(target) == (["base:1", "team/app:2"] if many else ["team/app:2"])
    place = f"{form}:{target}" + (f":localhost/{SECOND}" if many else "")
    assert contents(target, "team/app:2") == by_skopeo(place)


def test_what_ghostnb_saved_it_reads_again(layout, tmp_path):
    path = run(RegistryClient(f"oci:{layout}").save("team/multi:1", tmp_path))
    again = RegistryClient(f"oci:{path}")
    found = run(again.tags("team/multi", details=True))
    assert found["digest"].tolist() == [MULTI.digest]
    copy = run(again.save("team/multi:1", tmp_path / "copy.tar"))
    assert copy.read_bytes() == path.read_bytes()
