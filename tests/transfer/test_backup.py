"""Registries kept in a directory or a file, and brought back: every digest as it was."""

import json
import os
import signal
import tarfile
import tempfile
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from ghostnb.errors import (
    ArchiveError,
    ForbiddenError,
    IncompleteError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
)
from ghostnb.frames.backups import CATALOGUE, catalogue_frame
from ghostnb.oci import Digest
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.backups.archive import plan_archive
from ghostnb.transfer.backups.catalogue import Run, read_catalogue
from ghostnb.transfer.backups.directory import plan_backup
from ghostnb.transfer.backups.restore import plan_restore
from ghostnb.transfer.selection import Selection
from tests.parts.disks import make_read_only, small_disk
from tests.parts.images import plain_image
from tests.parts.pushes import skopeo
from tests.parts.registries import docker_registry
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import listed, push
from tests.registries.layout.test_registry import as_nobody
from tests.serving import wait_until
from tests.transfer.backups import (
    ALL,
    MULTI,
    UNTAGGED,
    Place,
    digest_by_skopeo,
    digests,
    fill_with_everything,
    flip_a_bit,
    has_everything,
)
from tests.transfer.test_copying import over_http, run, same


@pytest.fixture(params=["layout", "archive"])
def place(request, tmp_path):
    return Place(request.param, tmp_path)


def test_a_registry_comes_back_as_it_was(place, tmp_path):
    with docker_registry() as one, docker_registry() as other:
        source, target = over_http(one), over_http(other)

        async def question():
            await fill_with_everything(source)
            plan = await place.plan(source)
            assert not place.path.exists()
            assert plan.bytes_moved == plan.frame["bytes_moved"].sum() > 0
            await plan.apply()
            backup = place.open()
            await has_everything(backup)
            restore = await plan_restore(backup, target, ALL)
            assert restore.notes == ()
            await restore.apply()
            await has_everything(target)
            before, after = await digests(source), await digests(target)
            assert before == after == await digests(backup)
            again = await plan_restore(backup, target, ALL)
            assert len(again.frame) == again.bytes_moved == 0
            return before

        names = run(question, source, target)
        # By someone who knows nothing of ours.
        for name in ("library/alpine:3.20", "team/multi:latest", "team/zstd:latest"):
            assert digest_by_skopeo(other.host, name) == names[name]
            assert names[name] == STANDARD_IMAGES[name].digest
        copied = f"oci:{tmp_path / 'by-skopeo'}:x"
        skopeo("copy", "--all", "--src-tls-verify=false",
               f"docker://{other.host}/team/multi:latest", copied)  # fmt: skip
        index = json.loads((tmp_path / "by-skopeo" / "index.json").read_bytes())
        assert index["manifests"][0]["digest"] == MULTI.digest
        direct = tmp_path / "direct"
        backup = f"{place.transport}:{place.path}:team/multi:latest"
        skopeo("copy", "--all", "--preserve-digests", backup, f"oci:{direct}:x")
        index = json.loads((direct / "index.json").read_bytes())
        assert index["manifests"][0]["digest"] == MULTI.digest


def test_what_no_tag_leads_to_is_kept_too(place):
    source, target = MemoryRegistry("of"), MemoryRegistry("to")

    async def question():
        await fill_with_everything(source)
        await push(source, "team/app:", UNTAGGED)
        await (await place.plan(source)).apply()
        backup = place.open()
        restore = await plan_restore(backup, target, ALL)
        reasons = restore.frame.set_index("digest")["reason"]
        assert reasons[UNTAGGED.digest] == "no tag points to it"
        await restore.apply()
        await same(target, "team/app", UNTAGGED.digest, UNTAGGED)
        await has_everything(target)
        # What an index holds is no image of its own.
        children = {str(child.digest) for child in MULTI.children}
        ours = restore.frame["repository"] == "team/multi"
        assert not children & set(restore.frame.loc[ours, "digest"])
        tagged = Selection("team/app", tags="*")
        assert len((await plan_restore(backup, MemoryRegistry("x"), tagged)).frame) == 0
        without = await plan_restore(backup, MemoryRegistry("y"), ALL, untagged=False)
        assert UNTAGGED.digest not in set(without.frame["digest"])

    run(question)


