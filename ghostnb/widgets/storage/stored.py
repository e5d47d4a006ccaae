"""What a registry stores, as the Storage tab shows it: totals, areas, layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import pandas as pd

from ghostnb.analysis import largest_layers, storage
from ghostnb.pictures import Picture, treemap

__all__ = ["DEEPEST", "Part", "Stored", "part_of"]

# Registry, repository, tag: below are layers, which have nothing in them.
DEEPEST = 3
_COLUMNS = ("registry", "repository", "tag", "digest")
_INSIDE = ("registries", "repositories", "tags", "layers")
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
    picture : Picture
        Of what is in it.
    """

    text: str
    sizes: dict[str, int]
    picture: Picture


@dataclass(frozen=True, slots=True)
class Stored:
    """What was read of a registry, and its figures.

    Attributes
    ----------
    inventory : pandas.DataFrame
    only : tuple of str
        The repositories that were read, names or patterns; empty for all.
    row : DataFrame
        One row: name, physical_bytes, saved_bytes, tags.
    largest, shared : DataFrame
        Its layers, as `ghostnb.analysis.largest_layers`.
    """

    inventory: pd.DataFrame = field(repr=False)
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
        }
        largest, shared = (
            largest_layers(inventory, _LAYERS_SHOWN, order=order)
            for order in ("size_bytes", "saved_bytes")
        )
        # What a single image has is shared with nobody.
        shared = shared[shared["saved_bytes"] > 0]
        return cls(inventory, only, pd.DataFrame([row]), largest, shared)

    @property
    def notes(self) -> list[str]:
        """Sentences that whoever sees the figures must know."""
        notes = [f"Only {', '.join(self.only)} was read."] if self.only else []
        errors = self.inventory.attrs.get("errors", [])
        if errors:
            notes.append(f"{len(errors):,} could not be read: {errors[0]['message']}")
        return notes


def part_of(registries: Mapping[str, Stored], path: Path) -> Part:
    """Work out what is shown of a part.

    Parameters
    ----------
    registries : mapping of str to Stored
        By their names; the path's first name is one of them.
    path : tuple of str
        Registry, repository and tag, as far as entered; empty for all registries.
    """
    if not path:
        return _everything(registries)
    inventory = registries[path[0]].inventory
    inner = [*_COLUMNS[1 : len(path) + 1]]
    shares = _within(storage(inventory, by=inner), path)
    name = _called(path)
    sizes = shares.set_index(inner[-1])["amortised_bytes"].round().astype("int64")
    what = _INSIDE[len(path)]
    title = f"{name}: its {what}, each with its share of what it shares"
    picture = treemap(sizes, title, width=_WIDTH)
    whole = storage(inventory, by=inner[:-1])
    return Part(*_in_words(_within(whole, path).iloc[0], len(sizes), path), picture)


def _everything(registries: Mapping[str, Stored]) -> Part:
    """Give all registries beside each other; what two of them have is stored twice."""
    frames = [one.inventory.assign(registry=name) for name, one in registries.items()]
    whole = pd.concat(frames, ignore_index=True)
    stored = storage(whole, by="registry").set_index("registry")["physical_bytes"]
    across = int(storage(whole, by=[], across=True)["physical_bytes"].iloc[0])
    sizes = {"Stored": int(stored.sum()), "In one registry for all": across}
    picture = treemap(stored, "Registries that were read", width=_WIDTH)
    return Part(_counted(len(stored), "registries"), sizes, picture)


def _within(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave the rows of a repository, or of a tag."""
    for column, value in zip(_COLUMNS[1:], path[1:], strict=False):
        frame = frame[frame[column] == value]
    return frame


def _in_words(total: "pd.Series[int]", inside: int, path: Path) -> tuple[str, dict[str, int]]:
    depth = len(path)
    counts = [_counted(inside, _INSIDE[depth])]
    for name in ("tags", "images", "layers")[depth - 1 :]:
        counts.append(_counted(int(total[name]), name))
    stored, listed = int(total["physical_bytes"]), int(total["logical_bytes"])
    sizes = {"Stored": stored, "If nothing were shared": listed}
    if depth > 1:
        share, alone = round(total["amortised_bytes"]), int(total["exclusive_bytes"])
        sizes = {"Needs": stored, "Its share": share, "Alone": alone}
    return ", ".join(dict.fromkeys(counts)), sizes


def _counted(count: int, noun: str) -> str:
    if count == 1:
        noun = noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")
    return f"{count:,} {noun}"


def _called(path: Path) -> str:
    """Name what is entered, as references do."""
    return path[0] if len(path) == 1 else ":".join(path[1:])
