"""The rows of an inventory, grouped by some of its columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import Codes, combined, dense
from ghostnb.frames.schema import TEXT

__all__ = ["Groups"]


@dataclass(frozen=True, slots=True)
class Groups:
    """Which rows belong together.

    Attributes
    ----------
    codes : numpy.ndarray of int64
        One a row: the number of its group.
    keys : pandas.DataFrame
        The values that make each group, in the order of their numbers.
    """

    codes: Codes
    keys: pd.DataFrame

    @classmethod
    def of(cls, inventory: pd.DataFrame, by: str | Sequence[str]) -> Self:
        """Group an inventory by columns; by none of them, all of it is one group, also if empty.

        Raises
        ------
        TypeError, ValueError
            If `by` are no columns of it.
        """
        names = _checked_names(inventory, by)
        codes, count = combined([inventory[name] for name in names], len(inventory))
        if not names:
            return cls(codes, pd.DataFrame(index=range(1)))
        codes, count = dense(codes, count)
        # Categories that no row has are no groups.
        is_there = np.zeros(count, dtype=bool)
        is_there[codes] = True
        rows = np.zeros(count, dtype=np.int64)
        rows[codes] = np.arange(len(codes))
        keys = inventory[names].iloc[rows[is_there]].reset_index(drop=True)
        texts = [name for name in names if isinstance(keys[name].dtype, pd.CategoricalDtype)]
        numbers = np.cumsum(is_there) - 1
        return cls(numbers[codes], keys.astype(dict.fromkeys(texts, TEXT)))

    def __len__(self) -> int:
        return len(self.keys)


def _checked_names(inventory: pd.DataFrame, by: str | Sequence[str]) -> list[str]:
    if not isinstance(by, Iterable):
        raise TypeError(f"by: a column's name, or several, is wanted, not {by!r}.")
    names = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    for name in names:
        if name not in inventory.columns:
            raise ValueError(
                f"by: {name!r} is no column of the inventory, which has {', '.join(inventory)}."
            )
    return names
