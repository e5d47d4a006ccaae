"""Blobs for registries that take them only whole: kept, checked, sent on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ghostnb.errors import (
    IntegrityError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.server.content import staging as staging_module
from ghostnb.server.content.staging import Staging
from ghostnb.server.content.uploads import Uploads
from tests.parts.disks import small_disk
from tests.registries.conftest import pieces_of

DATA = os.urandom(5_000_000)
DIGEST = Digest.of(DATA)


class Slow(MemoryRegistry):
    """Takes a blob piece by piece, and says when the first has come."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()

    async def push_blob(self, repository, descriptor, content):
        data = bytearray()
        async for piece in content(0):
            data += piece
            self.has_begun.set()
        await super().push_blob(repository, descriptor, lambda first: pieces_of(bytes(data)))


class Breaking(MemoryRegistry):
    """Loses its connection once, in the middle."""

    has_broken = False

    async def push_blob(self, repository, descriptor, content):
        if not self.has_broken:
            async for _ in content(0):
                self.has_broken = True
                break
        await super().push_blob(repository, descriptor, content)


class Knowing(MemoryRegistry):
    """Finds after the first piece that it has the blob."""

    async def push_blob(self, repository, descriptor, content):
        async for _ in content(0):
            break


class Refusing(MemoryRegistry):
    """Takes nothing."""

    async def push_blob(self, repository, descriptor, content):
        raise UnauthorizedError("Who are you?")


def of(registry, directory: Path, **options) -> Uploads:
    return Uploads(registry, Staging(directory / "uploads", **options))


async def has(registry, digest: Digest = DIGEST) -> bool:
    try:
        blob = Descriptor("text/plain", digest, len(DATA))
        return await registry.blob("app", blob) == DATA
    except NotFoundError:
        return False


def test_what_came_in_pieces_is_sent_whole(tmp_path):
    async def work():
        registry = MemoryRegistry()
        uploads = of(registry, tmp_path)
        upload = await uploads.begin_upload("app")
        assert await uploads.append_upload("app", upload, pieces_of(DATA[:100])) == 100
        assert await uploads.append_upload("app", upload, pieces_of(DATA[100:], 99_999)) == len(
            DATA
        )
        assert not await has(registry)
        await uploads.finish_upload("app", upload, DIGEST)
        assert await has(registry)
        with pytest.raises(NotFoundError):
            await uploads.upload_size("app", upload)

    asyncio.run(work())


def test_it_is_sent_on_while_it_still_comes(tmp_path):
    async def work():
        registry, goes_on = Slow(), asyncio.Event()
        uploads = of(registry, tmp_path)

        async def pieces():
            yield DATA[:2_000_000]
            await goes_on.wait()
            yield DATA[2_000_000:]

        upload = await uploads.begin_upload("app")
        sending = asyncio.ensure_future(
            uploads.finish_with("app", upload, DIGEST, pieces(), len(DATA))
        )
        await asyncio.wait_for(registry.has_begun.wait(), 30)
        assert not sending.done()
        goes_on.set()
        await sending
        assert await has(registry)

    asyncio.run(work())


def finished_early(tmp_path, data: bytes) -> None:
    """Send what is to be `DATA` to a registry that stops reading it; nothing is left."""
    uploads = of(Knowing(), tmp_path)

    async def work():
        upload = await uploads.begin_upload("app")
        await uploads.finish_with("app", upload, DIGEST, pieces_of(data, 100_000), len(data))
        return upload

    upload = asyncio.run(asyncio.wait_for(work(), 30))
    with pytest.raises(NotFoundError):
        asyncio.run(uploads.upload_size("app", upload))


def test_a_registry_that_stops_reading_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(staging_module, "_LEAD_BYTES", 1_000_000)

    finished_early(tmp_path, DATA)


def test_what_a_registry_has_not_read_is_checked_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(staging_module, "_LEAD_BYTES", 1_000_000)

    with pytest.raises(IntegrityError):
        finished_early(tmp_path, DATA[:-1])


def test_who_sends_faster_than_the_registry_takes_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(staging_module, "_LEAD_BYTES", 1_000_000)

    async def work():
        taken, given = asyncio.Event(), 0

        class Waiting(MemoryRegistry):
            async def push_blob(self, repository, descriptor, content):
                await taken.wait()
                await super().push_blob(repository, descriptor, content)

        async def pieces():
            nonlocal given
            async for piece in pieces_of(DATA, 100_000):
                given += len(piece)
                yield piece

        uploads = of(Waiting(), tmp_path)
        upload = await uploads.begin_upload("app")
        sending = asyncio.ensure_future(
            uploads.finish_with("app", upload, DIGEST, pieces(), len(DATA))
        )
        async with asyncio.timeout(30):
            seen = 0
            while given < 1_000_000 or given > seen:  # until it stands still
                seen = given
                await asyncio.sleep(0.3)
        assert 1_000_000 <= given < 3_500_000
        taken.set()
        await sending
        assert given == len(DATA)

    asyncio.run(work())


def test_a_connection_that_breaks_is_no_loss(tmp_path):
    async def work():
        registry = Breaking()
        uploads = of(registry, tmp_path)
        upload = await uploads.begin_upload("app")
        await uploads.finish_with("app", upload, DIGEST, pieces_of(DATA, 65536), len(DATA))
        assert registry.has_broken
        assert await has(registry)

    asyncio.run(work())


