"""The same pictures as plotly figures, to zoom and hover; with the extra ``charts``.

Each function takes what its namesake in `ghostnb.pictures` takes, and shows the same: order,
limit, names, colours. What a picture says in words stands in ``figure.layout.meta["alt"]``.

A figure needs nothing from elsewhere. A notebook that runs in Jupyter keeps its data alone;
plotly's own extension, which is installed with it, draws it there.
``figure.write_html("storage.html")`` makes a page that holds plotly.js, some 5 MB, and works
offline. Its colours are the light theme's; ``figure.update_layout(template="plotly_dark")``
makes its ground dark.

plotly saves a PNG only with kaleido and a Chrome, which ghostnb does not ask for: for a file to
print or send, take `Picture.save`.
"""

from collections import deque
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pandas as pd

from ghostnb.errors import PictureError
from ghostnb.pictures.areas import NOTHING, Area, area_in_words, areas_in_words, areas_of
from ghostnb.pictures.colours import ADDED, HUES, LINE, MUTED, SHADE, TOTAL, in_light
from ghostnb.pictures.overlaps import Overlaps
from ghostnb.pictures.periods import Periods
from ghostnb.pictures.wording import bytes_text, shortened

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["growth", "heatmap", "treemap"]

# With "$", a page that has MathJax would take a name for a formula.
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
# What shows names of a registry is not to be sent to plotly's cloud by a slip of the mouse.
_NOT_OFFERED = ["sendChartToCloud", "select2d", "lasso2d"]
_CELL, _LETTERS, _LETTER = 26, 28, 6.6
_TITLE_PLACE = {"x": 0, "y": 1, "yanchor": "top", "pad": {"l": 12, "t": 16}}
_SCALE = {
    "title": {"text": "of the smaller", "font": {"size": 12}},
    "tickvals": [0, 0.5, 1],
    "ticktext": ["0 %", "50 %", "100 %"],
    "thickness": 14,
    "lenmode": "pixels",
    "len": 130,
    "y": 1,
    "yanchor": "top",
}
# An area in another is as dark as in a picture, where black of 22 % lies upon it.
_DARKER = 0.78


def treemap(
    sizes: "pd.Series[int]",
    title: str = "Storage",
    *,
    limit: int = 100,
    width: int | None = None,
    height: int = 420,
) -> "Figure":
    """Draw sizes as areas; a click enters one, the bar above leads back.

    Parameters
    ----------
    sizes : pandas.Series
        Bytes; the index names them. With two levels, such as repository and layer, the areas of
        the second stand in those of the first.
    title : str, optional
    limit : int, optional
        At most so many areas, and so many in each; the smallest others become one.
    width, height : int, optional
        In pixels; without a width, it is as wide as there is room.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace: its first area is the whole. ``customdata`` has the whole name of each, which
        is empty for the whole and for "others", and ``values`` its bytes.

    Raises
    ------
    PictureError
        If plotly is not installed.
    TypeError, ValueError
        If the sizes are none.

    Examples
    --------
    >>> figure = treemap(pd.Series({"team/app": 3_000_000, "team/web": 1_000_000}))
    >>> figure.layout.meta["alt"]
    '2 areas, 4.00 MB in all: team/app 3.00 MB (75 %), team/web 1.00 MB (25 %).'
    >>> list(figure.data[0].values)
    [4000000, 3000000, 1000000]
    """
    areas = areas_of(sizes, limit)
    figure = _figure(title, areas_in_words(areas), width, height)
    if not areas:
        return _empty(figure, NOTHING)
    total = sum(area.value for area in areas)
    rows = _rows(Area("", f"{bytes_text(total)} in all", total, tuple(areas)))
    names = ("ids", "parents", "labels", "values", "text", "hovertext", "customdata")
    figure.add_treemap(
        **dict(zip(names, zip(*rows, strict=True), strict=True)),
        branchvalues="total",
        hoverinfo="text",
        textinfo="label+text",
        marker={
            "colors": [in_light(MUTED), *_hues(areas)],
            "line": {"width": 1, "color": "#ffffff"},
        },
        # Inside, and at the head of what is entered.
        textfont={"color": "#ffffff"},
        outsidetextfont={"color": "#ffffff"},
        pathbar={"textfont": {"size": 12}},
    )
    return figure.update_layout(margin={"l": 8, "r": 8, "t": 60, "b": 8})


