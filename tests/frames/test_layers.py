"""The frames of layers and of history."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from ghostnb.frames import LayersTable, history_frame, layers_frame
from tests.frames.images import GZIP, WHEN, digest, image, layer, step

TEXT, COUNT, TIME, FLAG, CATEGORY = "string", "Int64", "datetime64[ns, UTC]", "boolean", "category"
# As DESIGN.md has them, written out again.
LAYERS = {
    "registry": CATEGORY,
    "repository": CATEGORY,
    "tag": CATEGORY,
    "image_digest": CATEGORY,
    "platform": CATEGORY,
    "position": COUNT,
    "digest": CATEGORY,
    "diff_id": CATEGORY,
    "media_type": CATEGORY,
    "size_bytes": COUNT,
    "created": TIME,
    "created_by": CATEGORY,
}
HISTORY = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "image_digest": TEXT,
    "platform": TEXT,
    "position": COUNT,
    "created": TIME,
    "created_by": TEXT,
    "comment": TEXT,
    "empty_layer": FLAG,
    "layer_digest": TEXT,
    "size_bytes": COUNT,
}
SHARED = layer(0, 1)
UNKNOWN = layer(1, 2, diff_id=None, created=None, created_by=None)
IMAGES = [
    image("one", (SHARED, layer(1, 3, size_bytes=2**53))),
    image("none"),
    image("two", (SHARED, UNKNOWN), platform=None, repository="c/d"),
    image("", (SHARED,), registry="s"),
]


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_columns_are_as_designed_also_when_empty():
    for images in ([], [image("none")], IMAGES[2:3], IMAGES):
        frame = layers_frame(images)

        assert types(frame) == LAYERS
        assert list(frame.columns) == list(LAYERS)
        kinds = {n: str(frame[n].cat.categories.dtype) for n, k in LAYERS.items() if k == CATEGORY}
        assert set(kinds.values()) == {"string"}


def test_a_row_holds_all_that_is_known_of_a_layer_and_its_image():
    row = layers_frame(IMAGES).iloc[1]

    assert row.to_dict() == {
        "registry": "r",
        "repository": "a/b",
        "tag": "one",
        "image_digest": IMAGES[0].digest,
        "platform": "linux/amd64",
        "position": 1,
        "digest": digest(3),
        "diff_id": digest(3 + 10**6),
        "media_type": GZIP,
        "size_bytes": 2**53,
        "created": pd.Timestamp(WHEN),
        "created_by": "RUN 3",
    }


def test_rows_are_in_the_order_of_images_and_positions():
    frame = layers_frame(IMAGES)

    assert list(zip(frame["tag"].astype(object), frame["position"], strict=True))[:4] == [
        ("one", 0),
        ("one", 1),
        ("two", 0),
        ("two", 1),
    ]
    assert frame["position"].tolist() == [0, 1, 0, 1, 0]
    assert frame["size_bytes"].tolist() == [101, 2**53, 101, 102, 101]


def test_what_is_unknown_is_na():
    frame = layers_frame(IMAGES)

    assert frame["platform"].isna().tolist() == [False, False, True, True, False]
    assert frame["tag"].isna().tolist() == [False] * 4 + [True]
    unknown = frame.iloc[3]
    assert set(frame.columns[unknown.isna()]) == {"platform", "diff_id", "created", "created_by"}


def test_the_same_layer_may_be_described_differently_by_two_images():
    frame = layers_frame([image("a", (layer(0, 1),)), image("b", (layer(0, 1, created_by="x"),))])

    assert frame["digest"].nunique() == 1
    assert frame["created_by"].tolist() == ["RUN 1", "x"]


def test_a_layer_may_be_twice_in_one_image():
    frame = layers_frame([image("a", (layer(0, 1), layer(1, 2), layer(2, 1)))])

    assert frame["digest"].tolist() == [digest(1), digest(2), digest(1)]
    assert frame["position"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("cut", range(5))
def test_extending_equals_building_in_one(cut):
    table, other = LayersTable(), LayersTable()
    for one in IMAGES[:cut]:
        table.add(one)
    for one in IMAGES[cut:]:
        other.add(one)
    table.extend(other)

    pd.testing.assert_frame_equal(table.frame(), layers_frame(IMAGES))
    assert len(table) == len(IMAGES)
    assert len(other) == len(IMAGES) - cut


def test_a_table_may_go_on_after_it_gave_a_frame():
    table = LayersTable()
    for n, one in enumerate(IMAGES, 1):
        table.add(one)
        pd.testing.assert_frame_equal(table.frame(), layers_frame(IMAGES[:n]))


def test_frames_live_on_in_pandas():
    frame = layers_frame(IMAGES)
    both = pd.concat([frame, layers_frame([])], ignore_index=True)
    sizes = frame.groupby("repository", observed=True)["size_bytes"].sum()

    assert both.astype(object).equals(frame.astype(object))
    assert sizes.to_dict() == {"a/b": 2**53 + 202, "c/d": 203}
    assert len(json.loads(frame.to_json(orient="records", date_format="iso"))) == 5
    assert len(pd.concat([frame, frame]).drop_duplicates()) == 5


def test_a_million_rows_stay_small():
    table = LayersTable()
    base = tuple(layer(n, n) for n in range(9))
    for number in range(100_000):
        own = layer(9, 100 + number // 2)
        table.add(image(f"t{number % 500}", (*base, own), number=number))
    frame = table.frame()

    assert len(frame) == 1_000_000
    assert frame["size_bytes"].sum() == 100_000 * sum(100 + n for n in range(9)) + sum(
        200 + n // 2 for n in range(100_000)
    )
    assert frame.memory_usage(deep=True).sum() < 150e6


def test_history_has_the_columns_as_designed_also_when_empty():
    for images in ([], [image("none")]):
        frame = history_frame(images)

        assert types(frame) == HISTORY
        assert list(frame.columns) == list(HISTORY)
        assert frame.empty


def test_history_has_a_row_for_every_step_and_layers_beside_those_that_made_one():
    steps = (
        step(1, created=WHEN, created_by="ADD base", comment="first"),
        step(None, created_by="ENV A=b"),
        step(2),
    )
    built = replace(image("one", (layer(0, 1), layer(1, 2))), history=steps)
    frame = history_frame([built, image("none"), replace(built, tag="", platform=None)])

    assert types(frame) == HISTORY
    assert frame["position"].tolist() == [0, 1, 2] * 2
    assert frame["empty_layer"].tolist() == [False, True, False] * 2
    assert frame["layer_digest"].tolist() == [digest(1), pd.NA, digest(2)] * 2
    assert frame["size_bytes"].tolist() == [101, pd.NA, 102] * 2
    assert frame["created"].tolist()[:3] == [pd.Timestamp(WHEN), pd.NaT, pd.NaT]
    assert frame["created_by"].tolist()[:3] == ["ADD base", "ENV A=b", pd.NA]
    assert frame["comment"].tolist()[:3] == ["first", pd.NA, pd.NA]
    assert (
        frame["tag"].isna().tolist()
        == frame["platform"].isna().tolist()
        == [False] * 3 + [True] * 3
    )
