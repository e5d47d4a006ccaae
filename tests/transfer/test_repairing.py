"""What a target lost, or others deleted, is noticed: at once in a directory, elsewhere if asked."""

import pytest

from ghostnb.errors import NotFoundError
from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.backups.directory import plan_backup
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncPlan, draft_sync
from tests.parts.drift import through_drift
from tests.parts.images import plain_image
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import push
from tests.transfer.test_copying import run, same, with_base

ALL = Selection()
MULTI = STANDARD_IMAGES["team/multi:latest"]


def file_of(path, digest):
    return path / "blobs" / digest.replace(":", "/")


def lose(path, digest):
    file_of(path, digest).unlink()


def truncate(path, digest):
    file = file_of(path, digest)
    file.write_bytes(file.read_bytes()[:-1])


async def plan_sync(source, target, **options):
    return SyncPlan(await draft_sync(source, target, ALL, **options))


LOST = {
    "a layer": MULTI.children[0].layers[0].digest,
    "a config": MULTI.children[1].blobs[-1].digest,
    "a manifest of the index": MULTI.children[0].digest,
    "the index": MULTI.digest,
}


@pytest.mark.parametrize("how", [lose, truncate])
@pytest.mark.parametrize("what", LOST)
@pytest.mark.parametrize("plan", ["sync", "backup", "copy"])
def test_what_a_directory_lost_comes_again(tmp_path, plan, what, how):
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)

    async def bring():
        if plan == "copy":
            copied = await Copier(source, target).copy(
                source.reference("team/multi:latest"), "team/multi", "latest"
            )
            return copied.bytes_moved
        planning = plan_sync if plan == "sync" else lambda *both: plan_backup(*both, ALL)
        made = await planning(source, target)
        await made.apply()
        assert made.is_done
        return made.bytes_moved

    async def question():
        await push(source, "team/multi:latest", MULTI)
        await push(source, "team/other:1", plain_image("other"))
        await bring()
        size = file_of(tmp_path, LOST[what]).stat().st_size
        assert await bring() == 0
        how(tmp_path, LOST[what])
        assert await bring() == size
        await same(target, "team/multi", "latest", MULTI)
        assert await bring() == 0

    run(question)


def test_a_plan_says_what_it_repairs(tmp_path):
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)
    document = plain_image("one")

    async def question():
        await push(source, "app:1", document)
        await push(source, "app:2", plain_image("two"))
        await (await plan_sync(source, target)).apply()
        lose(tmp_path, document.layers[0].digest)
        (row,) = (await plan_sync(source, target)).frame.itertuples()
        assert (row.action, row.target_tag, row.bytes_moved) == (
            "repair", "1", len(document.layers[0].data),
        )  # fmt: skip
        assert row.reason == "the target lacks some of its content, or has it damaged"
        assert row.target_digest == row.digest == document.digest

    run(question)


@pytest.mark.parametrize("by", ["sync", "copy"])
def test_over_http_it_is_looked_for_when_asked(tmp_path, by):
    source, target = MemoryRegistry("of"), through_drift(LayoutRegistry(tmp_path))
    layer = MULTI.children[0].layers[0]

    async def bring(**options):
        if by == "sync":
            plan = await plan_sync(source, target, **options)
            await plan.apply()
            return plan.bytes_moved
        reference = source.reference("team/multi:latest")
        copied = await Copier(source, target, **options).copy(reference, "team/multi", "latest")
        return copied.bytes_moved

    async def question():
        await push(source, "team/multi:latest", MULTI)
        await bring()
        lose(tmp_path, layer.digest)
        assert await bring() == 0, "nobody asks for each blob of what is there"
        assert await bring(repair=True) == len(layer.data)
        await same(target, "team/multi", "latest", MULTI)
        assert await bring(repair=True) == 0

    run(question, target)


def test_what_others_deleted_of_a_directory_since_the_plan_is_sent(tmp_path):
    base = [plain_image("shared", size_bytes=20_000).layers[0]]
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)

    async def question():
        await push(target, "there:1", with_base(base, 0))
        await push(source, "app:1", with_base(base, 1))
        plan = await plan_sync(source, target)
        another = LayoutRegistry(tmp_path)
        await another.delete_tag("there", "1")
        await another.collect_garbage(untagged=True, grace_seconds=0)
        with pytest.raises(NotFoundError):
            await target.blob_size("there", Digest(base[0].digest))
        await plan.apply()
        await same(target, "app", "1", with_base(base, 1))

    run(question)


def test_what_others_delete_of_a_directory_between_two_copies_is_sent_again(tmp_path):
    base = [plain_image("shared", size_bytes=20_000).layers[0]]
    source, target = MemoryRegistry("of"), LayoutRegistry(tmp_path)

    async def question():
        copier = Copier(source, target)
        for number in range(2):
            await push(source, f"app:{number}", with_base(base, number))
            await copier.copy(source.reference(f"app:{number}"), "app", str(number))
            await same(target, "app", str(number), with_base(base, number))
            another = LayoutRegistry(tmp_path)
            await another.delete_tag("app", str(number))
            await another.collect_garbage(untagged=True, grace_seconds=0)

    run(question)
