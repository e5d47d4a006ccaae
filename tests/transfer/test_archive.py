"""Archives: members filled in any order, and a file that is whole or not there."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ghostnb.errors import ArchiveError
from ghostnb.transfer.archive import new_archive

GIB = 2**30


def test_members_that_are_filled_in_turns_are_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.tar"
    contents = {"first": b"1" * 1300, "blobs/sha512/" + "f" * 128: b"2" * 700, "empty": b""}

    async def write() -> None:
        async with new_archive(target) as archive:
            members = [archive.reserve(name, len(data)) for name, data in contents.items()]
            for member in members:
                await member.begin()
            for start in range(0, 1300, 100):
                for member, data in zip(members, contents.values(), strict=True):
                    await member.write(data[start : start + 100])
            assert not target.exists()

    asyncio.run(write())
    with tarfile.open(target) as found:
        assert {m.name: found.extractfile(m).read() for m in found.getmembers()} == contents
    assert target.stat().st_size % tarfile.RECORDSIZE == 0
    # Like any new file: others may read it, as far as the umask lets them.
    assert stat.S_IMODE(target.stat().st_mode) & 0o600 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_a_member_over_eight_gib_is_described_rightly(tmp_path: Path) -> None:
    async def write() -> None:
        async with new_archive(tmp_path / "a.tar") as archive:
            await archive.reserve("large", 9 * GIB).begin()
            await archive.add("after", b"x")
            heads.append(head_of_only_file(tmp_path))
            raise KeyError

    heads: list[bytes] = []
    with pytest.raises(KeyError):
        asyncio.run(write())
    member = tarfile.TarInfo.frombuf(heads[0], "utf-8", "strict")
    assert (member.name, member.size) == ("large", 9 * GIB)
    assert list(tmp_path.iterdir()) == []


def head_of_only_file(directory: Path) -> bytes:
    (part,) = directory.iterdir()
    with part.open("rb") as file:
        return file.read(tarfile.BLOCKSIZE)


@pytest.mark.parametrize("size_bytes", [3, 5])
def test_a_member_takes_exactly_what_was_said(tmp_path: Path, size_bytes: int) -> None:
    async def write() -> None:
        async with new_archive(tmp_path / "a.tar") as archive:
            member = archive.reserve("four", 4)
            await member.begin()
            await member.write(bytes(size_bytes))

    with pytest.raises(ValueError, match="four"):
        asyncio.run(write())
    assert list(tmp_path.iterdir()) == []


def test_what_came_to_the_same_place_meanwhile_stays(tmp_path: Path) -> None:
    async def write() -> None:
        async with new_archive(tmp_path / "a.tar") as archive:
            await archive.add("one", b"1")
            (tmp_path / "a.tar").write_text("mine")

    with pytest.raises(ArchiveError, match="is there already"):
        asyncio.run(write())
    assert (tmp_path / "a.tar").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_comes_in_the_last_moment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.tar"

    async def write() -> None:
        async with new_archive(target) as archive:
            await archive.add("one", b"1")
            monkeypatch.setattr("ghostnb.transfer.archive.os.link", appeared(os.link))

    def appeared(link: Callable[..., None]) -> Callable[..., None]:
        def late(source: Path, name: Path) -> None:
            # Another process, after the last look.
            target.write_text("mine")
            link(source, name)

        return late

    with pytest.raises(ArchiveError, match="is there already"):
        asyncio.run(write())
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_a_disk_has_no_links_the_file_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("ghostnb.transfer.archive.os.link", refused)

    async def write() -> None:
        async with new_archive(tmp_path / "a.tar") as archive:
            await archive.add("one", b"1")

    asyncio.run(write())
    with tarfile.open(tmp_path / "a.tar") as found:
        assert found.getnames() == ["one"]
    with pytest.raises(ArchiveError, match="is there already"):
        asyncio.run(write())
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_the_name_is_brought_to_the_disk_after_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []

    def noted(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_directory, (tmp_path / "a.tar").exists()))
        if is_directory:
            raise OSError(errno.EINVAL, "not on this disk")

    monkeypatch.setattr("ghostnb.transfer.archive.os.fsync", noted)

    async def write() -> None:
        async with new_archive(tmp_path / "a.tar") as archive:
            await archive.add("one", b"1")

    asyncio.run(write())
    assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("steps", range(1, 40))
def test_cancelled_at_any_step_there_is_nothing_or_all(tmp_path: Path, steps: int) -> None:
    target = tmp_path / "a.tar"

    async def write() -> None:
        async with new_archive(target) as archive:
            for number in range(3):
                await archive.add(str(number), bytes(1000))

    async def run() -> None:
        task = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    asyncio.run(run())
    left = [path.name for path in tmp_path.iterdir()]
    assert left in ([], ["a.tar"])
    if left:
        with tarfile.open(fileobj=io.BytesIO(target.read_bytes())) as found:
            assert found.getnames() == ["0", "1", "2"]


def test_a_member_is_written_anew_or_given_up(tmp_path):
    async def body():
        async with new_archive(tmp_path / "x.tar") as archive:
            again, lost = archive.reserve("blobs/again", 4), archive.reserve("b/lost", 4)
            for piece in (b"bad", b"good"):
                await again.begin()
                await again.write(piece)
            with pytest.raises(ValueError, match="no place"):
                await lost.give_up("n" * 200)
            await lost.give_up("c/lost")

    asyncio.run(body())
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["blobs/again", "c/lost"]
        assert archive.extractfile("blobs/again").read() == b"good"


@pytest.mark.parametrize("size_bytes", [0, 1])
def test_what_was_never_begun_is_no_archive(tmp_path, size_bytes):
    async def body():
        async with new_archive(tmp_path / "x.tar") as archive:
            archive.reserve("empty", size_bytes)

    with pytest.raises(ValueError, match="empty"):
        asyncio.run(body())


def test_what_is_added_is_whole_although_who_adds_it_is_cancelled(tmp_path):
    async def body():
        async with new_archive(tmp_path / "x.tar") as archive:
            adding = asyncio.create_task(archive.add("one", b"1"))
            await asyncio.sleep(0)
            adding.cancel()
            with pytest.raises(asyncio.CancelledError):
                await adding

    asyncio.run(body())
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.extractfile("one").read() == b"1"
