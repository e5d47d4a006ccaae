"""What a registry's tags point to."""

from __future__ import annotations

from ghostnb import run
from ghostnb.registries.protocol import Registry


def digests_by_tag(registry: Registry) -> dict[str, list[str]]:
    """Give for every tag its digest, and those of what is attached to it."""
    return run(_digests(registry))


async def _digests(registry: Registry) -> dict[str, list[str]]:
    found = {}
    async for record in registry.repositories():
        async for tag in registry.tags(record.repository):
            digest = (await registry.manifest(record.repository, tag)).digest
            attached = await registry.referrers(record.repository, digest)
            others = sorted(entry.digest for entry in attached)
            found[f"{record.repository}:{tag}"] = [digest, *others]
    return found
