"""What a power cut would leave: content is on disk before its name, its name before the answer.

A process that is killed shows none of this: what it wrote, the kernel keeps.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.parts.images import plain_image
from tests.registries.conftest import ask, pieces_of, push

NAME = "team/app"
DATA = b"x" * 3_000_000


class Disk:
    """Notes what has reached the disk: a power cut takes every other byte and name.

    Attributes
    ----------
    owed : set of str
        Paths whose names are not on disk yet.
    named : list of str
        Names of files that came to their place.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.owed: set[str] = set()
        self.named: list[str] = []
        self._synced: dict[int, int] = {}
        self._fsync, self._replace, self._mkdir = os.fsync, os.replace, os.mkdir
        patch.setattr(os, "fsync", self.fsync)
        patch.setattr(os, "replace", self.replace)
        patch.setattr(os, "mkdir", self.mkdir)

    def fsync(self, handle: int) -> None:
        self._fsync(handle)
        state = os.fstat(handle)
        self._synced[state.st_ino] = state.st_size
        directory = os.readlink(f"/proc/self/fd/{handle}")
        self.owed = {path for path in self.owed if os.path.dirname(path) != directory}

    def replace(self, source: str, target: str) -> None:
        state, name = os.stat(source), os.path.basename(target)
        # Forgotten here: the number may be another file's later.
        size = self._synced.pop(state.st_ino, None)
        assert size == state.st_size, f"{name} is named unsynced"
        if name == "index.json":
            assert not self.owed, f"index.json leads to {self.owed}, which may not be there"
        self._replace(source, target)
        self.owed.add(os.fspath(target))
        self.named.append(name)

    def mkdir(self, path: str, *mode: int) -> None:
        self._mkdir(path, *mode)
        self.owed.add(os.fspath(path))


async def upload(store: LayoutRegistry, digest: Digest) -> None:
    name = await store.begin_upload(NAME)
    await store.append_upload(NAME, name, pieces_of(DATA, 700_000))
    await store.finish_upload(NAME, name, digest)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_upload_that_is_acknowledged_is_on_disk(tmp_path, monkeypatch, algorithm):
    disk, digest = Disk(monkeypatch), Digest.of(DATA, algorithm)

    async def question(store):
        await upload(store, digest)
        assert disk.owed == set()
        assert disk.named[-1] == digest.encoded

    ask(LayoutRegistry(tmp_path / "new" / "root"), question)


def test_a_blob_that_is_acknowledged_is_on_disk(tmp_path, monkeypatch):
    disk, digest = Disk(monkeypatch), Digest.of(DATA)

    async def question(store):
        descriptor = Descriptor("text/plain", digest, len(DATA))
        await store.push_blob(NAME, descriptor, lambda first: pieces_of(DATA, 700_000))
        assert disk.owed == set()
        assert disk.named[-1] == digest.encoded

    ask(LayoutRegistry(tmp_path / "new" / "root"), question)


def test_a_manifest_is_on_disk_before_the_index_names_it(tmp_path, monkeypatch):
    disk, image = Disk(monkeypatch), plain_image("one")

    async def question(store):
        await push(store, f"{NAME}:1", image)
        assert disk.owed == set()
        assert disk.named[-2:] == [Digest(image.digest).encoded, "index.json"]

    ask(LayoutRegistry(tmp_path / "root"), question)


def test_a_deletion_that_is_acknowledged_is_on_disk(tmp_path, monkeypatch):
    async def question(store):
        await push(store, f"{NAME}:1", plain_image("one"))
        await push(store, f"{NAME}:2", plain_image("two"))
        disk = Disk(monkeypatch)
        await store.delete_tag(NAME, "1")
        assert (disk.owed, disk.named) == (set(), ["index.json"])
        await store.delete_manifest(NAME, Digest(plain_image("two").digest))
        assert (disk.owed, disk.named) == (set(), ["index.json"] * 2)

    ask(LayoutRegistry(tmp_path), question)


def test_the_disk_that_is_watched_sees_what_is_left_out(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    file, target = tmp_path / "file", tmp_path / "target"
    file.write_bytes(b"1")
    with pytest.raises(AssertionError, match="unsynced"):
        os.replace(file, target)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    os.replace(file, target)
    assert disk.owed == {str(target)}
    os.mkdir(tmp_path / "directory")
    with pytest.raises(AssertionError, match="may not be there"):
        os.replace(synced(tmp_path / "other"), tmp_path / "index.json")


def synced(path: Path) -> Path:
    with path.open("wb") as file:
        os.fsync(file.fileno())
    return path
