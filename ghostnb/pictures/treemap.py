"""Sizes as areas: squarified (Bruls, Huizing, van Wijk, 2000)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import pandas as pd

from ghostnb.pictures.areas import NOTHING, Area, area_in_words, areas_in_words, areas_of
from ghostnb.pictures.colours import GROUND, HUES, TEXT
from ghostnb.pictures.drawing import Element, drawn, element
from ghostnb.pictures.picture import Picture
from ghostnb.pictures.wording import bytes_text, key_text, shortened

__all__ = ["treemap"]

# How wide a letter of 12 pixels is, about.
_LETTER = 7.2
_HEAD = 18.0


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float


def treemap(
    sizes: "pd.Series[int]",
    title: str = "Storage",
    *,
    limit: int = 100,
    width: int = 960,
    height: int = 420,
) -> Picture:
    """Draw sizes as areas.

    Parameters
    ----------
    sizes : pandas.Series
        Bytes; the index names them. With two levels, such as repository and layer, the areas of
        the second stand in those of the first.
    title : str, optional
    limit : int, optional
        At most so many areas, and so many in each; the smallest others become one.
    width, height : int, optional
        In pixels.

    Returns
    -------
    Picture

    Raises
    ------
    TypeError, ValueError
        If the sizes are none.

    Examples
    --------
    >>> treemap(pd.Series({"team/app": 3_000_000, "team/web": 1_000_000})).alt
    '2 areas, 4.00 MB in all: team/app 3.00 MB (75 %), team/web 1.00 MB (25 %).'
    """
    parts = areas_of(sizes, limit)
    total = sum(part.value for part in parts)
    box = _Box(0, 0, width, height)
    hues = cycle(HUES)
    tiles = [
        _tile(part, place, next(hues), total)
        for part, place in (_squarified(parts, box) if total else ())
    ]
    if not total:
        tiles = [element("text", NOTHING, x=12, y=24, fill=TEXT)]
    return drawn(title, areas_in_words(parts), width, height, tiles, role="group")


def _tile(part: Area, box: _Box, hue: str, total: int) -> Element:
    text = area_in_words(part, total)
    group = element(
        "g",
        "",
        element("title", text),
        element("rect", "", rx=2, fill=hue, stroke=GROUND, stroke_width=1.5, **_sides(box)),
        class_="ghostnb-tile",
        data_key=key_text(part.key),
        role="button" if part.key else "img",
        aria_label=text,
    )
    letters = int((box.width - 12) / _LETTER)
    if letters >= 4 and box.height >= 20:
        group.append(_caption(box, shortened(part.label, letters), 15))
    room = _Box(box.x + 3, box.y + _HEAD + 2, box.width - 6, box.height - _HEAD - 5)
    if part.parts and room.width > 12 and room.height > 12:
        for inner, place in _squarified(list(part.parts), room):
            group.append(_inner(inner, place, total))
    elif letters >= 6 and box.height >= 36:
        group.append(_caption(box, bytes_text(part.value), 31))
    return group


def _inner(part: Area, box: _Box, total: int) -> Element:
    text = area_in_words(part, total)
    group = element(
        "g",
        "",
        element("title", text),
        element("rect", "", fill="#000000", fill_opacity=0.22, stroke="#ffffff", stroke_width=0.6,
                **_sides(box)),
    )  # fmt: skip
    letters = int((box.width - 8) / _LETTER)
    if letters >= 5 and box.height >= 18:
        group.append(_caption(box, shortened(part.label, letters), 13))
    return group


def _sides(box: _Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "width": max(box.width, 0.0), "height": max(box.height, 0.0)}


def _caption(box: _Box, text: str, below: float) -> Element:
    return element("text", text, x=box.x + 6, y=box.y + below, fill="#ffffff")


def _squarified(parts: Sequence[Area], room: _Box) -> Iterator[tuple[Area, _Box]]:
    """Lay rows along the shorter side, each as long as its areas become squarer by it."""
    scale = room.width * room.height / sum(part.value for part in parts)
    first = 0
    while first < len(parts):
        side = min(room.width, room.height)
        last, total, worst = first, 0.0, float("inf")
        while last < len(parts):
            grown = total + parts[last].value * scale
            ratio = _worst(parts[first].value * scale, parts[last].value * scale, grown, side)
            if ratio > worst:
                break
            worst, total, last = ratio, grown, last + 1
        row = parts[first:last]
        yield from _row(row, scale, total, room)
        room = _rest(room, total)
        first = last


def _worst(largest: float, smallest: float, total: float, side: float) -> float:
    return max(side * side * largest / (total * total), total * total / (side * side * smallest))


def _row(
    row: Sequence[Area], scale: float, total: float, room: _Box
) -> Iterator[tuple[Area, _Box]]:
    is_upright = room.width >= room.height
    depth = total / (room.height if is_upright else room.width)
    offset = 0.0
    for part in row:
        length = part.value * scale / depth
        if is_upright:
            yield part, _Box(room.x, room.y + offset, depth, length)
        else:
            yield part, _Box(room.x + offset, room.y, length, depth)
        offset += length


def _rest(room: _Box, total: float) -> _Box:
    if room.width >= room.height:
        depth = total / room.height
        return _Box(room.x + depth, room.y, max(room.width - depth, 1e-9), room.height)
    depth = total / room.width
    return _Box(room.x, room.y + depth, room.width, max(room.height - depth, 1e-9))
