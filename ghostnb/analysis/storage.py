"""What content costs: as if nothing were shared, stored once, alone, and its share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import Codes, codes_of, combined, distinct_pairs, summed
from ghostnb.analysis.groups import Groups
from ghostnb.analysis.ledger import PLACE, Ledger, checked_inventory
from ghostnb.frames.schema import COUNT

__all__ = ["storage"]

_FIGURES = {
    "logical_bytes": COUNT,
    "physical_bytes": COUNT,
    "exclusive_bytes": COUNT,
    "amortised_bytes": "float64",
    "tags": COUNT,
    "images": COUNT,
    "layers": COUNT,
}


def storage(
    inventory: pd.DataFrame, by: str | Sequence[str] = "repository", *, across: bool = False
) -> pd.DataFrame:
    """Say how many bytes registries, repositories, tags or images take.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As `ghostnb.frames.layers_frame` makes it: of `RegistryClient.inventory`, of
        `Fleet.inventory`, or read from a snapshot.
    by : str or sequence of str
        Columns of it; each combination of their values is one row. ``"tag"`` alone takes
        the tags of that name of all repositories together: say ``["repository", "tag"]``.
        None of them (``[]``) gives one row for everything.
    across : bool
        Count content that several registries have once: what one registry for all of them
        would keep. By default each keeps its own.

    Returns
    -------
    pandas.DataFrame, shape (n_groups, n_by + 7)
        the columns of `by` : string, or as in the inventory
        logical_bytes : Int64, of all layers as images list them, as if nothing were shared
        physical_bytes : Int64, of these layers, each once: what would be stored if there
        were nothing else
        exclusive_bytes : Int64, of the layers that no other row needs: what would be freed
        if this one were gone
        amortised_bytes : float64, each layer's bytes shared out among the images (in their
        tags) that name it; adds up to what is stored, by whatever columns
        tags, images, layers : Int64, how many differ
        The largest first, by what they store.

    Raises
    ------
    TypeError, ValueError
        If the inventory is none, or has no such column.

    Notes
    -----
    Bytes are compressed, as stored, and of layers alone: configs and manifests, some
    kilobytes an image, come on top, and so do attestations in indexes and what no tag leads
    to, which are in no inventory. Artifacts count as images, and what they hold as layers.
    Foreign layers, whose bytes are in no registry, count for none.

    Examples
    --------
    >>> from ghostnb.frames import layers_frame
    >>> storage(layers_frame([]), by=[])["physical_bytes"].tolist()
    [0]
    """
    checked_inventory(inventory)
    groups = Groups.of(inventory, by)
    figures = _bytes(Ledger.of(inventory, across=across), groups)
    tags = combined([inventory[name] for name in PLACE[:3]], len(inventory))
    figures["tags"] = _differing(groups, *tags)
    figures["images"] = _differing(groups, *codes_of(inventory["image_digest"]))
    frame = groups.keys.copy()
    for name, dtype in _FIGURES.items():
        frame[name] = pd.array(figures[name], dtype=dtype)
    names = list(groups.keys)
    is_ascending = [False, *[True] * len(names)]
    return frame.sort_values(["physical_bytes", *names], ascending=is_ascending, ignore_index=True)


def _bytes(ledger: Ledger, grouped: Groups) -> dict[str, Any]:
    groups, count = grouped.codes[ledger.is_stored], len(grouped)
    blobs, sizes = ledger.blobs, ledger.sizes
    # Any of those that need it; then whoever is another needs it, too.
    owners = np.full(len(sizes), -1, dtype=np.int64)
    owners[blobs] = groups
    is_shared = np.zeros(len(sizes), dtype=bool)
    is_shared[blobs[owners[blobs] != groups]] = True
    alone = np.flatnonzero(~is_shared & (owners >= 0))
    exclusive = summed(sizes[alone], owners[alone], count)
    shared = is_shared[blobs]
    users, used = distinct_pairs(groups[shared], blobs[shared], len(sizes))
    return {
        "logical_bytes": summed(sizes[blobs], groups, count),
        "physical_bytes": exclusive + summed(sizes[used], users, count),
        "exclusive_bytes": exclusive,
        "amortised_bytes": np.bincount(groups, weights=ledger.shares(), minlength=count),
        "layers": np.bincount(owners[alone], minlength=count) + np.bincount(users, minlength=count),
    }


def _differing(groups: Groups, values: Codes, count: int) -> Codes:
    found, _ = distinct_pairs(groups.codes, values, count)
    return np.bincount(found, minlength=len(groups))
