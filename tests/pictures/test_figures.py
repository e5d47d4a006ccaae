"""Plotly figures: what they hold is what the analysis says, and the pictures' words."""

from __future__ import annotations

import doctest
import sys

import pandas as pd
import pytest

from ghostnb import analysis, pictures
from ghostnb.errors import PictureError
from ghostnb.pictures import figures
from tests.analysis.inventories import Named, image, inventory
from tests.parts.browsers import Watch, chromium, session
from tests.scripts import run_script

SIZES = pd.Series({"small": 10_000, "large": 60_000, "middle": 30_000})
TWO_LEVELS = pd.Series(
    [300, 100, 200], index=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
)
SHARED = analysis.sharing(
    inventory(
        image("app:1", ["base", "python", "app"]),
        image("tool:1", ["base", "python"]),
        image("own:1", ["assets"]),
    )
)
MONTHS = analysis.growth(
    inventory(
        image("a:1", [Named("base", created="2025-11-10T00:00:00Z")]),
        image("a:2", [Named("python", created="2026-01-10T00:00:00Z"), Named("app", created=None)]),
    )
)
HOSTILE = "<a href='x'>&amp;</a> $y^2$ %{label}"
PAIRS = [
    (figures.treemap, pictures.treemap, SIZES),
    (figures.treemap, pictures.treemap, TWO_LEVELS),
    (figures.treemap, pictures.treemap, pd.Series(dtype="Int64")),
    (figures.heatmap, pictures.heatmap, SHARED),
    (figures.heatmap, pictures.heatmap, SHARED.iloc[:0, :0]),
    (figures.growth, pictures.growth, MONTHS),
    (figures.growth, pictures.growth, MONTHS[MONTHS["period"].isna()]),
]


def areas(figure):
    """Give each area with the one around it: (label, label around, bytes)."""
    [trace] = figure.data
    labels = dict(zip(trace.ids, trace.labels, strict=True))
    rows = zip(trace.labels, trace.parents, trace.values, strict=True)
    return [(label, labels.get(around, ""), value) for label, around, value in rows]


def shown(figure):
    """Give the text that stands where nothing can be drawn."""
    return [one.text for one in figure.layout.annotations]


@pytest.mark.parametrize(("draw", "picture", "data"), PAIRS)
def test_a_figure_says_what_the_picture_of_its_name_says(draw, picture, data):
    figure, drawn = draw(data), picture(data)
    assert figure.layout.meta["alt"] == drawn.alt
    assert figure.layout.title.text == drawn.title
    assert draw(data, "Mine").layout.title.text == "Mine"


def test_areas_are_the_sizes_in_order():
    figure = figures.treemap(SIZES)
    whole = "100 kB in all"
    assert areas(figure) == [
        (whole, "", 100_000),
        ("large", whole, 60_000),
        ("middle", whole, 30_000),
        ("small", whole, 10_000),
    ]
    assert figure.data[0].hovertext[1] == "large: 60.0 kB, 60.0 %<br>60,000 bytes"
    assert list(figure.data[0].customdata) == ["", "large", "middle", "small"]


def test_two_levels_add_up_to_what_is_around_them():
    figure = figures.treemap(TWO_LEVELS)
    whole = "600 B in all"
    assert areas(figure) == [
        (whole, "", 600),
        ("a", whole, 400),
        ("b", whole, 200),
        ("x", "a", 300),
        ("y", "a", 100),
        ("x", "b", 200),
    ]
    assert figure.data[0].branchvalues == "total"
    # As in the picture: the inner ones are of the hue around them, darker.
    _, a, b, *inner = figure.data[0].marker.colors
    assert (a, b) == ("#1f5fa8", "#6a45a3")
    assert inner == ["#184a83", "#184a83", "#53367f"]


def test_what_is_too_many_becomes_one_on_each_level():
    index = pd.MultiIndex.from_product([[f"n{n:03}" for n in range(30)], ["x", "y", "z"]])
    figure = figures.treemap(pd.Series(range(1, 91), index=index), limit=2)
    rows = areas(figure)
    assert rows[:3] == [
        ("4.09 kB in all", "", 4095),
        ("29 others", "4.09 kB in all", 4095 - (88 + 89 + 90)),
        ("n029", "4.09 kB in all", 88 + 89 + 90),
    ]
    assert rows[3:] == [("2 others", "n029", 88 + 89), ("z", "n029", 90)]
    assert list(figure.data[0].customdata) == ["", "", "n029", "", "z"]


def test_a_digest_is_short_where_it_is_shown_and_whole_where_it_is_kept():
    digest = "sha256:" + "ab" * 32
    [trace] = figures.treemap(pd.Series({digest: 10})).data
    assert trace.labels[1] == "sha256:abababababab"
    assert trace.customdata[1] == digest


