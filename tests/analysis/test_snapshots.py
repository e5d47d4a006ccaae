"""Inventories that are kept, and compared."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from ghostnb.analysis import compare, read_snapshot, snapshot
from ghostnb.errors import SnapshotError
from tests.analysis.inventories import FOREIGN, Named, image, inventory

FRAME = inventory(
    image("app:1", ["base", Named("app", created=None)]), image("chart", ["assets"], platform=None)
)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_what_is_read_is_what_was_saved(tmp_path):
    frame = FRAME.copy()
    frame.attrs["errors"] = [{"registry": "a", "message": "lost"}]
    path = snapshot(frame, tmp_path / "a.parquet", taken=NOON)
    assert path == tmp_path / "a.parquet"
    read = read_snapshot(path)
    pd.testing.assert_frame_equal(read, frame)
    assert read.attrs == {**frame.attrs, "taken": "2026-01-31T12:00:00+00:00"}
    for name in ("registry", "platform", "digest", "created_by"):
        assert read[name].cat.categories.dtype == frame[name].cat.categories.dtype == "string"


def test_saving_leaves_the_frame_alone(tmp_path):
    frame = FRAME.copy()
    snapshot(frame, tmp_path / "a.parquet")
    assert frame.attrs == {}


def test_of_nothing(tmp_path):
    pd.testing.assert_frame_equal(
        read_snapshot(snapshot(inventory(), tmp_path / "a.parquet")), inventory()
    )


def test_into_a_directory_it_is_called_after_its_time(tmp_path):
    later = NOON.astimezone(timezone(timedelta(hours=5)))
    assert snapshot(FRAME, tmp_path, taken=later).name == "inventory-20260131T120000Z.parquet"
    assert [one.name for one in tmp_path.iterdir()] == ["inventory-20260131T120000Z.parquet"]
    made = snapshot(FRAME, f"{tmp_path}/made/", taken=later)
    assert made == tmp_path / "made" / "inventory-20260131T120000Z.parquet"


def test_by_default_it_is_taken_now(tmp_path):
    before = datetime.now(UTC)
    taken = read_snapshot(snapshot(FRAME, tmp_path))
    assert before <= datetime.fromisoformat(taken.attrs["taken"]) <= datetime.now(UTC)


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path):
    path = snapshot(FRAME, tmp_path / "a.parquet")
    with pytest.raises(SnapshotError, match=r"is there already. .* overwrite=True"):
        snapshot(inventory(), path)
    assert len(read_snapshot(path)) == len(FRAME)
    snapshot(inventory(), path, overwrite=True)
    assert len(read_snapshot(path)) == 0


@pytest.mark.parametrize("make", [FRAME.drop(columns="digest"), [], None])
def test_what_is_no_inventory_is_not_saved(tmp_path, make):
    with pytest.raises((TypeError, ValueError), match="A layers frame is wanted"):
        snapshot(make, tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_time_without_a_zone(tmp_path):
    with pytest.raises(ValueError, match="has no time zone"):
        snapshot(FRAME, tmp_path, taken=datetime(2026, 1, 1))
    with pytest.raises(TypeError, match="'today' is no datetime"):
        snapshot(FRAME, tmp_path, taken="today")


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(SnapshotError, match=r"Cannot write .*none/a.parquet"):
        snapshot(FRAME, tmp_path / "none" / "a.parquet")


def test_only_files_are_replaced(tmp_path):
    pipe = tmp_path / "pipe.parquet"
    os.mkfifo(pipe)
    with pytest.raises(SnapshotError, match=r"pipe\.parquet is no file that could be replaced"):
        snapshot(FRAME, pipe, overwrite=True)
    assert pipe.is_fifo()


def test_nothing_is_left_of_one_that_fails(tmp_path, monkeypatch):
    path = snapshot(FRAME, tmp_path / "a.parquet")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SnapshotError, match=r"No space left on device.* Free some space"):
        snapshot(inventory(), path, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]
    assert len(read_snapshot(path)) == len(FRAME)


def test_files_that_are_no_snapshots(tmp_path):
    other = tmp_path / "other.parquet"
    pd.DataFrame({"x": [1]}).to_parquet(other)
    half = tmp_path / "half.parquet"
    half.write_bytes(snapshot(FRAME, tmp_path / "a.parquet").read_bytes()[:-100])
    text = tmp_path / "text.parquet"
    text.write_text("not parquet at all")
    empty = tmp_path / "empty.parquet"
    empty.touch()
    untimed = tmp_path / "untimed.parquet"
    FRAME.to_parquet(untimed)
    for path in (other, half, text, empty, untimed):
        with pytest.raises(SnapshotError, match=f"{path.name} is no snapshot of an inventory, or"):
            read_snapshot(path)


def test_a_flipped_bit_is_noticed_or_harmless(tmp_path):
    path = snapshot(FRAME, tmp_path / "a.parquet", taken=NOON)
    content, refused = path.read_bytes(), 0
    for place in range(0, len(content), 13):
        flipped = bytearray(content)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        try:
            found = read_snapshot(path)
        except SnapshotError:
            refused += 1
        else:
            pd.testing.assert_series_equal(found["size_bytes"], FRAME["size_bytes"])
    assert refused > len(content) / 13 / 4


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SnapshotError, match=r"Cannot read .*none.parquet \(No such file"):
        read_snapshot(tmp_path / "none.parquet")


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for call in (lambda: snapshot(FRAME, tmp_path / "a"), lambda: read_snapshot(tmp_path / "a")):
        with pytest.raises(SnapshotError, match=r"pip install 'ghostnb\[parquet\]'"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_new_gone_and_moved_tags(tmp_path):
    before = inventory(
        image("app:1", ["base", "app"]), image("app:2", ["base"]), image("gone:1", ["python"])
    )
    after = inventory(
        image("app:1", ["base", "app"]), image("app:2", ["python"]), image("app:3", ["assets"])
    )
    changed = compare(snapshot(before, tmp_path / "a.parquet"), after)
    assert changed[["repository", "tag", "change"]].to_numpy().tolist() == [
        ["app", "2", "moved"],
        ["app", "3", "added"],
        ["gone", "1", "removed"],
    ]
    assert changed["bytes_before"].fillna(-1).tolist() == [1000, -1, 300]
    assert changed["bytes_after"].fillna(-1).tolist() == [300, 20, -1]
    assert changed["digests_after"].isna().tolist() == [False, False, True]
    types = ["string"] * 6 + ["Int64"] * 2
    assert changed.dtypes.astype(str).tolist() == types


def test_an_index_that_lost_a_platform_has_moved():
    both = [image("app:1", ["base"]), image("app:1", ["base"], platform="linux/arm64")]
    changed = compare(inventory(*both), inventory(both[0]))
    assert changed["change"].tolist() == ["moved"]
    assert changed["digests_before"].tolist()[0].count("sha256:") == 2
    assert changed["bytes_before"].tolist() == [2000]


def test_foreign_layers_count_for_no_bytes():
    changed = compare(
        inventory(), inventory(image("w:1", [Named("windows", None, FOREIGN), "app"]))
    )
    assert changed["bytes_after"].tolist() == [50]


def test_the_order_of_rows_is_no_change():
    both = [image("app:1", ["base"]), image("app:1", ["base"], platform="linux/arm64")]
    assert len(compare(inventory(*both), inventory(*reversed(both)))) == 0


@pytest.mark.parametrize("frame", [inventory(), FRAME])
def test_nothing_has_changed(frame):
    changed = compare(frame, frame)
    assert len(changed) == 0
    assert changed.dtypes.astype(str).tolist() == ["string"] * 6 + ["Int64"] * 2


def test_against_nothing():
    assert compare(inventory(), FRAME)["change"].tolist() == ["added", "added"]
    assert compare(FRAME, inventory())["change"].tolist() == ["removed", "removed"]


@pytest.mark.parametrize("path", ["", "snapshots", "a.csv"])
def test_what_is_neither_a_parquet_file_nor_a_directory_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="path: "):
        snapshot(FRAME, path)
    with pytest.raises(SnapshotError, match="Cannot make"):
        snapshot(FRAME, "none/snapshots/")
    assert list(tmp_path.iterdir()) == []
