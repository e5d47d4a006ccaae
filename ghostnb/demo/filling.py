"""The sample registry's content, pushed."""

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ghostnb.demo.artifacts import CHARTS, chart, provenance, sbom, signature
from ghostnb.demo.bases import base_releases, hello_releases, python_releases
from ghostnb.demo.images import Document, attestation, image, index
from ghostnb.demo.layers import Layer, pack
from ghostnb.demo.profiles import profiles
from ghostnb.demo.releases import Release
from ghostnb.demo.sources import Source
from ghostnb.demo.teams import team_releases
from ghostnb.registries.content import content_of
from ghostnb.registries.protocol import WritableRegistry

__all__ = ["fill_demo", "sample_releases"]

Sources = tuple[Source, ...]

_SIGNED = frozenset({"team/shop/api", "team/shop/web", "ml/notebook"})
"""Whose latest images have a bill of materials and a signature."""


def sample_releases() -> list[Release]:
    """Give every image that is pushed, in the order of their bases."""
    return [*base_releases(), *python_releases(), *hello_releases(), *team_releases()]


async def fill_demo(registry: WritableRegistry) -> None:
    """Push the sample images and artifacts; to be run on the I/O loop.

    What is there already is pushed again, and so mended.

    Parameters
    ----------
    registry : WritableRegistry
    """
    releases = sample_releases()
    filling = _Filling(registry, await _push_layers(registry, releases))
    repositories = dict.fromkeys(release.repository for release in releases)
    own = ([one for one in releases if one.repository == name] for name in repositories)
    await _all([*map(filling.push_all, own), filling.push_artifacts()])


async def _push_layers(registry: WritableRegistry, releases: list[Release]) -> dict[Sources, Layer]:
    """Pack and push each distinct layer once, on a thread a processor."""
    wanted = {sources: release.repository for release in releases for sources in release.sources}
    packed: dict[Sources, Layer] = {}
    loop = asyncio.get_running_loop()

    async def push(sources: Sources, repository: str) -> None:
        layer = await loop.run_in_executor(pool, pack, sources)
        await registry.push_blob(repository, layer.descriptor, content_of(layer.content))
        packed[sources] = layer.without_content()

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        await _all(push(sources, repository) for sources, repository in wanted.items())
    finally:
        # Who is interrupted does not wait for what is being packed: nobody will want it.
        pool.shutdown(wait=False, cancel_futures=True)
    return packed


@dataclass(frozen=True, slots=True)
class _Filling:
    """Pushes manifests, with what they need besides their layers."""

    registry: WritableRegistry
    layers: Mapping[Sources, Layer]

    async def push_all(self, releases: list[Release]) -> None:
        for release in releases:
            await self.push_release(release)

    async def push_release(self, release: Release) -> None:
        document = self._document(release)
        await self.push(release.repository, document, release.tags)
        if release.repository in _SIGNED and "latest" in release.tags:
            for attach in (sbom, signature):
                await self.push(release.repository, attach(release, document))

    async def push_artifacts(self) -> None:
        for version in CHARTS:
            await self.push("ops/charts/shop", chart(version), (version,))
        for repository, document, tags in profiles():
            await self.push(repository, document, tags)

    async def push(self, repository: str, document: Document, tags: tuple[str, ...] = ()) -> None:
        for child in document.children:
            await self.push(repository, child)
        for blob in document.blobs:
            await self.registry.push_blob(repository, blob.descriptor, content_of(blob.content))
        for tag in tags or ("",):
            await self.registry.push_manifest(
                repository, document.raw, document.media_type, tag=tag
            )

    def _document(self, release: Release) -> Document:
        images = [self._image(release, architecture) for architecture in release.architectures]
        if len(images) == 1 and not release.is_attested:
            return images[0]
        proofs = [_proof(release, one) for one in images] if release.is_attested else []
        return index([*images, *proofs])

    def _image(self, release: Release, architecture: str) -> Document:
        layers = [self.layers[sources] for sources in release.layers_on(architecture)]
        return image(release, architecture, layers)


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do everything at once, or raise the first error when the rest has stopped."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _proof(release: Release, subject: Document) -> Document:
    return attestation(subject, provenance(release, subject))
