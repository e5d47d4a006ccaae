"""Who shares layers with whom."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import Codes, distinct_pairs, summed
from ghostnb.analysis.groups import Groups
from ghostnb.analysis.ledger import Ledger, checked_inventory
from ghostnb.frames.schema import COUNT

__all__ = ["sharing"]

# Pairs grow with the square, nobody reads more, and 64 fit into the bits of one number.
_MOST_GROUPS = 64


def sharing(
    inventory: pd.DataFrame,
    by: str | Sequence[str] = "repository",
    *,
    limit: int = 30,
    across: bool = False,
) -> pd.DataFrame:
    """Say how many bytes each two repositories have in common.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As for `storage`.
    by : str or sequence of str
        Columns of it, as for `storage`.
    limit : int
        At most so many of them, 64 at most: those that share most with others.
    across : bool
        As for `storage`: registries share only if this is True.

    Returns
    -------
    pandas.DataFrame, shape (n, n)
        Int64, bytes of the layers that both have, each once; what each stores on the
        diagonal. Index and columns are the same, those that share most first. How many were
        left out stands in ``.attrs["left_out"]``.

    Raises
    ------
    TypeError, ValueError
        If the inventory is none, has no such column, or the limit is none.
    """
    checked_inventory(inventory)
    if not 0 < limit <= _MOST_GROUPS:
        raise ValueError(f"limit: {limit} is not within 1 and {_MOST_GROUPS}.")
    groups, ledger = Groups.of(inventory, by), Ledger.of(inventory, across=across)
    if groups.keys.empty and len(groups):
        raise ValueError("by: at least one column is wanted, such as 'repository'.")
    users, blobs = distinct_pairs(groups.codes[ledger.is_stored], ledger.blobs, len(ledger.sizes))
    chosen = _most_sharing(users, blobs, ledger.sizes, len(groups))[:limit]
    common = _in_common(users, blobs, ledger.sizes, chosen)
    keys = groups.keys.iloc[chosen]
    names = pd.MultiIndex.from_frame(keys) if keys.shape[1] > 1 else pd.Index(keys.squeeze(axis=1))
    matrix = pd.DataFrame(common, index=names, columns=names).astype(COUNT)
    matrix.attrs["left_out"] = len(groups) - len(chosen)
    return matrix


def _most_sharing(users: Codes, blobs: Codes, sizes: Codes, count: int) -> Codes:
    """Order the groups by how many bytes of theirs others have, too; then by what they store."""
    is_shared = np.bincount(blobs, minlength=len(sizes)) > 1
    shared = summed(np.where(is_shared, sizes, 0)[blobs], users, count)
    stored = summed(sizes[blobs], users, count)
    return np.lexsort([-stored, -shared])


def _in_common(users: Codes, blobs: Codes, sizes: Codes, chosen: Codes) -> Codes:
    """Add up blobs by who has them: many blobs are had by the same few."""
    bits = np.zeros(users.max(initial=chosen.max(initial=0)) + 1, dtype=np.uint64)
    bits[chosen] = np.uint64(1) << np.arange(len(chosen), dtype=np.uint64)
    holders = np.zeros(len(sizes), dtype=np.uint64)
    np.bitwise_or.at(holders, blobs, bits[users])
    patterns, numbers = np.unique(holders, return_inverse=True)
    sums = summed(sizes, numbers, len(patterns))
    is_holder = (patterns[:, None] >> np.arange(len(chosen), dtype=np.uint64)) & np.uint64(1)
    has = is_holder.astype(np.int64)
    return has.T @ (has * sums[:, None])
