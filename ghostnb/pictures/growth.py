"""How content grew, as columns and a line."""

import pandas as pd

from ghostnb.pictures.colours import ADDED, LINE, MUTED, TEXT, TOTAL
from ghostnb.pictures.drawing import Element, drawn, element
from ghostnb.pictures.periods import Periods
from ghostnb.pictures.picture import Picture
from ghostnb.pictures.wording import bytes_text

__all__ = ["growth"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 70, 34, 40
_STEPS = 4


def growth(
    frame: pd.DataFrame, title: str = "Growth", *, width: int = 960, height: int = 320
) -> Picture:
    """Draw how much was added in each period, and how much there was at its end.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `ghostnb.analysis.growth` gives it.
    title : str, optional
    width, height : int, optional
        In pixels.

    Returns
    -------
    Picture
        Columns for what was added, by the scale on the left, and a line for the total, by the
        one on the right. What was made at an unknown time is in the total from the beginning.

    Raises
    ------
    TypeError, ValueError
        If it is no such frame.
    """
    periods = Periods.of(frame)
    names, added, totals = periods.names, periods.added, periods.totals
    inner = (width - _LEFT - _RIGHT, height - _TOP - _BOTTOM)
    parts = [*_scales(max(added, default=0), max(totals, default=0), width, inner)]
    parts += _columns(names, added, totals, inner)
    parts += _line(totals, inner)
    parts += _dates(names, height, inner)
    return drawn(title, periods.in_words(), width, height, parts)


def _scales(most: int, whole: int, width: int, inner: tuple[int, int]) -> list[Element]:
    parts = [
        element("text", "added", x=_LEFT, y=18, fill=ADDED),
        element("text", "in all", x=width - _RIGHT, y=18, fill=TOTAL, text_anchor="end"),
    ]
    for step in range(_STEPS + 1):
        y = _TOP + inner[1] * (1 - step / _STEPS)
        parts += [
            element("line", "", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y, stroke=LINE),
            _tick(bytes_text(most * step / _STEPS), _LEFT - 6, y, "end"),
            _tick(bytes_text(whole * step / _STEPS), width - _RIGHT + 6, y, "start"),
        ]
    return parts


def _tick(text: str, x: float, y: float, anchor: str) -> Element:
    return element("text", text, x=x, y=y + 4, text_anchor=anchor, fill=MUTED, font_size=11)


def _columns(
    names: list[str], added: list[int], totals: list[int], inner: tuple[int, int]
) -> list[Element]:
    most, step = max(added, default=0) or 1, inner[0] / max(len(added), 1)
    return [
        element(
            "rect",
            "",
            element("title", f"{name}: {bytes_text(size)} added, {bytes_text(total)} in all"),
            x=_LEFT + n * step + step * 0.15,
            y=_TOP + inner[1] * (1 - size / most),
            width=step * 0.7,
            height=inner[1] * size / most,
            fill=ADDED,
        )
        for n, (name, size, total) in enumerate(zip(names, added, totals, strict=True))
    ]


def _line(totals: list[int], inner: tuple[int, int]) -> list[Element]:
    whole, step = max(totals, default=0) or 1, inner[0] / max(len(totals), 1)
    points = [
        f"{_LEFT + (n + 0.5) * step:.1f},{_TOP + inner[1] * (1 - total / whole):.1f}"
        for n, total in enumerate(totals)
    ]
    style = {"fill": "none", "stroke": TOTAL, "stroke_width": 2}
    return [element("polyline", "", points=" ".join(points), **style)] if points else []


def _dates(names: list[str], height: int, inner: tuple[int, int]) -> list[Element]:
    """Write as many as there is room for, the first and the last among them."""
    step = inner[0] / max(len(names), 1)
    every = max(1, round(90 / step)) if names else 1
    shown = [n for n in range(0, len(names), every) if n + every <= len(names) or n == 0]
    return [
        element("text", names[n], x=_LEFT + (n + 0.5) * step, y=height - 16, text_anchor="middle",
                fill=TEXT, font_size=11)
        for n in shown
    ]  # fmt: skip
