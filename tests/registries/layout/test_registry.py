"""Reading layouts that are damaged, closed, hostile or changed meanwhile."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from ghostnb.errors import ForbiddenError, IntegrityError, NotFoundError, ProtocolError
from ghostnb.oci import Reference
from ghostnb.registries.layout import LayoutRegistry, reader
from ghostnb.registries.layout import index as layout_index
from ghostnb.registries.layout import store as layout_store
from ghostnb.registries.reading import read_images
from tests.parts.images import plain_image
from tests.parts.pushes import write_layout
from tests.registries import conftest
from tests.registries.conftest import ask, descriptor_of, listed, pieces_of, push

NAME = "team/app:1.0"
IMAGE = plain_image("layout")


def blob_file(directory, digest):
    algorithm, _, encoded = digest.partition(":")
    return directory / "blobs" / algorithm / encoded


def snapshot(directory):
    """Every file with its bytes, mode and time."""
    return {
        path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in sorted(directory.rglob("*"))
    }


def read_everything(directory):
    async def question(registry):
        await registry.ping()
        return [
            image
            async for record in registry.repositories()
            async for tag in registry.tags(record.repository)
            async for image in read_images(registry, Reference("", record.repository, tag))
        ]

    return ask(LayoutRegistry(directory), question)


def refusal(directory, error):
    return str(conftest.refusal(lambda: LayoutRegistry(directory), error))


@pytest.fixture
def layout(tmp_path):
    return write_layout(tmp_path / "layout", {NAME: IMAGE})


@pytest.fixture
def open_directory():
    """A directory that a user without rights may enter."""
    directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="ghostnb-layout-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def as_nobody(function):
    """Run a function in a child that has no rights: the tests may be root's."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            function()
            os._exit(0)
        except BaseException as e:
            os.write(2, f"{e!r}\n".encode())
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_it_is_called_after_its_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = LayoutRegistry("My Images")
    assert (registry.name, registry.url) == ("My-Images", f"oci:{tmp_path}/My Images")
    assert LayoutRegistry(tmp_path, name="backup").name == "backup"
    assert (registry.kind, registry.rate_limit) == ("layout", None)


def test_reading_changes_nothing(layout):
    before = snapshot(layout)
    read_everything(layout)
    assert snapshot(layout) == before


def test_asking_a_directory_that_does_not_exist_does_not_make_it(tmp_path):
    absent = tmp_path / "absent"
    assert "no OCI image layout" in refusal(absent, NotFoundError)
    assert "a push or backup makes one" in refusal(absent, NotFoundError)
    assert not absent.exists()


