"""An index cut down to the platforms that are wanted."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from ghostnb.errors import InvalidReferenceError, PlatformNotFoundError
from ghostnb.oci import Descriptor, Digest, Index, Manifest, Platform, Reference
from ghostnb.oci.media_types import IMAGE_CONFIGS
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import read_image
from ghostnb.registries.storing import checked_manifest
from ghostnb.transfer.contents import readable

__all__ = ["for_platforms"]

# BuildKit, "Image Attestation Storage": which image an attestation speaks of.
_SPEAKS_OF = "vnd.docker.reference.digest"


async def for_platforms(
    registry: Registry, repository: str, top: Manifest | Index, platforms: Sequence[Platform]
) -> Manifest | Index:
    """Give what is to be copied of an image: all of it, one platform's, or a smaller index.

    One image is left as its own manifest, with the digest that it has in the index. More are an
    index that says what the whole one says, without the others: it has a digest of its own.
    Attestations of what stays stay. What is for no platform (nested indexes, other artifacts)
    stays where there are several.

    Parameters
    ----------
    registry : Registry
    repository : str
    top : Manifest or Index
        A manifest is given back as it is, if its image is for one of them or says for none.
    platforms : sequence of Platform
        Empty: all.

    Raises
    ------
    PlatformNotFoundError
        If it is for none of them.
    NotFoundError
        If the registry lacks what an index names.
    """
    if not platforms:
        return top
    if isinstance(top, Manifest):
        await _check_image(registry, repository, top, platforms)
        return top
    images = [entry for entry in top.images if _is_wanted(entry, platforms)]
    if not images:
        offered = dict.fromkeys(str(entry.platform) for entry in top.images if entry.platform)
        raise _none_of(registry, repository, top, platforms, offered)
    if len(images) == 1:
        found = await registry.manifest(repository, images[0].digest)
        return readable(found, registry, repository)
    kept = {entry.digest for entry in images}
    if len(images) == len(top.images):
        return top
    return _smaller(top, kept, source=f"{repository} in {registry.name}")


def _is_wanted(entry: Descriptor, platforms: Sequence[Platform]) -> bool:
    return entry.platform is not None and any(map(entry.platform.matches, platforms))


def _smaller(top: Index, kept: Collection[Digest], *, source: str) -> Index:
    document: dict[str, Any] = msgspec.json.decode(top.raw)
    document["manifests"] = [
        entry
        for entry, known in zip(document["manifests"], top.manifests, strict=True)
        if known.digest in kept or _speaks_of(known) in kept or known.platform is None
    ]
    made = checked_manifest(msgspec.json.encode(document), top.media_type, source=source)
    assert isinstance(made, Index)  # noqa: S101 (it was one, and has its members)
    return made


def _speaks_of(entry: Descriptor) -> str:
    return (entry.annotations or {}).get(_SPEAKS_OF, "") if entry.is_attestation else ""


async def _check_image(
    registry: Registry, repository: str, top: Manifest, platforms: Sequence[Platform]
) -> None:
    """Raise if an image is for another platform; what is no image is for all."""
    if top.config.media_type not in IMAGE_CONFIGS:
        return
    image = await read_image(registry, Reference("", repository, "", top.digest))
    try:
        platform = Platform.parse(image.platform or "")
    except InvalidReferenceError:
        # A config may name one half of its platform, or neither.
        return
    if not any(map(platform.matches, platforms)):
        raise _none_of(registry, repository, top, platforms, [str(platform)])


def _none_of(
    registry: Registry,
    repository: str,
    top: Manifest | Index,
    platforms: Sequence[Platform],
    offered: Iterable[str],
) -> PlatformNotFoundError:
    return PlatformNotFoundError(
        f"{repository}@{top.digest} in {registry.name} has no image for "
        f"{' or '.join(map(str, platforms))}.",
        hint=f"Its platforms are: {', '.join(offered) or 'none that it names'}.",
        registry=registry.name,
    )
