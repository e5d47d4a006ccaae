"""Writing layouts: whole or not at all, whoever else writes or dies."""

import asyncio
import errno
import json
import os
import random
import signal
import time
import tracemalloc

import pytest

from ghostnb.errors import IntegrityError, NotFoundError, ServerError, TransportTimeoutError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.layout import lock as layout_lock_file
from tests.parts.images import plain_image
from tests.registries.conftest import ask, listed, pieces_of, push

KILLS = 20


def other_writer(layout):
    """Hold the lock as another process does."""
    return LayoutRegistry(layout)._store.lock.held()


def leftovers(directory):
    return [path.name for path in directory.rglob("*.partial")]


def child(function):
    """Run a function in a process of its own; give its number."""
    number = os.fork()
    if number == 0:
        try:
            function()
            os._exit(0)
        except BaseException as e:
            os.write(2, f"{e!r}\n".encode())
            os._exit(1)
    return number


def ended_well(number):
    return os.waitpid(number, 0)[1] == 0


def push_tags(layout, repository, count, acknowledge=None):
    """Push an image of its own for each tag, and tell when it is there."""

    async def question(registry):
        for number in range(count):
            name = f"{repository}:{number}"
            await push(registry, name, plain_image(name, layers=1))
            if acknowledge is not None:
                os.write(acknowledge, f"{name}\n".encode())

    ask(LayoutRegistry(layout), question)


def check_tags(layout, names):
    """Read all that was promised to be there."""

    async def question(registry):
        for name in names:
            repository, _, tag = name.rpartition(":")
            document = plain_image(name, layers=1)
            manifest = await registry.manifest(repository, tag)
            assert manifest.raw == document.raw
            for entry, blob in zip(manifest.layers, document.layers, strict=True):
                assert await registry.blob(repository, entry) == blob.data

    ask(LayoutRegistry(layout), question)


def killed_writer(layout, repository, chance, *, at_work):
    """Let a process push, kill it, and give the names that it was told are there."""
    reading, writing = os.pipe()
    number = child(lambda: push_tags(layout, repository, 1000, writing))
    os.close(writing)
    first = os.read(reading, 1) if at_work else b""
    time.sleep(chance.uniform(0, 0.04))
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    with os.fdopen(reading, "rb") as file:
        lines = (first + file.read()).decode().splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


def test_the_first_push_makes_the_layout(tmp_path):
    layout = tmp_path / "some" / "where"
    ask(LayoutRegistry(layout), lambda registry: push(registry, "app:1", plain_image("x")))
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((layout / "index.json").read_bytes())["schemaVersion"] == 2
    assert leftovers(layout) == []