@pytest.mark.parametrize("is_sent_on", [False, True])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_what_is_something_else_is_not_sent(tmp_path, is_sent_on, algorithm):
    async def work():
        registry = MemoryRegistry()
        uploads = of(registry, tmp_path)
        wanted = Digest.of(DATA, algorithm)
        upload = await uploads.begin_upload("app")
        other = pieces_of(DATA[:-1] + b"?", 65536)
        with pytest.raises(IntegrityError):
            if is_sent_on:
                await uploads.finish_with("app", upload, wanted, other, len(DATA))
            else:
                await uploads.append_upload("app", upload, other)
                await uploads.finish_upload("app", upload, wanted)
        assert not await has(registry, wanted)

    asyncio.run(work())


def test_what_stops_coming_is_kept_and_gone_on_with(tmp_path):
    async def breaking():
        yield DATA[:1_500_000]
        raise ConnectionResetError("gone")

    async def work():
        registry = MemoryRegistry()
        uploads = of(registry, tmp_path)
        upload = await uploads.begin_upload("app")
        with pytest.raises(ConnectionResetError):
            await uploads.finish_with("app", upload, DIGEST, breaking(), len(DATA))
        came = await uploads.upload_size("app", upload)
        assert came == 1_500_000
        rest = pieces_of(DATA[came:], 65536)
        await uploads.finish_with("app", upload, DIGEST, rest, len(DATA) - came)
        assert await has(registry)

    asyncio.run(work())


def test_what_a_registry_refuses_is_not_waited_for(tmp_path):
    async def endless():
        yield DATA[:100]
        await asyncio.Event().wait()

    async def work():
        uploads = of(Refusing(), tmp_path)
        upload = await uploads.begin_upload("app")
        with pytest.raises(UnauthorizedError):
            async with asyncio.timeout(30):
                await uploads.finish_with("app", upload, DIGEST, endless(), len(DATA))

    asyncio.run(work())


def test_an_upload_is_its_repositorys_and_its_registrys(tmp_path):
    async def work():
        staging = Staging(tmp_path)
        uploads, others = (Uploads(MemoryRegistry(), staging) for _ in range(2))
        upload = await uploads.begin_upload("app")
        for one, repository in ((uploads, "other"), (others, "app"), (uploads, "app/" + upload)):
            with pytest.raises(NotFoundError):
                await one.append_upload(repository, upload, pieces_of(b"x"))
            with pytest.raises(NotFoundError):
                await one.cancel_upload(repository, upload)
        await uploads.cancel_upload("app", upload)
        with pytest.raises(NotFoundError):
            await uploads.upload_size("app", upload)

    asyncio.run(work())


def test_all_together_have_a_bound(tmp_path):
    async def work():
        uploads = of(MemoryRegistry(), tmp_path, max_bytes=3_000_000)
        first, second = [await uploads.begin_upload("app") for _ in range(2)]
        await uploads.append_upload("app", first, pieces_of(bytes(2_000_000), 65536))
        with pytest.raises(RejectedError, match="3,000,000 bytes"):
            await uploads.append_upload("app", second, pieces_of(bytes(2_000_000), 65536))
        await uploads.cancel_upload("app", first)
        await uploads.append_upload("app", second, pieces_of(bytes(900_000), 65536))

    asyncio.run(work())


def test_so_many_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(staging_module, "_MAX_COUNT", 3)

    async def work():
        uploads = of(MemoryRegistry(), tmp_path)
        begun = [await uploads.begin_upload("app") for _ in range(3)]
        with pytest.raises(RateLimitedError):
            await uploads.begin_upload("app")
        await uploads.cancel_upload("app", begun[0])
        await uploads.begin_upload("app")

    asyncio.run(work())


def test_what_nobody_goes_on_with_is_let_go_of(tmp_path):
    async def work():
        uploads = of(MemoryRegistry(), tmp_path, abandoned_seconds=0)
        upload = await uploads.begin_upload("app")
        await uploads.append_upload("app", upload, pieces_of(b"abc"))
        await uploads.begin_upload("app")
        with pytest.raises(NotFoundError):
            await uploads.upload_size("app", upload)

    asyncio.run(work())


def test_a_disk_that_is_as_good_as_full_takes_nothing(tmp_path):
    async def work(directory: Path):
        uploads = of(MemoryRegistry(), directory)
        upload = await uploads.begin_upload("app")
        with pytest.raises(ServerError, match="cannot keep an upload") as caught:
            await uploads.append_upload("app", upload, pieces_of(b"abc"))
        assert caught.value.status == 507
        assert await uploads.upload_size("app", upload) == 0

    with small_disk(tmp_path / "disk", 10) as disk:
        asyncio.run(work(disk))


def test_no_file_has_a_name(tmp_path):
    async def work():
        uploads = of(MemoryRegistry(), tmp_path)
        upload = await uploads.begin_upload("app")
        await uploads.append_upload("app", upload, pieces_of(DATA, 65536))
        assert list((tmp_path / "uploads").iterdir()) == []

    asyncio.run(work())
