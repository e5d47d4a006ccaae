"""How content grew: by when layers were made, and from snapshot to snapshot."""

import os
from collections.abc import Iterable

import pandas as pd

from ghostnb.analysis.ledger import Ledger, checked_inventory
from ghostnb.analysis.snapshots import AnySnapshot, opened, snapshots_in, taken_at
from ghostnb.analysis.storage import storage
from ghostnb.frames.schema import COUNT, TIME

__all__ = ["FIRST_IMAGE", "growth", "trend"]

FIRST_IMAGE = pd.Timestamp("2013-03-01", tz="UTC")
"""There were no images before Docker's first release. Builds that can be repeated write 1970 or
1980, which says nothing of their age."""
GROWTH = {"period": TIME, "layers": COUNT, "added_bytes": COUNT, "total_bytes": COUNT}
_TREND = ("logical_bytes", "physical_bytes", "tags", "images", "layers")


def growth(inventory: pd.DataFrame, every: str = "MS", *, across: bool = False) -> pd.DataFrame:
    """Say how much of what is stored today was made when.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As for `storage`.
    every : str
        A period as pandas names it: ``D``, ``W``, ``MS``, ``QS``, ``YS``.
    across : bool
        As for `storage`.

    Returns
    -------
    pandas.DataFrame, shape (n_periods, 4)
        period : datetime64[ns, UTC], its beginning; periods without layers have a row, too.
        First NaT, for layers of which it is not known when they were made, if there are any
        layers : Int64, made in it
        added_bytes : Int64, of these, each once
        total_bytes : Int64, up to its end; in the last row, all that is stored

    Raises
    ------
    TypeError, ValueError
        If the inventory is none, or the period.

    Notes
    -----
    What was deleted is not in it: `trend` of snapshots knows that. A layer that images say
    was made at different times counts as of the first of them. Times before there were
    images are unknown.
    """
    checked_inventory(inventory)
    ledger = Ledger.of(inventory, across=across)
    times = inventory["created"][ledger.is_stored]
    known = times.where(times >= FIRST_IMAGE).dt.as_unit("ns")
    frame = pd.DataFrame({"blob": ledger.blobs, "created": known.array})
    first = frame.groupby("blob")["created"].min()
    made = pd.DataFrame({"created": first.array, "added_bytes": ledger.sizes[first.index]})
    return _accumulated(made, every)


def _accumulated(made: pd.DataFrame, every: str) -> pd.DataFrame:
    dated = made.dropna(subset="created")
    try:
        periods = pd.Grouper(key="created", freq=every, label="left", closed="left")
    except (TypeError, ValueError) as e:
        raise ValueError(
            f"every: {every!r} is no period. Take 'D', 'W', 'MS' (months), 'QS' or 'YS'."
        ) from e
    table = dated.groupby(periods)["added_bytes"].agg(["size", "sum"]).reset_index()
    undated = made["added_bytes"][made["created"].isna()]
    if len(undated):
        unknown = pd.DataFrame({"created": pd.DatetimeIndex([pd.NaT], tz="UTC").as_unit("ns")})
        unknown = unknown.assign(size=len(undated), sum=undated.sum())
        table = pd.concat([unknown, table], ignore_index=True) if len(table) else unknown
    table.columns = pd.Index(["period", "layers", "added_bytes"])
    table["total_bytes"] = table["added_bytes"].cumsum()
    return table.astype(GROWTH)


def trend(
    snapshots: str | os.PathLike[str] | Iterable[AnySnapshot], *, across: bool = False
) -> pd.DataFrame:
    """Say what was stored at each snapshot.

    Parameters
    ----------
    snapshots : iterable of str, path or pandas.DataFrame
        As `snapshot` saved them, or `read_snapshot` read them, in any order; or the directory
        in which they are, as ``*.parquet``.
    across : bool
        As for `storage`.

    Returns
    -------
    pandas.DataFrame, shape (n_snapshots, 6)
        taken : datetime64[ns, UTC], in order
        logical_bytes, physical_bytes : Int64, as for `storage`
        tags, images, layers : Int64

    Raises
    ------
    SnapshotError
        If a file is none, or cannot be read.
    ValueError
        If it is not known when a frame was taken.
    """
    if isinstance(snapshots, str | os.PathLike):
        snapshots = snapshots_in(snapshots)
    frames = [opened(one) for one in snapshots]
    totals = [storage(frame, by=[], across=across)[list(_TREND)] for frame in frames]
    table = pd.concat(totals, ignore_index=True) if totals else pd.DataFrame(columns=list(_TREND))
    table = table.astype(dict.fromkeys(_TREND, COUNT))
    taken = pd.DatetimeIndex([taken_at(frame) for frame in frames], tz="UTC").as_unit("ns")
    table.insert(0, "taken", taken)
    return table.sort_values("taken", ignore_index=True)
