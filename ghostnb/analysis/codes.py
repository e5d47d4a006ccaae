"""Columns as whole numbers: what is compared millions of times is compared as such."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MOST", "Codes", "codes_of", "combined", "dense", "distinct_pairs", "summed"]

Codes = npt.NDArray[np.int64]
MOST = np.iinfo(np.int64).max
# An array may be so many times as long as the frame: that is cheaper than to number anew.
_SPARE = 4


def codes_of(column: pd.Series) -> tuple[Codes, int]:
    """Give a number to each value of a column; what is unknown is one value more.

    Parameters
    ----------
    column : pandas.Series

    Returns
    -------
    codes : numpy.ndarray of int64
        From 0; equal where the values are.
    count : int
        Greater than each of them.

    Notes
    -----
    A category has its numbers already: pandas' own grouping of categories takes 25 times as long.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, count = column.cat.codes.to_numpy(), len(column.cat.categories)
    else:
        codes, values = pd.factorize(column)
        count = len(values)
    codes = codes.astype(np.int64)
    is_unknown = codes < 0
    if is_unknown.any():
        codes[is_unknown] = count
        count += 1
    return codes, max(count, 1)


def combined(columns: Iterable[pd.Series], rows: int) -> tuple[Codes, int]:
    """Give a number to each combination of several columns' values, as `codes_of` does for one.

    Parameters
    ----------
    columns : iterable of pandas.Series
        Of so many rows; none of them make all rows one combination.
    rows : int

    Returns
    -------
    codes : numpy.ndarray of int64
    count : int
    """
    codes, count = np.zeros(rows, dtype=np.int64), 1
    for column in columns:
        further, values = codes_of(column)
        if count > MOST // values:
            codes, count = dense(codes, count)
        codes, count = codes * values + further, count * values
    return codes, count


def dense(codes: Codes, count: int) -> tuple[Codes, int]:
    """Give smaller numbers to the same combinations: small enough for indices of arrays."""
    if count <= max(_SPARE * len(codes), 1):
        return codes, count
    few, values = pd.factorize(codes)
    return few.astype(np.int64), max(len(values), 1)


def distinct_pairs(first: Codes, second: Codes, count: int) -> tuple[Codes, Codes]:
    """Give each pair that stands in two columns once, in order.

    Parameters
    ----------
    first, second : numpy.ndarray of int64
    count : int
        Greater than each of the second.
    """
    if len(first) and first.max() >= MOST // count:
        second, count = dense(second, count)
    # Rows of one image, or of one repository, mostly stand together: fewer are left to sort.
    keys = _without_repeats(first * count + second)
    keys.sort()
    keys = _without_repeats(keys)
    return keys // count, keys % count


def _without_repeats(keys: Codes) -> Codes:
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def summed(values: Codes, codes: Codes, count: int) -> Codes:
    """Add up values by their codes, exactly: `numpy.bincount` adds floats, which lose bytes."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, codes, values)
    return sums
