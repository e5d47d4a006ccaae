"""What a target has damaged is mended, or told, if it keeps what it has."""

import pytest

from ghostnb.errors import IncompleteError, IntegrityError
from ghostnb.registries.content import content_of
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.backups.directory import plan_backup
from ghostnb.transfer.backups.verification import verify
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.pushing.sending import Sender
from ghostnb.transfer.syncing.sync import SyncPlan, draft_sync
from ghostnb.transfer.tally import TransferTally
from tests.parts.drift import through_drift
from tests.parts.images import plain_image
from tests.parts.registries import docker_registry
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import descriptor_of, push
from tests.transfer.backups import ALL, flip_a_bit
from tests.transfer.test_copying import over_http, run, same, with_base

MULTI = STANDARD_IMAGES["team/multi:latest"]
BASE = [plain_image("shared", size_bytes=20_000).layers[0]]
APPS = [with_base(BASE, number) for number in range(3)]


class Asked:
    """Notes which blobs a registry is asked for, and which are sent or read."""

    def __init__(self, registry, monkeypatch):
        self.sizes, self.sent, self.read = [], [], []
        size, send, read = registry.blob_size, registry.push_blob, registry.open_blob

        async def blob_size(repository, digest):
            self.sizes.append(digest)
            return await size(repository, digest)

        async def push_blob(repository, descriptor, content):
            self.sent.append(descriptor.digest)
            return await send(repository, descriptor, content)

        def open_blob(repository, descriptor):
            self.read.append(descriptor.digest)
            return read(repository, descriptor)

        monkeypatch.setattr(registry, "blob_size", blob_size)
        monkeypatch.setattr(registry, "push_blob", push_blob)
        monkeypatch.setattr(registry, "open_blob", open_blob)


async def plan_sync(source, target, **options):
    return SyncPlan(await draft_sync(source, target, ALL, **options))


async def copy_app(source, target, number, **options):
    copier = Copier(source, target, **options)
    return await copier.copy(source.reference(f"app:{number}"), "app", str(number))


def test_a_registry_that_keeps_its_damaged_file_is_told_what_to_do(monkeypatch):
    source, digest = MemoryRegistry("of"), BASE[0].digest
    said = rf"app in reg says that {digest} has 5,000 bytes, where it has {len(BASE[0].data):,},"
    with docker_registry() as running:
        target = over_http(running)
        blobs = running.storage_dir / "docker/registry/v2/blobs/sha256"
        file = blobs / digest[7:9] / digest[7:] / "data"

        async def question():
            for number in range(2):
                await push(source, f"app:{number}", APPS[number])
            await (await plan_sync(source, target)).apply()
            await push(source, "app:2", APPS[2])
            whole = file.read_bytes()
            file.write_bytes(whole[:5000])
            # An image that needs it, and a repair: both would be said to be done.
            with pytest.raises(IntegrityError, match=said) as caught:
                await copy_app(source, target, 2)
            assert "Remove that blob's file on the registry's disk" in caught.value.hint
            assert "collect garbage" in caught.value.hint
            with pytest.raises(IntegrityError, match=said):
                await copy_app(source, target, 0, repair=True)
            plan = await plan_sync(source, target, repair=True)
            assert set(plan.frame["action"]) == {"repair", "copy"}
            asked = Asked(target, monkeypatch)
            with pytest.raises(IncompleteError, match=said):
                await plan.apply()
            assert list(plan.results["outcome"]) == ["failed"] * 3
            assert asked.sent.count(digest) == 1, "sent in vain once, not once an image"
            # What the hint says helps.
            file.unlink()
            await (await plan_sync(source, target, repair=True)).apply()
            for number in range(3):
                await same(target, "app", str(number), APPS[number])
            assert len((await plan_sync(source, target, repair=True)).frame) == 0

        run(question, target)


def test_a_push_of_what_a_registry_keeps_damaged_fails():
    layer = BASE[0]
    blob = descriptor_of(layer.descriptor())
    with docker_registry() as running:
        target = over_http(running)
        blobs = running.storage_dir / "docker/registry/v2/blobs/sha256"
        file = blobs / layer.digest[7:9] / layer.digest[7:] / "data"

        async def question():
            sender = Sender(target, "app", TransferTally())
            await sender.send(blob, content_of(layer.data))
            file.write_bytes(layer.data[:5000])
            with pytest.raises(IntegrityError, match="has 5,000 bytes"):
                await sender.send(blob, content_of(layer.data))
            file.unlink()
            await sender.send(blob, content_of(layer.data))
            assert file.read_bytes() == layer.data

        run(question, target)


def test_another_repository_is_looked_at_too_once_one_is_known_to_be_damaged():
    source, digest = MemoryRegistry("of"), BASE[0].digest
    with docker_registry() as running:
        target = over_http(running)
        blobs = running.storage_dir / "docker/registry/v2/blobs/sha256"

        async def question():
            await push(source, "app:0", APPS[0])
            await (await plan_sync(source, target)).apply()
            file = blobs / digest[7:9] / digest[7:] / "data"
            file.write_bytes(file.read_bytes()[:5000])
            await push(source, "other:1", APPS[1])
            plan = await plan_sync(source, target, repair=True)
            with pytest.raises(IncompleteError):
                await plan.apply()
            assert list(plan.results["outcome"]) == ["failed"] * 2

        run(question, target)


