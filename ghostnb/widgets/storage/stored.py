"""What a registry stores, as the Storage tab shows it: totals, areas, layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import pandas as pd

from ghostnb.analysis import largest_layers, storage
from ghostnb.pictures import Picture, treemap
from ghostnb.widgets.words import counted, plural

__all__ = ["DEEPEST", "Part", "Stored", "part_of"]

# Registry, repository, tag: below are layers, which have nothing in them.
DEEPEST = 3
_COLUMNS = ("registry", "repository", "tag", "digest")
_INSIDE = ("repository", "tag", "layer")
_LAYERS_SHOWN = 100
_WIDTH = 800
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What is entered: all that was read, a registry, a repository or a tag.

    Attributes
    ----------
    text : str
        What it is made of, in words.
    sizes : dict of str to int
        Bytes, by what they are called.
    inside : pandas.DataFrame
        What is in it: name, share_bytes, alone_bytes, of a layer also made_by; the largest
        first.
    picture : Picture
        Of that.
    notes : tuple of str
        Sentences that whoever sees it must know.
    """

    text: str
    sizes: dict[str, int]
    inside: pd.DataFrame = field(repr=False)
    picture: Picture
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What was read of a registry, and its figures.

    Attributes
    ----------
    inventory : pandas.DataFrame
    contents : pandas.DataFrame
        Its rows, one for each layer that differs: what several registries have is found by it.
    only : tuple of str
        The repositories that were read, names or patterns; empty for all.
    row : DataFrame
        One row: name, physical_bytes, saved_bytes, tags, only.
    largest, shared : DataFrame
        Its layers, as `ghostnb.analysis.largest_layers`.
    """

    inventory: pd.DataFrame = field(repr=False)
    contents: pd.DataFrame = field(repr=False)
    only: tuple[str, ...]
    row: pd.DataFrame = field(repr=False)
    largest: pd.DataFrame = field(repr=False)
    shared: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, name: str, inventory: pd.DataFrame, only: tuple[str, ...] = ()) -> Self:
        """Work out the figures of a registry, by its name in the fleet and its inventory."""
        total = storage(inventory, by=[]).iloc[0]
        row = {
            "name": name,
            "physical_bytes": total["physical_bytes"],
            "saved_bytes": total["logical_bytes"] - total["physical_bytes"],
            "tags": total["tags"],
            "only": ", ".join(only) or None,
        }
        largest, shared = (
            largest_layers(inventory, _LAYERS_SHOWN, order=order)
            for order in ("size_bytes", "saved_bytes")
        )
        # What a single image has is shared with nobody.
        shared = shared[shared["saved_bytes"] > 0]
        contents = inventory.drop_duplicates(["digest", "media_type"]).assign(registry=name)
        return cls(inventory, contents, only, pd.DataFrame([row]), largest, shared)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that whoever sees the figures must know."""
        names = ", ".join(self.only)
        notes = [f"Only {names} was read: what others share with it is not known."] if names else []
        errors = self.inventory.attrs.get("errors", [])
        if errors:
            notes.append(f"{len(errors):,} could not be read: {errors[0]['message']}")
        return tuple(notes)


def part_of(registries: Mapping[str, Stored], path: Path) -> Part:
    """Work out what is shown of a part.

    Parameters
    ----------
    registries : mapping of str to Stored
        By their names; the path's first name is one of them.
    path : tuple of str
        Registry, repository and tag, as far as entered; empty for all registries.

    Raises
    ------
    LookupError
        If there is no such part.
    """
    if not path:
        return _everything(registries)
    stored = registries[path[0]]
    columns = [*_COLUMNS[1 : len(path) + 1]]
    whole = _within(storage(stored.inventory, by=columns[:-1]), path)
    if whole.empty:
        raise LookupError(f"There is no {':'.join(path[1:])} in {path[0]}.")
    found = _within(storage(stored.inventory, by=columns), path)
    names = {
        columns[-1]: "name",
        "amortised_bytes": "share_bytes",
        "exclusive_bytes": "alone_bytes",
    }
    inside = found[[*names]].rename(columns=names).sort_values("share_bytes", ascending=False)
    inside["share_bytes"] = inside["share_bytes"].round().astype("Int64")
    if len(path) == DEEPEST:
        made = stored.inventory.drop_duplicates("digest").set_index("digest")["created_by"]
        inside["made_by"] = inside["name"].map(made.astype("string")).array
    what = plural(_INSIDE[len(path) - 1])
    picture = _drawn(inside, f"{_called(path)}: its {what}, each with its share of what it shares")
    return Part(*_in_words(whole.iloc[0], len(inside), path), inside, picture, stored.notes)


def _everything(registries: Mapping[str, Stored]) -> Part:
    """Give all registries beside each other; what two of them have is stored twice."""
    row = pd.concat([one.row for one in registries.values()], ignore_index=True)
    inside = row[["name", "physical_bytes"]].rename(columns={"physical_bytes": "share_bytes"})
    inside["alone_bytes"] = inside["share_bytes"]
    contents = pd.concat([one.contents for one in registries.values()], ignore_index=True)
    across = int(storage(contents, by=[], across=True)["physical_bytes"].iloc[0])
    sizes = {"Stored": int(inside["share_bytes"].sum()), "In one registry for all": across}
    inside = inside.sort_values("share_bytes", ascending=False)
    picture = _drawn(inside, "Registries that were read")
    return Part(counted(len(inside), "registry"), sizes, inside, picture)


def _drawn(inside: pd.DataFrame, title: str) -> Picture:
    return treemap(inside.set_index("name")["share_bytes"], title, width=_WIDTH)


def _within(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave the rows of a repository, or of a tag."""
    for column, value in zip(_COLUMNS[1:], path[1:], strict=False):
        frame = frame[frame[column] == value]
    return frame


def _in_words(total: "pd.Series[int]", inside: int, path: Path) -> tuple[str, dict[str, int]]:
    depth = len(path)
    counts = [counted(inside, _INSIDE[depth - 1])]
    for noun in ("tag", "image", "layer")[depth - 1 :]:
        counts.append(counted(int(total[f"{noun}s"]), noun))
    stored, listed = int(total["physical_bytes"]), int(total["logical_bytes"])
    sizes = {"Stored": stored, "If nothing were shared": listed}
    if depth > 1:
        share, alone = round(total["amortised_bytes"]), int(total["exclusive_bytes"])
        sizes = {"Needs": stored, "Its share": share, "Alone": alone}
    return ", ".join(dict.fromkeys(counts)), sizes


def _called(path: Path) -> str:
    """Name what is entered, as references do."""
    return path[0] if len(path) == 1 else ":".join(path[1:])
