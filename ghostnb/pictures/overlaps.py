"""What a heatmap shows: what each two have in common, and in words."""

from dataclasses import dataclass

import pandas as pd

from ghostnb.pictures.wording import bytes_text, named

__all__ = ["Overlaps"]

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Overlaps:
    """A matrix, checked.

    Attributes
    ----------
    names : list of str
        Of its n rows, and of its columns.
    counts : list of list of int
        n rows of n: bytes that two have in common; what each stores on the diagonal.
    left_out : int
        How many others there are.
    """

    names: list[str]
    counts: list[list[int]]
    left_out: int

    @classmethod
    def of(cls, matrix: pd.DataFrame) -> "Overlaps":
        """Read a matrix.

        Parameters
        ----------
        matrix : pandas.DataFrame, shape (n, n)
            Bytes, as `ghostnb.analysis.sharing` gives them.

        Returns
        -------
        Overlaps

        Raises
        ------
        TypeError, ValueError
            If it is no such matrix.
        """
        wanted = "A square matrix is wanted, such as that of analysis.sharing(inventory)"
        if not isinstance(matrix, pd.DataFrame):
            raise TypeError(f"{wanted}, not {type(matrix).__name__}.")
        if matrix.shape[0] != matrix.shape[1] or not matrix.index.equals(matrix.columns):
            raise ValueError(f"{wanted}: this frame has other rows than columns.")
        counts = matrix.fillna(0).to_numpy(dtype="int64").tolist()
        return cls([named(one) for one in matrix.index], counts, matrix.attrs.get("left_out", 0))

    def share(self, row: int, column: int) -> float:
        """Say how much of the smaller of two is in the other, too: 0 to 1."""
        smaller = min(self.counts[row][row], self.counts[column][column])
        return self.counts[row][column] / smaller if smaller else 0.0

    def cell_in_words(self, row: int, column: int) -> str:
        """Say what two have in common, or what one stores."""
        name, other = self.names[row], self.names[column]
        size = bytes_text(self.counts[row][column])
        if row == column:
            return f"{name} stores {size}"
        percent = f"{100 * self.share(row, column):.0f} % of the smaller"
        return f"{name} and {other}: {size} in common, {percent}"

    def in_words(self) -> str:
        """Say who has most in common."""
        names = self.names
        pairs = [
            (self.counts[row][column], names[row], names[column])
            for row in range(len(names))
            for column in range(row)
        ]
        most = sorted((pair for pair in pairs if pair[0]), key=lambda pair: (-pair[0], pair[1:]))
        if not most:
            return f"{len(names)} compared, of which no two have anything in common."
        said = [f"{one} and {other} {bytes_text(size)}" for size, one, other in most[:_NAMED]]
        left = len(most) - len(said)
        more = f", and {left:,} more pairs" if left > 0 else ""
        note = f" {self.left_out:,} others are left out." if self.left_out else ""
        return f"{len(names)} compared: most in common have {', '.join(said)}{more}.{note}"
