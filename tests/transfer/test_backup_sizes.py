"""Sizes that lie: a registry gives more or fewer bytes of a blob than the manifest says."""

import asyncio
import errno
import tarfile
import threading

import pytest

from ghostnb.errors import ArchiveError, IncompleteError, IntegrityError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.archive import _Part, new_archive
from ghostnb.transfer.backups.archive import plan_archive
from ghostnb.transfer.backups.layout_archive import LayoutArchive
from ghostnb.transfer.selection import Selection
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.registries import docker_registry
from tests.parts.replies import cut, reply
from tests.registries.asking import ask, blob_path, pieces_of
from tests.registries.conftest import listed, push
from tests.transfer.backups import ALL, Place
from tests.transfer.test_copying import over_http, run, same

GOOD, BAD = plain_image("good"), plain_image("bad", size_bytes=3000)
LAYER = BAD.layers[1]
CONTENT = b"0123456789" * 100


@pytest.mark.parametrize("more_bytes", [-1, 1])
def test_a_blob_of_another_size_than_stated_is_told_and_left_out(tmp_path, more_bytes):
    place = Place("archive", tmp_path)
    with docker_registry() as running:
        source = over_http(running)

        async def question():
            await push(source, "app:good", GOOD)
            await push(source, "app:bad", BAD)
            (stored,) = running.storage_dir.rglob(f"{LAYER.digest.partition(':')[2]}/data")
            stored.write_bytes((LAYER.data + b"x")[: len(LAYER.data) + more_bytes])
            only_bad = await place.plan(source, Selection("app", tags="bad"))
            with pytest.raises(IncompleteError):
                await only_bad.apply()
            assert list(tmp_path.iterdir()) == []
            plan = await place.plan(source)
            with pytest.raises(IncompleteError) as caught:
                await plan.apply()
            assert await listed(place.open().tags("app")) == ["good"]
            await same(place.open(), "app", "good", GOOD)
            return caught.value

        error = run(question, source)
    assert isinstance(error.__cause__, IntegrityError)
    size = len(LAYER.data)
    words = ("app in reg", str(LAYER.digest), f"gave {size + more_bytes}", f"which has {size}")
    assert [one for one in words if one not in str(error)] == []


def test_a_blob_that_ends_too_early_is_told_though_its_length_lies():
    """What is asked for after its end is no range, as servers of files have it (RFC 9110)."""
    routes = {blob_path("app", CONTENT): [cut(CONTENT, 900), reply(416)]}
    with faulty_server(routes) as server:
        with pytest.raises(IntegrityError, match=r"app in reg gave 900 bytes .* which has 1000"):
            ask(server.url, pieces_of("app", CONTENT))
        assert server.seen()[-1].headers["range"] == "bytes=900-999"


def test_a_size_that_two_manifests_differ_in_takes_no_place_in_the_archive(tmp_path):
    source, path = MemoryRegistry("of"), tmp_path / "x.tar"
    stated = b'"digest":"%s","size":' % GOOD.layers[0].digest.encode()
    wrong = GOOD.raw.replace(stated + b"%d" % len(GOOD.layers[0].data), stated + b"%d" % 2**53)
    assert wrong != GOOD.raw

    async def question():
        await push(source, "app:1", GOOD)
        await source.push_manifest("other", wrong, GOOD.media_type, tag="wrong")
        plan = await plan_archive(source, path, ALL)
        with pytest.raises(IncompleteError, match=r"manifest of other .* 9,007,199,254,740,992"):
            await plan.apply()

    run(question)
    assert path.stat().st_size < 100_000
    with tarfile.open(path) as archive:
        assert not any("incomplete" in name for name in archive.getnames())


class Held:
    """Holds one write to an archive, by its number from 1 on, until it is let go."""

    def __init__(self, monkeypatch, number, *, fails=False):
        self.is_held, self.is_free = threading.Event(), threading.Event()
        self.number, self.count, self.fails, self.write = number, 0, fails, _Part.write
        monkeypatch.setattr(_Part, "write", lambda *arguments: self(*arguments))

    def __call__(self, part, offset, content):
        self.count += 1
        if self.count != self.number:
            self.write(part, offset, content)
            return
        self.is_held.set()
        assert self.is_free.wait(30)
        file, part._file = part._file, FullDisk() if self.fails else part._file
        try:
            self.write(part, offset, content)
        finally:
            part._file = file


class FullDisk:
    """A file that takes nothing now."""

    def seek(self, offset):
        raise OSError(errno.ENOSPC, "No space left on device")


async def cancelled(held, work):
    """Cancel something while a write of it is held."""
    task = asyncio.create_task(work)
    await asyncio.to_thread(held.is_held.wait, 30)
    task.cancel()
    await asyncio.sleep(0)
    held.is_free.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def content(start):
    for first in range(0, len(GOOD.layers[0].data), 100):
        yield GOOD.layers[0].data[first : first + 100]


@pytest.mark.parametrize("is_sent_again", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_blob_that_is_cancelled_while_it_is_written_spoils_no_archive(
    tmp_path, monkeypatch, number, is_sent_again
):
    """As one is whose image fails by another blob. The first write is its header."""
    path, blob = tmp_path / "x.tar", GOOD.layers[0]
    descriptor = Descriptor("application/octet-stream", Digest(blob.digest), len(blob.data))
    held = Held(monkeypatch, number)

    async def question():
        async with new_archive(path) as archive:
            target = LayoutArchive(path)
            target.begin(archive)
            await cancelled(held, target.push_blob("app", descriptor, content))
            if is_sent_again:
                await target.push_blob("app", descriptor, content)
            await target.finish(b"{}")

    run(question)
    with tarfile.open(path) as archive:
        names = archive.getnames()
        assert names[-1] == "index.json"
        name = f"blobs/sha256/{blob.digest.partition(':')[2]}"
        assert (name in names) == is_sent_again
        if is_sent_again:
            assert archive.extractfile(name).read() == blob.data


@pytest.mark.parametrize("number", [1, 2])
def test_what_the_disk_refused_of_a_cancelled_manifest_is_no_archive(tmp_path, monkeypatch, number):
    path, held = tmp_path / "x.tar", Held(monkeypatch, number, fails=True)

    async def question():
        async with new_archive(path) as archive:
            target = LayoutArchive(path)
            target.begin(archive)
            await cancelled(held, target.push_manifest("app", GOOD.raw, GOOD.media_type, tag="1"))
            await target.finish(b"{}")

    with pytest.raises(ArchiveError, match=r"No space left|full"):
        run(question)
    assert list(tmp_path.iterdir()) == []
