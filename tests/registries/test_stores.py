"""Registries that keep their content themselves: one suite for all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ghostnb.errors import (
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    TagMovedError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.protocol import RegistryStore
from tests.parts.images import artifact, index, plain_image
from tests.parts.layers import layer_of
from tests.registries.conftest import ask, listed, pieces_of, push

NAME = "team/app"
IMAGE, OTHER = plain_image("one"), plain_image("other")
ABSENT = Digest.of(b"absent")
DATA = b"0123456789" * 100


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RegistryStore:
    if request.param == "memory":
        return MemoryRegistry()
    registry = LayoutRegistry(tmp_path / "root")
    asyncio.run(registry.prepare())
    return registry


def restarted(store: Any) -> Any:
    """Give the same content as another process would see it, where it outlives one."""
    if isinstance(store, MemoryRegistry):
        return store
    return LayoutRegistry(store.url.removeprefix("oci:"))


async def broken(data: bytes):
    """Pieces from a network that fails."""
    yield data
    raise ConnectionResetError


async def refused(error, awaitable, match=None):
    with pytest.raises(error, match=match):
        await awaitable


async def read(registry, digest, first=0, last=2**30):
    return b"".join(await listed(registry.open_range(Digest(digest), first, last)))


async def blobs_of(registry, document):
    """Read every blob of an image, checked."""
    manifest = await registry.manifest(NAME, document.digest)
    entries = [manifest.config, *manifest.layers]
    return [await registry.blob(NAME, entry) for entry in entries]


def test_both_are_stores(store):
    assert isinstance(store, RegistryStore)


# Uploads


def test_an_upload_in_pieces_becomes_a_blob(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        assert await one.upload_size(NAME, upload) == 0
        assert await one.append_upload(NAME, upload, pieces_of(DATA[:300])) == 300
        assert await one.append_upload(NAME, upload, pieces_of(b"")) == 300
        await refused(NotFoundError, one.blob_size(NAME, Digest.of(DATA[:300])))
        assert await one.append_upload(NAME, upload, pieces_of(DATA[300:])) == 1000
        assert await one.upload_size(NAME, upload) == 1000
        await one.finish_upload(NAME, upload, Digest.of(DATA))
        assert await one.blob_size(NAME, Digest.of(DATA)) == 1000
        assert await read(one, Digest.of(DATA)) == DATA
        await refused(NotFoundError, one.upload_size(NAME, upload), "begin again")

    ask(store, question)


def test_an_upload_goes_on_after_a_restart(store):
    async def begun(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(DATA[:300]))
        return upload

    async def finished(one):
        assert await one.upload_size(NAME, upload) == 300
        assert await one.append_upload(NAME, upload, pieces_of(DATA[300:])) == 1000
        await one.finish_upload(NAME, upload, Digest.of(DATA))
        assert await read(one, Digest.of(DATA)) == DATA

    upload = ask(store, begun)
    ask(restarted(store), finished)


def test_what_came_before_an_error_stays(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        await refused(ConnectionResetError, one.append_upload(NAME, upload, broken(DATA[:300])))
        assert await one.upload_size(NAME, upload) == 300
        await one.append_upload(NAME, upload, pieces_of(DATA[300:]))
        await one.finish_upload(NAME, upload, Digest.of(DATA))
        assert await read(one, Digest.of(DATA)) == DATA

    ask(store, question)


def test_an_upload_of_another_digest_is_no_blob_and_can_still_be_finished_rightly(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(DATA))
        wrong = one.finish_upload(NAME, upload, ABSENT)
        await refused(IntegrityError, wrong, f"{Digest.of(DATA)} for {ABSENT}")
        for digest in (ABSENT, Digest.of(DATA)):
            await refused(NotFoundError, one.blob_size(NAME, digest))
        await one.finish_upload(NAME, upload, Digest.of(DATA))
        assert await read(one, Digest.of(DATA)) == DATA

    ask(store, question)


def test_an_upload_may_be_named_by_sha512(store):
    digest = Digest.of(DATA, "sha512")

    async def question(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(DATA))
        await refused(IntegrityError, one.finish_upload(NAME, upload, Digest.of(b"", "sha512")))
        await one.finish_upload(NAME, upload, digest)
        assert await read(one, digest) == DATA
        descriptor = Descriptor("text/plain", digest, len(DATA))
        assert await one.blob(NAME, descriptor) == DATA
        await refused(NotFoundError, one.blob_size(NAME, Digest.of(DATA)))

    ask(store, question)


def test_an_empty_upload_is_the_empty_blob(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        await one.finish_upload(NAME, upload, Digest.of(b""))
        assert await one.blob_size(NAME, Digest.of(b"")) == 0
        assert await read(one, Digest.of(b""), 0, -1) == b""

    ask(store, question)


def test_a_cancelled_upload_is_gone(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(DATA))
        await one.cancel_upload(NAME, upload)
        await no_upload(one, NAME, upload)

    ask(store, question)


@pytest.mark.parametrize(
    "upload", ["0" * 32, "", "..", "../../index.json", "x" * 5000, "\x00", "ü", "\udcff"]
)
def test_an_upload_that_was_not_begun_is_unknown(store, upload):
    ask(store, lambda one: no_upload(one, NAME, upload))


def test_an_upload_is_its_repositorys_alone(store):
    async def question(one):
        upload = await one.begin_upload(NAME)
        await no_upload(one, "team/other", upload)
        await no_upload(one, NAME, upload.upper())
        assert await one.upload_size(NAME, upload) == 0

    ask(store, question)


async def no_upload(one, repository, upload):
    """See that everything that can be done with an upload is refused."""
    for attempt in (
        one.upload_size(repository, upload),
        one.append_upload(repository, upload, pieces_of(DATA)),
        one.finish_upload(repository, upload, Digest.of(DATA)),
        one.cancel_upload(repository, upload),
    ):
        await refused(NotFoundError, attempt)


def test_an_upload_to_an_illegal_name_does_not_begin(store):
    for name in ("", "Team/App", "../app", "/etc", "a//b", "a" * 256):
        ask(store, lambda one, name=name: refused(InvalidReferenceError, one.begin_upload(name)))


def test_uploads_at_once_do_not_meet(store):
    datas = [bytes([number]) * 200_000 for number in range(20)]

    async def upload(one, data):
        name = await one.begin_upload(NAME)
        for start in range(0, len(data), 50_000):
            await one.append_upload(NAME, name, pieces_of(data[start : start + 50_000], 20_000))
        await one.finish_upload(NAME, name, Digest.of(data))

    async def question(one):
        # Each of them twice: who is second finds it there already.
        await asyncio.gather(*(upload(one, data) for data in datas * 2))
        assert [await read(one, Digest.of(data)) for data in datas] == datas

    ask(store, question)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 999, DATA), (0, 0, DATA[:1]), (5, 7, b"567"), (999, 5000, DATA[-1:]), (1000, 1000, b"")],
)
def test_a_part_of_a_blob_is_read(store, first, last, expected):
    async def question(one):
        descriptor = Descriptor("text/plain", Digest.of(DATA), len(DATA))
        await one.push_blob(NAME, descriptor, lambda first: pieces_of(DATA))
        assert await read(one, Digest.of(DATA), first, last) == expected

    ask(store, question)


def test_a_part_of_what_is_not_there_is_an_error(store):
    ask(store, lambda one: refused(NotFoundError, read(one, ABSENT)))


# Deletions


def test_a_deleted_tag_leaves_its_manifest_and_siblings(store):
    async def question(one):
        for tag in ("1.0", "latest"):
            await push(one, f"{NAME}:{tag}", IMAGE)
        await one.delete_tag(NAME, "latest")
        assert await listed(one.tags(NAME)) == ["1.0"]
        await refused(NotFoundError, one.manifest(NAME, "latest"))
        await one.delete_tag(NAME, "1.0")
        assert await listed(one.tags(NAME)) == []
        assert (await one.manifest(NAME, IMAGE.digest)).raw == IMAGE.raw
        assert [record.repository async for record in one.repositories()] == [NAME]
        await refused(NotFoundError, one.delete_tag(NAME, "1.0"))

    ask(store, question)


def test_a_tag_that_leads_elsewhere_than_expected_stays(store):
    async def question(one):
        await push(one, f"{NAME}:1.0", IMAGE)
        await refused(TagMovedError, one.delete_tag(NAME, "1.0", expected=ABSENT), IMAGE.digest)
        assert await listed(one.tags(NAME)) == ["1.0"]
        await one.delete_tag(NAME, "1.0", expected=Digest(IMAGE.digest))
        assert await listed(one.tags(NAME)) == []

    ask(store, question)


def test_a_deleted_manifest_takes_its_tags_along_in_its_repository_alone(store):
    async def question(one):
        for name in (f"{NAME}:1.0", f"{NAME}:latest", "team/copy:1.0"):
            await push(one, name, IMAGE)
        await push(one, f"{NAME}:other", OTHER)
        await one.delete_manifest(NAME, Digest(IMAGE.digest))
        assert await listed(one.tags(NAME)) == ["other"]
        await refused(NotFoundError, one.manifest(NAME, IMAGE.digest))
        await refused(NotFoundError, one.delete_manifest(NAME, Digest(IMAGE.digest)))
        assert (await one.manifest("team/copy", "1.0")).raw == IMAGE.raw

    ask(store, question)


def test_the_last_manifest_takes_its_repository_along(store):
    async def question(one):
        await push(one, f"{NAME}:1.0", IMAGE)
        await one.delete_manifest(NAME, Digest(IMAGE.digest))
        assert await listed(one.repositories()) == []
        await refused(NotFoundError, listed(one.tags(NAME)))
        # And it can come back.
        await push(one, f"{NAME}:1.0", IMAGE)
        assert await listed(one.tags(NAME)) == ["1.0"]
        assert len(await blobs_of(one, IMAGE)) == 4

    ask(store, question)


def test_a_manifest_that_an_index_holds_is_not_deleted(store):
    inner = index([IMAGE])
    outer = index([inner, OTHER])

    async def question(one):
        await push(one, f"{NAME}:multi", outer)
        await push(one, f"{NAME}:1.0", IMAGE)
        for held, holder in ((IMAGE, inner), (inner, outer), (OTHER, outer)):
            attempt = one.delete_manifest(NAME, Digest(held.digest))
            await refused(UnsupportedError, attempt, holder.digest)
        assert await listed(one.tags(NAME)) == ["1.0", "multi"]
        for going in (outer, inner, IMAGE, OTHER):
            await one.delete_manifest(NAME, Digest(going.digest))
        assert await listed(one.repositories()) == []

    ask(store, question)


def test_a_blob_that_a_manifest_needs_is_not_deleted(store):
    config, *layers = [Digest(blob.digest) for blob in IMAGE.blobs]

    async def question(one):
        await push(one, f"{NAME}:1.0", IMAGE)
        await one.delete_tag(NAME, "1.0")
        for digest in (config, *layers):
            await refused(UnsupportedError, one.delete_blob("team/other", digest), "a manifest")
        assert len(await blobs_of(one, IMAGE)) == 4
        await one.delete_manifest(NAME, Digest(IMAGE.digest))
        for digest in (config, *layers):
            await one.delete_blob(NAME, digest)
            await refused(NotFoundError, one.delete_blob(NAME, digest))
            await refused(NotFoundError, one.blob_size(NAME, digest))

    ask(store, question)


def test_what_is_not_there_cannot_be_deleted(store):
    async def question(one):
        await push(one, f"{NAME}:1.0", IMAGE)
        for attempt in (
            one.delete_tag(NAME, "2.0"),
            one.delete_tag("team/other", "1.0"),
            one.delete_manifest(NAME, ABSENT),
            one.delete_manifest("team/other", Digest(IMAGE.digest)),
            one.delete_blob(NAME, ABSENT),
        ):
            await refused(NotFoundError, attempt)
        assert await listed(one.tags(NAME)) == ["1.0"]

    ask(store, question)


# Referrers, usage


def test_what_is_attached_to_a_manifest_is_listed(store):
    notes = {"org.example.note": "signed"}
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE, annotations=notes)
    sbom = plain_image("sbom", layers=1, subject=IMAGE)
    pair = index([OTHER])

    async def question(one):
        # The subject may come last.
        await push(one, f"{NAME}:", signature)
        await push(one, f"{NAME}:sbom", sbom)
        await push(one, f"{NAME}:1.0", IMAGE)
        await push(one, f"{NAME}:multi", pair)
        found = {str(entry.digest): entry for entry in await referrers(one, NAME, IMAGE)}
        assert set(found) == {signature.digest, sbom.digest}
        entry = found[signature.digest]
        assert entry.artifact_type == "application/vnd.example.sig"
        assert entry.annotations == notes
        assert entry.size_bytes == len(signature.raw)
        assert found[sbom.digest].artifact_type == "application/vnd.oci.image.config.v1+json"
        assert await referrers(one, "team/other", IMAGE) == []
        await one.delete_manifest(NAME, Digest(signature.digest))
        assert [str(e.digest) for e in await referrers(one, NAME, IMAGE)] == [sbom.digest]

    ask(store, question)


async def referrers(one, repository, document):
    return await one.referrers(repository, Digest(document.digest))


def test_nothing_is_attached_to_what_nobody_knows(store):
    async def question(one):
        assert await one.referrers("team/none", ABSENT) == []
        await push(one, f"{NAME}:1.0", IMAGE)
        assert await one.referrers(NAME, ABSENT) == []

    ask(store, question)


def test_usage_counts_every_blob_and_manifest_once(store):
    layer = layer_of("one/0")
    copy = plain_image("copy", layers=0, base=[layer])
    documents = [IMAGE, copy]
    contents = {blob.digest: len(blob.data) for one in documents for blob in one.blobs}
    contents |= {one.digest: len(one.raw) for one in documents}

    async def question(one):
        assert await one.usage() == (0, 0)
        for number, document in enumerate(documents):
            await push(one, f"{NAME}:{number}", document)
            await push(one, f"team/copy:{number}", document)
        upload = await one.begin_upload(NAME)
        await one.append_upload(NAME, upload, pieces_of(DATA))
        assert layer.digest in contents
        assert await one.usage() == (len(contents), sum(contents.values()))

    ask(store, question)


def test_touching_says_how_large_what_is_there_is(store):
    async def question(one):
        await push(one, f"{NAME}:1.0", IMAGE)
        blob = IMAGE.layers[0]
        named = [Digest(IMAGE.digest), Digest(blob.digest), ABSENT]
        sizes = {IMAGE.digest: len(IMAGE.raw), blob.digest: len(blob.data)}
        assert await one.touch_blobs(named) == sizes

    ask(store, question)