def test_an_empty_directory_is_no_layout_yet(tmp_path):
    assert "a push or backup makes one" in refusal(tmp_path, NotFoundError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "obstacle"),
    [
        ("file/layout", "file is no directory"),
        ("file/deep/layout", "file is no directory"),
        ("link", "link is a link that leads nowhere"),
        ("link/layout", "link is a link that leads nowhere"),
        ("pipe", "pipe is no directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_where_no_layout_can_be_made_it_is_said_why(tmp_path, path, obstacle):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at all")
    os.mkfifo(tmp_path / "pipe")
    for attempt in (refusal, refusal_of_a_push):
        message = attempt(tmp_path / path, NotFoundError)
        assert f"none can be made: {'' if path[0] == 'n' else tmp_path / ''}" in message
        assert f"{obstacle}. Check the path" in message
        assert "makes one" not in message


def test_where_the_system_makes_no_directory_its_reason_is_told(tmp_path):
    """In a directory that was deleted, and that somebody has still open, nothing can be made."""
    (tmp_path / "gone").mkdir()
    handle = os.open(tmp_path / "gone", os.O_RDONLY)
    try:
        (tmp_path / "gone").rmdir()
        path = f"/proc/self/fd/{handle}/layout"
        message = refusal_of_a_push(path, NotFoundError)
        assert "none can be made: No such file or directory." in message
        assert "a push or backup makes one" in refusal(path, NotFoundError)
    finally:
        os.close(handle)


def test_who_owns_what_a_directory_would_be_made_in_is_asked():
    message = refusal_of_a_push("/sys/nowhere/layout", ForbiddenError)
    assert message.startswith("/sys/nowhere/layout cannot be used (")
    assert message.endswith("See who owns /sys and what its mode is.")


def refusal_of_a_push(path, kind):
    with pytest.raises(kind) as caught:
        ask(LayoutRegistry(path), lambda registry: push(registry, NAME, IMAGE))
    return str(caught.value)


def test_a_file_is_no_layout(tmp_path):
    (tmp_path / "image.tar").write_bytes(b"")
    message = refusal(tmp_path / "image.tar", ProtocolError)
    assert "is a file" in message
    assert "unpack" in message


def test_a_directory_of_other_files_is_no_layout_and_nothing_is_written_there(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "no oci-layout" in refusal(tmp_path, ProtocolError)
    for attempt in (
        lambda registry: push(registry, NAME, IMAGE),
        lambda registry: registry.push_manifest("team/app", IMAGE.raw, IMAGE.media_type),
    ):
        with pytest.raises(ProtocolError, match="nothing was written"):
            ask(LayoutRegistry(tmp_path), attempt)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("marker", "part"),
    [
        (None, "no oci-layout"),
        (b"", "oci-layout file is invalid"),
        (b"[]", "oci-layout file is invalid"),
        (b"{}", "oci-layout file is invalid"),
        (b'{"imageLayoutVersion":"2.0.0"}', "2.0.0"),
    ],
)
def test_a_marker_that_is_wrong_is_a_protocol_error(layout, marker, part):
    (layout / "oci-layout").unlink()
    if marker is not None:
        (layout / "oci-layout").write_bytes(marker)
    assert part in refusal(layout, ProtocolError)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x00\xff",
        b"[]",
        b"{}",
        b'{"schemaVersion":1,"manifests":[]}',
        b'{"schemaVersion":2,"manifests":[{"digest":"sha256:..","size":1,"mediaType":"x"}]}',
        b'{"schemaVersion":2,"manifests":' + b"[" * 100_000,
    ],
)
def test_an_index_that_is_wrong_is_a_protocol_error(layout, content):
    (layout / "index.json").unlink()
    if content is not None:
        (layout / "index.json").write_bytes(content)
    assert "index" in refusal(layout, ProtocolError)


