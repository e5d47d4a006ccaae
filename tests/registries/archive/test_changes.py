"""Archives that change, vanish or are let go of while they are read."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ghostnb.errors import IntegrityError, NotFoundError, ProtocolError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.archive import file as archive_file
from ghostnb.registries.archive import store as archive_store
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.factory import open_registry
from ghostnb.registries.layout import LayoutRegistry, reader
from tests.parts.archives import archived_layout, docker_pieces, write_tar
from tests.parts.images import plain_image
from tests.registries.conftest import ask, descriptor_of, listed, push
from tests.serving import until

NAME = "team/app"
IMAGE, OTHER = plain_image("archived"), plain_image("changed")
LARGE = b"".join(n.to_bytes(4, "big") for n in range(2**20))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return archived_layout(tmp_path / "images.tar", {f"{NAME}:1.0": IMAGE})


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An archive with a layer of four pieces."""
    return write_tar(tmp_path / "large.tar", docker_pieces([LARGE]).items())


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file be an old one: the time of a change cannot be set, so the clock is."""
    now = time.time
    monkeypatch.setattr(reader, "time", SimpleNamespace(time=lambda: now() + 60))


async def layer_of(registry: ArchiveRegistry) -> Descriptor:
    return (await registry.manifest(NAME, "1.0")).layers[0]


async def digests(registry: ArchiveRegistry) -> list[str]:
    return [(await registry.manifest(NAME, tag)).digest async for tag in registry.tags(NAME)]


def open_handles(path: Path) -> int:
    """How often this process has a file open."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(1 for link in links if os.path.realpath(link).startswith(str(path)))


def test_a_file_is_an_archive_and_all_else_may_be_a_layout(target, tmp_path):
    def kind(path):
        return open_registry(RegistryConfig("it", f"oci:{path}"))

    assert isinstance(kind(target), ArchiveRegistry)
    assert isinstance(kind(tmp_path), LayoutRegistry)
    assert isinstance(kind(tmp_path / "none"), LayoutRegistry)
    found = kind(target)
    assert (found.kind, found.name, found.url) == ("archive", "it", f"oci:{target}")


def test_a_file_at_home_is_found(target, home):
    target.rename(home / "images.tar")
    registry = open_registry(RegistryConfig.from_url("oci:~/images.tar"))
    assert ask(registry, digests) == [IMAGE.digest]
    assert registry.name == "images.tar"


@pytest.mark.parametrize("is_in_place", [False, True])
def test_an_archive_that_was_changed_is_read_again(target, tmp_path, settled, is_in_place):
    other = archived_layout(tmp_path / "other.tar", {f"{NAME}:1.0": IMAGE, f"{NAME}:2.0": OTHER})

    async def question(registry):
        before = await digests(registry)
        if is_in_place:
            target.write_bytes(other.read_bytes())
        else:
            other.replace(target)
        return before, await digests(registry)

    assert ask(ArchiveRegistry(target), question) == (
        [IMAGE.digest],
        [IMAGE.digest, OTHER.digest],
    )


def test_headers_are_read_once(target, settled, monkeypatch):
    count, go_on = [], threading.Event()
    read = archive_store.read_members

    def counted(file):
        count.append(file)
        assert go_on.wait(30)
        return read(file)

    monkeypatch.setattr(archive_store, "read_members", counted)

    async def question(registry):
        asked = [asyncio.create_task(digests(registry)) for _ in range(4)]
        await until(lambda: count)
        # Whoever does not wait on the loop would be on a thread by now.
        await asyncio.to_thread(int)
        go_on.set()
        await asyncio.gather(*asked)
        assert len(count) == 1
        await registry.aclose()
        await registry.ping()
        assert len(count) == 2

    ask(ArchiveRegistry(target), question)


def test_an_archive_that_vanished_is_not_found(target, settled):
    async def question(registry):
        assert await digests(registry) == [IMAGE.digest]
        target.unlink()
        for answer in (
            registry.ping(),
            registry.manifest(NAME, "1.0"),
            registry.blob(NAME, descriptor_of(IMAGE.layers[0].descriptor())),
            registry.blob_size(NAME, Digest(IMAGE.layers[0].digest)),
            registry.referrers(NAME, Digest(IMAGE.digest)),
        ):
            with pytest.raises(NotFoundError, match=f"no archive at {target}"):
                await answer

    ask(ArchiveRegistry(target), question)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_came_in_its_place_and_is_no_file_is_told(target, make):
    async def question(registry):
        await registry.ping()
        target.unlink()
        make(target)
        with pytest.raises(ProtocolError, match="no ordinary file"):
            await registry.ping()

    ask(ArchiveRegistry(target), question)


@pytest.mark.parametrize("change", [lambda file: file.truncate(0), lambda file: file.write(b"x")])
def test_a_blob_that_changes_while_it_is_read_is_an_integrity_error(large, change):
    async def question(registry):
        layer = await layer_of(registry)
        pieces = registry.open_blob(NAME, layer)
        await anext(pieces)
        with large.open("r+b") as file:
            file.seek(large.stat().st_size // 2)
            change(file)
        with pytest.raises(IntegrityError):
            await listed(pieces)

    ask(ArchiveRegistry(large), question)
    assert open_handles(large) == 0


def test_a_blob_of_a_file_that_was_replaced_is_read_to_its_end(large, target):
    async def question(registry):
        pieces = registry.open_blob(NAME, await layer_of(registry))
        first = await anext(pieces)
        target.replace(large)
        assert first + b"".join(await listed(pieces)) == LARGE

    ask(ArchiveRegistry(large), question)


def test_a_blob_that_is_left_early_leaves_no_file_open(large):
    async def question(registry):
        pieces = registry.open_blob(NAME, await layer_of(registry))
        assert LARGE.startswith(await anext(pieces))
        assert open_handles(large) == 1
        await pieces.aclose()
        assert open_handles(large) == 0

    ask(ArchiveRegistry(large), question)


def test_who_is_cancelled_does_not_wait_and_the_file_is_closed_at_the_end(large, monkeypatch):
    """A disk that does not answer holds a thread, never the loop, and is not read by mistake."""
    begun, answer, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(handle, size, offset, pread=os.pread):
        if size == 2**20:
            begun.set()
            assert answer.wait(30)
            found = pread(handle, size, offset)
            ended.set()
            return found
        return pread(handle, size, offset)

    async def question(registry):
        layer = await layer_of(registry)
        monkeypatch.setattr(archive_file.os, "pread", slow)
        reading = asyncio.create_task(listed(registry.open_blob(NAME, layer)))
        await asyncio.to_thread(begun.wait, 30)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert open_handles(large) == 1
        answer.set()
        await asyncio.to_thread(ended.wait, 30)

    ask(ArchiveRegistry(large), question)
    assert open_handles(large) == 0


def test_an_archive_takes_no_pushes(target):
    before = target.read_bytes()
    with pytest.raises(AttributeError):
        ask(ArchiveRegistry(target), lambda registry: push(registry, f"{NAME}:2.0", OTHER))
    assert target.read_bytes() == before
