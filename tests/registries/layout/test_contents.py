"""Layouts whose content is damaged or strange, read in a directory and in an archive alike."""

import asyncio
import hashlib
import json

import pytest

from ghostnb.errors import IntegrityError, NotFoundError, ProtocolError
from ghostnb.oci import Descriptor, Digest, Reference
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.reading import read_images
from tests.parts.archives import tarred
from tests.parts.images import digest_of, index, plain_image
from tests.parts.pushes import write_layout
from tests.registries.conftest import ask, listed
from tests.registries.layout.test_registry import blob_file

NAME = "team/app:1.0"
IMAGE = plain_image("layout")


@pytest.fixture
def layout(tmp_path):
    return write_layout(tmp_path / "layout", {NAME: IMAGE})


def in_archive(directory):
    return ArchiveRegistry(tarred(directory, directory.with_suffix(".tar")))


@pytest.fixture(params=[LayoutRegistry, in_archive], ids=["directory", "archive"])
def opened(request):
    """Opens a layout where it is, or in a tar."""
    return request.param


def test_a_manifest_whose_file_is_missing_is_listed_but_not_found(layout, opened):
    blob_file(layout, IMAGE.digest).unlink()

    async def question(registry):
        assert await listed(registry.tags("team/app")) == ["1.0"]
        with pytest.raises(NotFoundError, match="copy the image again"):
            await registry.manifest("team/app", "1.0")

    ask(opened(layout), question)


def test_a_damaged_manifest_is_passed_over_and_logged_once(layout, opened, caplog):
    blob_file(layout, IMAGE.digest).write_bytes(b"{")

    async def question(registry):
        for _ in range(3):
            assert await registry.referrers("team/app", Digest(digest_of(b"x"))) == []
        said = [one for one in caplog.messages if "passed over" in one]
        assert len(said) == 1
        assert IMAGE.digest in said[0]

    ask(opened(layout), question)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b" ", bytes.upper])
def test_a_manifest_that_was_changed_is_an_integrity_error(layout, opened, change):
    blob_file(layout, IMAGE.digest).write_bytes(change(IMAGE.raw))
    with pytest.raises(IntegrityError, match=IMAGE.digest):
        ask(opened(layout), lambda registry: registry.manifest("team/app", "1.0"))


def test_a_wrong_size_in_the_index_is_an_integrity_error(layout, opened):
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][0]["size"] += 1
    (layout / "index.json").write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match=str(IMAGE.size_bytes + 1)):
        ask(opened(layout), lambda registry: registry.manifest("team/app", "1.0"))


def test_a_damaged_index_does_not_hide_the_children_of_another(tmp_path, opened):
    good, bad = index([plain_image("child")]), index([plain_image("lost")])
    layout = write_layout(tmp_path / "layout", {"team/app:bad": bad, "team/app:good": good})
    blob_file(layout, bad.digest).write_bytes(b"")
    child = good.children[0]

    async def question(registry):
        assert (await registry.manifest("team/app", child.digest)).raw == child.raw
        with pytest.raises(NotFoundError):
            await registry.manifest("team/app", bad.children[0].digest)

    ask(opened(layout), question)


def test_an_index_that_cannot_be_read_is_tried_once_a_search(tmp_path, opened):
    lost = index([plain_image("lost")])
    layout = write_layout(tmp_path / "layout", {"team/app:1": index([lost, plain_image("child")])})
    blob_file(layout, lost.digest).unlink()
    absent = "sha256:" + "1" * 64
    for _ in range(2):
        with pytest.raises(NotFoundError, match=absent):
            ask(opened(layout), lambda registry: registry.manifest("team/app", absent))


def test_sha512_manifests_are_read(layout, opened):
    digest = f"sha512:{hashlib.sha512(IMAGE.raw).hexdigest()}"
    file = blob_file(layout, digest)
    file.parent.mkdir()
    blob_file(layout, IMAGE.digest).rename(file)
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][0]["digest"] = digest
    (layout / "index.json").write_text(json.dumps(document))

    async def question(registry):
        (image,) = await listed(read_images(registry, Reference("", "team/app", "1.0")))
        assert image.digest == digest

    ask(opened(layout), question)


def test_a_blob_too_large_to_be_read_whole_is_refused(layout, opened):
    huge = Descriptor("application/json", Digest("sha256:" + "1" * 64), 2**40)
    with pytest.raises(ProtocolError, match="cannot be right"):
        ask(opened(layout), lambda registry: registry.blob("team/app", huge))


def test_a_manifest_too_large_to_be_one_is_refused(layout, opened):
    blob_file(layout, IMAGE.digest).write_bytes(bytes(4 * 2**20 + 1))
    with pytest.raises(ProtocolError, match="4,194,305"):
        ask(opened(layout), lambda registry: registry.manifest("team/app", "1.0"))


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (10, 1), (2**20 - 1, 1), (2**20, 2), (2**20 + 1, 2)]
)
def test_a_blob_is_read_with_no_more_threads_than_it_has_pieces(
    layout, opened, monkeypatch, size, count
):
    data = bytes(size)
    blob_file(layout, digest_of(data)).write_bytes(data)
    calls, to_thread = [], asyncio.to_thread

    def counted(*arguments):
        calls.append(arguments)
        return to_thread(*arguments)

    async def question(registry):
        monkeypatch.setattr(asyncio, "to_thread", counted)
        descriptor = Descriptor("text/plain", Digest(digest_of(data)), size)
        assert b"".join(await listed(registry.open_blob("team/app", descriptor))) == data
        # One opens it, and all others read.
        assert len(calls) == 1 + count

    ask(opened(layout), question)
