"""Changes of the index that wait for each other, or for another process."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import ServerError, TagMovedError, TransportTimeoutError
from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.layout import lock as locking
from tests.parts.images import artifact, plain_image
from tests.registries.conftest import ask, listed, push
from tests.registries.layout.test_writing import other_writer
from tests.serving import until

NAME = "team/app"
IMAGE = plain_image("one")
# More than a pool of threads has by default.
MANY = 50


@pytest.fixture
def layout(tmp_path):
    ask(LayoutRegistry(tmp_path), lambda one: push(one, f"{NAME}:latest", IMAGE))
    return tmp_path


async def until_waiting(registry, count):
    await until(lambda: len(registry._store._changes._waiting) >= count)


def test_a_lock_that_another_process_holds_stops_no_reading(layout):
    async def question(one):
        def pushed(number):
            return one.push_manifest(NAME, IMAGE.raw, IMAGE.media_type, tag=str(number))

        with other_writer(layout):
            pushes = [asyncio.create_task(pushed(number)) for number in range(MANY)]
            await until_waiting(one, MANY)
            async with asyncio.timeout(5):
                assert (await one.manifest(NAME, "latest")).raw == IMAGE.raw
                await one.upload_size(NAME, await one.begin_upload(NAME))
            assert not any(push.done() for push in pushes)
        assert await asyncio.gather(*pushes) == [IMAGE.digest] * MANY
        assert len(await listed(one.tags(NAME))) == MANY + 1

    ask(LayoutRegistry(layout), question)


def test_a_tag_that_moves_while_its_deletion_waits_stays(layout):
    other = plain_image("another")

    async def question(one):
        await push(one, f"{NAME}:other", other)
        with other_writer(layout):
            moved = asyncio.create_task(
                one.push_manifest(NAME, other.raw, other.media_type, tag="latest")
            )
            await until_waiting(one, 1)
            gone = asyncio.create_task(
                one.delete_tag(NAME, "latest", expected=Digest(IMAGE.digest))
            )
            await until_waiting(one, 2)
        await moved
        with pytest.raises(TagMovedError, match=other.digest):
            await gone
        assert (await one.manifest(NAME, "latest")).raw == other.raw

    ask(LayoutRegistry(layout), question)


def test_what_waits_is_written_at_once(layout):
    registry = LayoutRegistry(layout)
    rewrite, sizes = registry._store.rewrite, []

    def counted(changes):
        sizes.append(len(changes))
        rewrite(changes)

    registry._store._changes._rewrite = counted
    with other_writer(layout):
        written = [registry._store.record(lambda document: None) for _ in range(MANY)]
    for one in written:
        one.result(10)
    assert sizes == [MANY]


def test_a_change_that_fails_takes_no_other_along(layout):
    store = LayoutRegistry(layout)._store

    def fail(document):
        document["manifests"].clear()
        raise ServerError("This one cannot be done.")

    def noting(name):
        return lambda document: document.setdefault(name, True)

    with other_writer(layout):
        good, bad, other = map(store.record, (noting("one"), fail, noting("other")))
    good.result(10)
    other.result(10)
    with pytest.raises(ServerError, match="cannot be done"):
        bad.result(10)
    text = (layout / "index.json").read_text()
    assert '"one":true' in text
    assert '"other":true' in text
    assert IMAGE.digest in text


def test_a_push_that_is_cancelled_while_it_waits_has_ended_when_that_is_told(layout):
    document = artifact("application/x", [])

    async def question(one):
        await push(one, f"{NAME}:", IMAGE)
        lock = other_writer(layout)
        lock.__enter__()
        pushing = asyncio.create_task(push(one, f"{NAME}:late", document))
        await asyncio.sleep(0.2)
        pushing.cancel()
        await asyncio.sleep(0.1)
        assert not pushing.done()
        lock.__exit__(None, None, None)
        with pytest.raises(asyncio.CancelledError):
            await pushing
        assert (await one.manifest(NAME, Digest(document.digest))).raw == document.raw

    ask(LayoutRegistry(layout), question)


def test_who_waits_too_long_is_told_and_who_comes_after_is_served(layout, monkeypatch):
    monkeypatch.setattr(locking, "_LOCK_SECONDS", 0.2)
    store = LayoutRegistry(layout)._store
    with other_writer(layout):
        first = [store.record(lambda document: None) for _ in range(3)]
        for one in first:
            with pytest.raises(TransportTimeoutError, match="held"):
                one.result(10)
    assert store.record(lambda document: None).result(10) is None
