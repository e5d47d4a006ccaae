"""What a treemap shows: sizes in order, each with its share, and in words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ghostnb.pictures.wording import bytes_text, named

__all__ = ["NOTHING", "Area", "area_in_words", "areas_in_words", "areas_of"]

NOTHING = "Nothing is stored."
_NAMED = 10
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True, slots=True)
class Area:
    """One size.

    Attributes
    ----------
    key : str
        Its whole name; empty for others that became one.
    label : str
    value : int
        Bytes.
    parts : tuple of Area
        What it is made of, the largest first.
    """

    key: str
    label: str
    value: int
    parts: tuple["Area", ...] = ()


def areas_of(sizes: "pd.Series[int]", limit: int) -> list[Area]:
    """Order sizes, the largest first; what is too many becomes one.

    Parameters
    ----------
    sizes : pandas.Series
        Bytes; the index names them, in one level or two that stand in each other.
    limit : int
        At most so many, and so many in each.

    Returns
    -------
    list of Area
        Those of more than 0 bytes.

    Raises
    ------
    TypeError, ValueError
        If the sizes are none.
    """
    return _ordered(_checked(sizes), limit)


def _checked(sizes: "pd.Series[int]") -> "pd.Series[int]":
    """Give known sizes as whole numbers; what is no Series of them is the caller's mistake."""
    wanted = (
        "A Series of bytes is wanted, such as storage.set_index('repository')['physical_bytes']"
    )
    if not isinstance(sizes, pd.Series):
        raise TypeError(f"{wanted}, not {type(sizes).__name__}.")
    if not pd.api.types.is_numeric_dtype(sizes.dtype):
        raise ValueError(f"{wanted}: this one is of {sizes.dtype}.")
    known = sizes.dropna()
    if (known < 0).any():
        raise ValueError(f"{wanted}: some are below 0.")
    sizes = known.astype("int64")
    # A level that is named by a number, as columns of a split text are, would stand for another.
    sizes.index = sizes.index.set_names([None] * sizes.index.nlevels)
    return sizes


def _ordered(sizes: "pd.Series[int]", limit: int) -> list[Area]:
    if isinstance(sizes.index, pd.MultiIndex) and sizes.index.nlevels == 2:
        groups = sizes.groupby(level=0, sort=False, dropna=False)
        inner = {name: _ordered(one.droplevel(0), limit) for name, one in groups}
        areas = [
            Area(str(name), _short(str(name)), sum(part.value for part in members), tuple(members))
            for name, members in inner.items()
        ]
    else:
        joined = sizes.groupby(level=list(range(sizes.index.nlevels)), dropna=False).sum()
        areas = [Area(named(one), _short(named(one)), int(size)) for one, size in joined.items()]
    areas = sorted((area for area in areas if area.value > 0), key=lambda area: -area.value)
    if len(areas) <= limit:
        return areas
    rest = areas[limit - 1 :]
    others = Area("", f"{len(rest):,} others", sum(area.value for area in rest))
    return sorted([*areas[: limit - 1], others], key=lambda area: -area.value)


def _short(name: str) -> str:
    """Give a digest's beginning, as other tools do."""
    return _DIGEST.sub(r"\1", name)


def area_in_words(area: Area, total: int) -> str:
    """Say one size, and its share of all."""
    return f"{area.label}: {bytes_text(area.value)}, {100 * area.value / total:.1f} %"


def areas_in_words(areas: Sequence[Area]) -> str:
    """Say all, the largest by name."""
    if not areas:
        return NOTHING
    total = sum(area.value for area in areas)
    said = [
        f"{area.label} {bytes_text(area.value)} ({100 * area.value / total:.0f} %)"
        for area in areas[:_NAMED]
    ]
    left = len(areas) - len(said)
    more = f" and {left:,} more" if left else ""
    count = "1 area" if len(areas) == 1 else f"{len(areas):,} areas"
    return f"{count}, {bytes_text(total)} in all: {', '.join(said)}{more}."