def test_a_writer_may_be_killed_at_any_moment(tmp_path):
    chance = random.Random(3)
    promised = []
    for number in range(KILLS):
        # While the layout is made, and while it is written to.
        layout = tmp_path / str(number % 5)
        names = killed_writer(layout, f"round/{number}", chance, at_work=number >= KILLS // 2)
        promised += [(layout, name) for name in names]
    assert len({name.partition(":")[0] for _, name in promised}) >= KILLS // 2
    for layout in {layout for layout, _ in promised}:
        check_tags(layout, [name for place, name in promised if place == layout])
        # And the next writer is not hindered.
        push_tags(layout, "after", 1)
        check_tags(layout, ["after:0"])


def test_processes_that_push_at_once_all_succeed(tmp_path):
    layout = tmp_path / "new"
    writers = [child(lambda n=n: push_tags(layout, f"writer/{n}", 15)) for n in range(3)]
    assert [ended_well(writer) for writer in writers] == [True] * 3
    check_tags(layout, [f"writer/{n}:{tag}" for n in range(3) for tag in range(15)])
    assert leftovers(layout) == []


def test_two_clients_in_one_process_that_push_at_once_both_succeed(tmp_path):
    clients = [LayoutRegistry(tmp_path / "new") for _ in range(2)]

    async def both():
        await asyncio.gather(
            *(
                push(client, f"client/{n}:{tag}", plain_image(f"client/{n}:{tag}", layers=1))
                for n, client in enumerate(clients)
                for tag in range(10)
            )
        )

    asyncio.run(both())
    check_tags(tmp_path / "new", [f"client/{n}:{tag}" for n in range(2) for tag in range(10)])


def test_a_writer_that_waits_too_long_says_for_what(tmp_path, monkeypatch):
    monkeypatch.setattr(layout_lock_file, "_LOCK_SECONDS", 0.1)
    push_tags(tmp_path, "app", 1)
    with (
        other_writer(tmp_path),
        pytest.raises(TransportTimeoutError, match=r"\.ghostnb\.lock"),
    ):
        push_tags(tmp_path, "app", 2)
    push_tags(tmp_path, "app", 2)


def failing_push(kind):
    """Pieces of a blob of 3 MB that fail in one way or another, and the expected error."""
    data = bytes(3 * 2**20)

    async def broken():
        yield data[: 2**21]
        raise ConnectionResetError

    async def too_short():
        yield data[: 2**21]

    return {
        "broken": (broken(), ConnectionResetError),
        "too short": (too_short(), IntegrityError),
        "too long": (pieces_of(data + b"x", 2**20), IntegrityError),
        "changed": (pieces_of(data[:-1] + b"x", 2**20), IntegrityError),
    }[kind], Descriptor("text/plain", Digest.of(data), len(data))


@pytest.mark.parametrize("kind", ["broken", "too short", "too long", "changed"])
def test_a_failed_push_leaves_no_file(tmp_path, kind):
    async def question(registry):
        (pieces, error), descriptor = failing_push(kind)
        with pytest.raises(error):
            await registry.push_blob("team/app", descriptor, lambda first: pieces)

    ask(LayoutRegistry(tmp_path), question)
    assert leftovers(tmp_path) == []
    assert [path for path in tmp_path.glob("blobs/*/*") if path.is_file()] == []


@pytest.mark.parametrize("seed", range(5))
def test_a_push_cancelled_at_any_moment_leaves_no_file(tmp_path, seed):
    data = bytes(8 * 2**20)
    descriptor = Descriptor("text/plain", Digest.of(data), len(data))
    chance = random.Random(seed)

    async def question(registry):
        for _ in range(5):
            push = registry.push_blob("team/app", descriptor, lambda first: pieces_of(data, 2**19))
            task = asyncio.create_task(push)
            await asyncio.sleep(chance.uniform(0, 0.03))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert leftovers(tmp_path) == []

    ask(LayoutRegistry(tmp_path), question)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_an_error_and_leaves_no_file(tmp_path, monkeypatch, call):
    push_tags(tmp_path, "app", 1)
    before = (tmp_path / "index.json").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(ServerError, match="No space left"):
            push_tags(tmp_path, "app", 2)
    assert leftovers(tmp_path) == []
    assert (tmp_path / "index.json").read_bytes() == before


def test_a_large_blob_goes_through_with_bounded_memory(tmp_path):
    block, count = random.Random(1).randbytes(2**16), 800
    size = len(block) * count
    hasher = Digest.of(b"").hasher()
    for _ in range(count):
        hasher.update(block)
    descriptor = Descriptor("text/plain", Digest(f"sha256:{hasher.hexdigest()}"), size)

    async def pieces():
        for _ in range(count):
            yield block

    async def question(registry):
        await registry.push_blob("team/app", descriptor, lambda first: pieces())
        return sum([len(piece) async for piece in registry.open_blob("team/app", descriptor)])

    tracemalloc.start()
    try:
        assert ask(LayoutRegistry(tmp_path), question) == size
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_pushing_does_not_hold_up_the_event_loop(tmp_path):
    gaps = []

    async def watch():
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - started)

    async def question(registry):
        with other_writer(tmp_path):
            watcher = asyncio.create_task(watch())
            pushing = asyncio.create_task(push(registry, "app:1", plain_image("x")))
            await asyncio.sleep(0.2)
            assert not pushing.done()
        await pushing
        watcher.cancel()

    push_tags(tmp_path, "app", 1)
    ask(LayoutRegistry(tmp_path), question)
    assert max(gaps) < 0.1


def test_a_reader_sees_every_tag_while_others_write(tmp_path):
    push_tags(tmp_path, "stable", 5)
    writer = child(lambda: push_tags(tmp_path, "moving", 20))

    async def question(registry):
        seen = 0
        for _ in range(60):
            assert await listed(registry.tags("stable")) == ["0", "1", "2", "3", "4"]
            seen = max(seen, len([one async for one in registry.repositories()]))
            await asyncio.sleep(0.002)

    ask(LayoutRegistry(tmp_path), question)
    assert ended_well(writer)
    check_tags(tmp_path, [f"moving:{n}" for n in range(20)])


def test_a_layout_that_is_just_being_made_is_not_there_yet(tmp_path):
    (tmp_path / ".ghostnb.lock").touch()
    with pytest.raises(NotFoundError, match="There is no OCI image layout"):
        ask(LayoutRegistry(tmp_path), lambda one: one.blob_size("app", Digest.of(b"any")))
