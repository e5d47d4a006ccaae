"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ghostnb.new_file import TakenError, new_file
from tests.parts.disks import fill_up, small_disk


def write(target: Path, content: bytes = b"new", **options: bool) -> None:
    with new_file(target, **options) as file:
        file.write(content)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file"


def test_it_has_its_name_when_it_is_whole(target):
    with new_file(target) as file:
        file.write(b"one ")
        (hidden,) = names(target.parent)
        assert hidden.startswith(".")
        file.write(b"two")
    assert target.read_bytes() == b"one two"
    assert names(target.parent) == ["file"]
    # Like any new file: others may read it, as far as the umask lets them.
    plain = target.with_name("plain")
    plain.touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_is_there_stays_unless_asked(target):
    write(target, b"old")
    with pytest.raises(TakenError):
        write(target)
    assert target.read_bytes() == b"old"
    write(target, overwrite=True)
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["file"]


def test_it_is_looked_at_before_anything_is_written(target):
    target.symlink_to("nowhere")
    with pytest.raises(TakenError), new_file(target):
        pytest.fail("It was opened.")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("fault", [KeyError, KeyboardInterrupt, OSError])
def test_what_breaks_off_leaves_nothing(target, fault, overwrite):
    if overwrite:
        write(target, b"old")
    before = names(target.parent)
    with pytest.raises(fault), new_file(target, overwrite=overwrite) as file:
        file.write(b"half")
        raise fault
    assert names(target.parent) == before
    assert not overwrite or target.read_bytes() == b"old"


def test_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        write(disk / "file", b"old")
        fill_up(disk / "ballast")
        with pytest.raises(OSError, match="No space left"):
            write(disk / "file", bytes(100_000), overwrite=True)
        assert (disk / "file").read_bytes() == b"old"
        assert names(disk) == ["ballast", "file"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "file")
    assert names(tmp_path) == []


def test_a_directory_is_not_replaced(target):
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        write(target, overwrite=True)
    assert names(target.parent) == ["file"]


def test_what_came_meanwhile_stays(target):
    with pytest.raises(TakenError), new_file(target):
        target.write_text("mine")
    assert target.read_text() == "mine"
    assert names(target.parent) == ["file"]


def test_what_comes_in_the_last_moment_stays(target, monkeypatch):
    def appeared(link: Callable[..., None]) -> Callable[..., None]:
        def late(source: Path, name: Path) -> None:
            # Another process, after the last look.
            target.write_text("mine")
            link(source, name)

        return late

    monkeypatch.setattr(os, "link", appeared(os.link))
    with pytest.raises(TakenError):
        write(target)
    assert target.read_text() == "mine"
    assert names(target.parent) == ["file"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_a_disk_has_no_links_the_file_is_renamed(target, monkeypatch, number):
    def refused(*_: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    write(target)
    with pytest.raises(TakenError):
        write(target)
    with pytest.raises(TakenError), new_file(target.with_name("late")):
        target.with_name("late").write_text("mine")
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["file", "late"]


def test_the_name_is_brought_to_the_disk_after_the_file(target, monkeypatch):
    synced: list[tuple[bool, bool]] = []

    def noted(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_directory, target.exists()))
        if is_directory:
            raise OSError(errno.EINVAL, "not on this disk")

    monkeypatch.setattr(os, "fsync", noted)
    write(target)
    assert synced == [(False, False), (True, True)]
