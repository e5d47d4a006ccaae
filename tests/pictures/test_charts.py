"""Matrices and growth."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb import analysis
from ghostnb.pictures import growth, heatmap
from tests.analysis.inventories import Named, image, inventory
from tests.pictures.reading import all_of, texts, titles

SHARED = inventory(
    image("app:1", ["base", "python", "app"]),
    image("tool:1", ["base", "python"]),
    image("tiny:1", ["base"]),
    image("own:1", ["assets"]),
)
MONTHS = inventory(
    image("a:1", [Named("base", created="2025-11-10T00:00:00Z")]),
    image("a:2", [Named("python", created="2026-01-10T00:00:00Z"), Named("app", created=None)]),
)


def test_each_two_have_a_cell():
    picture = heatmap(analysis.sharing(SHARED))
    assert len(all_of(picture, "rect")) == 1 + 4 * 4
    assert "app and tool: 1.30 kB in common, 100 % of the smaller" in titles(picture)
    assert "tiny and own: 0 B in common, 0 % of the smaller" in titles(picture)
    assert "app stores 1.35 kB" in titles(picture)
    assert texts(picture).count("app") == 2


def test_the_darker_the_more():
    picture = heatmap(analysis.sharing(SHARED))
    shades = {one[0].text: float(one.get("fill-opacity")) for one in all_of(picture, "rect")[1:]}
    assert shades["app stores 1.35 kB"] == 1
    assert shades["app and tool: 1.30 kB in common, 100 % of the smaller"] == 1
    assert shades["own and app: 0 B in common, 0 % of the smaller"] == 0


def test_the_matrix_in_words():
    assert heatmap(analysis.sharing(SHARED)).alt == (
        "4 compared: most in common have tool and app 1.30 kB, tiny and app 1.00 kB, "
        "tiny and tool 1.00 kB."
    )
    assert "2 others are left out" in heatmap(analysis.sharing(SHARED, limit=2)).alt
    apart = inventory(image("a:1", ["app"]), image("b:1", ["base"]))
    assert (
        heatmap(analysis.sharing(apart)).alt
        == "2 compared, of which no two have anything in common."
    )
    assert heatmap(analysis.sharing(inventory())).alt.startswith("0 compared, of which")


def test_a_matrix_of_several_columns():
    picture = heatmap(analysis.sharing(SHARED, ["repository", "tag"]))
    assert "app:1" in texts(picture)


def test_what_is_unknown_is_nothing_in_common():
    matrix = analysis.sharing(SHARED)
    matrix.loc["app", "tool"] = matrix.loc["tool", "app"] = pd.NA
    picture = heatmap(matrix)
    assert "app and tool: 0 B in common, 0 % of the smaller" in titles(picture)
    assert picture.alt.startswith("4 compared: most in common have tiny and app 1.00 kB")


@pytest.mark.parametrize(
    ("matrix", "error"),
    [(None, TypeError), (pd.DataFrame({"a": [1]}, index=["b"]), ValueError)],
)
def test_what_is_no_matrix(matrix, error):
    with pytest.raises(error, match="A square matrix is wanted"):
        heatmap(matrix)


def test_a_column_a_period_and_a_line():
    picture = growth(analysis.growth(MONTHS))
    assert titles(picture)[1:] == [
        "2025-11-01: 1.00 kB added, 1.05 kB in all",
        "2025-12-01: 0 B added, 1.05 kB in all",
        "2026-01-01: 300 B added, 1.35 kB in all",
    ]
    heights = [float(one.get("height")) for one in all_of(picture, "rect")[1:]]
    assert heights[0] == pytest.approx(heights[2] * 1000 / 300, rel=0.01)
    assert heights[1] == 0
    [line] = all_of(picture, "polyline")
    assert len(line.get("points").split()) == 3


def test_growth_in_words():
    assert growth(analysis.growth(MONTHS)).alt == (
        "From 2025-11-01 to 2026-01-01 it grew to 1.35 kB; most was added in the period from "
        "2025-11-01, 1.00 kB; 50 B were made at unknown times."
    )


def test_of_nothing_and_of_nothing_dated():
    assert growth(analysis.growth(inventory())).alt.startswith("Nothing is dated; 0 B")
    undated = inventory(image("a:1", [Named("app", created=None)]))
    assert growth(analysis.growth(undated)).alt.startswith("Nothing is dated; 50 B")


def test_only_dates_that_there_is_room_for():
    frame = analysis.growth(MONTHS, "D")
    shown = [text for text in texts(growth(frame)) if text.startswith("20")]
    assert 5 < len(shown) < 12


@pytest.mark.parametrize("frame", [[], pd.DataFrame({"period": []})])
def test_what_is_no_frame_of_growth(frame):
    with pytest.raises((TypeError, ValueError), match="A frame of growth is wanted"):
        growth(frame)
