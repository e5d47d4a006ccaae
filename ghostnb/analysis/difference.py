"""What is different between two images."""

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import humanize
import pandas as pd

from ghostnb.analysis.folders import final_files
from ghostnb.frames.schema import COUNT, TEXT
from ghostnb.registries.images import Image, Layer

__all__ = ["ImageDiff", "config_changes", "file_changes", "layer_changes", "package_changes"]

CONFIG = {"field": TEXT, "before": TEXT, "after": TEXT}
ALIGNED = {
    "change": TEXT,
    "position_before": COUNT,
    "position_after": COUNT,
    "digest_before": TEXT,
    "digest_after": TEXT,
    "size_before": COUNT,
    "size_after": COUNT,
    "created_by": TEXT,
}
FILE_CHANGES = {
    "path": TEXT,
    "change": TEXT,
    "size_before": COUNT,
    "size_after": COUNT,
    "delta_bytes": COUNT,
    "mode_before": TEXT,
    "mode_after": TEXT,
}
PACKAGE_CHANGES = {
    "manager": TEXT,
    "name": TEXT,
    "change": TEXT,
    "version_before": TEXT,
    "version_after": TEXT,
}
ADDED, REMOVED, MODIFIED, SAME = "added", "removed", "modified", "same"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ImageDiff:
    """What is different between two images; in a notebook, it shows the largest of it.

    Attributes
    ----------
    before, after : Image
    config : pandas.DataFrame
        As `config_changes`.
    layers : pandas.DataFrame
        As `layer_changes`.
    files : pandas.DataFrame
        As `file_changes`.
    packages : pandas.DataFrame
        As `package_changes`.
    """

    before: Image
    after: Image
    config: pd.DataFrame = field(repr=False)
    layers: pd.DataFrame = field(repr=False)
    files: pd.DataFrame = field(repr=False)
    packages: pd.DataFrame = field(repr=False)

    @property
    def summary(self) -> str:
        """What is different between which images, in a sentence."""
        return f"{self.before.name} to {self.after.name}: {self.changes}"

    @property
    def changes(self) -> str:
        """What is different, in a few words."""
        unpacked = _signed(int(self.files["delta_bytes"].sum()))
        parts = [
            _counted(len(self.packages), "package"),
            f"{_counted(len(self.files), 'file')} ({unpacked} unpacked)",
            _counted(int((self.layers["change"] != SAME).sum()), "layer"),
            _counted(len(self.config), "setting"),
        ]
        delta = _signed(self.after.size_bytes - self.before.size_bytes)
        return f"{delta}; {', '.join(parts)} differ"

    def __repr__(self) -> str:
        return f"<ImageDiff {self.summary}>"

    def _repr_html_(self) -> str:
        largest = self.files.reindex(
            self.files["delta_bytes"].abs().sort_values(ascending=False, kind="stable").index
        )
        tables = {
            "Packages": self.packages,
            "Settings": self.config,
            "Layers": self.layers[self.layers["change"] != SAME],
            "Files, the largest differences": largest,
        }
        shown = "".join(
            f"<h4>{title} ({len(table):,})</h4>{table.head(_SHOWN).to_html(index=False)}"
            for title, table in tables.items()
            if len(table)
        )
        return f"<p><b>{html.escape(self.summary)}.</b></p>{shown}"


def config_changes(before: Image, after: Image) -> pd.DataFrame:
    """List the settings of two images that differ.

    Parameters
    ----------
    before, after : Image

    Returns
    -------
    pandas.DataFrame, shape (n_differences, 3)
        field : string, such as ``config.Env.PATH`` or ``architecture``, in lexical order
        before, after : string, JSON where it is no text; <NA> where there is none
        History and the list of layers are not among them: `layer_changes` has those.
    """
    first, second = (dict(_settings(image)) for image in (before, after))
    names = sorted(first.keys() | second.keys())
    rows = [(name, first.get(name), second.get(name)) for name in names]
    return _frame([row for row in rows if row[1] != row[2]], CONFIG)


def layer_changes(before: Image, after: Image) -> pd.DataFrame:
    """Put the layers of two images side by side.

    Parameters
    ----------
    before, after : Image

    Returns
    -------
    pandas.DataFrame, shape (n_rows, 8)
        change : string, ``same`` (what they hold is), ``modified`` (another in the place of
        one), ``added`` or ``removed``
        position_before, position_after : Int64; <NA> where there is none
        digest_before, digest_after : string, as stored
        size_before, size_after : Int64, compressed bytes
        created_by : string, the command that made it, after or else before
        From the base up.
    """
    first, second = (
        [one.diff_id or one.digest for one in image.layers] for image in (before, after)
    )
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    rows = []
    for kind, start, end, other_start, other_end in blocks:
        olds, news = before.layers[start:end], after.layers[other_start:other_end]
        for n in range(max(len(olds), len(news))):
            old = olds[n] if n < len(olds) else None
            new = news[n] if n < len(news) else None
            change = SAME if kind == "equal" else _change(old, new)
            rows.append((change, *_side_by_side(old, new)))
    return _frame(rows, ALIGNED)