def test_the_catalogue_says_what_there_is(place):
    with docker_registry() as running:
        source = over_http(running)

        async def question():
            await push(source, "team/multi:latest", MULTI)
            await push(source, "team/app:1", plain_image("app"))
            await (await place.plan(source)).apply()
            backup = place.open()
            return await read_catalogue(backup)

        found = run(question, source)
        frame = catalogue_frame(found.rows)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(CATALOGUE)
        assert list(frame["repository"]) == ["team/app", "team/multi"]
        assert list(frame["tag"]) == ["1", "latest"]
        assert set(frame["registry"]) == {"reg"}
        assert frame["problem"].isna().all()
        assert frame["backed_up"].notna().all()
        app = plain_image("app")
        size = len(app.raw) + sum(len(blob.data) for blob in app.blobs)
        assert frame["size_bytes"][0] == size
        assert frame["digest"][0] == app.digest
        assert (found.runs[0].registry, found.runs[0].url) == ("reg", running.url)
        assert found.size_bytes == content_bytes(place)[1]
        assert found.blobs == content_bytes(place)[0]


def content_bytes(place):
    """Count what really is in the place."""
    if place.kind == "layout":
        sizes = [file.stat().st_size for file in place.path.glob("blobs/*/*")]
    else:
        with tarfile.open(place.path) as archive:
            sizes = [one.size for one in archive.getmembers() if one.name.startswith("blobs/")]
    return len(sizes), sum(sizes)


def test_the_second_time_only_what_is_new_moves(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)

    async def question():
        await fill_with_everything(source)
        await (await place.plan(source)).apply()
        first = await read_catalogue(place.open())
        inodes = {file: file.stat().st_ino for file in place.path.glob("blobs/*/*")}
        await push(source, "team/app:new", plain_image("new"))
        await source.delete_tag("library/nginx", "1.27")
        plan = await place.plan(source)
        assert list(plan.frame["target_tag"]) == ["new"]
        new = plain_image("new")
        assert plan.bytes_moved == len(new.raw) + sum(len(blob.data) for blob in new.blobs)
        await plan.apply()
        assert {file: file.stat().st_ino for file in inodes} == inodes
        # What the source has no more is kept, unless told otherwise.
        await same(place.open(), "library/nginx", "1.27", STANDARD_IMAGES["library/nginx:1.27"])
        second = await read_catalogue(place.open())
        assert len(second.runs) == 2
        assert len(second.entries) == len(first.entries) + 1
        assert set(first.entries) < set(second.entries)
        pruned = await place.plan(source, prune=True)
        assert list(pruned.frame["action"]) == ["delete"]
        await pruned.apply()
        assert await listed(place.open().tags("library/nginx")) == ["latest"]
        third = await read_catalogue(place.open())
        assert ("library/nginx", "1.27") not in {one.key[:2] for one in third.entries}

    run(question)


def test_a_catalogue_keeps_the_newest_runs(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)
    old = Run(finished="2020-01-01T00:00:00+00:00", registry="old", url="", ghostnb="0")

    async def question():
        await push(source, "app:1", plain_image("1"))
        await (await place.plan(source)).apply()
        layout = place.open()
        made = await read_catalogue(layout)
        many = tuple(replace(old, ghostnb=str(number)) for number in range(150))
        await layout.write_catalogue(replace(made, runs=many).encode())
        await (await place.plan(source)).apply()
        found = await read_catalogue(place.open())
        assert [one.ghostnb for one in found.runs[:-1]] == [str(n) for n in range(51, 150)]
        assert found.runs[-1].registry == "of"

    run(question)


def test_the_catalogue_survives_a_garbage_collection(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)

    async def question():
        await fill_with_everything(source)
        await (await place.plan(source)).apply()
        layout = place.open()
        before = await read_catalogue(layout)
        report = await layout.collect_garbage(grace_seconds=0)
        assert report.blobs_deleted == 0
        assert await read_catalogue(layout) == before
        await has_everything(layout)

    run(question)


def test_what_is_not_there_any_more_is_said(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)

    async def question():
        for tag in ("1", "2", "3"):
            await push(source, f"app:{tag}", plain_image(tag))
        await push(source, "app:", UNTAGGED)
        await (await place.plan(source)).apply()
        layout = place.open()
        await layout.delete_tag("app", "1")
        await push(layout, "app:2", plain_image("other"))
        await layout.delete_manifest("app", UNTAGGED.digest)
        plan = await plan_restore(layout, MemoryRegistry(), ALL)
        gone, moved = plan.notes
        assert "app:1" in gone
        assert f"app@{UNTAGGED.digest}" in gone
        assert "are not" in gone
        assert moved.startswith("app:2 pointed elsewhere")
        only = await plan_restore(layout, MemoryRegistry(), Selection("app", tags="3"))
        assert only.notes == ()
        bare = await plan_restore(source, MemoryRegistry(), ALL)
        assert "no catalogue" in bare.notes[0]
        (layout_file := place.path / ".ghostnb" / "catalogue.json").write_text("{")
        broken = await plan_restore(layout, MemoryRegistry(), ALL)
        assert "cannot be read" in broken.notes[0]
        again = await place.plan(source)
        assert "written anew" in again.notes[0]
        await again.apply()
        assert json.loads(layout_file.read_bytes())["format"] == 1

    run(question)