def test_a_half_written_index_is_an_error_until_it_is_whole(layout):
    whole = (layout / "index.json").read_bytes()

    async def question(registry):
        await registry.ping()
        for length in (1, len(whole) // 2, len(whole) - 1):
            (layout / "index.json").write_bytes(whole[:length])
            with pytest.raises(ProtocolError, match="try again"):
                await registry.manifest("team/app", "1.0")
        (layout / "index.json").write_bytes(whole)
        assert (await registry.manifest("team/app", "1.0")).raw == IMAGE.raw

    ask(LayoutRegistry(layout), question)


def test_a_half_written_index_is_not_overwritten_by_a_push(layout):
    (layout / "index.json").write_bytes(b'{"schemaVersion":2,"mani')
    with pytest.raises(ProtocolError):
        ask(LayoutRegistry(layout), lambda registry: push(registry, NAME, plain_image("other")))
    assert (layout / "index.json").read_bytes() == b'{"schemaVersion":2,"mani'


def test_a_blob_that_was_changed_is_an_integrity_error(layout):
    layer = IMAGE.layers[0]
    descriptor = descriptor_of(layer.descriptor())
    blob_file(layout, layer.digest).write_bytes(bytes(layer.size_bytes))

    async def question(registry):
        with pytest.raises(IntegrityError, match=layer.digest):
            await registry.blob("team/app", descriptor)
        with pytest.raises(IntegrityError, match=layer.digest):
            await listed(registry.open_blob("team/app", descriptor))
        # Pushed again it is mended.
        await registry.push_blob("team/app", descriptor, lambda first: pieces_of(layer.data))
        assert await registry.blob("team/app", descriptor) == layer.data

    ask(LayoutRegistry(layout), question)


@pytest.mark.parametrize("what", ["blob", "blobs", "index.json", "oci-layout"])
def test_a_link_that_leads_out_of_the_layout_is_refused(tmp_path, layout, what):
    inside = blob_file(layout, IMAGE.digest) if what == "blob" else layout / what
    outside = tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    with pytest.raises(ProtocolError, match="leads out of it"):
        ask(LayoutRegistry(layout), lambda registry: registry.manifest("team/app", "1.0"))


def test_a_push_does_not_follow_a_link_out_of_the_layout(tmp_path, layout):
    outside = tmp_path / "outside"
    (layout / "blobs").rename(outside)
    (layout / "blobs").symlink_to(outside)
    before = snapshot(outside)
    with pytest.raises(ProtocolError, match="leads out of it"):
        ask(LayoutRegistry(layout), lambda registry: push(registry, NAME, plain_image("other")))
    assert snapshot(outside) == before


def test_a_link_within_the_layout_is_followed(layout):
    file = blob_file(layout, IMAGE.digest)
    file.rename(layout / "elsewhere")
    file.symlink_to("../../elsewhere")
    (image,) = read_everything(layout)
    assert image.digest == IMAGE.digest


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_ordinary_file_is_refused_and_not_waited_for(layout, make):
    file = blob_file(layout, IMAGE.digest)
    file.unlink()
    make(file)
    with pytest.raises(ProtocolError):
        ask(LayoutRegistry(layout), lambda registry: registry.manifest("team/app", "1.0"))


def test_a_read_only_layout_is_read_and_not_written(open_directory):
    layout = write_layout(open_directory / "layout", {NAME: IMAGE})
    for path in (layout, *layout.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def work():
        (image,) = read_everything(layout)
        assert image.digest == IMAGE.digest
        with pytest.raises(ForbiddenError, match="mode"):
            ask(LayoutRegistry(layout), lambda registry: push(registry, NAME, IMAGE))

    as_nobody(work)


@pytest.mark.parametrize("what", ["index.json", "oci-layout", "blobs", ""])
def test_what_may_not_be_read_is_forbidden(open_directory, what):
    layout = write_layout(open_directory / "layout", {NAME: IMAGE})
    (layout / what).chmod(0o000)

    def work():
        with pytest.raises(ForbiddenError, match="Permission denied"):
            ask(LayoutRegistry(layout), lambda registry: registry.manifest("team/app", "1.0"))

    as_nobody(work)


def test_a_change_by_another_client_is_seen_at_once(tmp_path):
    write_layout(tmp_path, {"team/app:0": IMAGE})
    whole = (tmp_path / "index.json").read_bytes()

    async def question(registry):
        # In place and of the same length, faster than the file's time goes on.
        for number in range(100):
            tag = str(number % 10)
            (tmp_path / "index.json").write_bytes(whole.replace(b"app:0", f"app:{tag}".encode()))
            assert await listed(registry.tags("team/app")) == [tag]

    ask(LayoutRegistry(tmp_path), question)


@pytest.fixture
def readings(monkeypatch):
    """Grows by one whenever an index is read."""
    counted = []

    def read(*arguments, **options):
        counted.append(1)
        return layout_index.read_index(*arguments, **options)

    monkeypatch.setattr(layout_store, "read_index", read)
    return counted


def test_thousands_of_tags_are_read_with_one_reading_of_the_index(layout, readings):
    names = ({"org.opencontainers.image.ref.name": f"team/app:{n}"} for n in range(2000))
    whole = {"schemaVersion": 2, "manifests": [IMAGE.descriptor(**name) for name in names]}
    (layout / "index.json").write_text(json.dumps(whole))
    time.sleep(0.1)

    async def question(registry):
        tags = await listed(registry.tags("team/app"))
        assert len(tags) == 2000
        await asyncio.gather(*(registry.manifest("team/app", tag) for tag in tags))

    ask(LayoutRegistry(layout), question)
    assert len(readings) == 1


def test_an_index_changed_this_moment_is_not_trusted_to_show_the_next_change(
    layout, readings, monkeypatch
):
    """Where a file's time goes on by milliseconds, two changes may have the same."""

    async def question(registry):
        # Not the machine's haste: between two questions it may be busy with others.
        monkeypatch.setattr(reader, "_SETTLED_SECONDS", 60)
        (layout / "index.json").touch()
        await registry.ping()
        await registry.ping()
        assert len(readings) == 2
        monkeypatch.setattr(reader, "_SETTLED_SECONDS", 0)
        await registry.ping()
        await registry.ping()
        assert len(readings) == 3

    ask(LayoutRegistry(layout), question)
