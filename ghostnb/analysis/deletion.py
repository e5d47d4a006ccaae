"""What a registry holds less when some of its manifests are gone."""

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import MOST, Codes, summed

__all__ = ["freed_bytes"]

_STAYS = MOST


def freed_bytes(contents: pd.DataFrame, going: pd.DataFrame) -> pd.Series:
    """Say how many bytes garbage collection frees by each manifest that goes.

    A registry keeps content once, however many manifests name it, and manifests themselves are
    content. It is freed when the last manifest that names it has gone, and is counted there.

    Parameters
    ----------
    contents : pandas.DataFrame
        repository, manifest, digest : string or category; one row for every piece of content
        that a manifest names in a repository, itself included; some may stand there twice
        size_bytes : Int64, bytes as stored; <NA> counts nothing
        Of the whole registry: what is not in it is taken to need nothing.
    going : pandas.DataFrame
        repository, manifest : string or category, in the order in which they go; once each

    Returns
    -------
    pandas.Series, of `going`'s index
        bytes_freed : Int64; its sum is what all of them free

    Notes
    -----
    Where rows disagree about the size of a digest, the largest counts.

    Examples
    --------
    >>> contents = pd.DataFrame(
    ...     [("a", "m1", "m1", 1), ("a", "m1", "base", 100), ("a", "m2", "m2", 2),
    ...      ("a", "m2", "base", 100)],
    ...     columns=["repository", "manifest", "digest", "size_bytes"],
    ... )
    >>> freed_bytes(contents, contents.iloc[[0]]).tolist()
    [1]
    >>> freed_bytes(contents, contents.iloc[[0, 2]]).tolist()
    [1, 102]
    """
    turns = _turns(contents, going)
    codes, digests = pd.factorize(contents["digest"])
    last = np.full(len(digests), -1, dtype=np.int64)
    np.maximum.at(last, codes, turns)
    sizes = np.zeros(len(digests), dtype=np.int64)
    np.maximum.at(sizes, codes, contents["size_bytes"].fillna(0).to_numpy(dtype=np.int64))
    is_freed = last != _STAYS
    freed = summed(sizes[is_freed], last[is_freed], len(going))
    return pd.Series(freed, index=going.index, name="bytes_freed", dtype="Int64")


def _turns(contents: pd.DataFrame, going: pd.DataFrame) -> Codes:
    """Give for each row of the contents when its manifest goes."""
    pairs = _pairs(contents, going)
    place = pd.Index(pairs[len(contents) :])
    found = place.get_indexer(pairs[: len(contents)])
    return np.where(found < 0, _STAYS, found).astype(np.int64)


def _pairs(contents: pd.DataFrame, going: pd.DataFrame) -> Codes:
    """Give a number to each pair of repository and manifest, the contents' first."""
    repositories, _ = _codes(contents["repository"], going["repository"])
    manifests, count = _codes(contents["manifest"], going["manifest"])
    return repositories * count + manifests


def _codes(first: pd.Series, second: pd.Series) -> tuple[Codes, int]:
    # Categories are few and texts many: only the texts that differ are compared as such.
    one, one_values = pd.factorize(first)
    two, two_values = pd.factorize(second)
    joined, values = pd.factorize(
        np.concatenate([np.asarray(one_values, object), np.asarray(two_values, object)])
    )
    codes = np.concatenate([joined[: len(one_values)][one], joined[len(one_values) :][two]])
    return codes.astype(np.int64), len(values)
