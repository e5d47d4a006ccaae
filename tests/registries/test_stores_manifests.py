"""Registries that list their manifests, and say beforehand whether any may be deleted."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.protocol import ListsManifests
from tests.parts.disks import make_read_only, small_disk
from tests.parts.images import index, plain_image
from tests.registries.conftest import ask, listed, push

NAME = "team/app"
IMAGE, OTHER = plain_image("one"), plain_image("other")
BOTH = index([IMAGE, OTHER])


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ListsManifests:
    if request.param == "memory":
        return MemoryRegistry()
    return LayoutRegistry(tmp_path / "root")


def rows(store, repository: str = NAME) -> list[tuple]:
    found = ask(store, lambda one: listed(one.manifests(repository)))
    return [(one.digest, one.media_type, one.size_bytes, one.tags) for one in found]


def row(document, *tags: str) -> tuple:
    return (document.digest, document.media_type, document.size_bytes, tags)


def test_both_list_their_manifests(store):
    assert isinstance(store, ListsManifests)


def test_manifests_are_listed_with_all_their_tags_or_none(store):
    async def fill(one):
        await push(one, f"{NAME}:v2", IMAGE)
        await push(one, f"{NAME}:v1", IMAGE)
        await push(one, f"{NAME}:", OTHER)
        await push(one, "team/else:v1", OTHER)

    ask(store, fill)
    assert rows(store) == [row(IMAGE, "v1", "v2"), row(OTHER)]
    assert rows(store, "team/else") == [row(OTHER, "v1")]


def test_an_index_and_what_it_holds_are_listed(store):
    ask(store, lambda one: push(one, f"{NAME}:all", BOTH))
    assert set(rows(store)) == {row(IMAGE), row(OTHER), row(BOTH, "all")}


def test_a_repository_that_is_not_there_is_not_empty(store):
    ask(store, lambda one: push(one, f"{NAME}:v1", IMAGE))
    with pytest.raises(NotFoundError, match="team/absent"):
        rows(store, "team/absent")


def test_a_moved_tag_leaves_its_manifest_listed(store):
    async def fill(one):
        await push(one, f"{NAME}:v1", IMAGE)
        await push(one, f"{NAME}:v1", OTHER)

    ask(store, fill)
    assert set(rows(store)) == {row(IMAGE), row(OTHER, "v1")}


def test_what_can_be_written_can_be_deleted_from(store):
    ask(store, lambda one: push(one, f"{NAME}:v1", IMAGE))
    ask(store, lambda one: one.check_deletable(NAME))
    assert rows(store) == [row(IMAGE, "v1")]


def test_a_read_only_layout_says_so_beforehand(tmp_path):
    with small_disk(tmp_path / "disk", 8) as disk:
        registry = LayoutRegistry(disk / "root")
        ask(registry, lambda one: push(one, f"{NAME}:v1", IMAGE))
        make_read_only(disk)
        with pytest.raises(ForbiddenError, match="Read-only"):
            asyncio.run(registry.check_deletable(NAME))


def test_asking_leaves_no_trace_in_a_layout(tmp_path):
    registry = LayoutRegistry(tmp_path / "root")
    ask(registry, lambda one: push(one, f"{NAME}:v1", IMAGE))
    shutil.copytree(tmp_path / "root", tmp_path / "copy")
    (tmp_path / "copy" / ".ghostnb.lock").unlink()
    names = sorted(path.name for path in (tmp_path / "copy").rglob("*"))
    asyncio.run(LayoutRegistry(tmp_path / "copy").check_deletable(NAME))
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == names
