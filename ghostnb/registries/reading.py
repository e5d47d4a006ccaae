"""What can be read from any registry by manifests and configs alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from ghostnb.errors import (
    GhostnbError,
    InvalidReferenceError,
    NotFoundError,
    PlatformNotFoundError,
    ProtocolError,
    UnsupportedError,
)
from ghostnb.oci import (
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    Reference,
    SchemaOneManifest,
    parse_config,
)
from ghostnb.registries.images import Image, assemble_image
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import TagRecord

__all__ = ["images_of", "read_image", "read_images", "read_tag"]

# Deeper than any builder nests, shallow enough for a hostile registry.
_MAX_NESTING = 8
# How many of an index's images are read at once; bounds what is held in memory.
_BATCH = 8

ErrorHandler = Callable[[GhostnbError], None]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An image of a tag: already read, or an index's entry that leads to it."""

    entry: Descriptor | None = None
    manifest: Manifest | None = None

    @property
    def platform(self) -> Platform | None:
        return self.entry.platform if self.entry else None


async def read_image(
    registry: Registry, reference: Reference, platform: Platform | None = None
) -> Image:
    """Read one image.

    Parameters
    ----------
    registry : Registry
    reference : Reference
    platform : Platform, optional
        Which of an index. By default this machine's, else linux/amd64, else
        the first.

    Returns
    -------
    Image

    Raises
    ------
    NotFoundError
        If there is no such image, or not for that platform.
    UnsupportedError
        If it is a Docker schema 1 image.
    """
    top = await registry.manifest(reference.repository, reference.locator)
    leaves = await _leaves(registry, reference, top)
    offered = _platforms(leaves) or ()
    for leaf in _by_preference(leaves, platform):
        image = await _read_leaf(registry, reference, leaf, _platforms(leaves))
        if platform is None or _runs_on(image, platform):
            return image
        offered += tuple(name for name in image.platforms if name not in offered)
    raise _no_such_platform(registry, reference, offered, platform)


async def read_images(
    registry: Registry, reference: Reference, platform: Platform | None = None
) -> AsyncIterator[Image]:
    """Iterate over the images of a reference: one a platform of an index.

    Parameters
    ----------
    registry : Registry
    reference : Reference
    platform : Platform, optional
        Only this one.

    Yields
    ------
    Image

    Raises
    ------
    NotFoundError
        If there is no such image, or not for that platform.
    UnsupportedError
        If it is a Docker schema 1 image.
    """
    if platform is not None:
        yield await read_image(registry, reference, platform)
        return
    top = await registry.manifest(reference.repository, reference.locator)
    async for image in images_of(registry, reference, top):
        yield image


async def images_of(
    registry: Registry,
    reference: Reference,
    top: AnyManifest,
    *,
    on_error: ErrorHandler | None = None,
) -> AsyncIterator[Image]:
    """Iterate over the images that a manifest or index leads to, in its order.

    One that several entries lead to, for one platform, comes once.

    Parameters
    ----------
    registry : Registry
    reference : Reference
        What `top` was read by.
    top : Manifest, Index or SchemaOneManifest
    on_error : callable, optional
        Takes the error of an image or nested index that cannot be read (an
        index may name what was never pushed), and the others go on. Without
        it the first such error is raised.

    Yields
    ------
    Image
    """
    leaves = await _leaves(registry, reference, top, on_error)
    platforms = _platforms(leaves)
    seen: set[tuple[Digest, str | None]] = set()
    for start in range(0, len(leaves), _BATCH):
        batch = leaves[start : start + _BATCH]
        reads = [_read_leaf(registry, reference, leaf, platforms) for leaf in batch]
        for outcome in await _gather(reads):
            if isinstance(outcome, Image):
                key = outcome.digest, outcome.platform
                if key not in seen:
                    seen.add(key)
                    yield outcome
            elif on_error is not None and isinstance(outcome, GhostnbError):
                on_error(outcome)
            else:
                raise outcome


async def read_tag(
    registry: Registry, repository: str, tag: str, digest: Digest | None = None
) -> TagRecord:
    """Read all that manifests and configs tell of a tag.

    Parameters
    ----------
    registry : Registry
    repository, tag : str
    digest : Digest, optional
        That the tag is known to lead to.

    Returns
    -------
    TagRecord
        For an index, `size_bytes` counts each layer of its platforms once and
        `created` is that of its first image. Images that the index names and
        that were never pushed take no place in the registry, and do not count.

    Raises
    ------
    NotFoundError
        If there is no such tag.
    ProtocolError
        If what is there is not whole.
    """
    top = await registry.manifest(repository, digest or tag)
    record = TagRecord(registry.name, repository, tag, top.digest, top.media_type)
    if isinstance(top, SchemaOneManifest):
        return record
    reference = Reference("", repository, tag)
    found = images_of(registry, reference, top, on_error=_pass_over_missing)
    images = [image async for image in found]
    stored = {layer.digest: layer.size_bytes for image in images for layer in image.stored_layers}
    return replace(
        record,
        size_bytes=sum(stored.values()),
        created=next((image.created for image in images if image.created), None),
        platforms=tuple(dict.fromkeys(image.platform for image in images if image.platform))
        or None,
    )


