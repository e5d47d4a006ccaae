"""What each two have in common, as a matrix of shades."""

import pandas as pd

from ghostnb.pictures.colours import LINE, SHADE, TEXT
from ghostnb.pictures.drawing import Element, drawn, element
from ghostnb.pictures.overlaps import Overlaps
from ghostnb.pictures.picture import Picture
from ghostnb.pictures.wording import shortened

__all__ = ["heatmap"]

_CELL, _LETTERS, _LETTER = 26, 28, 6.6


def heatmap(matrix: pd.DataFrame, title: str = "Layers in common") -> Picture:
    """Draw what each two have in common.

    Parameters
    ----------
    matrix : pandas.DataFrame, shape (n, n)
        Bytes, as `ghostnb.analysis.sharing` gives them; the diagonal is what each stores.
    title : str, optional

    Returns
    -------
    Picture
        The darker, the more of the smaller of the two is in the other, too.

    Raises
    ------
    TypeError, ValueError
        If it is no such matrix.
    """
    overlaps = Overlaps.of(matrix)
    names = overlaps.names
    longest = max((min(len(name), _LETTERS) for name in names), default=0)
    left, top = round(longest * _LETTER) + 16, round(longest * _LETTER * 0.75) + 20
    width = left + _CELL * len(names) + round(longest * _LETTER * 0.6) + 16
    height = top + _CELL * max(len(names), 1) + 12
    parts: list[Element] = []
    for row, name in enumerate(names):
        middle = top + row * _CELL + 17
        parts.append(_label(name, left - 6, middle, "end"))
        parts.append(_slanted(name, left + row * _CELL + 15, top - 6))
        for column in range(len(names)):
            share, text = overlaps.share(row, column), overlaps.cell_in_words(row, column)
            parts.append(_cell(left + column * _CELL, top + row * _CELL, share, text))
    return drawn(title, overlaps.in_words(), width, height, parts)


def _label(name: str, x: float, y: float, anchor: str) -> Element:
    return element("text", shortened(name, _LETTERS), x=x, y=y, text_anchor=anchor, fill=TEXT)


def _slanted(name: str, x: float, y: float) -> Element:
    turn = f"rotate(-45 {x:.0f} {y:.0f})"
    return element("text", shortened(name, _LETTERS), x=x, y=y, transform=turn, fill=TEXT)


def _cell(x: float, y: float, share: float, text: str) -> Element:
    return element(
        "rect",
        "",
        element("title", text),
        x=x,
        y=y,
        width=_CELL - 1,
        height=_CELL - 1,
        fill=SHADE,
        fill_opacity=float(round(share, 2)),
        stroke=LINE,
    )
