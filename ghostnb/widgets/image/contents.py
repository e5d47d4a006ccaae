"""What is in an image's layers, as its tab Files shows it."""

from dataclasses import dataclass, field
from typing import Self

import pandas as pd

from ghostnb.analysis import efficiency, final_files, folder_sizes
from ghostnb.pictures import Picture, treemap

__all__ = ["Contents"]

# Half of a page: drawn larger, its letters would be too small there.
_WIDTH, _HEIGHT = 620, 310


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of an image, and what is wasted.

    Attributes
    ----------
    name : str
        The image's.
    files : pandas.DataFrame
        As `RegistryClient.files` gives it, with a key: what each layer changes.
    wasted : pandas.DataFrame
        As `ghostnb.analysis.Efficiency.paths`.
    text : str
        How many there are, in words.
    sizes : dict of str to int
        Bytes, unpacked, by what they are called.
    """

    name: str
    files: pd.DataFrame = field(repr=False)
    wasted: pd.DataFrame = field(repr=False)
    text: str
    sizes: dict[str, int]

    @classmethod
    def of(cls, name: str, files: pd.DataFrame) -> Self:
        """Work it out.

        Parameters
        ----------
        name : str
        files : pandas.DataFrame
            As `RegistryClient.files` gives it.
        """
        left, found = final_files(files), efficiency(files)
        count = len(left)
        text = f"{count:,} {'path' if count == 1 else 'paths'}, {100 * found.score:.1f} % efficient"
        sizes = {"Unpacked": int(left["size_bytes"].sum()), "Wasted": found.wasted_bytes}
        keyed = files.assign(key=[str(number) for number in range(len(files))])
        return cls(name, keyed, found.paths, text, sizes)

    def picture(self, folder: str = "/") -> Picture:
        """Draw what a folder of the image takes; the names of folders in it end in ``/``."""
        title = f"{self.name}: {folder}, unpacked"
        return treemap(folder_sizes(self.files, folder), title, width=_WIDTH, height=_HEIGHT)

    def key_of(self, path: str) -> str | None:
        """Give the key of the row that says what became of a path."""
        rows = self.files.index[self.files["path"] == path]
        return str(self.files["key"][rows[-1]]) if len(rows) else None
