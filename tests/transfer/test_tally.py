"""Progress tells how each item ended, also where it went wrong."""

import asyncio

import pytest

import ghostnb
from ghostnb import RegistryClient
from ghostnb.errors import IncompleteError, NotFoundError
from ghostnb.transfer import TransferTally
from tests.parts.images import plain_image
from tests.parts.pushes import Pusher
from tests.parts.registries import docker_registry

IMAGE = plain_image("failing", layers=3, size_bytes=2000)
GONE = IMAGE.layers[1]


@pytest.fixture(scope="module")
def broken():
    """Run a registry that lost a layer of its only image."""
    with docker_registry() as running:
        with Pusher(running.url) as pusher:
            pusher.push("team/app", "1", IMAGE)
        (stored,) = running.storage_dir.rglob(f"{GONE.digest.partition(':')[2]}/data")
        stored.unlink()
        yield RegistryClient(running.url)


def last(steps):
    return {step.item: (step.status, step.done) for step in steps}


def test_what_fails_while_it_is_saved_is_told(broken, tmp_path):
    steps = []
    with pytest.raises(NotFoundError, match="garbage collection"):
        ghostnb.run(broken.save("team/app:1", tmp_path, progress=steps.append))
    said = last(steps)
    assert said[GONE.digest] == ("Failed", True)
    assert all(done for _, done in said.values())


def test_what_fails_while_it_is_copied_does_not_seem_to_go_on(broken, tmp_path):
    steps = []
    target = RegistryClient(f"oci:{tmp_path}/layout")
    with pytest.raises(NotFoundError):
        ghostnb.run(ghostnb.copy(broken, target, "team/app:1", progress=steps.append))
    assert GONE.digest in last(steps)
    assert all(done for _, done in last(steps).values())


def test_a_plan_that_is_iterated_over_tells_of_every_end(broken, tmp_path):
    async def question():
        plan = await ghostnb.plan_backup(broken, tmp_path / "backup")
        steps = []
        with pytest.raises(IncompleteError):
            async for step in plan.apply():
                steps.append(step)
        return last(steps)

    said = asyncio.run(question())
    assert said["team/app:1"] == ("Failed", True)
    assert GONE.digest in said
    assert all(done for _, done in said.values())


def test_an_item_that_is_tried_again_counts_once():
    tally = TransferTally()
    with pytest.raises(OSError, match="no"), tally.moving("a", 10, "Moved"):
        tally.advance("a", 4)
        raise OSError("no")
    assert (tally.done, tally.total, tally.items_done, tally.items_total) == (4, 10, 1, 1)
    with tally.moving("a", 10, "Moved"):
        tally.advance("a", 10)
    assert (tally.done, tally.total, tally.items_done, tally.items_total) == (10, 10, 1, 1)
    assert last(tally.changes()) == {"a": ("Moved", True)}


def test_what_is_cancelled_was_stopped_and_did_not_fail():
    tally = TransferTally()

    async def work():
        tally.expect("later", 5)
        with tally.moving("now", 10, "Moved"):
            await asyncio.Event().wait()

    async def question():
        task = asyncio.create_task(tally.watch(work()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(question())
    assert last(tally.changes()) == {"later": ("Stopped", True), "now": ("Stopped", True)}


def test_what_is_planned_is_the_total_until_all_is_over() -> None:
    tally = TransferTally(planned_bytes=10)
    assert (tally.done, tally.total) == (0, 10)
    tally.expect("step", 0)
    tally.expect("blob", 6)
    tally.advance("blob", 6)
    tally.finish("blob")
    assert (tally.done, tally.total) == (6, 10)
    # The rest was there by now.
    tally.finish("step")
    assert (tally.done, tally.total) == (6, 6)
