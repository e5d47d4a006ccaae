"""What has changed between two inventories."""

import pandas as pd

from ghostnb.analysis.codes import summed
from ghostnb.analysis.groups import Groups
from ghostnb.analysis.ledger import PLACE, stored_sizes
from ghostnb.analysis.snapshots import AnySnapshot, opened
from ghostnb.frames.schema import COUNT, TEXT

__all__ = ["compare"]

COMPARISON = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "change": TEXT,
    "digests_before": TEXT,
    "digests_after": TEXT,
    "bytes_before": COUNT,
    "bytes_after": COUNT,
}
_KEY = list(PLACE[:3])


def compare(before: AnySnapshot, after: AnySnapshot) -> pd.DataFrame:
    """List the tags that are new, gone, or lead to other images.

    Parameters
    ----------
    before, after : str, path or pandas.DataFrame
        Inventories, or snapshots of them.

    Returns
    -------
    pandas.DataFrame, shape (n_changed_tags, 8)
        registry, repository, tag : string; <NA> for a tag of an image that has none
        change : string, ``added``, ``removed`` or ``moved``
        digests_before, digests_after : string, of the images of all platforms, joined by
        ", "; <NA> where the tag is not there
        bytes_before, bytes_after : Int64, of all layers as images list them; foreign ones
        count for none
        In the order of their names; empty if nothing has changed.

    Raises
    ------
    SnapshotError
        If a file is no snapshot, or cannot be read.
    TypeError, ValueError
        If a frame is no inventory.
    """
    first, second = _tags(opened(before)), _tags(opened(after))
    both = first.add_suffix("_before").join(second.add_suffix("_after"), how="outer")
    both["change"] = "moved"
    both.loc[both["digests_before"].isna(), "change"] = "added"
    both.loc[both["digests_after"].isna(), "change"] = "removed"
    is_same = (both["digests_before"] == both["digests_after"]).fillna(False)
    return both[~is_same].reset_index()[list(COMPARISON)].astype(COMPARISON)


def _tags(inventory: pd.DataFrame) -> pd.DataFrame:
    """Make one row a tag: its images, and their bytes."""
    images = Groups.of(inventory, PLACE)
    sizes = summed(stored_sizes(inventory), images.codes, len(images))
    rows = images.keys.assign(bytes=sizes)
    rows = rows.sort_values(list(PLACE)).rename(columns={"image_digest": "digests"})
    # Most tags lead to one image: only of the others there is something to join.
    is_several = rows.duplicated(_KEY, keep=False)
    several = rows[is_several].groupby(_KEY, dropna=False)
    joined = several.agg({"digests": ", ".join, "bytes": "sum"})
    return pd.concat([rows[~is_several].set_index(_KEY), joined])