def heatmap(matrix: pd.DataFrame, title: str = "Layers in common") -> "Figure":
    """Draw what each two have in common.

    Parameters
    ----------
    matrix : pandas.DataFrame, shape (n, n)
        Bytes, as `ghostnb.analysis.sharing` gives them; the diagonal is what each stores.
    title : str, optional

    Returns
    -------
    plotly.graph_objects.Figure
        One trace of n rows of n, the first row above. ``z`` is how much of the smaller of the
        two is in the other, too, 0 to 1; ``customdata`` has the bytes in common.

    Raises
    ------
    PictureError
        If plotly is not installed.
    TypeError, ValueError
        If it is no such matrix.

    Examples
    --------
    >>> matrix = pd.DataFrame([[1350, 1000], [1000, 1000]], ["app", "base"], ["app", "base"])
    >>> heatmap(matrix).data[0].hovertext[0][1]
    'app and base: 1.00 kB in common, 100 % of the smaller<br>1,000 bytes'
    """
    overlaps = Overlaps.of(matrix)
    every = range(len(overlaps.names))
    longest = max((min(len(name), _LETTERS) for name in overlaps.names), default=0)
    left, top = round(longest * _LETTER) + 24, round(longest * _LETTER * 0.75) + 56
    side = _CELL * len(every)
    # Few cells leave room for the title and the scale, so that they are as large as many.
    width, height = max(left + side + 130, 400), top + max(side, 140) + 16
    figure = _figure(title, overlaps.in_words(), width, height)
    if not every:
        return _empty(figure, overlaps.in_words())
    figure.add_heatmap(
        z=[[overlaps.share(row, column) for column in every] for row in every],
        customdata=overlaps.counts,
        hovertext=[[_cell_hover(overlaps, row, column) for column in every] for row in every],
        hoverinfo="text",
        zmin=0,
        zmax=1,
        colorscale=[[0, "#ffffff"], [1, SHADE]],
        colorbar=_SCALE,
        xgap=1,
        ygap=1,
    )
    # By position: names that are alike once they are shortened are still two.
    labels = [_text(shortened(name, _LETTERS)) for name in overlaps.names]
    axis = {"tickvals": list(every), "ticktext": labels, "showgrid": False, "zeroline": False}
    return figure.update_layout(
        xaxis={**axis, "side": "top", "tickangle": -45},
        yaxis={**axis, "autorange": "reversed"},
        plot_bgcolor=in_light(LINE),
        margin={"l": left, "r": width - left - side, "t": top, "b": height - top - side},
    )


