"""Pushes as a notebook user makes them: paths in, a digest out, and plain words."""

import asyncio
import io
import os
import tarfile

import pytest

from ghostnb import (
    InvalidReferenceError,
    PathError,
    RegistryClient,
    RegistryConfig,
    UnsupportedError,
    run,
)
from ghostnb.oci import Digest
from tests.parts.archives import archived_layout
from tests.parts.drift import running_drift
from tests.parts.images import index, plain_image

IMAGE = plain_image("pushed-by-a-client")


@pytest.fixture
def client(fresh_registry):
    with_client = RegistryClient(RegistryConfig("local", fresh_registry.url))
    yield with_client
    run(with_client.aclose())


@pytest.fixture
def archive(tmp_path):
    return archived_layout(tmp_path / "saved.tar", {"team/source:2": IMAGE})


def test_an_archive_becomes_an_image(client, archive):
    pushed = run(client.push(archive, "team/app"))

    assert (pushed.digest, pushed.is_image) == (IMAGE.digest, True)
    assert pushed.reference == f"team/app:latest@{IMAGE.digest}"
    assert isinstance(pushed.digest, Digest)
    assert run(client.image("team/app:latest")).digest == IMAGE.digest


def test_what_was_saved_can_be_pushed_again(client, archive, tmp_path):
    run(client.push(archive, "team/app:1.0"))
    saved = run(client.save("team/app:1.0", tmp_path / "again.tar"))

    assert run(client.push(saved, "team/other:1")).digest == IMAGE.digest


def test_one_platform(client, tmp_path):
    multi = index([plain_image("a"), plain_image("b", platform="linux/arm64")])
    path = archived_layout(tmp_path / "multi.tar", {"team/multi:1": multi})

    pushed = run(client.push(path, "team/app:1", image="team/multi:1", platforms="linux/arm64"))
    assert pushed.digest == multi.children[1].digest


def test_files_become_an_artifact_at_drift(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")
    (tmp_path / "b.bin").write_bytes(b"b")
    with running_drift(tmp_path / "drift") as drift:
        client = RegistryClient(drift.url)
        pushed = run(
            client.push(
                (str(tmp_path / "data"), tmp_path / "b.bin"),
                "team/data:1",
                artifact_type="application/vnd.example.data",
                annotations={"org.opencontainers.image.licenses": "MIT"},
            )
        )
        manifest = run(client.registry.manifest("team/data", "1"))
        first = run(client.registry.blob("team/data", manifest.layers[0]))
        run(client.aclose())

    assert (pushed.digest, pushed.is_image) == (manifest.digest, False)
    assert manifest.artifact_type == "application/vnd.example.data"
    assert manifest.annotations == {"org.opencontainers.image.licenses": "MIT"}
    with tarfile.open(fileobj=io.BytesIO(first)) as found:
        assert found.getnames() == ["data", "data/a.txt"]


def test_paths_are_those_of_the_moment_of_the_call(client, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path)

    async def question():
        pushing = asyncio.ensure_future(client.push("a.txt", "team/app:1"))
        await asyncio.sleep(0)
        os.chdir("/")
        return await pushing

    assert asyncio.run(question()).bytes_moved > 0


def test_progress_reaches_a_function(client, tmp_path):
    (tmp_path / "a.bin").write_bytes(os.urandom(2_000_000))
    steps = []
    run(client.push(tmp_path / "a.bin", "team/app:1", progress=steps.append))

    assert {step.item for step in steps} >= {"a.bin"}
    assert steps[-1].overall_current_bytes == steps[-1].overall_total_bytes == 4_000_002


def test_an_archive_takes_no_pushes(archive, tmp_path):
    client = RegistryClient(f"oci:{archive}")
    with pytest.raises(UnsupportedError, match=r"is only read: nothing can be pushed.*oci:DIR"):
        run(client.push(archive, "team/app:1"))


def test_a_layout_takes_pushes(archive, tmp_path):
    client = RegistryClient(f"oci:{tmp_path / 'layout'}")

    assert run(client.push(archive, "team/app:1")).digest == IMAGE.digest


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"artifact_type": "model"}, ValueError),
        ({"artifact_type": ""}, ValueError),
        ({"media_type": "text/plain\n"}, ValueError),
        ({"media_type": 1}, TypeError),
        ({"annotations": {"a": 1}}, TypeError),
        ({"annotations": {1: "a"}}, TypeError),
        ({"image": 3}, TypeError),
        ({"platforms": 3}, TypeError),
        ({"progress": "yes"}, TypeError),
    ],
)
def test_mistakes_are_told_before_anything_is_read(client, tmp_path, options, error):
    with pytest.raises(error):
        run(client.push(tmp_path / "absent", "team/app:1", **options))


def test_nothing_and_nowhere(client, tmp_path):
    with pytest.raises(ValueError, match="at least one path"):
        run(client.push([], "team/app:1"))
    for empty in ("", [tmp_path, ""]):
        with pytest.raises(ValueError, match="A path is empty"):
            run(client.push(empty, "team/app:1"))
    with pytest.raises(PathError, match=r"There is no .*absent"):
        run(client.push(tmp_path / "absent", "team/app:1"))
    with pytest.raises(InvalidReferenceError):
        run(client.push(tmp_path, "Not A Name"))
    with pytest.raises(TypeError):
        run(client.push(tmp_path, 3))
