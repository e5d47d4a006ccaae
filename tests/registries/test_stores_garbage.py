"""Garbage of registries that keep their content: exact in a dry run, never what is needed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ghostnb.errors import GhostnbError, NotFoundError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.parts.images import Document, artifact, index, plain_image
from tests.registries.conftest import ask, listed, pieces_of, push

NAME = "team/app"
LOOSE = b"nobody needs this" * 100
IMAGE, OTHER = plain_image("one"), plain_image("other")
GRACE = 1000.0


@dataclass
class Kept:
    """A store, how many bytes it really has, and a way to make all of it old."""

    store: Any
    bytes_kept: Callable[[], int]
    age: Callable[[], None]

    def collect(self, **options: Any) -> Any:
        """Collect, and see that the dry run before said exactly what happened."""
        dry = ask(self.store, lambda one: one.collect_garbage(dry_run=True, **options))
        before = self.bytes_kept()
        wet = ask(self.store, lambda one: one.collect_garbage(**options))
        assert before - self.bytes_kept() == wet.bytes_freed
        assert counts(dry) == counts(wet)
        again = ask(self.store, lambda one: one.collect_garbage(dry_run=True, **options))
        assert (again.bytes_freed, again.blobs_deleted, again.manifests_deleted) == (0, 0, 0)
        return wet


def counts(report: Any) -> tuple[int, ...]:
    return (
        report.orphaned_blobs_found,
        report.orphaned_manifests_found,
        report.blobs_deleted,
        report.manifests_deleted,
        report.bytes_freed,
    )


@pytest.fixture(params=["memory", "layout"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    if request.param == "layout":
        root = tmp_path / "root"
        asyncio.run(LayoutRegistry(root).prepare())
        return Kept(LayoutRegistry(root), lambda: walked(root), lambda: aged(root))
    memory = MemoryRegistry()
    passed = [0.0]
    clock = time.monotonic
    monkeypatch.setattr("ghostnb.registries.memory.time.monotonic", lambda: clock() + passed[0])

    def age() -> None:
        passed[0] += 2 * GRACE

    return Kept(memory, lambda: in_memory(memory), age)


def walked(root: Path) -> int:
    """Add up all files but the index, which grows and shrinks with its entries."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "index.json"]
    return sum(path.stat().st_size for path in files)


def in_memory(memory: MemoryRegistry) -> int:
    uploads = sum(len(upload.content) for upload in memory._uploads.values())
    return asyncio.run(memory.usage())[1] + uploads


def aged(root: Path) -> None:
    """Make every file older than the grace."""
    then = time.time() - 2 * GRACE
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def keep(kept: Kept, **documents: Document) -> None:
    """Push documents, each to a tag; a name that begins with ``_`` is no tag."""

    async def work(one):
        for tag, document in documents.items():
            await push(one, f"{NAME}:{'' if tag.startswith('_') else tag}", document)

    ask(kept.store, work)


def keep_loose(kept: Kept, data: bytes = LOOSE) -> Digest:
    descriptor = Descriptor("text/plain", Digest.of(data), len(data))
    ask(kept.store, lambda one: one.push_blob(NAME, descriptor, lambda first: pieces_of(data)))
    return descriptor.digest


def is_whole(kept: Kept, document: Document) -> bool:
    """Tell whether a manifest is there with everything that it needs."""

    async def question(one):
        try:
            manifest = await one.manifest(NAME, document.digest)
            if document.children:
                return True
            for entry in (manifest.config, *manifest.layers):
                await one.blob(NAME, entry)
        except NotFoundError:
            return False
        return True

    return ask(kept.store, question) and all(is_whole(kept, one) for one in document.children)


def test_an_empty_store_has_no_garbage(kept):
    report = kept.collect(grace_seconds=0, untagged=True)
    assert counts(report) == (0, 0, 0, 0, 0)
    assert 0 <= report.run_duration_seconds < 10


def test_what_nothing_points_to_goes(kept):
    keep(kept, one=IMAGE)
    digest = keep_loose(kept)
    report = kept.collect(grace_seconds=0)
    assert counts(report) == (1, 0, 1, 0, len(LOOSE))
    assert is_whole(kept, IMAGE)
    with pytest.raises(NotFoundError):
        ask(kept.store, lambda one: one.blob_size(NAME, digest))


def test_what_is_young_stays(kept):
    keep(kept, _1=IMAGE)
    digest = keep_loose(kept)
    report = kept.collect(grace_seconds=GRACE, untagged=True)
    assert counts(report) == (1, 1, 0, 0, 0)
    kept.age()
    # Asked for, it is young again.
    ask(kept.store, lambda one: one.touch_blobs([digest]))
    report = kept.collect(grace_seconds=GRACE)
    assert (report.orphaned_blobs_found, report.blobs_deleted) == (1, 0)
    kept.age()
    assert kept.collect(grace_seconds=GRACE).bytes_freed == len(LOOSE)


def test_untagged_manifests_stay_unless_told(kept):
    keep(kept, one=IMAGE, _2=OTHER)
    report = kept.collect(grace_seconds=0)
    assert counts(report) == (0, 1, 0, 0, 0)
    assert is_whole(kept, OTHER)
    report = kept.collect(grace_seconds=0, untagged=True)
    freed = len(OTHER.raw) + sum(len(blob.data) for blob in OTHER.blobs)
    assert counts(report) == (4, 1, 4, 1, freed)
    assert is_whole(kept, IMAGE)
    assert not is_whole(kept, OTHER)


