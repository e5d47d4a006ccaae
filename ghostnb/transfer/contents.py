"""What belongs to an image: its manifests, and the blobs that they name."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from ghostnb.errors import NotFoundError, ProtocolError, UnsupportedError
from ghostnb.oci import AnyManifest, Descriptor, Index, Manifest, SchemaOneManifest
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.protocol import Registry
from ghostnb.registries.verify import check_length

__all__ = ["MAX_NESTING", "blobs_of", "manifests_of", "named_manifest", "readable", "too_deep"]

# Deeper than any builder nests, shallow enough for a hostile registry.
MAX_NESTING = 8


def readable(manifest: AnyManifest, registry: Registry, repository: str) -> Manifest | Index:
    """Give a manifest back, unless it is one whose content is not read.

    Raises
    ------
    UnsupportedError
        If it is a Docker schema 1 image.
    """
    if isinstance(manifest, SchemaOneManifest):
        raise UnsupportedError(
            f"{repository} in {registry.name} holds a Docker schema 1 image, which is not saved.",
            hint="Pull and push it again with a Docker of 2017 or newer.",
            registry=registry.name,
        )
    return manifest


async def manifests_of(
    registry: Registry, repository: str, top: Manifest | Index
) -> AsyncGenerator[Manifest | Index]:
    """Iterate over a manifest and all that it leads to, each once, level by level.

    Attestations and other artifacts in an index belong to it.

    Parameters
    ----------
    registry : Registry
    repository : str
    top : Manifest or Index

    Yields
    ------
    Manifest or Index

    Raises
    ------
    NotFoundError
        If an index names what is not there.
    ProtocolError
        If indexes nest deeper than they ever should.
    IntegrityError
        If a manifest has another size than its index says.
    """

    async def read(entry: Descriptor) -> Manifest | Index:
        return await named_manifest(registry, repository, entry)

    yield top
    seen, level = {top.digest}, list(_entries([top]))
    for _ in range(MAX_NESTING):
        fresh = {entry.digest: entry for entry in level if entry.digest not in seen}
        seen.update(fresh)
        level = []
        reads = ordered_map(read, fresh.values(), workers=registry.concurrency)
        async with aclosing(reads) as found:
            async for manifest in found:
                yield manifest
                level += _entries([manifest])
        if not level:
            return
    raise too_deep(registry, repository)


async def named_manifest(
    registry: Registry, repository: str, entry: Descriptor
) -> Manifest | Index:
    """Read a manifest that another one names.

    Raises
    ------
    NotFoundError
        If it is not there; naming its platform.
    IntegrityError
        If it has another size than the other one says.
    """
    found = await _manifest(registry, repository, entry)
    check_length(found.raw, entry, source=f"{repository} in {registry.name}")
    return readable(found, registry, repository)


def too_deep(registry: Registry, repository: str) -> ProtocolError:
    """Make the error for what has no end that anybody made on purpose."""
    return ProtocolError(
        f"{repository} in {registry.name} nests indexes, or what is attached to what, deeper "
        f"than {MAX_NESTING}.",
        registry=registry.name,
    )


def blobs_of(manifest: Manifest | Index) -> list[Descriptor]:
    """List the config and layers that are in the registry: those of foreign layers are not."""
    if isinstance(manifest, Index):
        return []
    return [blob for blob in (manifest.config, *manifest.layers) if not blob.is_foreign]


def _entries(manifests: Iterable[Manifest | Index]) -> Iterable[Descriptor]:
    for manifest in manifests:
        if isinstance(manifest, Index):
            yield from manifest.manifests


async def _manifest(registry: Registry, repository: str, entry: Descriptor) -> AnyManifest:
    try:
        return await registry.manifest(repository, entry.digest)
    except NotFoundError as e:
        which = f" for {entry.platform}" if entry.platform else ""
        raise NotFoundError(
            f"An index of {repository} in {registry.name} names {entry.digest}{which}, "
            "which is not there.",
            hint="Mirrors may leave platforms out: save one that is there, such as "
            "platform='linux/amd64'.",
            registry=registry.name,
            status=e.status,
        ) from e
