"""Who shares layers with whom, and which layers cost most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ghostnb.analysis import largest_layers, sharing
from tests.analysis.inventories import FOREIGN, Named, digest_of, image, inventory

THREE = inventory(
    image("app:1", ["base", "python", "app"]),
    image("app:2", ["base", "python"]),
    image("tool:1", ["base", "python", "assets"]),
    image("tiny:1", ["base"]),
)


def test_each_pair_and_what_each_stores_on_the_diagonal():
    matrix = sharing(THREE)
    assert matrix.index.tolist() == matrix.columns.tolist() == ["app", "tool", "tiny"]
    assert matrix.index.name == "repository"
    assert matrix.to_numpy().tolist() == [[1350, 1300, 1000], [1300, 1320, 1000], [1000] * 3]
    assert set(matrix.dtypes.astype(str)) == {"Int64"}
    assert matrix.attrs == {"left_out": 0}


def test_those_that_share_most_are_chosen():
    matrix = sharing(THREE, limit=2)
    assert matrix.columns.tolist() == ["app", "tool"]
    assert matrix.attrs == {"left_out": 1}


def test_by_several_columns():
    matrix = sharing(THREE, ["repository", "tag"])
    assert matrix.loc[("app", "2"), ("tool", "1")] == 1300
    assert matrix.index.names == ["repository", "tag"]


def test_registries_share_only_what_is_counted_across():
    frame = inventory(image("app:1", ["app"]), image("app:1", ["app"], registry="b"))
    assert sharing(frame, "registry").to_numpy().tolist() == [[50, 0], [0, 50]]
    assert sharing(frame, "registry", across=True).to_numpy().tolist() == [[50, 50], [50, 50]]


def test_foreign_layers_are_shared_elsewhere():
    windows = Named("windows", media_type=FOREIGN)
    frame = inventory(image("a:1", [windows, "app"]), image("b:1", [windows]))
    assert sharing(frame).to_numpy().tolist() == [[50, 0], [0, 0]]


def test_sums_that_floats_cannot_hold_are_exact():
    huge = Named("one", 2**53 + 1)
    frame = inventory(image("a:1", [huge, "app"]), image("b:1", [huge]))
    assert sharing(frame).to_numpy().tolist() == [[2**53 + 51, 2**53 + 1], [2**53 + 1] * 2]


def test_sharing_of_nothing():
    assert sharing(inventory()).shape == (0, 0)


def test_sharing_of_64_and_not_of_more():
    frame = inventory(*(image(f"app-{n}:1", ["base", Named(f"own-{n}", n)]) for n in range(70)))
    matrix = sharing(frame, limit=64)
    assert matrix.shape == (64, 64)
    assert matrix.attrs == {"left_out": 6}
    assert (matrix.to_numpy()[~np.eye(64, dtype=bool)] == 1000).all()
    assert matrix.iloc[0, 0] == 1069
    for limit in (0, 65):
        with pytest.raises(ValueError, match=f"limit: {limit} is not within 1 and 64"):
            sharing(frame, limit=limit)


def test_what_cannot_be_compared_is_told():
    with pytest.raises(ValueError, match="by: at least one column"):
        sharing(THREE, [])
    with pytest.raises(ValueError, match="by: 'team' is no column"):
        sharing(THREE, "team")
    with pytest.raises(TypeError, match="A layers frame is wanted"):
        sharing(None)


def test_the_largest_layers_and_who_uses_them():
    frame = largest_layers(THREE, 2)
    assert frame["digest"].tolist() == [digest_of("base"), digest_of("python")]
    assert frame["size_bytes"].tolist() == [1000, 300]
    assert frame["saved_bytes"].tolist() == [3000, 600]
    assert frame[["repositories", "tags", "images"]].to_numpy().tolist() == [[3, 4, 4], [2, 3, 3]]
    assert frame["used_by"].tolist() == [
        "app:1, app:2, tool:1 and 1 more",
        "app:1, app:2, tool:1",
    ]
    assert frame["created_by"].tolist() == ["ADD base", "ADD python"]
    assert frame["registry"].tolist() == ["a", "a"]
    assert frame.index.equals(pd.RangeIndex(2))
    assert frame.index.name is None


def test_the_layers_that_are_shared_most():
    frame = inventory(
        image("a:1", ["base"]), image("b:1", ["python"]), image("c:1", ["python", "app"])
    )
    assert largest_layers(frame, 1, order="saved_bytes")["digest"].tolist() == [digest_of("python")]


def test_what_only_some_images_say_of_a_layer():
    frame = inventory(*(image(f"app:{n}", ["app"]) for n in range(1, 6)))
    frame.loc[:1, "created_by"] = pd.NA
    found = largest_layers(frame, order="saved_bytes")
    assert found["created_by"].tolist() == ["ADD app"]
    assert found["used_by"].tolist() == ["app:1, app:2, app:3 and 2 more"]


def test_a_layer_of_several_registries():
    frame = inventory(image("app:1", ["app"]), image("tool:1", ["app"], registry="b"))
    apart = largest_layers(frame)
    assert apart["registry"].tolist() == ["a", "b"]
    assert apart["saved_bytes"].tolist() == [0, 0]
    together = largest_layers(frame, across=True)
    assert together["registry"].isna().tolist() == [True]
    assert together["saved_bytes"].tolist() == [50]
    assert together["used_by"].tolist() == ["app:1, tool:1"]


def test_a_layer_twice_in_an_image_is_used_by_one():
    frame = largest_layers(inventory(image("app:1", ["app", "app"])))
    assert frame[["saved_bytes", "repositories", "tags", "images"]].iloc[0].tolist() == [0, 1, 1, 1]


def test_a_layer_of_an_image_without_a_tag():
    assert largest_layers(inventory(image("app", ["app"])))["used_by"].tolist() == ["app"]


def test_largest_layers_of_nothing_and_of_no_number():
    for frame in (largest_layers(inventory()), largest_layers(THREE, 0)):
        assert len(frame) == 0
        assert frame.dtypes.astype(str).to_dict() == {
            "registry": "string",
            "digest": "string",
            "media_type": "string",
            "created_by": "string",
            "size_bytes": "Int64",
            "saved_bytes": "Int64",
            "repositories": "Int64",
            "tags": "Int64",
            "images": "Int64",
            "used_by": "string",
        }


def test_an_order_that_is_none():
    with pytest.raises(ValueError, match="order: 'size' is neither 'size_bytes' nor"):
        largest_layers(THREE, order="size")


def test_neither_changes_the_inventory():
    before = THREE.copy(deep=True)
    sharing(THREE)
    largest_layers(THREE)
    pd.testing.assert_frame_equal(before, THREE)
