"""Areas in proportion to sizes."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb.pictures import treemap
from ghostnb.pictures.wording import key_of
from tests.pictures.reading import NAMESPACE, all_of, read, texts, titles

SIZES = pd.Series({"small": 10_000, "large": 60_000, "middle": 30_000})


def tiles(picture):
    """Give each tile's key with its rectangle."""
    groups = [one for one in all_of(picture, "g") if "ghostnb-tile" in one.get("class", "")]
    names = ("x", "y", "width", "height")
    return {
        one.get("data-key"): tuple(float(one.find(f"{NAMESPACE}rect").get(name)) for name in names)
        for one in groups
    }


def test_areas_are_as_sizes():
    picture = treemap(SIZES, width=800, height=400)
    boxes = tiles(picture)
    assert list(boxes) == ["large", "middle", "small"]
    for key, (_, _, width, height) in boxes.items():
        assert width * height == pytest.approx(800 * 400 * SIZES[key] / 100_000, rel=0.01)


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_they_fill_the_picture_and_do_not_overlap(count):
    sizes = pd.Series({f"n{n}": (n + 1) ** 3 * 1000 for n in range(count)})
    boxes = list(tiles(treemap(sizes, width=500, height=300)).values())
    assert sum(width * height for *_, width, height in boxes) == pytest.approx(150_000, rel=0.01)
    for x, y, width, height in boxes:
        assert x >= 0
        assert y >= 0
        assert x + width <= 500.1
        assert y + height <= 300.1
    for n, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[n + 1 :]:
            apart_x = x + width <= other_x + 0.1 or other_x + other_width <= x + 0.1
            assert apart_x or y + height <= other_y + 0.1 or other_y + other_height <= y + 0.1


def test_its_text_says_the_same():
    picture = treemap(SIZES, "Storage of a")
    assert picture.title == "Storage of a"
    assert picture.alt == (
        "3 areas, 100 kB in all: large 60.0 kB (60 %), middle 30.0 kB (30 %), small 10.0 kB (10 %)."
    )
    assert read(picture).get("aria-label") == f"Storage of a. {picture.alt}"
    assert titles(picture)[0] == "Storage of a"
    assert "large: 60.0 kB, 60.0 %" in titles(picture)


def test_what_is_too_many_becomes_one():
    sizes = pd.Series({f"n{n:03}": 1000 - n for n in range(300)})
    picture = treemap(sizes, limit=20)
    assert len(tiles(picture)) == 20
    assert "281 others" in picture.alt
    # They are no place that could be entered.
    assert [one.get("role") for one in all_of(picture, "g")].count("img") == 1


def test_two_levels_stand_in_each_other():
    index = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    picture = treemap(pd.Series([300, 100, 200], index=index))
    assert picture.alt == "2 areas, 600 B in all: a 400 B (67 %), b 200 B (33 %)."
    assert len(all_of(picture, "rect")) == 1 + 2 + 3
    assert {"x: 300 B, 50.0 %", "y: 100 B, 16.7 %", "x: 200 B, 33.3 %"} <= set(titles(picture))


def test_a_level_may_be_named_by_a_number():
    """As the columns of a split text are: the name of one is the place of another."""
    index = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")], names=["a", 0])
    picture = treemap(pd.Series([300, 100, 200], index=index))
    assert picture.alt == "2 areas, 600 B in all: a 400 B (67 %), b 200 B (33 %)."


def test_names_of_several_levels_are_joined():
    index = pd.MultiIndex.from_tuples([("a", "team/app", "1"), ("a", "team/app", "2")])
    assert "a:team/app:1" in treemap(pd.Series([2, 1], index=index)).alt


def test_what_is_unknown_or_nothing_has_no_area():
    sizes = pd.Series(pd.array([5, None, 0], "Int64"), index=["a", "b", "c"])
    assert treemap(sizes).alt == "1 area, 5 B in all: a 5 B (100 %)."


@pytest.mark.parametrize("sizes", [pd.Series(dtype="Int64"), pd.Series({"a": 0})])
def test_of_nothing(sizes):
    picture = treemap(sizes)
    assert picture.alt == "Nothing is stored."
    assert texts(picture) == ["Nothing is stored."]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a\x00b\x1b[31m", "&amp;", "'\"", "é" * 500, ""]
)
def test_names_are_text_whatever_they_hold(name):
    picture = treemap(pd.Series({name: 10, "other": 5}))
    assert {one.tag for one in read(picture).iter()} == {
        f"{NAMESPACE}{tag}" for tag in ("svg", "title", "desc", "rect", "g", "text")
    }


def test_long_digests_are_short():
    picture = treemap(pd.Series({"sha256:" + "ab" * 32: 10}))
    assert "sha256:abababababab" in texts(picture)


@pytest.mark.parametrize(
    ("sizes", "error"),
    [([1], TypeError), (pd.Series(["a"]), ValueError), (pd.Series([-1]), ValueError)],
)
def test_what_are_no_sizes(sizes, error):
    with pytest.raises(error, match="A Series of bytes is wanted"):
        treemap(sizes)


@pytest.mark.parametrize("name", ["team/app", "a\x1bz/", 'say "so" \\', "größe", "\uffff"])
def test_a_part_is_known_by_its_name_whatever_is_in_it(name):
    picture = treemap(pd.Series({name: 5}))
    assert [key_of(text) for text in tiles(picture)] == [name]
