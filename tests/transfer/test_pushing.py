"""Images pushed from archives and layouts: as they are, or compressed as Docker would."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import tempfile
from types import SimpleNamespace

import pytest

from ghostnb.errors import ArchiveError, InvalidReferenceError, NotFoundError, PathError
from ghostnb.oci import Digest, Platform, Reference
from ghostnb.oci.media_types import OCI_LAYER, OCI_LAYER_GZIP
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.pushing.push import push_path
from ghostnb.transfer.tally import TransferTally
from tests.engine.images import box
from tests.parts.archives import archived_layout, docker_pieces, write_tar
from tests.parts.daemons import dockerd
from tests.parts.disks import small_disk
from tests.parts.images import index, plain_image
from tests.parts.layers import Entry, tar
from tests.parts.pushes import skopeo, write_layout
from tests.parts.registries import docker_registry
from tests.registries.archive.test_saved import APP, BASE, HOSTED, SECOND, build, docker
from tests.transfer.pushing import KINDS, Meddling, over_http, pushed, stored, target_of

IMAGE = plain_image("pushed")
MULTI = index([plain_image("amd"), plain_image("arm", platform="linux/arm64")])
LAYERS = [tar([Entry("one", b"1" * 300_000)]), tar([Entry("two", b"2" * 5_000)])]


def docker_archive(path, layers=LAYERS, **options):
    return write_tar(path, docker_pieces(layers, **options).items())


def config_in(archive):
    return next(
        data for name, data in docker_pieces(archive).items()
        if name.endswith(".json") and name != "manifest.json"
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("document", [IMAGE, MULTI], ids=["image", "index"])
@pytest.mark.parametrize("make", [write_layout, archived_layout], ids=["layout", "archive"])
def test_what_has_manifests_is_pushed_as_it_is(tmp_path, kind, document, make):
    source = make(tmp_path / "no-name-of-a-tar", {"team/source:2": document})
    with target_of(kind, tmp_path) as target:
        result = pushed(target, source)

        assert result.digest == document.digest
        assert result.reference == f"team/app:1.0@{document.digest}"
        assert result.is_image
        assert result.bytes_moved > 0
        if document is IMAGE:
            manifest, _, layers = stored(target)
            assert manifest.raw == document.raw
            assert [Digest.of(layer) for layer in layers] == [x.digest for x in manifest.layers]


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_a_docker_archive_are_compressed(tmp_path, kind):
    archive = docker_archive(tmp_path / "saved")
    with target_of(kind, tmp_path) as target:
        result = pushed(target, archive)
        manifest, config, layers = stored(target)

    assert result.digest == manifest.digest
    assert config == config_in(LAYERS)
    assert [gzip.decompress(layer) for layer in layers] == LAYERS
    assert {layer.media_type for layer in manifest.layers} == {OCI_LAYER_GZIP}
    assert result.bytes_moved == len(manifest.raw) + len(config) + sum(map(len, layers))
    assert len(layers[0]) < len(LAYERS[0]) / 10


def test_the_same_image_is_the_same_digest_and_is_not_sent_again(tmp_path):
    target = MemoryRegistry()
    first = pushed(target, docker_archive(tmp_path / "one.tar"))
    again = pushed(target, docker_archive(tmp_path / "two.tar", tags=["other:9"]))

    assert again.digest == first.digest
    assert again.bytes_moved == len(stored(target)[0].raw)


def test_layers_are_left_as_they_are_where_that_is_wanted(tmp_path):
    target = MemoryRegistry()
    pushed(target, docker_archive(tmp_path / "saved.tar"), compress=False)
    manifest, _, layers = stored(target)

    assert layers == LAYERS
    assert {layer.media_type for layer in manifest.layers} == {OCI_LAYER}


def test_a_layer_that_is_there_twice_or_compressed_is_sent_once_and_as_it_is(tmp_path):
    packed = gzip.compress(LAYERS[1])
    archive = docker_archive(
        tmp_path / "saved.tar", [LAYERS[0], LAYERS[0], LAYERS[1]], stored={2: packed}
    )
    target, tally = MemoryRegistry(), TransferTally()
    pushed(target, archive, tally=tally)
    layers = stored(target)[2]

    assert layers[0] == layers[1]
    assert layers[2] == packed
    steps = {step.item: step for step in tally.changes()}
    assert len(steps) == 4  # one layer read and sent, one sent, the config
    assert {step.status for step in steps.values()} == {"Compressed", "Pushed"}
    assert all(step.current_bytes == step.total_bytes and step.done for step in steps.values())


def test_a_push_that_is_cancelled_while_it_compresses_leaves_nothing(tmp_path, monkeypatch):
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spools))
    archive = docker_archive(tmp_path / "saved.tar", [tar([Entry("a", os.urandom(30_000_000))])])
    target = MemoryRegistry()
    tally = Meddling(lambda: task.cancel(), "Compressing")
    before, task = set(os.listdir("/proc/self/fd")), None

    async def question():
        nonlocal task
        reference = Reference.within("team/app:1.0", "")
        task = asyncio.ensure_future(push_path(target, [archive], reference, tally=tally))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(question())
    assert 0 < tally.done < tally.total
    assert list(spools.iterdir()) == []
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(NotFoundError):
        stored(target)


def test_a_full_disk_for_temporary_files_is_told(tmp_path, monkeypatch):
    archive = docker_archive(tmp_path / "saved.tar", [tar([Entry("a", os.urandom(9_000_000))])])
    with small_disk(tmp_path / "disk", 2) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with pytest.raises(ArchiveError, match=r"No space left.*Free some space"):
            pushed(MemoryRegistry(), archive)


def test_one_platform_of_an_index(tmp_path):
    archive = archived_layout(tmp_path / "multi.tar", {"team/source:2": MULTI})
    target = MemoryRegistry()
    result = pushed(target, archive, platforms=[Platform.parse("linux/arm64")])

    assert result.digest == MULTI.children[1].digest


def test_of_several_images_one_must_be_named(tmp_path):
    other = plain_image("other")
    layout = write_layout(tmp_path / "layout", {"team/a:1": IMAGE, "team/b:2": other})
    target = MemoryRegistry()

    with pytest.raises(PathError, match=r"2 images.*image=…: team/a:1, team/b:2"):
        pushed(target, layout)
    with pytest.raises(NotFoundError, match=r"team/c:1.*team/a:1, team/b:2.*as_artifact"):
        pushed(target, layout, image="team/c:1")
    for name in ("team/b:2", "docker.io/team/b:2", "localhost:5000/team/b:2", other.digest):
        assert pushed(target, layout, image=name).digest == other.digest


def test_two_names_of_one_image_are_one_image(tmp_path):
    layout = write_layout(tmp_path / "layout", {"team/a:1": IMAGE, "team/a:latest": IMAGE})

    assert pushed(MemoryRegistry(), layout).digest == IMAGE.digest


def test_a_signature_beside_an_image_is_not_a_second_image(tmp_path):
    tag = f"{IMAGE.digest.replace(':', '-')}.sig"
    layout = write_layout(
        tmp_path / "layout", {"team/a:1": IMAGE, f"team/a:{tag}": plain_image("signature")}
    )

    assert pushed(MemoryRegistry(), layout).digest == IMAGE.digest


def test_a_layout_of_nothing(tmp_path):
    with pytest.raises(NotFoundError, match=r"It is empty\. To push it as it is.*as_artifact=True"):
        pushed(MemoryRegistry(), write_layout(tmp_path / "layout", {}))


@pytest.mark.parametrize("as_artifact", [False, True])
def test_an_archive_can_be_pushed_as_the_file_that_it_is(tmp_path, as_artifact):
    archive, target = docker_archive(tmp_path / "saved.tar"), MemoryRegistry()
    result = pushed(target, archive, as_artifact=as_artifact)

    assert result.is_image is not as_artifact
    assert (stored(target)[2] == [archive.read_bytes()]) is as_artifact


def test_an_archive_that_is_damaged_is_no_artifact_by_mistake(tmp_path):
    archive = docker_archive(tmp_path / "saved.tar")
    archive.write_bytes(archive.read_bytes()[:100_000])

    with pytest.raises(PathError, match=r"cut off.*as_artifact=True"):
        pushed(MemoryRegistry(), archive)


@pytest.mark.parametrize("names", ["docker", "layout"])
def test_an_archive_that_is_compressed_is_no_artifact_by_mistake(tmp_path, names):
    if names == "docker":
        pieces = {f"{'0' * 64}/VERSION": b"1.0", **docker_pieces(LAYERS)}
    else:
        pieces = {"blobs/sha256/x": b"", "oci-layout": b"{}"}
    plain = write_tar(tmp_path / "saved.tar", pieces.items())
    packed = tmp_path / "saved.tgz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    with pytest.raises(PathError, match=r"compressed as a whole.*gunzip.*as_artifact=True"):
        pushed(MemoryRegistry(), packed)
    assert not pushed(MemoryRegistry(), packed, as_artifact=True).is_image


def test_a_layer_that_is_not_what_the_config_says_is_not_pushed(tmp_path):
    archive = docker_archive(tmp_path / "saved.tar", stored={1: LAYERS[0]})
    target = MemoryRegistry()

    with pytest.raises(Exception, match="gave"):
        pushed(target, archive)
    with pytest.raises(NotFoundError):
        stored(target)


def test_what_does_not_go_together_is_told(tmp_path):
    archive, target = docker_archive(tmp_path / "saved.tar"), MemoryRegistry()
    plain = tmp_path / "plain.txt"
    plain.write_text("plain")

    with pytest.raises(PathError, match="holds no images"):
        pushed(target, plain, image="team/app:1.0")
    with pytest.raises(PathError, match="pushed as an artifact"):
        pushed(target, archive, as_artifact=True, platforms=[Platform.parse("linux/arm64")])
    with pytest.raises(PathError, match="Several paths"):
        pushed(target, archive, plain, image="team/app:1.0")
    with pytest.raises(InvalidReferenceError, match="Push to a tag: team/app:1"):
        pushed(target, plain, to=f"team/app:1@{IMAGE.digest}")
    with pytest.raises(NotFoundError):
        stored(target)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Let Docker 20.10 save several images, one of which runs."""
    directory = tmp_path_factory.mktemp("docker")
    with dockerd() as daemon:
        build(daemon, tmp_path_factory.mktemp("built"))
        tree = gzip.decompress(box().layers[0].data)
        docker(daemon, "import", "-c", 'CMD ["/bin/echo", "it runs"]', "-", "box:1", stdin=tree)
        docker(daemon, "save", "-o", directory / "saved", BASE, APP, SECOND, HOSTED, "box:1")
        yield SimpleNamespace(daemon=daemon, path=directory / "saved")


