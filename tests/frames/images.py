"""Images made by hand, for frames that know no registry."""

from __future__ import annotations

from ghostnb.oci import Descriptor, Digest, HistoryEntry, HistoryStep
from ghostnb.registries.images import Image, Layer

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
WHEN = "2024-06-01T09:30:00.123456789Z"


def digest(number: int) -> Digest:
    return Digest(f"sha256:{number:064x}")


def layer(position: int, number: int, **values) -> Layer:
    given = {
        "diff_id": digest(number + 10**6),
        "media_type": GZIP,
        "size_bytes": 100 + number,
        "created": WHEN,
        "created_by": f"RUN {number}",
    }
    return Layer(position, digest(number), **{**given, **values})


def image(tag: str, layers: tuple[Layer, ...] = (), **values) -> Image:
    size = sum(one.size_bytes for one in layers)
    given = {"registry": "r", "repository": "a/b", "platform": "linux/amd64"}
    number = values.pop("number", sum(map(ord, tag)))
    return Image(
        **{**given, **values},
        tag=tag,
        digest=digest(number),
        media_type="m/t",
        size_bytes=size,
        layers=layers,
    )


def step(number: int | None, **entry) -> HistoryStep:
    """Make a step of a build; without a number, one that made no layer."""
    if number is None:
        return HistoryStep(HistoryEntry(empty_layer=True, **entry), None)
    return HistoryStep(HistoryEntry(**entry), Descriptor(GZIP, digest(number), 100 + number))
