"""The layers that cost most, and who uses them."""

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import combined, distinct_pairs
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
_OF_LAYER = ("registry", "digest", "media_type", "created_by")
_READ = dict.fromkeys([*PLACE, *_OF_LAYER])
_COUNTED = {
    "registries": PLACE[:1],
    "repositories": PLACE[:2],
    "tags": PLACE[:3],
    "images": PLACE[-1:],
}
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
    rows = inventory.loc[ledger.is_stored, list(_READ)][is_wanted]
    frame = _described(rows.assign(layer=places[ledger.blobs[is_wanted]]))
    frame["size_bytes"], frame["saved_bytes"] = ledger.sizes[top], saved[top]
    return frame[list(LARGEST)].astype(LARGEST)


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    """Make one row a layer of its rows in the inventory."""
    frame = rows.groupby("layer")[list(_OF_LAYER)].first()
    layers = rows["layer"].to_numpy()
    for name, columns in _COUNTED.items():
        users = combined([rows[column] for column in columns], len(rows))
        frame[name] = np.bincount(distinct_pairs(layers, *users)[0], minlength=len(frame))
    frame["registry"] = frame["registry"].where(frame["registries"] == 1)
    left = frame["tags"] - _SHOWN_USERS
    more = left.map(" and {:,} more".format).astype(TEXT).where(left > 0, "")
    frame["used_by"] = _first_users(rows).astype(TEXT) + more
    return frame.reset_index(drop=True)


def _first_users(rows: pd.DataFrame) -> pd.Series:
    """Name the first tags of each layer. Only these become text: a base has half of all rows."""
    tags = rows.drop_duplicates(["layer", *PLACE[:3]])
    shown = tags.groupby("layer").head(_SHOWN_USERS).astype(dict.fromkeys(PLACE, TEXT))
    names = shown["repository"] + (":" + shown["tag"]).fillna("")
    return names.groupby(shown["layer"]).agg(", ".join)
