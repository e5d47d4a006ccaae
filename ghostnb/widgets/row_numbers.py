"""The numbers of a table's rows, the same here as in the browser."""

from collections.abc import Iterable, Sequence

__all__ = ["RowNumbers"]


class RowNumbers:
    """The keys of rows, numbered as they came.

    Parameters
    ----------
    keys : iterable of str, optional
    generation : int, optional
        Grows whenever other rows take the place of all: a number from before
        means nothing then.
    """

    def __init__(self, keys: Iterable[str] = (), generation: int = 0) -> None:
        self.generation = generation
        self._keys: list[str] = []
        self._known: set[str] = set()
        self.add(keys)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def following(self, keys: Iterable[str]) -> "RowNumbers":
        """Give the numbers of other rows, which take the place of these."""
        return RowNumbers(keys, self.generation + 1)

    def add(self, keys: Iterable[str]) -> None:
        """Add what is not known yet, at the end."""
        for key in keys:
            if key not in self._known:
                self._known.add(key)
                self._keys.append(key)

    def keys(self, runs: Sequence[int]) -> list[str]:
        """Give the keys of runs of rows, each by its first and last number."""
        found: list[str] = []
        for first, last in zip(runs[::2], runs[1::2], strict=True):
            found += self._keys[first : last + 1]
        return found
