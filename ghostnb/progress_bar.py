"""A bar for what takes longer than a second."""

import sys
from collections.abc import Callable
from typing import Any

from ghostnb.registries.walk import Tally

__all__ = ["ProgressBar", "ProgressOption"]

ProgressOption = bool | Callable[[int, int], None] | None


class ProgressBar:
    """Shows a tally: as a widget in notebooks, as text in terminals.

    Parameters
    ----------
    tally : Tally
    description : str
    progress : bool, callable or None
        False shows nothing; a callable takes done and total instead of a bar.

    Notes
    -----
    It appears after a second, on the thread that calls `refresh` first, so
    that a notebook shows it under the cell that asked.
    """

    def __init__(self, tally: Tally, description: str, progress: ProgressOption) -> None:
        self._tally = tally
        self._description = description
        self._progress = progress
        self._bar: Any = None

    def __enter__(self) -> "ProgressBar":
        if self._progress is None or self._progress is True:
            self._bar = self._open(is_wanted=bool(self._progress))
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def refresh(self) -> None:
        """Show the tally as it is now."""
        done, total = self._tally.done, self._tally.total
        if callable(self._progress):
            self._progress(done, total)
        elif self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def _open(self, *, is_wanted: bool) -> Any:
        from tqdm.auto import tqdm
        from tqdm.std import tqdm as text_tqdm

        is_text = issubclass(tqdm, text_tqdm) and "notebook" not in tqdm.__module__
        # A log file is no place for a bar, unless it was asked for.
        is_hidden = is_text and not is_wanted and not sys.stderr.isatty()
        return tqdm(total=0, desc=self._description, unit="tag", delay=1.0, disable=is_hidden)
