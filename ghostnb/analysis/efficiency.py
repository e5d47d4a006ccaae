"""How much of an image is written more than once, or for nothing."""

from dataclasses import dataclass, field

import pandas as pd

from ghostnb.analysis.folders import checked_files
from ghostnb.frames.schema import COUNT, TEXT

__all__ = ["Efficiency", "efficiency"]

WASTE = {"path": TEXT, "times": COUNT, "cumulative_bytes": COUNT}


@dataclass(frozen=True, slots=True)
class Efficiency:
    """How well an image is built, as the tool dive says it.

    Attributes
    ----------
    score : float
        From 0 to 1: the bytes of the smallest version of each file, of those of all versions.
    wasted_bytes : int
        Of all versions of the files that are written, or taken away, more than once.
    paths : pandas.DataFrame
        These files, the largest first: path : string; times : Int64, in how many layers;
        cumulative_bytes : Int64.
    """

    score: float
    wasted_bytes: int
    paths: pd.DataFrame = field(repr=False, compare=False)


def efficiency(files: pd.DataFrame) -> Efficiency:
    """Say how much of an image's layers is written more than once, or taken away again.

    Parameters
    ----------
    files : pandas.DataFrame
        As `RegistryClient.files` gives it.

    Returns
    -------
    Efficiency
        Bytes are unpacked, as the files have them.

    Raises
    ------
    TypeError, ValueError
        If it is no such frame.

    Notes
    -----
    Each layer has for each path one version of the file; a file that is taken away is one of 0
    bytes, and a directory that is taken away one of all that is in it, under its own path. The
    score is the sum of each path's smallest version by the sum of all. What an opaque directory
    hides counts as taken away, which dive passes over. Source: wagoodman/dive,
    ``filetree.Efficiency``.
    """
    checked_files(files)
    is_directory = files["mode"].astype(TEXT).str.startswith("d").fillna(False)
    is_removed = files["change"] == "removed"
    written = files.loc[~is_removed & ~is_directory, ["path", "size_bytes"]]
    versions = pd.concat([written, _taken_away(files, is_removed, is_directory)])
    paths = versions.groupby("path")["size_bytes"].agg(["size", "min", "sum"])
    total = int(paths["sum"].sum())
    wasted = paths[paths["size"] > 1].sort_values(["sum", "path"], ascending=[False, True])
    table = wasted.reset_index().rename(columns={"size": "times", "sum": "cumulative_bytes"})
    score = int(paths["min"].sum()) / total if total else 1.0
    return Efficiency(score, int(wasted["sum"].sum()), table[list(WASTE)].astype(WASTE))


def _taken_away(
    files: pd.DataFrame, is_removed: "pd.Series[bool]", is_directory: "pd.Series[bool]"
) -> pd.DataFrame:
    """Give each path that a layer names to be taken away, with the bytes of its directory."""
    before = files.groupby("path")["size_bytes"].shift().fillna(0)
    rows = zip(
        files["layer"][is_removed],
        files["path"][is_removed],
        before[is_removed],
        is_directory[is_removed],
        strict=True,
    )
    named: dict[tuple[int, str], int] = {}
    directories: set[tuple[int, str]] = set()
    for layer, path, size, is_one in rows:
        top = _first(named, layer, path)
        if top is None:
            named[layer, path] = 0
            if is_one:
                directories.add((layer, path))
        elif top in directories:
            named[top] += size
    sizes = {"path": [path for _, path in named], "size_bytes": list(named.values())}
    return pd.DataFrame(sizes).astype({"path": TEXT, "size_bytes": COUNT})


def _first(named: dict[tuple[int, str], int], layer: int, path: str) -> tuple[int, str] | None:
    """Give the directory above a path that goes, by which it goes; None if it goes by itself."""
    above = path.rpartition("/")[0]
    while above:
        if (layer, above) in named:
            return layer, above
        above = above.rpartition("/")[0]
    return None
