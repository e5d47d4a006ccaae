"""The frames of layers and of history."""

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ghostnb.frames.schema import CATEGORY, COUNT, FLAG, TEXT, TIME, frame_of, parse_times
from ghostnb.registries.images import Image, Layer

__all__ = ["HISTORY", "LAYERS", "LayersTable", "history_frame", "layers_frame"]

LAYERS = {
    "registry": CATEGORY,
    "repository": CATEGORY,
    "tag": CATEGORY,
    "image_digest": CATEGORY,
    "platform": CATEGORY,
    "position": COUNT,
    "digest": CATEGORY,
    "diff_id": CATEGORY,
    "media_type": CATEGORY,
    "size_bytes": COUNT,
    "created": TIME,
    "created_by": CATEGORY,
}
HISTORY = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "image_digest": TEXT,
    "platform": TEXT,
    "position": COUNT,
    "created": TIME,
    "created_by": TEXT,
    "comment": TEXT,
    "empty_layer": FLAG,
    "layer_digest": TEXT,
    "size_bytes": COUNT,
}

_ImageKey = tuple[str, str, str | None, str, str | None]
_LayerKey = tuple[str, str | None, str, int, str | None, str | None]


class LayersTable:
    """Gathers images for a layers frame, without keeping them.

    Notes
    -----
    Most layers are shared by many images. So each distinct layer is kept
    once, an image keeps the numbers of its layers, and the columns are
    expanded at the end: 1,000,000 rows take some 100 MB, where a dictionary
    a row would take 1.5 GB.
    """

    def __init__(self) -> None:
        self._images: list[_ImageKey] = []
        self._counts = array("q")
        self._layers: dict[_LayerKey, int] = {}
        self._codes = array("q")

    def __len__(self) -> int:
        """Count the images, those without layers too."""
        return len(self._images)

    def add(self, image: Image) -> None:
        """Take one image's layers."""
        key = (
            image.registry,
            image.repository,
            image.tag or None,
            str(image.digest),
            image.platform,
        )
        self._append(key, [_layer_key(layer) for layer in image.layers])

    def extend(self, other: "LayersTable") -> None:
        """Take all that another table has, behind what is here."""
        layers = list(other._layers)
        start = 0
        for key, count in zip(other._images, other._counts, strict=True):
            self._append(key, [layers[code] for code in other._codes[start : start + count]])
            start += count

    def frame(self) -> pd.DataFrame:
        """Tabulate what was taken: the frame of `layers_frame`."""
        counts = np.frombuffer(self._counts, dtype=np.int64) if self._counts else _no_numbers()
        codes = np.frombuffer(self._codes, dtype=np.int64) if self._codes else _no_numbers()
        images = np.repeat(np.arange(len(counts)), counts)
        positions = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
        image_columns = _transposed(self._images, 5)
        layer_columns = _transposed(list(self._layers), 6)
        registry, repository, tag, image_digest, platform = image_columns
        digest, diff_id, media_type, size_bytes, created, created_by = layer_columns
        columns: dict[str, Any] = {
            "registry": _category(registry, images),
            "repository": _category(repository, images),
            "tag": _category(tag, images),
            "image_digest": _category(image_digest, images),
            "platform": _category(platform, images),
            "position": _numbers(positions),
            "digest": _category(digest, codes),
            "diff_id": _category(diff_id, codes),
            "media_type": _category(media_type, codes),
            "size_bytes": _numbers(np.array(size_bytes, dtype=np.int64).take(codes)),
            "created": parse_times(created).take(codes),
            "created_by": _category(created_by, codes),
        }
        return pd.DataFrame(columns, columns=list(LAYERS))

    def _append(self, key: _ImageKey, layers: list[_LayerKey]) -> None:
        self._images.append(key)
        self._counts.append(len(layers))
        self._codes.extend(self._layers.setdefault(key, len(self._layers)) for key in layers)


def layers_frame(images: Iterable[Image]) -> pd.DataFrame:
    """Tabulate the layers of images, one row each, from the base up.

    Returns
    -------
    pandas.DataFrame, shape (n_layers, 12)
        registry, repository, tag, image_digest, platform : category of string
        position : Int64, from 0, the base
        digest, diff_id, media_type : category of string; <NA> if unknown
        size_bytes : Int64, compressed bytes
        created : datetime64[ns, UTC]; NaT if unknown
        created_by : category of string, the command that made the layer

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Manifest" and "Image Configuration".
    """
    table = LayersTable()
    for image in images:
        table.add(image)
    return table.frame()


def history_frame(images: Iterable[Image]) -> pd.DataFrame:
    """Tabulate every step of images' builds, those without a layer too.

    Returns
    -------
    pandas.DataFrame, shape (n_steps, 12)
        registry, repository, tag, image_digest, platform : string
        position : Int64, from 0, the first step
        created : datetime64[ns, UTC]; NaT if unknown
        created_by, comment : string; <NA> if unknown
        empty_layer : boolean
        layer_digest : string; <NA> for a step without a layer, or where the
        history does not fit the layers
        size_bytes : Int64, compressed bytes of that layer

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Configuration", ``history``.
    """
    return frame_of(
        HISTORY, [_Step(image, n) for image in images for n in range(len(image.history))]
    )


class _Step:
    """One row of the history frame."""

    def __init__(self, image: Image, position: int) -> None:
        step = image.history[position]
        self.registry = image.registry
        self.repository = image.repository
        self.tag = image.tag or None
        self.image_digest = str(image.digest)
        self.platform = image.platform
        self.position = position
        self.created = step.entry.created
        self.created_by = step.entry.created_by
        self.comment = step.entry.comment
        self.empty_layer = bool(step.entry.empty_layer)
        self.layer_digest = str(step.layer.digest) if step.layer else None
        self.size_bytes = step.layer.size_bytes if step.layer else None


def _layer_key(layer: Layer) -> _LayerKey:
    return (
        str(layer.digest),
        str(layer.diff_id) if layer.diff_id else None,
        layer.media_type,
        layer.size_bytes,
        layer.created,
        layer.created_by,
    )


def _transposed(rows: list[Any], width: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _category(values: tuple[str | None, ...], rows: np.ndarray) -> pd.Categorical:
    """Make a category column of the values that the rows point to."""
    present = [value for value in dict.fromkeys(values) if value is not None]
    numbers: dict[str | None, int] = {value: n for n, value in enumerate(present)}
    codes = np.fromiter((numbers.get(value, -1) for value in values), np.int64, len(values))
    index = pd.Index(present, dtype=TEXT)
    return pd.Categorical.from_codes(codes.take(rows), categories=index)


def _numbers(values: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.astype(np.int64), np.zeros(len(values), dtype=bool))


def _no_numbers() -> np.ndarray:
    return np.empty(0, dtype=np.int64)