def test_one_image_that_cannot_be_read_keeps_no_other_out(place):
    broken = plain_image("broken", size_bytes=3000)

    class Reading(MemoryRegistry):
        is_broken = True

        async def open_blob(self, repository, descriptor):
            if self.is_broken and descriptor.digest == broken.layers[1].digest:
                yield b"x" * 1000
                raise IntegrityError("Its bytes are others.", registry=self.name)
            async for piece in super().open_blob(repository, descriptor):
                yield piece

    source = Reading("of")

    async def question():
        await push(source, "app:broken", broken)
        await push(source, "app:same", broken)
        await push(source, "app:good", plain_image("good"))
        plan = await place.plan(source)
        with pytest.raises(IncompleteError, match=r"2 of 3 steps.*Its bytes are others"):
            await plan.apply()
        backup = place.open()
        await same(backup, "app", "good", plain_image("good"))
        assert await listed(backup.tags("app")) == ["good"]
        found = await read_catalogue(backup)
        assert [one.tag for one in found.entries] == ["good"]
        assert [one.tag for one in found.unread] == ["broken", "same"]
        assert "Its bytes are others" in catalogue_frame(found.rows)["problem"].iloc[-1]
        notes = (await plan_restore(backup, MemoryRegistry(), ALL)).notes
        assert notes == ("app:broken, app:same could not be read when the backup was made.",)
        source.is_broken = False
        await plan.apply()
        assert plan.is_done
        await same(place.open(), "app", "broken", broken)
        await same(place.open(), "app", "good", plain_image("good"))
        assert (await read_catalogue(place.open())).unread == ()

    run(question)


def test_a_bit_that_flipped_in_the_backup_fails_its_images_alone(tmp_path):
    place = Place("layout", tmp_path)
    source = MemoryRegistry("of")
    with docker_registry() as running:
        target = over_http(running)

        async def question():
            await push(source, "app:bad", plain_image("bad"))
            await push(source, "app:good", plain_image("good"))
            await (await place.plan(source)).apply()
            flip_a_bit(place.path, plain_image("bad").layers[1].digest)
            plan = await plan_restore(place.open(), target, ALL)
            with pytest.raises(IncompleteError, match=r"1 of 2 steps.*app:bad") as caught:
                await plan.apply()
            assert isinstance(caught.value.__cause__, IntegrityError)
            assert await listed(target.tags("app")) == ["good"]
            await same(target, "app", "good", plain_image("good"))

        run(question, target)


def test_killed_at_its_work_it_goes_on_where_it_was(tmp_path):
    place = Place("layout", tmp_path)
    images = {f"app:{n}": plain_image(f"app {n}", layers=2) for n in range(40)}

    async def filled():
        source = MemoryRegistry("of")
        for name, document in images.items():
            await push(source, name, document)
        return source

    async def whole():
        await (await place.plan(await filled())).apply()

    number = os.fork()
    if number == 0:
        try:
            run(whole)
        finally:
            os._exit(0)
    wait_until(lambda: tags_in(place.path) > 3)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    assert 3 < tags_in(place.path) < len(images), "it was killed in the midst of it"

    async def question():
        plan = await place.plan(await filled())
        assert 0 < len(plan.frame) < len(images)
        await plan.apply()
        for name, document in images.items():
            await same(place.open(), *name.split(":"), document)
        assert len((await read_catalogue(place.open())).entries) == len(images)

    run(question)


def tags_in(layout):
    try:
        entries = json.loads((layout / "index.json").read_bytes())["manifests"]
    except FileNotFoundError:
        return 0
    return len(entries)


@pytest.mark.parametrize("kind", ["layout", "archive"])
def test_a_full_disk_is_said_and_leaves_nothing_broken(tmp_path, kind):
    source = MemoryRegistry("of")
    with small_disk(tmp_path / "disk", 4) as disk:
        place = Place(kind, disk)

        async def question():
            for n in range(6):
                await push(source, f"app:{n}", plain_image(f"app {n}", size_bytes=300_000))
            plan = await place.plan(source)
            if kind == "archive":
                with pytest.raises(ArchiveError, match=r"its disk has .* left"):
                    await plan.apply()
                assert list(disk.iterdir()) == []
                assert set(plan.results["outcome"]) == {"waiting"}
                return
            with pytest.raises(IncompleteError, match="No space left"):
                await plan.apply()
            tags = await listed(place.open().tags("app"))
            assert 0 < len(tags) < 6
            for tag in tags:
                await same(place.open(), "app", tag, plain_image(f"app {tag}", size_bytes=300_000))

        run(question)


