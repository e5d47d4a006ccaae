"""Garbage of layouts: what was cut off, damaged, or is used by another process meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest

from ghostnb.errors import GhostnbError, IntegrityError, UnsupportedError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.content import content_of
from ghostnb.registries.layout import LayoutRegistry, manifests, reader, store
from tests.parts.images import artifact, index, plain_image
from tests.registries.conftest import ask, listed, push
from tests.registries.layout.test_registry import blob_file, snapshot
from tests.registries.layout.test_writing import child, ended_well

NAME = "team/app"
IMAGE, OTHER = plain_image("one"), plain_image("other")
LOOSE = b"nobody needs this" * 100
ALL_NOW = {"untagged": True, "grace_seconds": 0}


@pytest.fixture
def layout(tmp_path):
    async def work(registry):
        await push(registry, f"{NAME}:1.0", IMAGE)
        await push(registry, f"{NAME}:", OTHER)
        await registry.push_blob(
            NAME, Descriptor("text/plain", Digest.of(LOOSE), len(LOOSE)), content_of(LOOSE)
        )

    ask(LayoutRegistry(tmp_path / "root"), work)
    return tmp_path / "root"


def collect(directory, **options):
    return ask(LayoutRegistry(directory), lambda one: one.collect_garbage(**options))


def test_what_was_cut_off_goes_once_it_is_old(layout):
    places = [
        layout / ".0123456789abcdef.partial",
        layout / "blobs" / "sha256" / ".0123456789abcdef.partial",
        layout / ".ghostnb" / ".0123456789abcdef.partial",
    ]
    (layout / ".ghostnb").mkdir()
    for place in places:
        place.write_bytes(bytes(1000))
    assert ask(LayoutRegistry(layout), lambda one: one.usage())[1] < walked(layout)
    assert collect(layout).bytes_freed == 0
    for place in places:
        os.utime(place, (0, 0))
    assert collect(layout, dry_run=True).bytes_freed == 3000
    assert all(place.exists() for place in places)
    report = collect(layout)
    assert (report.bytes_freed, report.blobs_deleted, report.orphaned_blobs_found) == (3000, 0, 1)
    assert not any(place.exists() for place in places)


def walked(directory):
    return sum(path.stat().st_size for path in directory.glob("blobs/*/*"))


def test_other_files_in_the_root_stay(layout):
    for name in ("README", ".hidden", "x.partial", ".git"):
        (layout / name).write_text("mine")
        os.utime(layout / name, (0, 0))
    collect(layout, **ALL_NOW)
    names = {path.name for path in layout.iterdir() if path.is_file()}
    assert names >= {"README", ".hidden", "x.partial", ".git", ".ghostnb.lock", "oci-layout"}


@pytest.mark.parametrize("damage", [b"", b"{", b"x" * 1000])
@pytest.mark.parametrize("document", [IMAGE, OTHER])
def test_of_a_damaged_manifest_nobody_knows_what_it_needs(layout, damage, document):
    blob_file(layout, document.digest).write_bytes(damage)
    before = snapshot(layout)
    for options in ({"grace_seconds": 0}, ALL_NOW, ALL_NOW | {"dry_run": True}):
        with pytest.raises(IntegrityError, match=document.digest):
            collect(layout, **options)
    assert snapshot(layout) == before


def test_nothing_is_removed_by_a_damaged_index(layout):
    (layout / "index.json").write_bytes(b"{}")
    before = snapshot(layout)
    with pytest.raises(GhostnbError):
        collect(layout, **ALL_NOW)
    assert snapshot(layout) == before


def test_a_damaged_index_can_be_deleted_and_holds_up_no_other_deletion(tmp_path, caplog):
    whole, damaged = index([IMAGE]), index([OTHER])

    async def filled(registry):
        await push(registry, f"{NAME}:whole", whole)
        await push(registry, f"{NAME}:damaged", damaged)

    async def question(registry):
        with pytest.raises(UnsupportedError):
            await registry.delete_manifest(NAME, Digest(IMAGE.digest))
        await registry.delete_manifest(NAME, Digest(whole.digest))
        assert damaged.digest in caplog.text
        await registry.delete_manifest(NAME, Digest(OTHER.digest))
        await registry.delete_manifest(NAME, Digest(damaged.digest))

    ask(LayoutRegistry(tmp_path), filled)
    blob_file(tmp_path, damaged.digest).write_bytes(b"damaged")
    ask(LayoutRegistry(tmp_path), question)


@pytest.mark.parametrize("damage", [b"", b"{", b"x" * 1000])
def test_a_damaged_manifest_hides_no_referrers(tmp_path, caplog, damage):
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)

    async def filled(registry):
        for document in (IMAGE, OTHER, signature):
            await push(registry, f"{NAME}:", document)

    async def attached(registry):
        return [one.digest for one in await registry.referrers(NAME, Digest(IMAGE.digest))]

    registry = LayoutRegistry(tmp_path)
    ask(registry, filled)
    for document, left in ((OTHER, [signature.digest]), (signature, [])):
        blob_file(tmp_path, document.digest).write_bytes(damage)
        assert ask(LayoutRegistry(tmp_path), attached) == left
        assert document.digest in caplog.text
    # Once it is mended it is seen again.
    assert ask(registry, attached) == []
    ask(registry, filled)
    assert ask(registry, attached) == [signature.digest]


def test_what_is_attached_is_remembered_of_a_bounded_number(tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "_MAX_REFERRERS", 3)
    signatures = [
        artifact("application/vnd.example.sig", [], subject=IMAGE, annotations={"n": str(n)})
        for n in range(7)
    ]

    async def question(registry):
        for document in signatures:
            await push(registry, f"{NAME}:", document)
        found = await registry.referrers(NAME, Digest(IMAGE.digest))
        assert [one.digest for one in found] == [one.digest for one in signatures]
        assert 0 < len(registry._store.manifests._referrers) <= 3

    ask(LayoutRegistry(tmp_path), question)


def test_a_link_is_neither_counted_nor_removed(layout, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(bytes(5000))
    link = blob_file(layout, Digest.of(b"link"))
    link.symlink_to(outside)
    os.utime(outside, (0, 0))
    assert collect(layout, grace_seconds=0).bytes_freed == len(LOOSE)
    assert outside.exists()


def test_what_is_asked_for_while_garbage_is_looked_for_stays(layout, monkeypatch):
    registry = LayoutRegistry(layout)
    digest, looked = Digest.of(LOOSE), threading.Event()
    look = type(registry._removal)._look

    def slowly(*arguments):
        found = look(*arguments)
        looked.set()
        time.sleep(0.2)
        return found

    async def question(one):
        collecting = asyncio.create_task(one.collect_garbage(grace_seconds=0))
        await asyncio.to_thread(looked.wait)
        await one.touch_blobs([digest])
        report = await collecting
        assert (report.orphaned_blobs_found, report.blobs_deleted, report.bytes_freed) == (1, 0, 0)
        assert await one.blob_size(NAME, digest) == len(LOOSE)

    monkeypatch.setattr(type(registry._removal), "_look", slowly)
    ask(registry, question)


def test_a_manifest_that_is_asked_for_while_garbage_is_looked_for_stays(layout, monkeypatch):
    registry = LayoutRegistry(layout)
    look, digest = type(registry._removal)._look, Digest(OTHER.digest)

    def asked_for_meanwhile(*arguments):
        found = look(*arguments)
        registry._store.touch([digest])
        return found

    async def question(one):
        report = await one.collect_garbage(**ALL_NOW)
        assert (report.manifests_deleted, report.blobs_deleted) == (0, 1)
        manifest = await one.manifest(NAME, digest)
        for entry in (manifest.config, *manifest.layers):
            await one.blob(NAME, entry)

    monkeypatch.setattr(type(registry._removal), "_look", asked_for_meanwhile)
    ask(registry, question)


def test_another_process_that_collects_takes_no_manifest_that_is_being_pushed(tmp_path):
    documents = {f"{NAME}:{n}": artifact("application/x", [], annotations={"n": str(n)})
                 for n in range(120)}  # fmt: skip
    ask(LayoutRegistry(tmp_path), lambda one: push(one, "base:1", documents[f"{NAME}:0"]))

    def collecting():
        for _ in range(150):
            collect(tmp_path, grace_seconds=0)

    async def question(one):
        for name, document in documents.items():
            # Its blob is the base's, which nobody collects.
            raw, _, tag = document.raw, *name.partition(":")[1:]
            await one.push_manifest(NAME, raw, document.media_type, tag=tag)
        for name, document in documents.items():
            tag = name.partition(":")[2]
            assert (await one.manifest(NAME, tag)).raw == document.raw

    collector = child(collecting)
    ask(LayoutRegistry(tmp_path), question)
    assert ended_well(collector)


def test_many_manifests_go_in_one_sweep(tmp_path):
    async def work(one):
        await push(one, f"{NAME}:kept", IMAGE)
        await push(one, "base:1", artifact("application/x", []))
        for number in range(300):
            document = artifact("application/x", [], annotations={"n": str(number)})
            await one.push_manifest(NAME, document.raw, document.media_type)

    ask(LayoutRegistry(tmp_path), work)
    started = time.perf_counter()
    report = collect(tmp_path, **ALL_NOW)
    assert report.manifests_deleted == 300
    assert time.perf_counter() - started < 5
    assert ask(LayoutRegistry(tmp_path), lambda one: listed(one.tags(NAME))) == ["kept"]


def test_what_is_attached_is_seen_when_its_bytes_come_late(tmp_path):
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)
    registry = LayoutRegistry(tmp_path)

    async def attached():
        return [str(e.digest) for e in await registry.referrers(NAME, Digest(IMAGE.digest))]

    async def work():
        await push(registry, f"{NAME}:", signature)
        blob_file(tmp_path, signature.digest).unlink()
        assert await attached() == []
        await push(registry, f"{NAME}:", signature)
        assert await attached() == [signature.digest]

    asyncio.run(work())


def test_an_index_of_layouts_is_read_once_for_many_questions(layout, monkeypatch):
    registry, readings = LayoutRegistry(layout), []
    read = store.read_index

    def counted(*arguments, **options):
        readings.append(None)
        return read(*arguments, **options)

    async def question(one):
        # As long as it may change without its time showing it, it is read each time.
        await asyncio.sleep(2 * reader._SETTLED_SECONDS)
        for _ in range(5):
            await one.referrers(NAME, Digest(IMAGE.digest))
            await one.manifest(NAME, IMAGE.digest)
            await one.collect_garbage(dry_run=True)

    monkeypatch.setattr(store, "read_index", counted)
    ask(registry, question)
    assert len(readings) == 1


def test_what_was_found_in_an_index_is_no_manifest_of_its_own(tmp_path):
    whole = index([IMAGE])
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)
    found_later = index([signature])

    async def question(one):
        for document in (IMAGE, signature):
            descriptor = Descriptor("text/plain", Digest(document.digest), len(document.raw))
            await one.push_blob(NAME, descriptor, content_of(document.raw))
        for tag, document in (("whole", whole), ("later", found_later)):
            await one.push_manifest(NAME, document.raw, document.media_type, tag=tag)
        for document in (IMAGE, signature):
            assert (await one.manifest(NAME, document.digest)).raw == document.raw
        assert await one.referrers(NAME, Digest(IMAGE.digest)) == []
        await one.delete_tag(NAME, "whole")
        report = await one.collect_garbage(**ALL_NOW)
        assert (report.orphaned_manifests_found, report.manifests_deleted) == (1, 1)

    registry = LayoutRegistry(tmp_path)
    asyncio.run(question(registry))
