"""The layers that cost most, and who uses them."""

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import distinct_pairs
from ghostnb.analysis.ledger import PLACE, Ledger, checked_inventory
from ghostnb.frames.schema import COUNT, TEXT

__all__ = ["largest_layers"]

LARGEST = {
    "registry": TEXT,
    "digest": TEXT,
    "media_type": TEXT,
    "created_by": TEXT,
    "size_bytes": COUNT,
    "saved_bytes": COUNT,
    "repositories": COUNT,
    "tags": COUNT,
    "images": COUNT,
    "used_by": TEXT,
}
_TEXTS = ("registry", "repository", "tag", "image_digest", "digest", "media_type", "created_by")
_COUNTED = {"repositories": PLACE[:2], "tags": PLACE[:3], "images": PLACE[-1:]}
_SHOWN_USERS = 3


def largest_layers(
    inventory: pd.DataFrame,
    limit: int = 20,
    *,
    order: str = "size_bytes",
    across: bool = False,
) -> pd.DataFrame:
    """List the layers that cost most, and who uses them.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As for `storage`.
    limit : int
        At most so many layers.
    order : str
        By which column: ``size_bytes``, or ``saved_bytes`` for those that are shared most.
    across : bool
        As for `storage`: what several registries have is one layer.

    Returns
    -------
    pandas.DataFrame, shape (n_layers, 10)
        registry : string; <NA> if several have it
        digest, media_type, created_by : string; <NA> if unknown
        size_bytes : Int64, as stored
        saved_bytes : Int64, what is not stored since images share it
        repositories, tags, images : Int64, how many use it
        used_by : string, the first of them

    Raises
    ------
    TypeError, ValueError
        If the inventory is none, or the order is no such column.
    """
    checked_inventory(inventory)
    if order not in ("size_bytes", "saved_bytes"):
        raise ValueError(f"order: {order!r} is neither 'size_bytes' nor 'saved_bytes'.")
    ledger = Ledger.of(inventory, across=across)
    _, blobs = distinct_pairs(ledger.images, ledger.blobs, len(ledger.sizes))
    named = np.bincount(blobs, minlength=len(ledger.sizes))
    saved = ledger.sizes * np.maximum(named - 1, 0)
    weights = ledger.sizes if order == "size_bytes" else saved
    known = np.flatnonzero(named)
    top = known[np.argsort(-weights[known], kind="stable")][: max(limit, 0)]
    places = np.full(len(ledger.sizes), -1, dtype=np.int64)
    places[top] = np.arange(len(top))
    is_wanted = places[ledger.blobs] >= 0
    rows = inventory[ledger.is_stored][is_wanted].astype(dict.fromkeys(_TEXTS, TEXT))
    rows["layer"] = places[ledger.blobs[is_wanted]]
    frame = _described(rows.sort_values("layer", kind="stable"))
    frame["size_bytes"], frame["saved_bytes"] = ledger.sizes[top], saved[top]
    return frame[list(LARGEST)].astype(LARGEST)


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    """Make one row a layer of its rows in the inventory."""
    layers = rows.groupby("layer")
    frame = layers[["digest", "media_type", "created_by"]].first().reset_index(drop=True)
    registries = layers["registry"].agg(["first", "nunique"])
    frame["registry"] = registries["first"].where(registries["nunique"] == 1)
    tags = rows.drop_duplicates(["layer", *PLACE[:3]])
    for name, columns in _COUNTED.items():
        frame[name] = rows.drop_duplicates(["layer", *columns]).groupby("layer").size()
    names = tags["repository"] + (":" + tags["tag"]).fillna("")
    frame["used_by"] = names.groupby(tags["layer"]).agg(_in_words)
    return frame


def _in_words(names: pd.Series) -> str:
    left = len(names) - _SHOWN_USERS
    return ", ".join(names[:_SHOWN_USERS]) + (f" and {left:,} more" if left > 0 else "")