def test_a_disk_that_is_full_in_the_midst_of_an_archive(tmp_path, monkeypatch):
    source = MemoryRegistry("of")

    async def has_room(self, size_bytes):
        pass

    # As when somebody else fills it meanwhile.
    monkeypatch.setattr("ghostnb.transfer.archive.Archive.check_room", has_room)
    with small_disk(tmp_path / "disk", 4) as disk:

        async def question():
            for n in range(6):
                await push(source, f"app:{n}", plain_image(f"app {n}", size_bytes=300_000))
            plan = await plan_archive(source, disk / "x.tar", ALL)
            with pytest.raises(ArchiveError, match="No space left"):
                await plan.apply()
            assert list(disk.iterdir()) == []
            assert not plan.is_done

        run(question)


def test_a_disk_that_is_only_read_is_told_when_it_is_planned(tmp_path):
    source = MemoryRegistry("of")
    with small_disk(tmp_path / "disk", 4) as disk:

        async def question():
            await push(source, "app:1", plain_image("app"))
            for kind in ("layout", "archive"):
                await (await Place(kind, disk).plan(source)).apply()
            (disk / "empty").mkdir()
            make_read_only(disk)
            for name in ("backup", "new", "far/away", "empty"):
                with pytest.raises(ForbiddenError, match=r"Read-only file system.*another place"):
                    await plan_backup(source, LayoutRegistry(disk / name), ALL)
            for options in ({"overwrite": True}, {}):
                path = disk / ("backup.tar" if options else "new.tar")
                with pytest.raises(ArchiveError, match="Read-only file system"):
                    await plan_archive(source, path, ALL, **options)
            # To be read it is as good as any.
            restore = await plan_restore(Place("layout", disk).open(), MemoryRegistry("to"), ALL)
            assert len(restore.steps) == 1

        run(question)


def test_a_directory_that_is_not_ours_is_told_when_it_is_planned():
    source = MemoryRegistry("of")

    async def question(directory):
        await push(source, "app:1", plain_image("app"))
        for place in (directory, directory / "new"):
            with pytest.raises(ForbiddenError, match="Permission denied"):
                await plan_backup(source, LayoutRegistry(place), ALL)
        with pytest.raises(ArchiveError, match="Permission denied"):
            await plan_archive(source, directory / "new.tar", ALL)

    # Not below pytest's own directories, which others may not even enter.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o555)
        as_nobody(lambda: run(lambda: question(Path(directory))))


def test_a_backup_removes_what_was_left_of_writes_days_ago(tmp_path):
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)
    day = 86400

    def leave(age_seconds, *parts):
        file = tmp_path.joinpath(*parts)
        file.write_bytes(b"cut off")
        then = time.time() - age_seconds
        os.utime(file, (then, then))
        return file

    async def question():
        await push(source, "app:0", plain_image("app"))
        # Where nothing is yet, there is nothing to be removed.
        await (await plan_backup(source, target, ALL)).apply()
        name = ".0123456789abcdef.partial"
        places = [("blobs", "sha256", name), (name,), (".ghostnb", name)]
        old = [leave(3 * day, *place) for place in places]
        young = ".fedcba9876543210.partial"
        kept = [leave(day / 2, *place[:-1], young) for place in places]
        # A blob that nothing names is a matter for a collection of garbage.
        kept.append(leave(3 * day, "blobs", "sha256", Digest.of(b"loose").encoded))
        kept.append(leave(3 * day, "mine.partial"))
        plan = await plan_backup(source, target, ALL)
        assert all(file.exists() for file in old), "a plan changes nothing"
        await plan.apply()
        assert [file for file in old if file.exists()] == []
        assert all(file.exists() for file in kept)
        await same(target, "app", "0", plain_image("app"))

    run(question)


def test_among_other_files_nothing_is_written(tmp_path):
    source = MemoryRegistry("of")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")

    async def question():
        await push(source, "app:1", plain_image("1"))
        with pytest.raises(ProtocolError, match="not a valid OCI image layout"):
            await plan_backup(source, LayoutRegistry(tmp_path), ALL)
        with pytest.raises(ProtocolError, match="is a file"):
            await plan_backup(source, LayoutRegistry(tmp_path / "file"), ALL)
        with pytest.raises(ArchiveError, match="there already"):
            await plan_archive(source, tmp_path / "file", ALL)
        assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "notes.txt"]
        replacing = await plan_archive(source, tmp_path / "file", ALL, overwrite=True)
        assert (tmp_path / "file").read_text() == "mine"
        await replacing.apply()
        await same(ArchiveRegistry(tmp_path / "file"), "app", "1",
                   plain_image("1"))  # fmt: skip
        with pytest.raises(NotFoundError):
            await plan_restore(LayoutRegistry(tmp_path / "nothing"), source, ALL)

    run(question)


