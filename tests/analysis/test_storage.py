"""What content costs: worked out by hand, and by a second, slow way."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.analysis import storage
from tests.analysis.inventories import FOREIGN, Named, image, inventory

FIGURES = ["logical_bytes", "physical_bytes", "exclusive_bytes", "amortised_bytes"]
COUNTS = ["tags", "images", "layers"]


def figures(frame: pd.DataFrame, *keys: str) -> dict[object, tuple[object, ...]]:
    """Give the rows by their keys: bytes, then counts."""
    rows = zip(*(frame[name] for name in (*FIGURES, *COUNTS)), strict=True)
    names = [tuple(row) for row in frame[list(keys)].itertuples(index=False)]
    return {name[0] if len(name) == 1 else name: row for name, row in zip(names, rows, strict=True)}


def test_two_images_on_one_base():
    frame = storage(inventory(image("app:1", ["base", "app"]), image("tool:1", ["base", "python"])))
    assert figures(frame, "repository") == {
        "tool": (1300, 1300, 300, 800.0, 1, 1, 2),
        "app": (1050, 1050, 50, 550.0, 1, 1, 2),
    }
    assert frame.index.tolist() == [0, 1]


def test_images_that_share_all_layers_own_nothing_alone():
    frame = inventory(image("app:1", ["base", "app"]), image("copy:1", ["base", "app"]))
    assert figures(storage(frame), "repository") == {
        "app": (1050, 1050, 0, 525.0, 1, 1, 2),
        "copy": (1050, 1050, 0, 525.0, 1, 1, 2),
    }
    assert figures(storage(frame, "registry"), "registry") == {
        "a": (2100, 1050, 1050, 1050.0, 2, 1, 2)
    }


def test_tags_of_one_image():
    frame = storage(
        inventory(image("app:1", ["base", "app"]), image("app:latest", ["base", "app"])),
        ["repository", "tag"],
    )
    assert figures(frame, "repository", "tag") == {
        ("app", "1"): (1050, 1050, 0, 525.0, 1, 1, 2),
        ("app", "latest"): (1050, 1050, 0, 525.0, 1, 1, 2),
    }


def test_a_layer_that_is_twice_in_an_image_is_stored_once_and_paid_once():
    twice = image("app:1", ["base", "app", "base"])
    frame = storage(inventory(twice, image("tool:1", ["base"])))
    # Both images name the base, and each pays half of it.
    assert figures(frame, "repository") == {
        "app": (2050, 1050, 50, 550.0, 1, 1, 2),
        "tool": (1000, 1000, 0, 500.0, 1, 1, 1),
    }


def test_what_an_index_holds_shares_layers():
    frame = inventory(
        image("app:1", ["assets", "app"], platform="linux/amd64"),
        image("app:1", ["assets", "python"], platform="linux/arm64"),
    )
    assert figures(storage(frame), "repository") == {"app": (390, 370, 370, 370.0, 1, 2, 3)}
    assert figures(storage(frame, "platform"), "platform") == {
        "linux/arm64": (320, 320, 300, 310.0, 1, 1, 2),
        "linux/amd64": (70, 70, 50, 60.0, 1, 1, 2),
    }


def test_an_image_in_two_registries_is_stored_twice():
    frame = inventory(image("app:1", ["app"]), image("app:1", ["app"], registry="b"))
    assert figures(storage(frame, []), *[]) == {(): (100, 100, 100, 100.0, 2, 1, 2)}
    assert figures(storage(frame, [], across=True)) == {(): (100, 50, 50, 50.0, 2, 1, 1)}
    assert figures(storage(frame, "registry"), "registry") == {
        "a": (50, 50, 50, 50.0, 1, 1, 1),
        "b": (50, 50, 50, 50.0, 1, 1, 1),
    }
    assert figures(storage(frame, "registry", across=True), "registry") == {
        "a": (50, 50, 0, 25.0, 1, 1, 1),
        "b": (50, 50, 0, 25.0, 1, 1, 1),
    }


def test_foreign_layers_have_no_bytes_here():
    windows = image("win:1", [Named("windows", media_type=FOREIGN), "app"])
    only = image("nano:1", [Named("windows", media_type=FOREIGN)])
    assert figures(storage(inventory(windows, only)), "repository") == {
        "win": (50, 50, 50, 50.0, 1, 1, 1),
        "nano": (0, 0, 0, 0.0, 1, 1, 0),
    }


def test_a_layer_that_is_foreign_in_one_image_and_pushed_for_another():
    frame = inventory(
        image("win:1", [Named("windows", media_type=FOREIGN)]), image("own:1", ["windows"])
    )
    assert figures(storage(frame), "repository") == {
        "own": (4000, 4000, 4000, 4000.0, 1, 1, 1),
        "win": (0, 0, 0, 0.0, 1, 1, 0),
    }


def test_empty_layers_are_shared_like_any_other():
    frame = storage(inventory(image("app:1", ["empty", "app"]), image("b:1", ["empty"])))
    assert figures(frame, "repository") == {
        "app": (82, 82, 50, 66.0, 1, 1, 2),
        "b": (32, 32, 0, 16.0, 1, 1, 1),
    }


def test_what_has_no_tag_and_no_platform_is_a_row_too():
    frame = storage(
        inventory(image("chart", ["app"], platform=None), image("chart:1", ["assets"])),
        ["tag", "platform"],
    )
    assert frame["tag"].isna().tolist() == [True, False]
    assert frame["physical_bytes"].tolist() == [50, 20]


def test_a_size_that_rows_disagree_about_counts_as_the_largest():
    frame = storage(inventory(image("app:1", ["app"]), image("b:1", [Named("app", 70)])))
    assert figures(frame, "repository") == {
        "app": (70, 70, 0, 35.0, 1, 1, 1),
        "b": (70, 70, 0, 35.0, 1, 1, 1),
    }


def test_sums_that_floats_cannot_hold_are_exact():
    huge = 2**53 + 1
    layers = [Named("one", huge), Named("two", 2), Named("three", 2)]
    frame = storage(inventory(image("app:1", layers)))
    assert frame["physical_bytes"].tolist() == [huge + 4]
    assert frame["exclusive_bytes"].tolist() == [huge + 4]
    assert frame["logical_bytes"].tolist() == [huge + 4]


def test_by_what_is_of_a_layer_and_not_of_an_image():
    frame = storage(inventory(image("app:1", ["base", "app", "base"])), "position")
    assert figures(frame, "position") == {
        0: (1000, 1000, 0, 500.0, 1, 1, 1),
        2: (1000, 1000, 0, 500.0, 1, 1, 1),
        1: (50, 50, 50, 50.0, 1, 1, 1),
    }


@pytest.mark.parametrize(("by", "rows"), [("repository", 0), (["repository", "tag"], 0), ([], 1)])
def test_of_nothing(by, rows):
    frame = storage(inventory(), by)
    names = [by] if isinstance(by, str) else by
    assert list(frame) == [*names, *FIGURES, *COUNTS]
    assert len(frame) == rows
    types = dict.fromkeys([*FIGURES, *COUNTS], "Int64") | {"amortised_bytes": "float64"}
    assert frame.dtypes.astype(str).to_dict() == dict.fromkeys(names, "string") | types
    assert frame[FIGURES].to_numpy().sum() == 0


def test_texts_do_as_well_as_categories():
    frame = inventory(image("app:1", ["base", "app"]), image("tool:1", ["base", "python"]))
    texts = [name for name in frame if frame[name].dtype == "category"]
    pd.testing.assert_frame_equal(
        storage(frame), storage(frame.astype(dict.fromkeys(texts, "string")))
    )


def test_part_of_an_inventory_has_no_empty_rows():
    frame = inventory(image("app:1", ["base"]), image("tool:1", ["base"]))
    assert storage(frame[frame["repository"] == "app"])["repository"].tolist() == ["app"]


@pytest.mark.parametrize(
    ("given_frame", "by", "error", "words"),
    [
        ([], "repository", TypeError, "A layers frame is wanted, .* not list"),
        (pd.DataFrame({"digest": []}), "repository", ValueError, "this one has no registry, rep"),
        (inventory(), "repo", ValueError, "by: 'repo' is no column of the inventory, which has r"),
        (inventory(), ["tag", 3], ValueError, "by: 3 is no column"),
        (inventory(), 3, TypeError, "by: a column's name, or several, is wanted, not 3"),
    ],
)
def test_what_is_no_inventory_is_told(given_frame, by, error, words):
    with pytest.raises(error, match=words):
        storage(given_frame, by)


LAYERS = st.lists(st.sampled_from(["base", "python", "app", "assets", "empty"]), max_size=5)
IMAGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["x:1", "x:2", "y:1"]), LAYERS), max_size=8
)


@given(
    images=IMAGES,
    by=st.sampled_from(
        [["registry"], ["registry", "repository"], ["repository", "tag"], ["position"], []]
    ),
    across=st.booleans(),
)
def test_against_a_second_way(images, by, across):
    frame = inventory(*(image(name, names, registry=where) for where, name, names in images))
    expected = slowly(frame, by, across)
    found = figures(storage(frame, by, across=across), *by) if by or len(frame) else {}
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row == pytest.approx(expected[key])


def slowly(frame: pd.DataFrame, by: list[str], across: bool) -> dict[object, tuple[object, ...]]:
    """Work the same out with sets."""
    rows = frame.to_dict("records")
    groups: dict[object, list[dict]] = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        groups.setdefault(key[0] if len(by) == 1 else key, []).append(row)

    def blob(row):
        return row["digest"] if across else (row["registry"], row["digest"])

    def place(row):
        return row["registry"], row["repository"], row["tag"], row["image_digest"]

    def sized(found):
        return sum({blob(row): row["size_bytes"] for row in found}.values())

    payers = {one: {place(row) for row in rows if blob(row) == one} for one in map(blob, rows)}
    times = {
        one: len(list(found))
        for one, found in itertools.groupby(sorted((place(row), str(blob(row))) for row in rows))
    }
    result = {}
    for key, mine in groups.items():
        others = {blob(row) for name, found in groups.items() if name != key for row in found}
        result[key] = (
            sum(row["size_bytes"] for row in mine),
            sized(mine),
            sized(row for row in mine if blob(row) not in others),
            sum(
                row["size_bytes"] / len(payers[blob(row)]) / times[place(row), str(blob(row))]
                for row in mine
            ),
            len({place(row)[:3] for row in mine}),
            len({row["image_digest"] for row in mine}),
            len({blob(row) for row in mine}),
        )
    return result


def test_shares_add_up_to_what_is_stored():
    frame = inventory(image("app:1", ["base", "app", "base"]), image("tool:1", ["base", "python"]))
    for by in (["repository"], ["position"], ["digest"], ["repository", "tag", "digest"]):
        assert np.isclose(storage(frame, by)["amortised_bytes"].sum(), 1350)
