"""What each two have in common, as a matrix of shades."""

import pandas as pd

from ghostnb.pictures.drawing import LINE, TEXT, Element, bytes_text, drawn, element, shortened
from ghostnb.pictures.picture import Picture

__all__ = ["heatmap"]

_CELL, _LETTERS, _LETTER = 26, 28, 6.6
_NAMED = 5
_SHADE = "#1f5fa8"


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
    names = _checked(matrix)
    counts = matrix.fillna(0).to_numpy(dtype="int64")
    longest = max((min(len(name), _LETTERS) for name in names), default=0)
    left, top = round(longest * _LETTER) + 16, round(longest * _LETTER * 0.75) + 20
    width = left + _CELL * len(names) + round(longest * _LETTER * 0.6) + 16
    height = top + _CELL * max(len(names), 1) + 12
    parts: list[Element] = []
    for row, name in enumerate(names):
        middle = top + row * _CELL + 17
        parts.append(_label(name, left - 6, middle, "end"))
        parts.append(_slanted(name, left + row * _CELL + 15, top - 6))
        for column, other in enumerate(names):
            smaller = min(counts[row, row], counts[column, column])
            share = counts[row, column] / smaller if smaller else 0.0
            text = _cell_in_words(name, other, int(counts[row, column]), float(share))
            parts.append(_cell(left + column * _CELL, top + row * _CELL, float(share), text))
    return drawn(title, _in_words(matrix, names), width, height, parts)


def _checked(matrix: pd.DataFrame) -> list[str]:
    wanted = "A square matrix is wanted, such as that of analysis.sharing(inventory)"
    if not isinstance(matrix, pd.DataFrame):
        raise TypeError(f"{wanted}, not {type(matrix).__name__}.")
    if matrix.shape[0] != matrix.shape[1] or not matrix.index.equals(matrix.columns):
        raise ValueError(f"{wanted}: this frame has other rows than columns.")
    return [":".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in matrix.index]


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
        fill=_SHADE,
        fill_opacity=float(round(share, 2)),
        stroke=LINE,
    )


def _cell_in_words(name: str, other: str, size_bytes: int, share: float) -> str:
    if name == other:
        return f"{name} stores {bytes_text(size_bytes)}"
    percent = f"{100 * share:.0f} % of the smaller"
    return f"{name} and {other}: {bytes_text(size_bytes)} in common, {percent}"


def _in_words(matrix: pd.DataFrame, names: list[str]) -> str:
    pairs = [
        (int(matrix.iat[row, column]), names[row], names[column])
        for row in range(len(names))
        for column in range(row)
    ]
    most = sorted((pair for pair in pairs if pair[0]), key=lambda pair: (-pair[0], pair[1:]))
    if not most:
        return f"{len(names)} of which no two have anything in common."
    said = [f"{one} and {other} {bytes_text(size)}" for size, one, other in most[:_NAMED]]
    left = len(most) - len(said)
    more = f", and {left:,} more pairs" if left > 0 else ""
    out = matrix.attrs.get("left_out", 0)
    note = f" {out:,} others are left out." if out else ""
    return f"{len(names)}; most in common have {', '.join(said)}{more}.{note}"
