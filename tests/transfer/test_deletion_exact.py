"""Plans against what the registries' own garbage collections say, on many registries."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer import DeletionPlan
from tests.parts.pushes import write_layout
from tests.parts.standard import STANDARD_IMAGES
from tests.transfer.deleting import (
    TagsOnly,
    actions,
    apply,
    filled,
    garbage,
    generated,
    plan,
    size_on_disk,
    tags,
)

# Every way to say what is to go; made of a registry's tags by chance.
WAYS = ["tags", "digests", "repositories", "untagged", "all at once"]


def request(chance: random.Random, known: dict[str, str], way: str) -> dict[str, Any]:
    """Choose what to delete, and now and then what to protect."""
    few = chance.sample(sorted(known), k=min(len(known), chance.randrange(1, 6)))
    digests = [f"{name.rpartition(':')[0]}@{known[name]}" for name in few]
    places = sorted({name.rpartition(":")[0] for name in few})[:1]
    options: dict[str, Any] = {
        "tags": {"what": few},
        "digests": {"what": digests},
        "repositories": {"repositories": places},
        "untagged": {"untagged": True},
        "all at once": {"what": few, "repositories": places, "untagged": True},
    }[way]
    if chance.random() < 0.4:
        options["protect"] = chance.sample(sorted(known), k=1)
    return options | {"referrers": chance.random() < 0.7}


def judge(registry: Any, wanted: DeletionPlan) -> None:
    """Apply a plan, and see that exactly what it said has happened."""
    before, bytes_before = tags(registry), needed(registry)
    said = actions(wanted)
    assert wanted.frame["bytes_freed"].sum() == wanted.bytes_freed
    apply(wanted)
    assert set(wanted.results["outcome"]) <= {"done"}
    assert bytes_before - needed(registry) == wanted.bytes_freed
    gone = said.get("delete", set()) | said.get("untag", set())
    assert tags(registry) == {name: one for name, one in before.items() if name not in gone}
    assert gone & said.get("keep", set()) == set()
    asyncio.run(all_is_whole(registry))


def needed(registry: Any) -> int:
    """Count the bytes that the registry itself would keep."""
    return asyncio.run(registry.usage())[1] - garbage(registry, dry_run=True)


async def all_is_whole(registry: Any) -> None:
    """Read every manifest that is there and what it holds."""
    async for record in registry.repositories():
        name = record.repository
        async for one in registry.manifests(name):
            manifest = await registry.manifest(name, one.digest)
            for child in getattr(manifest, "manifests", ()):
                await registry.manifest(name, child.digest)
            for layer in getattr(manifest, "layers", ()):
                if not layer.is_foreign:
                    await registry.blob(name, layer)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(40))
def test_in_memory_exactly_what_was_said_happens(seed: int, way: str):
    chance = random.Random(f"{seed} {way}")
    registry = filled(MemoryRegistry(), generated(seed))
    judge(registry, plan(registry, **request(chance, tags(registry), way)))


@pytest.mark.parametrize("seed", range(12))
def test_on_disk_exactly_the_bytes_that_were_said_are_freed(seed: int, tmp_path: Path):
    chance = random.Random(seed)
    registry = filled(LayoutRegistry(tmp_path / "root"), generated(seed))
    way = chance.choice(WAYS)
    wanted = plan(registry, **request(chance, tags(registry), way))
    garbage(registry)
    before = size_on_disk(registry)
    judge(registry, wanted)
    assert garbage(registry) == wanted.bytes_freed
    assert before - size_on_disk(registry) == wanted.bytes_freed


@pytest.mark.parametrize("seed", range(20))
def test_what_is_untagged_is_what_garbage_collection_finds(seed: int):
    collected = filled(MemoryRegistry(), generated(seed))
    registry = filled(MemoryRegistry(), generated(seed))
    before = asyncio.run(collected.usage())[1]
    garbage(collected, untagged=True)
    # With them, a signature goes whose tag is made of a digest that goes.
    wanted = plan(registry, untagged=True, referrers=False)
    assert wanted.bytes_freed == before - asyncio.run(collected.usage())[1]


@pytest.mark.parametrize("name", sorted(STANDARD_IMAGES))
def test_every_image_of_the_standard_set(name: str, tmp_path: Path):
    registry = filled(LayoutRegistry(tmp_path / "root"), STANDARD_IMAGES)
    before = size_on_disk(registry)
    wanted = plan(registry, name)
    judge(registry, wanted)
    assert garbage(registry) == wanted.bytes_freed
    assert before - size_on_disk(registry) == wanted.bytes_freed


def test_all_of_the_standard_set(tmp_path: Path):
    registry = filled(LayoutRegistry(tmp_path / "root"), STANDARD_IMAGES)
    everything = {name.rpartition(":")[0] for name in STANDARD_IMAGES}
    wanted = plan(registry, repositories=everything)
    assert wanted.bytes_freed == size_on_disk(registry)
    judge(registry, wanted)
    garbage(registry)
    assert size_on_disk(registry) == 0


@pytest.mark.parametrize(
    ("going", "frees"),
    # The nested index holds the other.
    [("multi", False), ("nested", True), ("multi nested", True), ("multi one", False)],
)
def test_a_layout_of_others_names_only_what_has_a_tag(going: str, frees: bool, tmp_path: Path):
    images = {name: STANDARD_IMAGES[f"team/{name}:latest"] for name in ("multi", "nested")}
    images["one"] = images["multi"].children[0]
    registry = LayoutRegistry(write_layout(tmp_path / "apps", images))
    before = size_on_disk(registry)
    wanted = plan(registry, [f"apps:{tag}" for tag in going.split()])
    judge(registry, wanted)
    assert garbage(registry) == wanted.bytes_freed
    assert (wanted.bytes_freed > 0) == frees
    assert before - size_on_disk(registry) == wanted.bytes_freed


@pytest.mark.parametrize("seed", range(20))
def test_without_a_list_of_manifests_tags_are_treated_alike(seed: int):
    chance = random.Random(seed)
    images = {name: one for name, one in generated(seed).items() if ":_" not in name}
    known = tags(filled(MemoryRegistry(), images))
    options = request(chance, known, "tags")
    listing = plan(filled(MemoryRegistry("one"), images), **options)
    blind = plan(filled(TagsOnly("one"), images), **options)
    assert blind.frame.equals(listing.frame)
    assert any("untagged" in note for note in blind.notes)
