"""Uploads of layouts: files that outlive their process, and a disk that is full."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from ghostnb.errors import NotFoundError, ProtocolError, ServerError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry, staging
from tests.parts.disks import fill_up, small_disk
from tests.parts.images import plain_image
from tests.registries.conftest import ask, pieces_of, push
from tests.registries.layout.test_writing import child, ended_well, leftovers

NAME = "team/app"
DATA = random.Random(5).randbytes(3_000_000)


def test_an_upload_is_a_file_beside_the_content(tmp_path):
    async def question(registry):
        upload = await registry.begin_upload(NAME)
        await registry.append_upload(NAME, upload, pieces_of(DATA, 70_000))
        (file,) = (tmp_path / ".ghostnb" / "uploads").iterdir()
        assert file.read_bytes() == DATA
        await registry.finish_upload(NAME, upload, Digest.of(DATA))
        assert not file.exists()
        blob = tmp_path / "blobs" / "sha256" / Digest.of(DATA).encoded
        assert blob.read_bytes() == DATA

    ask(LayoutRegistry(tmp_path), question)


def test_a_full_disk_leaves_an_upload_as_it_was_before_the_piece(tmp_path):
    with small_disk(tmp_path / "disk", 2) as disk:
        ballast = disk.with_name("disk") / "ballast"
        registry = LayoutRegistry(disk / "root")

        async def question(one):
            upload = await one.begin_upload(NAME)
            assert await one.append_upload(NAME, upload, pieces_of(DATA[:500_000])) == 500_000
            ballast.write_bytes(bytes(1_000_000))
            for size in (7_000, 65_536, 2_000_000):
                rest = pieces_of(DATA[500_000:], size)
                with pytest.raises(ServerError, match="No space left"):
                    await one.append_upload(NAME, upload, rest)
                kept = await one.upload_size(NAME, upload)
                (file,) = (disk / "root" / ".ghostnb" / "uploads").iterdir()
                # Nothing but what was sent, and no hole in it.
                assert file.read_bytes() == DATA[:kept]
                assert kept == 500_000
            ballast.unlink()
            last = DATA[500_000:1_500_000]
            assert await one.append_upload(NAME, upload, pieces_of(last)) == 1_500_000
            await one.finish_upload(NAME, upload, Digest.of(DATA[:1_500_000]))

        ask(registry, question)


def test_a_full_disk_takes_no_manifest_and_serves_on(tmp_path):
    image, other = plain_image("one"), plain_image("other")
    with small_disk(tmp_path / "disk", 1) as disk:
        registry = LayoutRegistry(disk / "root")

        async def question(one):
            await push(one, f"{NAME}:1.0", image)
            fill_up(disk / "ballast")
            with pytest.raises(ServerError, match="Free some space") as caught:
                await push(one, f"{NAME}:2.0", other)
            assert caught.value.status == 507
            assert leftovers(disk) == []
            manifest = await one.manifest(NAME, "1.0")
            for entry in manifest.layers:
                await one.blob(NAME, entry)
            (disk / "ballast").unlink()
            await push(one, f"{NAME}:2.0", other)
            assert (await one.manifest(NAME, "2.0")).raw == other.raw

        ask(registry, question)


def test_an_upload_goes_on_in_another_process_from_what_it_has(tmp_path):
    async def begun(registry):
        upload = await registry.begin_upload(NAME)
        await registry.append_upload(NAME, upload, pieces_of(DATA[:1_000_000], 70_000))
        return upload

    upload = ask(LayoutRegistry(tmp_path), begun)

    async def more(registry):
        await registry.append_upload(NAME, upload, pieces_of(DATA[1_000_000:2_000_000], 70_000))

    assert ended_well(child(lambda: ask(LayoutRegistry(tmp_path), more)))

    async def finished(registry):
        assert await registry.upload_size(NAME, upload) == 2_000_000
        await registry.append_upload(NAME, upload, pieces_of(DATA[2_000_000:], 70_000))
        await registry.finish_upload(NAME, upload, Digest.of(DATA))
        return await registry.blob(NAME, Descriptor("text/plain", Digest.of(DATA), len(DATA)))

    assert ask(LayoutRegistry(tmp_path), finished) == DATA


def test_two_processes_that_push_one_blob_at_once_both_succeed(tmp_path):
    digest = Digest.of(DATA)

    async def many(registry):
        for _ in range(10):
            upload = await registry.begin_upload(NAME)
            await registry.append_upload(NAME, upload, pieces_of(DATA, 300_000))
            await registry.finish_upload(NAME, upload, digest)
            await registry.push_blob(
                NAME,
                Descriptor("text/plain", digest, len(DATA)),
                lambda first: pieces_of(DATA, 300_000),
            )
            assert await registry.blob_size(NAME, digest) == len(DATA)

    writers = [child(lambda: ask(LayoutRegistry(tmp_path), many)) for _ in range(2)]
    assert [ended_well(writer) for writer in writers] == [True, True]
    blob = tmp_path / "blobs" / "sha256" / digest.encoded
    assert blob.read_bytes() == DATA
    assert leftovers(tmp_path) == []
    assert list((tmp_path / ".ghostnb" / "uploads").iterdir()) == []


def test_an_upload_whose_file_vanishes_is_unknown(tmp_path):
    async def question(registry):
        upload = await registry.begin_upload(NAME)
        (file,) = (tmp_path / ".ghostnb" / "uploads").iterdir()
        file.unlink()
        for attempt in (
            registry.upload_size(NAME, upload),
            registry.append_upload(NAME, upload, pieces_of(DATA)),
            registry.finish_upload(NAME, upload, Digest.of(DATA)),
        ):
            with pytest.raises(NotFoundError):
                await attempt

    ask(LayoutRegistry(tmp_path), question)


def test_a_cancelled_append_leaves_whole_pieces(tmp_path):
    chance = random.Random(2)

    async def question(registry):
        for _ in range(10):
            upload = await registry.begin_upload(NAME)
            appending = asyncio.create_task(
                registry.append_upload(NAME, upload, pieces_of(DATA, 100_000))
            )
            await asyncio.sleep(chance.uniform(0, 0.02))
            appending.cancel()
            await asyncio.gather(appending, return_exceptions=True)
            size = await registry.upload_size(NAME, upload)
            await registry.append_upload(NAME, upload, pieces_of(DATA[size:], 100_000))
            await registry.finish_upload(NAME, upload, Digest.of(DATA))

    ask(LayoutRegistry(tmp_path), question)


@pytest.mark.parametrize("place", [".ghostnb", ".ghostnb/uploads", "blobs", "blobs/sha256"])
def test_a_link_that_leads_out_is_not_written_through(tmp_path, place):
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    asyncio.run(LayoutRegistry(root).prepare())
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(outside)

    async def question(registry):
        with pytest.raises(ProtocolError, match="leads out of it"):
            upload = await registry.begin_upload(NAME)
            await registry.append_upload(NAME, upload, pieces_of(DATA))
            await registry.finish_upload(NAME, upload, Digest.of(DATA))

    ask(LayoutRegistry(root), question)
    assert os.listdir(outside) == []


def test_a_file_of_an_upload_that_became_a_link_is_refused(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")

    async def question(registry):
        upload = await registry.begin_upload(NAME)
        (file,) = (tmp_path / "root" / ".ghostnb" / "uploads").iterdir()
        file.unlink()
        file.symlink_to(outside)
        with pytest.raises(ProtocolError, match="leads out of it"):
            await registry.append_upload(NAME, upload, pieces_of(DATA))

    ask(LayoutRegistry(tmp_path / "root"), question)
    assert outside.read_bytes() == b"mine"


def test_what_was_left_for_a_day_is_removed_when_the_layout_is_served(tmp_path):
    uploads = tmp_path / ".ghostnb" / "uploads"

    async def begun(registry):
        return await registry.begin_upload(NAME)

    old, young = (ask(LayoutRegistry(tmp_path), begun) for _ in range(2))
    for file in uploads.iterdir():
        hours = 25 if file.name.startswith(old) else 23
        os.utime(file, (time.time() - hours * 3600,) * 2)
    ask(LayoutRegistry(tmp_path), lambda one: one.prepare())
    assert [file.name.partition(".")[0] for file in uploads.iterdir()] == [young]


def test_hashers_are_kept_of_a_bounded_number_of_uploads(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_MAX_KNOWN", 3)

    async def question(registry):
        used, *others = [await registry.begin_upload(NAME) for _ in range(3)]
        await registry.append_upload(NAME, used, pieces_of(DATA[:1_000_000]))
        others += [await registry.begin_upload(NAME) for _ in range(2)]
        assert set(registry._store.staging._known) == {used, *others[-2:]}
        # What is not known any more is read again.
        for upload in (used, others[0]):
            size = await registry.upload_size(NAME, upload)
            await registry.append_upload(NAME, upload, pieces_of(DATA[size:], 300_000))
            await registry.finish_upload(NAME, upload, Digest.of(DATA))

    ask(LayoutRegistry(tmp_path), question)