def test_several_images_of_docker_save(saved):
    with pytest.raises(PathError, match=r"4 images\. Say which, by image=…: .*team/app:2"):
        pushed(MemoryRegistry(), saved.path)


@pytest.mark.parametrize("name", [BASE, APP, SECOND, HOSTED])
def test_skopeo_judges_what_was_pushed(saved, tmp_path, name):
    with docker_registry(hostname="localhost") as running:
        result = pushed(over_http(running), saved.path, image=name)
        place = f"docker://{running.host}/team/app:1.0"
        plain = "--src-tls-verify=false"
        skopeo("copy", plain, place, f"oci:{tmp_path / 'back'}:x")
        skopeo("copy", f"docker-archive:{saved.path}:{name}", f"oci:{tmp_path / 'own'}:x")
        ours, theirs = (
            json.loads(skopeo("inspect", "--config", f"oci:{tmp_path / where}:x"))
            for where in ("back", "own")
        )
        kinds = json.loads(skopeo("inspect", "--tls-verify=false", place))
    assert ours == theirs
    assert kinds["Digest"] == result.digest
    blobs = tmp_path / "back" / "blobs" / "sha256"
    manifest = json.loads(skopeo("inspect", "--raw", f"oci:{tmp_path / 'back'}:x"))
    assert ours["rootfs"]["diff_ids"] == [
        diff_id((blobs / layer["digest"][7:]).read_bytes()) for layer in manifest["layers"]
    ]


def diff_id(layer):
    return f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}"


def test_docker_pulls_and_runs_what_was_pushed(saved):
    with docker_registry(hostname="localhost") as running:
        pushed(over_http(running), saved.path, image="box:1", to="team/box:1")
        name = f"{running.host}/team/box:1"
        before = docker(saved.daemon, "inspect", "-f", "{{.Id}}", "box:1")
        docker(saved.daemon, "rmi", "box:1")
        docker(saved.daemon, "pull", name)

        assert docker(saved.daemon, "inspect", "-f", "{{.Id}}", name) == before
        assert docker(saved.daemon, "run", "--rm", "--network=none", name) == "it runs"


def test_a_copy_of_a_layout_is_the_same_image(tmp_path):
    layout = write_layout(tmp_path / "layout", {"team/a:1": IMAGE})
    shutil.copytree(layout, tmp_path / "copy")
    target = MemoryRegistry()

    assert pushed(target, layout).bytes_moved > 0
    assert pushed(target, tmp_path / "copy").bytes_moved == 0
    assert Reference.within("team/app:1.0", "").with_digest(IMAGE.digest).canonical == (
        pushed(target, layout).reference
    )