def test_what_a_tag_leads_to_stays_however_deep(kept):
    inner = index([IMAGE, OTHER])
    outer = index([inner], attested=True)
    keep(kept, multi=outer)
    kept.age()
    assert counts(kept.collect(grace_seconds=0, untagged=True)) == (0, 0, 0, 0, 0)
    assert is_whole(kept, outer)


def test_an_index_that_no_tag_leads_to_goes_with_its_images(kept):
    lonely = index([plain_image("a"), plain_image("b")])
    keep(kept, one=IMAGE, _2=lonely)
    report = kept.collect(grace_seconds=0, untagged=True)
    assert (report.orphaned_manifests_found, report.manifests_deleted) == (3, 3)
    assert not is_whole(kept, lonely)
    assert is_whole(kept, IMAGE)


def test_what_is_attached_to_what_stays_stays(kept):
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)
    of_signature = artifact("application/vnd.example.sig", [], subject=signature)
    to_nothing = artifact("application/vnd.example.sig", [], subject=OTHER)
    keep(kept, one=IMAGE, _2=signature, _3=of_signature, _4=to_nothing)
    report = kept.collect(grace_seconds=0, untagged=True)
    assert (report.orphaned_manifests_found, report.manifests_deleted) == (1, 1)
    assert is_whole(kept, signature)
    assert is_whole(kept, of_signature)
    assert not is_whole(kept, to_nothing)


def test_what_a_young_manifest_needs_stays_though_it_is_old(kept):
    child, subject = plain_image("child"), plain_image("subject")
    keep(kept, _1=child, _2=subject)
    kept.age()
    parent = index([child])
    attached = artifact("application/vnd.example.sig", [], subject=parent)

    async def work(one):
        # As an index is pushed: its images were there before.
        await one.push_manifest(NAME, parent.raw, parent.media_type)
        await push(one, f"{NAME}:", attached)

    ask(kept.store, work)
    report = kept.collect(grace_seconds=GRACE, untagged=True)
    assert (report.orphaned_manifests_found, report.manifests_deleted) == (4, 1)
    assert is_whole(kept, parent)
    assert is_whole(kept, attached)
    assert not is_whole(kept, subject)


def test_a_manifest_of_two_repositories_is_freed_with_the_second(kept):
    async def work(one):
        await push(one, f"{NAME}:", IMAGE)
        await push(one, "team/copy:1.0", IMAGE)

    ask(kept.store, work)
    report = kept.collect(grace_seconds=0, untagged=True)
    assert (report.manifests_deleted, report.blobs_deleted, report.bytes_freed) == (1, 0, 0)
    assert not is_whole(kept, IMAGE)
    ask(kept.store, lambda one: one.delete_tag("team/copy", "1.0"))
    report = kept.collect(grace_seconds=0, untagged=True)
    assert report.bytes_freed == len(IMAGE.raw) + sum(len(blob.data) for blob in IMAGE.blobs)


def test_uploads_that_nobody_goes_on_with_go(kept):
    async def begun(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(LOOSE))
        return upload

    old = ask(kept.store, begun)
    kept.age()
    young, again = ask(kept.store, begun), ask(kept.store, begun)
    kept.age()
    ask(kept.store, lambda one: one.append_upload(NAME, again, pieces_of(b"more")))
    report = kept.collect(grace_seconds=1.5 * GRACE)
    assert counts(report) == (0, 0, 0, 0, 2 * len(LOOSE))
    for upload in (old, young):
        with pytest.raises(NotFoundError):
            ask(kept.store, lambda one, upload=upload: one.upload_size(NAME, upload))
    assert ask(kept.store, lambda one: one.upload_size(NAME, again)) == len(LOOSE) + 4


def test_what_a_push_sent_before_stays_however_long_the_rest_takes(kept, monkeypatch):
    first = keep_loose(kept)

    async def begun(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(b"a large la"))
        return upload

    clock = time.time
    with monkeypatch.context() as patch:
        # Files are made old where they are; when an upload was begun is not in its file's times.
        patch.setattr(time, "time", lambda: clock() - 10 * GRACE)
        upload = ask(kept.store, begun)
    for _ in range(3):
        kept.age()
        ask(kept.store, lambda one: one.append_upload(NAME, upload, pieces_of(b"more of it")))
        assert kept.collect(grace_seconds=GRACE).blobs_deleted == 0
    assert ask(kept.store, lambda one: one.blob_size(NAME, first)) == len(LOOSE)
    # What nobody goes on with holds up nothing.
    kept.age()
    assert kept.collect(grace_seconds=GRACE).blobs_deleted == 1


def test_what_was_old_when_a_push_began_goes(kept):
    keep_loose(kept)
    kept.age()
    ask(kept.store, lambda one: one.begin_upload(NAME))
    assert kept.collect(grace_seconds=GRACE).blobs_deleted == 1


def test_a_dry_run_changes_nothing(kept):
    keep(kept, one=IMAGE, _2=OTHER)
    keep_loose(kept)
    before = kept.bytes_kept()
    report = ask(
        kept.store, lambda one: one.collect_garbage(dry_run=True, untagged=True, grace_seconds=0)
    )
    assert report.bytes_freed > len(LOOSE)
    assert kept.bytes_kept() == before
    assert is_whole(kept, OTHER)
    assert ask(kept.store, lambda one: listed(one.tags(NAME))) == ["one"]


def test_what_was_collected_can_be_pushed_again(kept):
    keep(kept, _1=OTHER)
    kept.collect(grace_seconds=0, untagged=True)
    with pytest.raises(GhostnbError):
        ask(kept.store, lambda one: one.manifest(NAME, OTHER.digest))
    keep(kept, other=OTHER)
    assert is_whole(kept, OTHER)
