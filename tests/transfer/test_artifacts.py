"""Files and directories pushed as artifacts: every byte and name, and nothing from elsewhere."""

import asyncio
import gzip
import io
import json
import os
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from ghostnb.errors import NotFoundError, PathError
from ghostnb.oci import Digest, Reference
from ghostnb.oci.media_types import OCI_EMPTY, OCI_LAYER_GZIP, OCI_MANIFEST
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.pushing.artifacts import ArtifactOptions
from ghostnb.transfer.pushing.push import push_path
from ghostnb.transfer.tally import TransferTally
from tests.parts.pushes import skopeo
from tests.parts.registries import docker_registry
from tests.registries.layout.test_registry import as_nobody
from tests.scripts import run_script
from tests.transfer.pushing import KINDS, Meddling, over_http, pushed, stored, target_of

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
PLAIN_DIGEST = "io.deis.oras.content.digest"


def written(path, content=b"content"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def members(layer):
    """Give what is in a directory's layer, by name."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz", errors="surrogateescape") as archive:
        return {info.name: info for info in archive.getmembers()}


@pytest.mark.parametrize("kind", KINDS)
def test_files_and_directories_come_back_as_they_were(tmp_path, kind):
    model = written(tmp_path / "model.bin", os.urandom(3_000_000))
    notes = written(tmp_path / "notes.json", b"{}")
    empty = written(tmp_path / "empty", b"")
    data = written(tmp_path / "data/deep/er/file.txt", b"deep").parents[2]
    with target_of(kind, tmp_path) as target:
        result = pushed(target, model, notes, empty, data)
        manifest, config, layers = stored(target)

    assert not result.is_image
    assert result.digest == manifest.digest
    assert manifest.media_type == OCI_MANIFEST
    assert manifest.artifact_type == "application/vnd.unknown.artifact.v1"
    assert (manifest.config.media_type, config) == (OCI_EMPTY, b"{}")
    assert [layer.annotations[TITLE] for layer in manifest.layers] == [
        "model.bin", "notes.json", "empty", "data",
    ]  # fmt: skip
    assert [layer.media_type for layer in manifest.layers] == [
        "application/octet-stream", "application/json", "application/octet-stream", OCI_LAYER_GZIP,
    ]  # fmt: skip
    assert layers[:3] == [path.read_bytes() for path in (model, notes, empty)]
    found = manifest.layers[3].annotations
    assert found[UNPACK] == "true"
    assert found[PLAIN_DIGEST] == Digest.of(gzip.decompress(layers[3]))
    (tmp_path / "back").mkdir()
    subprocess.run(["tar", "-xz", "-C", tmp_path / "back"], input=layers[3], check=True)
    assert (tmp_path / "back/data/deep/er/file.txt").read_bytes() == b"deep"


def test_skopeo_takes_an_artifact_as_it_is(tmp_path):
    with docker_registry() as running:
        result = pushed(over_http(running), written(tmp_path / "a.txt"))
        place = f"docker://{running.host}/team/app:1.0"
        raw = skopeo("inspect", "--raw", "--tls-verify=false", place).encode()
        skopeo("copy", "--src-tls-verify=false", place, f"oci:{tmp_path / 'back'}:x")

    assert Digest.of(raw) == result.digest
    config = json.loads(raw)["config"]
    assert config == {
        "mediaType": OCI_EMPTY,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
        "data": "e30=",
    }


def test_what_it_is_can_be_said(tmp_path):
    options = ArtifactOptions("application/vnd.x.model", "text/x-model", {"who": "me"})
    target = MemoryRegistry()
    pushed(target, written(tmp_path / "a.json"), options=options)
    manifest = stored(target)[0]

    assert manifest.artifact_type == "application/vnd.x.model"
    assert manifest.annotations == {"who": "me"}
    assert [layer.media_type for layer in manifest.layers] == ["text/x-model"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.txt", "text/plain"),
        ("a.tar", "application/x-tar"),
        ("a.tar.gz", "application/gzip"),
        ("a.tar.xz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_media_type_is_guessed_by_the_name(tmp_path, name, media_type):
    target = MemoryRegistry()
    pushed(target, written(tmp_path / name))

    assert stored(target)[0].layers[0].media_type == media_type


def test_a_tar_without_images_is_a_file(tmp_path):
    path = tmp_path / "plain.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(written(tmp_path / "a.txt"), "some/a.txt")
    target = MemoryRegistry()

    assert not pushed(target, path).is_image
    assert stored(target)[2] == [path.read_bytes()]


def test_the_same_tree_is_the_same_digest(tmp_path):
    trees = []
    for number, names in enumerate((["a", "b/c", "z"], ["z", "b/c", "a"])):
        for name in names:
            os.utime(written(tmp_path / f"{number}/tree/{name}"), (number, number))
        trees.append(tmp_path / f"{number}/tree")
    target = MemoryRegistry()
    first, second = (pushed(target, tree) for tree in trees)

    assert first.digest == second.digest
    header = members(stored(target)[2][0])["tree/b/c"]
    assert (header.uid, header.gid, header.uname, header.mtime) == (0, 0, "", 0)
    (trees[1] / "z").chmod(0o755)
    assert pushed(target, trees[1]).digest != first.digest


def test_an_empty_directory(tmp_path):
    (tmp_path / "nothing").mkdir()
    target = MemoryRegistry()
    pushed(target, tmp_path / "nothing")

    assert list(members(stored(target)[2][0])) == ["nothing"]


def test_links_stay_links_and_are_not_followed(tmp_path):
    secret = written(tmp_path / "secret/key", b"very secret")
    tree = written(tmp_path / "tree/file").parent
    (tree / "inner").symlink_to("file")
    (tree / "outer").symlink_to(secret)
    (tree / "directory").symlink_to(secret.parent)
    (tree / "loop").symlink_to(".")
    (tree / "broken").symlink_to("nowhere")
    os.link(tree / "file", tree / "same")
    target = MemoryRegistry()
    pushed(target, tree)
    layer = stored(target)[2][0]
    found = members(layer)

    assert {name: info.linkname for name, info in found.items() if info.issym()} == {
        "tree/inner": "file",
        "tree/outer": str(secret),
        "tree/directory": str(secret.parent),
        "tree/loop": ".",
        "tree/broken": "nowhere",
    }
    assert found["tree/same"].isreg()
    assert b"very secret" not in gzip.decompress(layer)


def test_a_link_that_is_named_itself_is_what_it_leads_to(tmp_path):
    written(tmp_path / "there/a.txt", b"here")
    (tmp_path / "latest").symlink_to("there")
    (tmp_path / "b.txt").symlink_to("there/a.txt")
    target = MemoryRegistry()
    pushed(target, tmp_path / "latest", tmp_path / "b.txt")
    manifest, _, layers = stored(target)

    assert [layer.annotations[TITLE] for layer in manifest.layers] == ["latest", "b.txt"]
    assert set(members(layers[0])) == {"latest", "latest/a.txt"}
    assert layers[1] == b"here"


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", [make_pipe, make_socket])
@pytest.mark.parametrize("where", ["alone", "inside"])
def test_special_files_are_refused(make, where):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name) / "tree"
        written(directory / "a.txt")
        make(directory / "special")
        target = MemoryRegistry()
        with pytest.raises(PathError, match=r"special is no ordinary file"):
            pushed(target, directory if where == "inside" else directory / "special")
        with pytest.raises(NotFoundError):
            stored(target)


def test_a_path_that_is_not_there(tmp_path):
    there, target = written(tmp_path / "a.txt"), MemoryRegistry()
    for paths in ([tmp_path / "b"], [there, tmp_path / "b"], [there, there / "b"]):
        with pytest.raises(PathError, match="There is no"):
            pushed(target, *paths)


def test_what_may_not_be_read():
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        locked = written(directory / "tree/locked")
        locked.chmod(0)
        closed = written(directory / "other/closed/a").parent
        closed.chmod(0)

        def work():
            for path, blamed in ((locked, locked), (locked.parent, locked), (closed, closed)):
                with pytest.raises(PathError, match=f"{blamed} may not be read"):
                    pushed(MemoryRegistry(), path)

        as_nobody(work)
        closed.chmod(0o755)


HOSTILE = [
    "..tricky",
    "with space and 'quotes' \"",
    "line\nbreak",
    "-rf",
    "ünï–ço∂é 🐢",
    "x" * 255,
    "back\\slash",
    "; rm -rf ~",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(tmp_path, name):
    path, tree = written(tmp_path / "a" / name, b"1"), tmp_path / "tree"
    written(tree / name / name, b"2")
    with docker_registry() as running:
        pushed(over_http(running), path, tree)
        manifest, _, layers = stored(over_http(running))

    assert manifest.layers[0].annotations[TITLE] == name
    assert layers[0] == b"1"
    assert f"tree/{name}/{name}" in members(layers[1])


def test_names_that_are_no_text(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    bad = os.fsdecode(b"caf\xe9")
    written(tree / bad)
    target = MemoryRegistry()
    pushed(target, tree)

    assert f"tree/{bad}" in members(stored(target)[2][0])
    with pytest.raises(PathError, match=r"b'.*caf\\xe9' is no UTF-8"):
        pushed(target, tree / bad)


def test_two_of_one_name_are_refused(tmp_path):
    one, two = written(tmp_path / "1/a.txt"), written(tmp_path / "2/a.txt")

    with pytest.raises(PathError, match=r"1/a.txt and .*2/a.txt would both be called 'a.txt'"):
        pushed(MemoryRegistry(), one, two)


def test_what_has_no_name_is_refused_and_a_dot_is_the_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(written(tmp_path / "here/a.txt").parent)
    target = MemoryRegistry()
    pushed(target, Path())

    assert stored(target)[0].layers[0].annotations[TITLE] == "here"
    with pytest.raises(PathError, match="no name"):
        pushed(MemoryRegistry(), Path("/"), as_artifact=True)


@pytest.fixture
def endless():
    """Make directories so deep that neither Python nor pytest can remove them."""
    root = tempfile.mkdtemp(dir="/tmp")
    try:
        handle = os.open(root, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=handle)
            following = os.open("d", os.O_RDONLY, dir_fd=handle)
            os.close(handle)
            handle = following
        os.close(handle)
        yield Path(root)
    finally:
        subprocess.run(["rm", "-rf", root], check=True, timeout=60)


def test_directories_without_end(endless):
    with pytest.raises(PathError, match=r"without end|Too many open files"):
        pushed(MemoryRegistry(), endless)


def append(path):
    with path.open("ab") as file:
        file.write(b"more")


def cut(path):
    os.truncate(path, 10)


def overwrite(path):
    with path.open("r+b") as file:
        file.write(b"other")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [append, cut, overwrite])
@pytest.mark.parametrize("doing", ["Reading", "Pushing"])
def test_a_file_that_changes_is_not_pushed(tmp_path, kind, change, doing):
    path = written(tmp_path / "a.bin", bytes(5_000_000))
    with target_of(kind, tmp_path) as target:
        with pytest.raises(PathError, match=r"a\.bin has changed while it was read"):
            pushed(target, path, tally=Meddling(lambda: change(path), doing))
        with pytest.raises(NotFoundError):
            stored(target)


@pytest.mark.parametrize("change", [append, cut, overwrite])
def test_a_directory_that_changes_is_not_pushed(tmp_path, change):
    path = written(tmp_path / "tree/a.bin", bytes(5_000_000))
    target = MemoryRegistry()
    with pytest.raises(PathError, match=r"a\.bin has changed while it was read"):
        pushed(target, path.parent, tally=Meddling(lambda: change(path), "Compressing"))
    with pytest.raises(NotFoundError):
        stored(target)


def test_a_directory_that_gets_another_file_is_not_pushed(tmp_path):
    path = written(tmp_path / "tree/a.bin", bytes(5_000_000))
    target = MemoryRegistry()
    meddling = Meddling(lambda: written(path.with_name("b")), "Compressing")
    with pytest.raises(PathError, match="tree has changed while it was read"):
        pushed(target, path.parent, tally=meddling)
    with pytest.raises(NotFoundError):
        stored(target)


def test_a_push_that_is_cancelled_leaves_nothing(tmp_path, monkeypatch):
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spools))
    tree = written(tmp_path / "tree/a.bin", os.urandom(30_000_000)).parent
    target = MemoryRegistry()
    before = set(os.listdir("/proc/self/fd"))

    async def question():
        tally = Meddling(lambda: task.cancel(), "Compressing")
        reference = Reference.within("team/app:1.0", "")
        task = asyncio.ensure_future(push_path(target, [tree], reference, tally=tally))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(question())
    assert list(spools.iterdir()) == []
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(NotFoundError):
        stored(target)


def test_progress_counts_what_is_read_and_what_is_sent(tmp_path):
    path = written(tmp_path / "a.bin", os.urandom(3_000_000))
    tally = TransferTally()
    pushed(MemoryRegistry(), path, tally=tally)

    assert tally.done == tally.total == 2 * 3_000_000 + 2
    assert {step.status for step in tally.changes()} == {"Read", "Pushed"}


def test_a_huge_file_takes_little_memory(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(600_000_000)
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree/huge").open("wb") as file:
        file.truncate(300_000_000)
    script = """
import asyncio, resource, sys
from pathlib import Path
from ghostnb.oci import Reference
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.transfer.pushing.push import push_path
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
target = LayoutRegistry(sys.argv[1])
paths = [Path(path) for path in sys.argv[2:]]
before = peak()
asyncio.run(push_path(target, paths, Reference.within("team/app:1", "")))
print((peak() - before) // 1024)
"""
    grown = run_script(script, str(tmp_path / "layout"), str(huge), str(tmp_path / "tree"))
    assert int(grown) < 60