def test_a_hidden_file_that_a_killed_beginning_left_is_no_hindrance(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)
    place.path.mkdir()
    (place.path / ".ghostnb.lock").touch()

    async def question():
        await push(source, "app:1", plain_image("1"))
        await (await place.plan(source)).apply()
        await same(place.open(), "app", "1", plain_image("1"))

    run(question)


def test_an_archive_of_nothing_is_not_written(tmp_path):
    async def question():
        plan = await plan_archive(MemoryRegistry("of"), tmp_path / "x.tar", ALL)
        assert "Nothing is selected" in plan.notes[0]
        await plan.apply()
        assert list(tmp_path.iterdir()) == []

    run(question)


def test_no_password_stands_in_a_catalogue(tmp_path):
    source, place = MemoryRegistry("of"), Place("layout", tmp_path)
    source.url = "https://me:s3cret@example.com"

    async def question():
        await push(source, "app:1", plain_image("1"))
        await (await place.plan(source)).apply()

    run(question)
    raw = (place.path / ".ghostnb" / "catalogue.json").read_text()
    assert "https://example.com" in raw
    assert "s3cret" not in raw


def test_two_manifests_that_differ_about_a_blob_do_not_spoil_an_archive(tmp_path):
    place, source = Place("archive", tmp_path), MemoryRegistry("of")
    right = plain_image("right")
    layer = right.layers[0].descriptor()
    wrong = right.raw.replace(
        b'"digest":"%s","size":%d' % (layer["digest"].encode(), layer["size"]),
        b'"digest":"%s","size":%d' % (layer["digest"].encode(), layer["size"] + 5),
    )
    assert wrong != right.raw

    async def question():
        await push(source, "app:right", right)
        await source.push_manifest("other", wrong, right.media_type, tag="wrong")
        plan = await place.plan(source)
        with pytest.raises(IncompleteError, match=r"1 of 2 steps.*other:wrong"):
            await plan.apply()
        assert await listed(place.open().tags("app")) == ["right"]
        await same(place.open(), "app", "right", right)

    run(question)


def test_an_archive_of_which_nothing_can_be_read_is_not_there(tmp_path):
    class Broken(MemoryRegistry):
        async def open_blob(self, repository, descriptor):
            raise IntegrityError("Its bytes are others.", registry=self.name)
            yield b""

    place, source = Place("archive", tmp_path), Broken("of")

    async def question():
        await push(source, "app:1", plain_image("1"))
        plan = await place.plan(source)
        with pytest.raises(IncompleteError, match="1 of 1 step failed"):
            await plan.apply()
        assert list(plan.results["outcome"]) == ["failed"]
        assert list(tmp_path.iterdir()) == []

    run(question)


def test_a_signature_beside_selected_tags_goes_along(place):
    source = MemoryRegistry("of")
    app = plain_image("app")
    tag = app.digest.replace(":", "-") + ".sig"

    async def question():
        await push(source, "app:1", app)
        await push(source, f"app:{tag}", plain_image("signature"))
        await push(source, "app:2", plain_image("other"))
        await (await place.plan(source, Selection("app", tags="1"))).apply()
        assert await listed(place.open().tags("app")) == ["1", tag]

    run(question)


def test_a_whole_archive_is_not_replaced_by_one_that_lacks_images(tmp_path):
    class Failing(MemoryRegistry):
        async def open_blob(self, repository, descriptor):
            if repository == "broken":
                raise NotFoundError("The layer is gone.", registry=self.name)
            async for piece in super().open_blob(repository, descriptor):
                yield piece

    source, path = Failing("of"), tmp_path / "kept.tar"

    async def question():
        await push(source, "app:1", plain_image("1"))
        await (await plan_archive(source, path, ALL)).apply()
        before = path.read_bytes()
        await push(source, "broken:1", plain_image("2"))
        plan = await plan_archive(source, path, ALL, overwrite=True)
        with pytest.raises(IncompleteError, match="kept as it was"):
            await plan.apply()
        assert path.read_bytes() == before
        assert [one.name for one in tmp_path.iterdir()] == ["kept.tar"]

    run(question)