def growth(
    frame: pd.DataFrame, title: str = "Growth", *, width: int | None = None, height: int = 320
) -> "Figure":
    """Draw how much was added in each period, and how much there was at its end.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `ghostnb.analysis.growth` gives it.
    title : str, optional
    width, height : int, optional
        In pixels; without a width, it is as wide as there is room.

    Returns
    -------
    plotly.graph_objects.Figure
        Two traces over the periods' first days: columns for the bytes that were added, by the
        scale on the left, and a line for the total, by the one on the right. What was made at
        an unknown time is in the total from the beginning.

    Raises
    ------
    PictureError
        If plotly is not installed.
    TypeError, ValueError
        If it is no such frame.

    Examples
    --------
    >>> months = pd.to_datetime(["2026-01-01", "2026-02-01"], utc=True)
    >>> added, totals = [300, 50], [300, 350]
    >>> frame = pd.DataFrame({"period": months, "added_bytes": added, "total_bytes": totals})
    >>> [list(trace.y) for trace in growth(frame).data]
    [[300, 50], [300, 350]]
    """
    periods = Periods.of(frame)
    figure = _figure(title, periods.in_words(), width, height)
    if not periods.names:
        return _empty(figure, periods.in_words())
    figure.add_bar(y=periods.added, name="added", marker_color=in_light(ADDED), yaxis="y")
    figure.add_scatter(
        y=periods.totals,
        name="in all",
        mode="lines+markers",
        line={"color": in_light(TOTAL), "width": 2},
        marker_size=5,
        yaxis="y2",
    )
    for trace in figure.data:
        trace.update(x=periods.names, hovertext=[_size(one) for one in trace.y])
        trace.update(hovertemplate="%{hovertext}")
    scale = {"rangemode": "tozero", "tickformat": "~s", "ticksuffix": "B", "tickmode": "auto"}
    return figure.update_layout(
        xaxis={"type": "category", "showgrid": False, "nticks": 8},
        yaxis={**scale, "title": _coloured("added", ADDED)},
        yaxis2={
            **scale,
            "title": _coloured("in all", TOTAL),
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
        },
        bargap=0.3,
        hovermode="x unified",
        showlegend=False,
        margin={"l": 70, "r": 70, "t": 56, "b": 40},
    )


def _figure(title: str, alt: str, width: int | None, height: int) -> "Figure":
    try:
        from plotly.graph_objects import Figure
    except ImportError as e:
        raise PictureError(
            "A figure needs plotly.",
            hint="Install it: pip install 'ghostnb[charts]'; or take the picture of that name.",
        ) from e
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "title": {"text": _text(title), "font": {"size": 15}, **_TITLE_PLACE},
        "meta": {"alt": alt},
        "width": width,
        "height": height,
        "modebar": {"remove": _NOT_OFFERED},
    }
    return Figure(layout=layout)


def _empty(figure: "Figure", text: str) -> "Figure":
    place = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left"}
    figure.add_annotation(text=_text(text), showarrow=False, **place)
    return figure.update_layout(xaxis_visible=False, yaxis_visible=False)


def _rows(whole: Area) -> list[tuple[str, str, str, int, str, str, str]]:
    """Give each area with what is around it, level by level: ids are places, so unique."""
    rows, waiting = [], deque([("0", "", whole)])
    while waiting:
        place, around, area = waiting.popleft()
        size, label = bytes_text(area.value), _text(area.label)
        hover = f"{_text(area_in_words(area, whole.value))}<br>{area.value:,} bytes"
        rows.append((place, around, label, area.value, size, hover, area.key))
        waiting += [(f"{place}.{n}", place, part) for n, part in enumerate(area.parts)]
    return rows


def _hues(areas: Sequence[Area]) -> list[str]:
    """Colour them, and then what is in them, in the order of the rows."""
    hues = [hue for hue, _ in zip(cycle(HUES), areas, strict=False)]
    return hues + [_darker(hue) for hue, area in zip(hues, areas, strict=True) for _ in area.parts]


def _darker(hue: str) -> str:
    return "#" + "".join(f"{round(one * _DARKER):02x}" for one in bytes.fromhex(hue[1:]))


def _coloured(text: str, colour: str) -> dict[str, Any]:
    return {"text": text, "font": {"color": in_light(colour)}}


def _cell_hover(overlaps: Overlaps, row: int, column: int) -> str:
    words = _text(overlaps.cell_in_words(row, column))
    return f"{words}<br>{overlaps.counts[row][column]:,} bytes"


def _size(size_bytes: int) -> str:
    return f"{bytes_text(size_bytes)} ({size_bytes:,} bytes)"


def _text(name: str) -> str:
    """Write what plotly would take for markup."""
    return name.translate(_MARKS).replace("%{", "&#37;{")
