"""An inventory as numbers: which image, in its place, names which content."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from ghostnb.analysis.codes import MOST, Codes, combined, dense
from ghostnb.frames import LAYERS
from ghostnb.frames.schema import checked_frame
from ghostnb.oci.media_types import is_foreign

__all__ = ["PLACE", "Ledger", "are", "checked_inventory", "stored_sizes"]

# What makes one image in one place.
PLACE = ("registry", "repository", "tag", "image_digest")


@dataclass(frozen=True, slots=True)
class Ledger:
    """Whose bytes a registry keeps, of the rows of an inventory.

    Attributes
    ----------
    is_stored : numpy.ndarray of bool
        One a row of the inventory: False for a foreign layer, whose bytes are in no registry.
    images : numpy.ndarray of int64
        One a stored row: equal where the image is, in its registry, repository and tag.
    blobs : numpy.ndarray of int64
        One a stored row: equal where a registry keeps the content once.
    sizes : numpy.ndarray of int64
        Bytes of each blob.
    """

    is_stored: npt.NDArray[np.bool_]
    images: Codes
    blobs: Codes
    sizes: Codes

    @classmethod
    def of(cls, inventory: pd.DataFrame, *, across: bool = False) -> Self:
        """Read an inventory.

        Parameters
        ----------
        inventory : pandas.DataFrame
            As `ghostnb.frames.layers_frame` makes it.
        across : bool
            Count content that several registries have as if one kept it for all.

        Notes
        -----
        Where rows disagree about the size of a blob, the largest counts.
        """
        is_stored = ~are(is_foreign, inventory["media_type"])
        names = ["digest"] if across else ["registry", "digest"]
        blobs, count = dense(*combined([inventory[name] for name in names], len(inventory)))
        images, image_count = combined([inventory[name] for name in PLACE], len(inventory))
        if image_count > MOST // count:
            images, _ = dense(images, image_count)
        named = inventory["size_bytes"].fillna(0).to_numpy(dtype=np.int64)
        if not is_stored.all():
            images, blobs, named = images[is_stored], blobs[is_stored], named[is_stored]
        sizes = np.zeros(count, dtype=np.int64)
        sizes[blobs] = named
        if (sizes[blobs] != named).any():
            np.maximum.at(sizes, blobs, named)
        return cls(is_stored, images, blobs, sizes)

    def shares(self) -> npt.NDArray[np.float64]:
        """Give what each row pays of its blob, which all images that name it pay alike."""
        count = len(self.sizes)
        keys = self.images * count + self.blobs
        ordered = np.sort(keys)
        if (ordered[1:] != ordered[:-1]).all():
            named = np.bincount(self.blobs, minlength=count)
            return self.sizes[self.blobs] / named[self.blobs]
        # An image that names a blob twice pays once for it.
        pairs, _ = pd.factorize(keys)
        each = 1 / np.bincount(pairs)[pairs]
        named = np.bincount(self.blobs, weights=each, minlength=count)
        return self.sizes[self.blobs] * each / named[self.blobs]


def checked_inventory(inventory: pd.DataFrame) -> pd.DataFrame:
    """Give an inventory back; anything else is the caller's mistake.

    Raises
    ------
    TypeError, ValueError
        If it is no frame, or lacks columns.
    """
    wanted = "A layers frame is wanted, such as that of registry.inventory()"
    return checked_frame(inventory, LAYERS, wanted)


def stored_sizes(inventory: pd.DataFrame) -> Codes:
    """Give the bytes that a registry keeps of each row: none of a foreign layer."""
    sizes = inventory["size_bytes"].fillna(0).to_numpy(dtype=np.int64)
    return np.where(are(is_foreign, inventory["media_type"]), 0, sizes)


def are(kind: Callable[[str], bool], media_types: pd.Series) -> npt.NDArray[np.bool_]:
    """Say of each row whether its media type is of a kind; what is unknown is of none.

    Parameters
    ----------
    kind : callable
        Asked once for each that differs.
    media_types : pandas.Series
    """
    values = media_types.astype("category").cat
    found = np.array([*map(kind, values.categories), False])
    return found[values.codes.to_numpy()]