def test_each_two_have_a_cell():
    [trace] = figures.heatmap(SHARED).data
    assert [list(row) for row in trace.customdata] == [[1350, 1300, 0], [1300, 1300, 0], [0, 0, 20]]
    assert [list(row) for row in trace.z] == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert trace.hovertext[0][1] == (
        "app and tool: 1.30 kB in common, 100 % of the smaller<br>1,300 bytes"
    )
    assert trace.hovertext[2][2] == "own stores 20 B<br>20 bytes"


def test_rows_go_down_and_columns_are_named_above():
    layout = figures.heatmap(SHARED).layout
    assert layout.yaxis.autorange == "reversed"
    assert layout.xaxis.side == "top"
    assert layout.xaxis.ticktext == layout.yaxis.ticktext == ("app", "tool", "own")


def test_names_that_are_alike_once_shortened_are_still_two():
    names = ["n" * 40 + end for end in "ab"]
    figure = figures.heatmap(pd.DataFrame([[2, 1], [1, 2]], index=names, columns=names))
    assert len(set(figure.layout.xaxis.ticktext)) == 1
    assert figure.layout.xaxis.tickvals == (0, 1)
    assert f"{names[0]} and {names[1]}: 1 B" in figure.data[0].hovertext[0][1]


def test_a_column_a_period_and_a_line():
    added, totals = figures.growth(MONTHS).data
    assert list(added.x) == list(totals.x) == ["2025-11-01", "2025-12-01", "2026-01-01"]
    assert list(added.y) == [1000, 0, 300]
    assert list(totals.y) == [1050, 1050, 1350]
    assert (added.yaxis, totals.yaxis) == ("y", "y2")
    assert totals.hovertext[2] == "1.35 kB (1,350 bytes)"


@pytest.mark.parametrize(("draw", "data", "text"), [
    (figures.treemap, pd.Series({"a": 0}), "Nothing is stored."),
    (figures.heatmap, SHARED.iloc[:0, :0], "0 compared, of which no two have anything in common."),
    (figures.growth, MONTHS[MONTHS["period"].isna()],
     "Nothing is dated; 50 B were made at unknown times."),
])  # fmt: skip
def test_of_nothing(draw, data, text):
    figure = draw(data)
    assert figure.data == ()
    assert shown(figure) == [text]


@pytest.mark.parametrize(("draw", "data", "error", "wanted"), [
    (figures.treemap, [1], TypeError, "A Series of bytes is wanted"),
    (figures.treemap, pd.Series([-1]), ValueError, "A Series of bytes is wanted"),
    (figures.heatmap, None, TypeError, "A square matrix is wanted"),
    (figures.heatmap, pd.DataFrame({"a": [1]}, index=["b"]), ValueError, "A square matrix"),
    (figures.growth, [], TypeError, "A frame of growth is wanted"),
    (figures.growth, pd.DataFrame({"period": []}), ValueError, "A frame of growth is wanted"),
])  # fmt: skip
def test_what_cannot_be_drawn(draw, data, error, wanted):
    with pytest.raises(error, match=wanted):
        draw(data)


@pytest.mark.parametrize(("draw", "data"), [(draw, data) for draw, _, data in PAIRS])
def test_without_plotly_it_says_what_to_install(draw, data, monkeypatch):
    for name in [one for one in sys.modules if one.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(PictureError, match=r"needs plotly.* pip install 'ghostnb\[charts\]'"):
        draw(data)


def test_plotly_is_imported_when_it_is_wanted():
    script = """
import sys, pandas
from ghostnb.pictures import figures
before = "plotly" in sys.modules
figures.treemap(pandas.Series({"a": 1}))
print(before, "plotly" in sys.modules)
"""
    assert run_script(script) == "False True\n"


@pytest.mark.parametrize("module", [pictures.figures, sys.modules["ghostnb.pictures.treemap"]])
def test_the_examples_hold(module):
    ran = doctest.testmod(module)
    assert ran.attempted > 0
    assert ran.failed == 0


def test_a_page_of_it_needs_nothing_from_elsewhere_and_shows_names_as_they_are(tmp_path):
    path = tmp_path / "storage.html"
    figures.treemap(pd.Series({HOSTILE: 3000, "web": 1000}), HOSTILE).write_html(path)
    watch = Watch()
    with chromium() as browser, session(browser, watch) as page:
        page.goto(path.as_uri())
        page.locator(".treemaplayer text").get_by_text("web").wait_for()
        assert HOSTILE in page.locator(".treemaplayer").text_content()
        assert page.locator(".gtitle").text_content() == HOSTILE
        assert page.locator("svg a").count() == 0
        page.locator(".treemaplayer .slice").filter(has_text="web").last.hover()
        page.locator(".hoverlayer").get_by_text("1,000 bytes").wait_for()
        buttons = page.locator(".modebar-btn")
        titles = buttons.evaluate_all("them => them.map(one => one.dataset.title)")
    assert "Download plot as a PNG" in titles
    assert not any("Share" in title for title in titles)
    assert watch.errors == []
    assert watch.foreign == [path.as_uri()]
