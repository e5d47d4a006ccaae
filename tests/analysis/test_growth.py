"""How content grew."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb.analysis import growth, read_snapshot, snapshot, trend
from ghostnb.errors import SnapshotError
from tests.analysis.inventories import Named, image, inventory

GROWN = inventory(
    image("app:1", [Named("base", created="2025-11-30T23:59:59Z"), "app"]),
    image("app:2", [Named("base", created="2026-01-05T00:00:00Z"), Named("python", created=None)]),
    image("old:1", [Named("assets", created="1970-01-01T00:00:00Z")]),
)


def test_what_was_made_in_each_month():
    frame = growth(GROWN)
    months = ["2025-11-01", "2025-12-01", "2026-01-01"]
    assert frame["period"].isna().tolist() == [True, False, False, False]
    assert frame["period"].dropna().tolist() == [pd.Timestamp(one, tz="UTC") for one in months]
    # The base was made when the first image says so; 1970 is no time of an image.
    assert frame["layers"].tolist() == [2, 1, 0, 1]
    assert frame["added_bytes"].tolist() == [320, 1000, 0, 50]
    assert frame["total_bytes"].tolist() == [320, 1320, 1320, 1370]
    assert frame.dtypes.astype(str).tolist() == ["datetime64[ns, UTC]", "Int64", "Int64", "Int64"]


def test_by_the_day():
    frame = growth(inventory(image("app:1", ["app"])), "D")
    assert frame["period"].tolist() == [pd.Timestamp("2026-01-01", tz="UTC")]


def test_nothing_is_dated():
    frame = growth(inventory(image("app:1", [Named("app", created=None)])))
    assert frame["period"].isna().tolist() == [True]
    assert frame["total_bytes"].tolist() == [50]


def test_registries_count_apart_unless_asked():
    frame = inventory(image("app:1", ["app"]), image("app:1", ["app"], registry="b"))
    assert growth(frame)["total_bytes"].tolist() == [100]
    assert growth(frame, across=True)["total_bytes"].tolist() == [50]


def test_growth_of_nothing():
    frame = growth(inventory())
    assert frame.shape == (0, 4)
    assert frame.dtypes.astype(str).tolist() == ["datetime64[ns, UTC]", "Int64", "Int64", "Int64"]


def test_a_period_that_is_none():
    with pytest.raises(ValueError, match="fortnight"):
        growth(GROWN, "fortnight")


def test_from_snapshot_to_snapshot(tmp_path):
    first, second = inventory(image("app:1", ["base"])), GROWN
    late = snapshot(second, tmp_path / "b.parquet", taken=pd.Timestamp("2026-02-01", tz="UTC"))
    early = snapshot(first, tmp_path / "a.parquet", taken=pd.Timestamp("2026-01-01", tz="UTC"))
    frame = trend([late, read_snapshot(early)])
    pd.testing.assert_frame_equal(trend(tmp_path), frame)
    assert len(trend(str(early))) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match="There is no snapshot in"):
        trend(tmp_path / "empty")
    assert frame["taken"].tolist() == [pd.Timestamp(f"2026-0{n}-01", tz="UTC") for n in (1, 2)]
    assert frame["logical_bytes"].tolist() == [1000, 2370]
    assert frame["physical_bytes"].tolist() == [1000, 1370]
    assert frame["tags"].tolist() == [1, 3]


def test_a_trend_of_nothing():
    frame = trend([])
    assert frame.dtypes.astype(str).to_dict() == {
        "taken": "datetime64[ns, UTC]",
        **dict.fromkeys(["logical_bytes", "physical_bytes", "tags", "images", "layers"], "Int64"),
    }


def test_a_frame_of_an_unknown_time():
    with pytest.raises(ValueError, match=r"not known when .* frame\.attrs\['taken'\]"):
        trend([inventory()])
