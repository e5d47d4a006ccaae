"""A layout as it is made: nobody meets half of one, and one that was cut off is made on."""

import asyncio
import os
import threading

import pytest

from ghostnb.errors import NotFoundError, ProtocolError
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.layout.files import LayoutFiles
from ghostnb.registries.layout.index import empty_index
from tests.parts.images import plain_image
from tests.registries.conftest import ask, listed, push


@pytest.mark.parametrize("left", [(".ghostnb.lock",), (".ghostnb.lock", "index.json")])
def test_one_that_was_cut_off_is_none_yet_and_is_made_on(tmp_path, left):
    for name in left:
        (tmp_path / name).write_bytes(empty_index() if name == "index.json" else b"")

    async def question(registry):
        assert not await registry.check_usable()
        with pytest.raises(NotFoundError):
            await registry.ping()
        await push(registry, "app:1", plain_image("x"))
        assert await registry.check_usable()
        assert await listed(registry.tags("app")) == ["1"]

    ask(LayoutRegistry(tmp_path), question)


def test_an_index_that_is_somebody_elses_stays_alone(tmp_path):
    (tmp_path / "index.json").write_text('{"mine": true}')

    async def question(registry):
        with pytest.raises(ProtocolError, match="holds other files"):
            await registry.check_usable()
        with pytest.raises(ProtocolError, match="holds other files"):
            await push(registry, "app:1", plain_image("x"))

    ask(LayoutRegistry(tmp_path), question)
    assert os.listdir(tmp_path) == ["index.json"]


def test_who_reads_meanwhile_finds_none_or_a_whole_one(tmp_path, monkeypatch):
    written, go_on = threading.Event(), threading.Event()
    replace = LayoutFiles.replace

    def slow(self, content, *parts):
        replace(self, content, *parts)
        written.set()
        assert go_on.wait(20)

    monkeypatch.setattr(LayoutFiles, "replace", slow)

    async def question(registry):
        making = asyncio.create_task(registry.make())
        await asyncio.to_thread(written.wait, 20)
        # One of the two files is there.
        with pytest.raises(NotFoundError):
            await LayoutRegistry(tmp_path / "new").ping()
        go_on.set()
        await making
        await registry.ping()

    ask(LayoutRegistry(tmp_path / "new"), question)