def test_what_is_mended_is_asked_for_once_more_and_what_is_well_is_not(tmp_path, monkeypatch):
    source, target = MemoryRegistry("of"), through_drift(LayoutRegistry(tmp_path))
    digest = BASE[0].digest

    async def question():
        asked = Asked(target, monkeypatch)
        await push(source, "app:0", APPS[0])
        await copy_app(source, target, 0)
        assert (
            sorted(asked.sizes)
            == sorted(asked.sent)
            == sorted(blob.digest for blob in APPS[0].blobs)
        ), "one question each, in a registry where all is well"
        file = tmp_path / "blobs" / digest.replace(":", "/")
        file.write_bytes(file.read_bytes()[:5000])
        asked.sizes.clear()
        assert (await copy_app(source, target, 0, repair=True)).bytes_moved == len(BASE[0].data)
        assert asked.sizes.count(digest) == 2
        await same(target, "app", "0", APPS[0])

    run(question, target)


@pytest.mark.parametrize("by", ["sync", "backup", "copy"])
def test_a_flipped_bit_in_a_directory_is_healed_when_asked(tmp_path, by, monkeypatch):
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)
    rotten = [MULTI.children[0].layers[0].digest, MULTI.children[1].blobs[-1].digest]
    sizes = {blob.digest: len(blob.data) for child in MULTI.children for blob in child.blobs}

    async def bring(**options):
        if by == "copy":
            copied = await Copier(source, target, **options).copy(
                source.reference("team/multi:latest"), "team/multi", "latest"
            )
            return copied.bytes_moved
        planning = (
            plan_sync if by == "sync" else lambda *two, **rest: plan_backup(*two, ALL, **rest)
        )
        plan = await planning(source, target, **options)
        moved = plan.bytes_moved
        assert moved == 0 or set(plan.frame["action"]) <= {"repair", "copy"}
        await plan.apply()
        return moved

    async def question():
        await push(source, "team/multi:latest", MULTI)
        await bring()
        for digest in rotten:
            flip_a_bit(tmp_path, digest)
        found = await verify(target, ALL)
        assert {one.digest for one in found.problems} == set(rotten)
        assert await bring() == 0, "a file of the right size is not read without being asked"
        assert await bring(repair=True) == sum(sizes[digest] for digest in rotten)
        assert (await verify(target, ALL)).problems == ()
        asked = Asked(target, monkeypatch)
        assert await bring(repair=True) == 0
        assert sorted(asked.read) == sorted(sizes), "each blob is read, and once"

    run(question)


def test_what_several_images_share_is_read_once(tmp_path, monkeypatch):
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)
    digest = BASE[0].digest

    async def question():
        for number in range(3):
            await push(source, f"app{number}:1", APPS[number])
        await (await plan_backup(source, target, ALL)).apply()
        flip_a_bit(tmp_path, digest)
        asked = Asked(target, monkeypatch)
        plan = await plan_backup(source, target, ALL, repair=True)
        assert list(plan.frame["action"]) == ["repair"] * 3
        assert plan.bytes_moved == len(BASE[0].data)
        assert asked.read.count(digest) == 1
        asked.read.clear()
        await plan.apply()
        assert asked.sent == [digest]
        # What the plan read just now is not read again, but for what it found damaged.
        assert asked.read == [digest]

    run(question)


def test_a_damaged_directory_is_not_healed_from_itself(tmp_path):
    registry = LayoutRegistry(tmp_path)

    async def question():
        await push(registry, "app:0", APPS[0])
        flip_a_bit(tmp_path, BASE[0].digest)
        for tag in ("0", "copy"):
            with pytest.raises(IntegrityError):
                await Copier(registry, registry, repair=True).copy(
                    registry.reference("app:0"), "app", tag
                )

    run(question)


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_a_verification_says_what_heals_a_directory(tmp_path, how):
    registry, copy = LayoutRegistry(tmp_path / "layout"), MemoryRegistry("of")

    async def question():
        await push(registry, "app:0", APPS[0])
        assert (await verify(registry, ALL)).notes == ()
        if how == "gone":
            (tmp_path / "layout" / "blobs" / BASE[0].digest.replace(":", "/")).unlink()
        else:
            flip_a_bit(tmp_path / "layout", BASE[0].digest)
        (note,) = (await verify(registry, ALL)).notes
        assert "plan_backup(…, repair=True)" in note
        assert "copy(…, repair=True)" in note
        # Over HTTP that is the matter of whoever keeps it.
        served = through_drift(registry)
        found = await verify(served, ALL)
        await served.aclose()
        assert found.problems
        assert found.notes == ()
        await push(copy, "app:0", APPS[0])
        assert (await verify(copy, ALL)).notes == ()

    run(question)