def file_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """List the files of two images that differ.

    Parameters
    ----------
    before, after : pandas.DataFrame
        As `ghostnb.frames.files_frame` makes it, with ``sha256``.

    Returns
    -------
    pandas.DataFrame, shape (n_differences, 7)
        path : string, in lexical order
        change : string, ``added``, ``removed`` or ``modified`` (its content, mode, or where
        it links to)
        size_before, size_after, delta_bytes : Int64, unpacked; <NA> where it is not there, of
        which the difference takes 0
        mode_before, mode_after : string
    """
    compared = ["size_bytes", "mode", "link", "sha256"]
    first, second = (_left(frame)[compared] for frame in (before, after))
    both = first.add_suffix("_before").join(second.add_suffix("_after"), how="outer").sort_index()
    is_new = ~both.index.isin(first.index)
    is_gone = ~both.index.isin(second.index)
    is_other = pd.Series(False, index=both.index)
    for name in compared:
        old, new = both[f"{name}_before"], both[f"{name}_after"]
        is_other |= ~((old == new).fillna(False) | (old.isna() & new.isna()))
    both["change"] = MODIFIED
    both.loc[is_new, "change"], both.loc[is_gone, "change"] = ADDED, REMOVED
    found = both[is_new | is_gone | is_other.to_numpy()].reset_index(names="path")
    found = found.rename(
        columns={"size_bytes_before": "size_before", "size_bytes_after": "size_after"}
    )
    found["delta_bytes"] = found["size_after"].fillna(0) - found["size_before"].fillna(0)
    return found[list(FILE_CHANGES)].astype(FILE_CHANGES)


def package_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """List the packages of two images that differ.

    Parameters
    ----------
    before, after : pandas.DataFrame
        As `ghostnb.frames.packages_frame` makes it.

    Returns
    -------
    pandas.DataFrame, shape (n_differences, 5)
        manager, name : string, in lexical order
        change : string, ``added``, ``removed`` or ``modified`` (another version)
        version_before, version_after : string, several joined by ", "; <NA> for none
    """
    first, second = (_versions(frame) for frame in (before, after))
    keys = sorted(first.keys() | second.keys())
    pairs = [(key, first.get(key), second.get(key)) for key in keys]
    rows = [(*key, _change(old, new), old, new) for key, old, new in pairs if old != new]
    return _frame(rows, PACKAGE_CHANGES)


def _settings(image: Image) -> Iterator[tuple[str, str]]:
    # An artifact has none; of an image it was read before.
    config = json.loads(image.raw_config) if image.raw_config else {}
    for name, value in config.items():
        if name == "config" and isinstance(value, dict):
            for inner, setting in value.items():
                yield from _flat(f"config.{inner}", setting)
        elif name not in ("history", "rootfs"):
            yield from _flat(name, value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Give each variable and label a row of its own; what is unset has none."""
    if name == "config.Env" and isinstance(value, list):
        pairs = [str(one).partition("=") for one in value]
        yield from ((f"{name}.{key}", text) for key, _, text in pairs)
    elif isinstance(value, dict):
        yield from ((f"{name}.{key}", _text(one)) for key, one in value.items())
    elif value not in (None, "", [], False):
        yield name, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _change(old: object, new: object) -> str:
    if old is None:
        return ADDED
    return REMOVED if new is None else MODIFIED


def _side_by_side(old: Layer | None, new: Layer | None) -> tuple[object, ...]:
    pair = (old, new)
    made = next((one.created_by for one in (new, old) if one and one.created_by), None)
    return (
        *(one.position if one else None for one in pair),
        *(str(one.digest) if one else None for one in pair),
        *(one.size_bytes if one else None for one in pair),
        made,
    )


def _left(files: pd.DataFrame) -> pd.DataFrame:
    """Give what is there at the end, by path."""
    return final_files(files).set_index("path").astype({"mode": TEXT})


def _versions(packages: pd.DataFrame) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], set[str]] = {}
    for row in packages[["manager", "name", "version"]].itertuples(index=False):
        found.setdefault((row.manager, row.name), set()).add(row.version)
    return {key: ", ".join(sorted(versions)) for key, versions in found.items()}


def _frame(rows: Sequence[tuple[object, ...]], schema: dict[str, str]) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    made = dict(zip(schema, columns, strict=True))
    return pd.DataFrame(
        {name: pd.array(list(made[name]), dtype=dtype) for name, dtype in schema.items()}
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _signed(size_bytes: int) -> str:
    sign = "+" if size_bytes > 0 else ""
    return sign + humanize.naturalsize(size_bytes)
