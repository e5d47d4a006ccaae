"""Inventories in a few words: layers by name, with their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ghostnb.frames import layers_frame
from ghostnb.oci import Digest
from ghostnb.registries.images import Image, Layer

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SIZES = {"base": 1000, "python": 300, "app": 50, "assets": 20, "empty": 32, "windows": 4000}


@dataclass(frozen=True)
class Named:
    """A layer by name; its size is that of `SIZES` unless another is given."""

    name: str
    size_bytes: int | None = None
    media_type: str = GZIP
    created: str | None = "2026-01-01T00:00:00Z"


def image(
    name: str,
    layers: Sequence[str | Named],
    *,
    registry: str = "a",
    platform: str | None = "linux/amd64",
    digest: str | None = None,
) -> Image:
    """Make an image, ``repository:tag``; of another content unless its digest's name is given."""
    repository, _, tag = name.partition(":")
    named = [one if isinstance(one, Named) else Named(one) for one in layers]
    content = digest or f"{[one.name for one in named]} {platform}"
    return Image(
        registry,
        repository,
        tag,
        Digest.of(content.encode()),
        "application/vnd.oci.image.manifest.v1+json",
        0,
        platform=platform,
        layers=tuple(_layer(position, one) for position, one in enumerate(named)),
    )


def inventory(*images: Image) -> pd.DataFrame:
    return layers_frame(images)


def digest_of(name: str) -> str:
    """Give a layer's digest."""
    return str(Digest.of(name.encode()))


def _layer(position: int, one: Named) -> Layer:
    size = SIZES[one.name] if one.size_bytes is None else one.size_bytes
    diff_id = Digest.of(b"plain " + one.name.encode())
    return Layer(
        position,
        Digest.of(one.name.encode()),
        diff_id,
        one.media_type,
        size,
        one.created,
        f"ADD {one.name}",
    )
