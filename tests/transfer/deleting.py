"""Registries from which something is deleted, and an independent judge of what is there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ghostnb.errors import UnsupportedError
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer import DeletionPlan, plan_deletion
from tests.parts.images import Document, Step, artifact, image, index
from tests.parts.layers import layer_of
from tests.registries.conftest import push


class TagsOnly(MemoryRegistry):
    """Lists no untagged manifests, as registries over HTTP do."""

    manifests: Any = None


class Unlisted(TagsOnly):
    """Does not list its repositories either, as Docker Hub does not."""

    async def repositories(self, namespace: str | None = None) -> AsyncIterator[Any]:
        raise UnsupportedError(f"{self.name} lists no repositories.")
        yield


def filled(registry: Any, images: Mapping[str, Document]) -> Any:
    """Push documents: ``REPOSITORY:TAG``, or ``REPOSITORY:_…`` for one without a tag."""

    async def work() -> None:
        for name, document in images.items():
            repository, _, tag = name.rpartition(":")
            await push(registry, f"{repository}:{'' if tag.startswith('_') else tag}", document)

    asyncio.run(work())
    return registry


def plan(registry: Any, *args: Any, **options: Any) -> DeletionPlan:
    return asyncio.run(plan_deletion(registry, *args, **options))


def apply(plan: DeletionPlan) -> None:
    asyncio.run(plan.apply())
    assert plan.is_done


def rows(plan: DeletionPlan) -> list[tuple[str, str, str]]:
    """Give action, name and bytes-free reason of each row."""
    frame = plan.frame
    names = frame["repository"] + frame["tag"].radd(":").fillna("@" + frame["digest"])
    return list(zip(frame["action"], names, frame["reason"], strict=True))


def actions(plan: DeletionPlan) -> dict[str, set[str]]:
    """Give the names of tags, and of manifests without any, by what becomes of them."""
    found: dict[str, set[str]] = {}
    for action, name, _ in rows(plan):
        found.setdefault(action, set()).add(name)
    return found


def tags(registry: Any) -> dict[str, str]:
    """Read what every tag points to."""

    async def work() -> dict[str, str]:
        names = [one.repository async for one in registry.repositories()]
        return {
            f"{name}:{tag}": (await registry.manifest(name, tag)).digest
            for name in names
            async for tag in registry.tags(name)
        }

    return asyncio.run(work())


def garbage(registry: Any, **options: Any) -> int:
    """Ask the registry itself how many bytes nothing needs."""
    report = asyncio.run(registry.collect_garbage(grace_seconds=0, **options))
    return report.bytes_freed


def size_on_disk(registry: LayoutRegistry) -> int:
    root = Path(registry.url.removeprefix("oci:"))
    return sum(path.stat().st_size for path in (root / "blobs").rglob("*") if path.is_file())


def generated(seed: int) -> dict[str, Document]:
    """Make up a registry: shared layers, shared and nested indexes, attachments of attachments."""
    chance = random.Random(seed)
    layers = [layer_of(f"pool-{n}", size_bytes=100 + 37 * n) for n in range(6)]
    made: list[Document] = []
    for number in range(chance.randrange(3, 7)):
        steps = [Step(f"RUN {number}", one) for one in chance.choices(layers, k=3)]
        made.append(image(steps, annotations={"n": str(number)}))
    for number in range(chance.randrange(4)):
        made.append(index(chance.sample(made, k=2), annotations={"n": str(number)}))
    for number in range(chance.randrange(5)):
        subject, parts = chance.choice(made), chance.sample(layers, k=chance.randrange(2))
        made.append(artifact(f"application/x-{number}", parts, subject=subject))
    return {
        f"team/r{where}:{name}": document
        for where in range(3)
        for document in made
        if chance.random() < 0.6
        for name in names(chance, document)
    }


def names(chance: random.Random, document: Document) -> list[str]:
    """Give tags for a document, perhaps none: what is attached has mostly none, or a fallback."""
    short = document.digest[-8:]
    if document.subject and chance.random() < 0.8:
        fallback = document.subject.replace(":", "-")
        return [chance.choice([f"_{short}", f"{fallback}.sig", fallback])]
    return (
        [f"_{short}"]
        if chance.random() < 0.2
        else [f"t{short}-{n}" for n in range(chance.randrange(1, 4))]
    )


def as_frame(*names: str) -> pd.DataFrame:
    """Make a frame of tags."""
    pairs = [name.rpartition(":")[::2] for name in names]
    return pd.DataFrame(pairs, columns=["repository", "tag"]).astype("string")


def counted(registry: Any, method: str) -> list[str]:
    """Note the repositories that a method is called with."""
    calls: list[str] = []
    real: Callable[..., Any] = getattr(registry, method)

    def called(repository: str, *more: Any) -> Any:
        calls.append(repository)
        return real(repository, *more)

    setattr(registry, method, called)
    return calls
