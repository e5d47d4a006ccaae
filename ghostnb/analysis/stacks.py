"""Images as stacks of layers, of which many begin alike."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import Codes, codes_of
from ghostnb.analysis.groups import Groups
from ghostnb.analysis.ledger import PLACE, are, stored_sizes
from ghostnb.oci.media_types import is_image_layer

__all__ = ["IMAGE", "Stacks"]

IMAGE = (*PLACE, "platform")


@dataclass(frozen=True, slots=True)
class Stacks:
    """Every stack of an inventory, also those that only others begin with. Number 0 is empty.

    Attributes
    ----------
    images : pandas.DataFrame
        Those whose layers' files are known, one row each: registry, repository, tag,
        image_digest, platform, created (of the last layer that says so), size_bytes.
    tops : numpy.ndarray of int64
        Of each image: the number of its stack.
    parents, depths, sizes : numpy.ndarray of int64
        Of each stack: the one below its last layer (-1 for the empty one), how many layers,
        and how many bytes; foreign ones count for none.
    """

    images: pd.DataFrame
    tops: Codes
    parents: Codes
    depths: Codes
    sizes: Codes

    @classmethod
    def of(cls, inventory: pd.DataFrame) -> Self:
        """Stack the layers of each image of an inventory.

        Notes
        -----
        Layers are the same if what they hold is, uncompressed (``diff_id``): a registry or a
        builder may have compressed it anew. Source: OCI image-spec v1.1, "Image Configuration".
        """
        groups = Groups.of(inventory, IMAGE)
        is_content = inventory["diff_id"].notna() & are(is_image_layer, inventory["media_type"])
        is_unknown = np.zeros(len(groups), dtype=bool)
        is_unknown[groups.codes[~is_content.to_numpy()]] = True
        is_known = ~is_unknown[groups.codes]
        images = groups.codes[is_known]
        rows = inventory[is_known]
        order = np.lexsort([rows["position"].to_numpy(dtype=np.int64), images])
        images, rows = images[order], rows.iloc[order]
        tops, parents, depths, sizes = _stacked(images, rows, len(groups))
        table = groups.keys.astype("string")
        created = rows["created"].groupby(images).max()
        table["created"] = created.reindex(range(len(groups))).array
        table["size_bytes"] = sizes[tops]
        kept = np.flatnonzero(np.bincount(images, minlength=len(groups)))
        return cls(table.iloc[kept].reset_index(drop=True), tops[kept], parents, depths, sizes)

    def nearest(self, is_wanted: np.ndarray) -> Codes:
        """Give for each stack the largest wanted one that it begins with; -1 if there is none.

        Parameters
        ----------
        is_wanted : numpy.ndarray of bool
            One a stack.
        """
        found = np.where(is_wanted, np.arange(len(self.parents)), -1)
        for depth in range(1, int(self.depths.max(initial=0)) + 1):
            level = np.flatnonzero((self.depths == depth) & (found < 0))
            found[level] = found[self.parents[level]]
        return found


def _stacked(images: Codes, rows: pd.DataFrame, count: int) -> tuple[Codes, Codes, Codes, Codes]:
    """Go up layer by layer, in all images at once."""
    contents, content_count = codes_of(rows["diff_id"])
    layer_sizes = stored_sizes(rows)
    starts = np.searchsorted(images, np.arange(count))
    heights = np.bincount(images, minlength=count)
    tops = np.zeros(count, dtype=np.int64)
    parents, sizes = [np.array([-1])], [np.array([0])]
    depths, known = [np.array([0])], 1
    for depth in range(1, int(heights.max(initial=0)) + 1):
        higher = np.flatnonzero(heights >= depth)
        places = starts[higher] + depth - 1
        below = tops[higher]
        numbers, first = _numbered(below * content_count + contents[places])
        parents.append(below[first])
        sizes.append(np.concatenate(sizes)[below[first]] + layer_sizes[places[first]])
        depths.append(np.full(len(first), depth))
        tops[higher] = known + numbers
        known += len(first)
    return tops, np.concatenate(parents), np.concatenate(depths), np.concatenate(sizes)


def _numbered(keys: Codes) -> tuple[Codes, Codes]:
    """Give a number to equal keys, and a place of each number."""
    numbers, values = pd.factorize(keys)
    first = np.zeros(len(values), dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(keys))[::-1]
    return numbers, first