def _pass_over_missing(error: GhostnbError) -> None:
    if not isinstance(error, NotFoundError):
        raise error


async def _gather(reads: list) -> list[Image | BaseException]:
    """Run all; if this is cancelled, cancel them."""
    if len(reads) == 1:
        # Most tags have one image: it needs no task of its own.
        try:
            return [await reads[0]]
        except GhostnbError as e:
            return [e]
    return await asyncio.gather(*reads, return_exceptions=True)


async def _leaves(
    registry: Registry,
    reference: Reference,
    top: AnyManifest,
    on_error: ErrorHandler | None = None,
    depth: int = 0,
) -> list[_Leaf]:
    if isinstance(top, Manifest):
        return [_Leaf(manifest=top)]
    if isinstance(top, SchemaOneManifest):
        raise _schema_one(registry, reference)
    if depth == _MAX_NESTING:
        raise ProtocolError(
            f"{reference} in {registry.name} nests indexes deeper than {_MAX_NESTING}.",
            registry=registry.name,
        )
    leaves: list[_Leaf] = []
    for entry in top.images:
        if not entry.is_index:
            leaves.append(_Leaf(entry=entry))
            continue
        try:
            nested = await registry.manifest(reference.repository, entry.digest)
            leaves += await _leaves(registry, reference, nested, on_error, depth + 1)
        except GhostnbError as e:
            if on_error is None:
                raise
            on_error(e)
    return leaves


async def _read_leaf(
    registry: Registry, reference: Reference, leaf: _Leaf, platforms: tuple[str, ...] | None
) -> Image:
    manifest: AnyManifest | None = leaf.manifest
    if manifest is None and leaf.entry is not None:
        manifest = await registry.manifest(reference.repository, leaf.entry.digest)
    if isinstance(manifest, Index):
        raise ProtocolError(
            f"{reference} in {registry.name} names the index {manifest.digest} as an image.",
            hint="Whoever built it may build it again: its index is wrong.",
            registry=registry.name,
        )
    if not isinstance(manifest, Manifest):
        raise _schema_one(registry, reference)
    config, raw = None, b""
    if manifest.is_image:
        raw = await _raw_config(registry, reference, manifest)
        config = parse_config(raw, source=f"The config of {reference} in {registry.name}")
    return assemble_image(
        registry.name,
        reference,
        manifest,
        config,
        platform=leaf.platform,
        platforms=platforms,
        raw_config=raw,
    )


async def _raw_config(registry: Registry, reference: Reference, manifest: Manifest) -> bytes:
    try:
        return await registry.blob(reference.repository, manifest.config)
    except NotFoundError as e:
        # An index may name what was left out of a mirror; a manifest without its config is
        # damaged, and must not pass for an image that is not there.
        raise ProtocolError(
            f"{reference} in {registry.name} names the config {manifest.config.digest}, "
            "which is not there.",
            hint="Push it again: without its config no image can be run.",
            registry=registry.name,
        ) from e


def _platforms(leaves: list[_Leaf]) -> tuple[str, ...] | None:
    names = tuple(dict.fromkeys(str(leaf.platform) for leaf in leaves if leaf.platform))
    return names or None


def _by_preference(leaves: list[_Leaf], platform: Platform | None) -> list[_Leaf]:
    """Put first what is most likely wanted; leave out what is known to be for another platform."""
    if platform is not None:
        return [leaf for leaf in leaves if not leaf.platform or leaf.platform.matches(platform)]
    wanted = (Platform.default(), Platform("amd64", "linux"))

    def rank(leaf: _Leaf) -> int:
        matches = [bool(leaf.platform and leaf.platform.matches(one)) for one in wanted]
        return matches.index(True) if True in matches else len(wanted)

    return sorted(leaves, key=rank)


def _runs_on(image: Image, platform: Platform) -> bool:
    try:
        return Platform.parse(image.platform or "").matches(platform)
    except InvalidReferenceError:
        # A config may name one half of its platform, or neither.
        return False


def _no_such_platform(
    registry: Registry, reference: Reference, offered: tuple[str, ...], platform: Platform | None
) -> PlatformNotFoundError:
    wanted = f"no image for {platform}" if platform else "no image"
    return PlatformNotFoundError(
        f"{reference} in {registry.name} has {wanted}.",
        hint=f"Its platforms are: {', '.join(offered) or 'none that it names'}.",
        registry=registry.name,
    )


def _schema_one(registry: Registry, reference: Reference) -> UnsupportedError:
    return UnsupportedError(
        f"{reference} in {registry.name} is a Docker schema 1 image, which is not read.",
        hint="Pull and push it again with a Docker of 2017 or newer.",
        registry=registry.name,
    )
