"""What every frame is made of: counts, flags, times, and what is unknown."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ghostnb.frames.schema import CATEGORY, COUNT, FLAG, TEXT, TIME, frame_of, parse_times

SCHEMA = {"text": TEXT, "count": COUNT, "time": TIME, "flag": FLAG, "kind": CATEGORY}
DTYPES = ["string", "Int64", "datetime64[ns, UTC]", "boolean", "category"]


def row(**values):
    return SimpleNamespace(**{**dict.fromkeys(SCHEMA), **values})


@pytest.mark.parametrize("rows", [[], [row()], [row(), row(text="x", count=1, flag=True)]])
def test_columns_and_types_are_the_schemas_also_when_empty_or_unknown(rows):
    frame = frame_of(SCHEMA, rows)

    assert list(frame.columns) == list(SCHEMA)
    assert list(map(str, frame.dtypes)) == DTYPES
    assert len(frame) == len(rows)
    assert frame.index.equals(pd.RangeIndex(len(rows)))


def test_unknown_is_na_in_every_column():
    frame = frame_of(SCHEMA, [row()])

    assert frame.isna().to_numpy().all()
    assert frame["text"][0] is frame["count"][0] is frame["flag"][0] is pd.NA
    assert frame["time"][0] is pd.NaT


def test_rows_keep_their_order_and_come_from_any_iterable():
    frame = frame_of(SCHEMA, (row(text=name) for name in "cab"))

    assert list(frame["text"]) == ["c", "a", "b"]


@pytest.mark.parametrize("count", [0, 1, 2**53, 2**53 + 1, 2**63 - 1, -1])
def test_counts_lose_no_digit_beside_unknown_ones(count):
    frame = frame_of(SCHEMA, [row(count=count), row()])

    assert frame["count"][0] == count
    assert frame["count"][1] is pd.NA


def test_a_count_that_no_int64_holds_is_unknown():
    frame = frame_of(SCHEMA, [row(count=2**63), row(count=10**30), row(count=np.int64(4))])

    assert frame["count"].tolist() == [pd.NA, pd.NA, 4]


def test_false_is_not_unknown():
    frame = frame_of(SCHEMA, [row(flag=False, count=0, text=""), row(flag=True)])

    assert frame["flag"].tolist() == [False, True]
    assert frame["text"][0] == ""
    assert frame["count"][0] == 0


TIMES = {
    "2024-06-01T09:30:00.123456789Z": "2024-06-01T09:30:00.123456789Z",
    "2024-03-09T16:00:00Z": "2024-03-09T16:00:00Z",
    "2024-03-09T16:00:00.5Z": "2024-03-09T16:00:00.500Z",
    "2024-03-09T16:00:00+02:00": "2024-03-09T14:00:00Z",
    "2024-03-09T16:00:00.000000001-07:30": "2024-03-09T23:30:00.000000001Z",
    "2024-03-09t16:00:00z": "2024-03-09T16:00:00Z",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z": None,
    "0000-00-00T00:00:00Z": None,
    "1601-01-01T00:00:00Z": None,
    "2262-04-12T00:00:00Z": None,
    "9999-12-31T23:59:59Z": None,
    "99999-01-01T00:00:00Z": None,
    "2024-13-01T00:00:00Z": None,
    "2024-02-30T00:00:00Z": None,
    "2024-03-09 yesterday": None,
    "1710000000": None,
    "20240309": None,
    "2024": None,
    "now": None,
    "today": None,
    "Sat Mar  9 16:00:00 UTC 2024": None,
    "": None,
    "NaT": None,
    "<script>": None,
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_a_time_is_read_to_the_nanosecond_or_is_unknown(text, expected):
    times = parse_times([text])

    assert times.dtype == "datetime64[ns, UTC]"
    assert times[0] is pd.NaT if expected is None else times[0] == pd.Timestamp(expected)


def test_times_of_all_kinds_do_not_disturb_each_other_in_one_column():
    times = parse_times([*TIMES, None])

    assert times.dtype == "datetime64[ns, UTC]"
    assert [None if time is pd.NaT else time for time in times] == [
        text and pd.Timestamp(text) for text in [*TIMES.values(), None]
    ]
    assert times[0].nanosecond == 789


@pytest.mark.parametrize("values", [[], [None], ["garbage"]])
def test_a_column_without_a_time_is_one_of_times(values):
    times = parse_times(values)

    assert times.dtype == "datetime64[ns, UTC]"
    assert times.isna().all()


def test_times_show_their_zone_as_utc():
    assert str(parse_times(["2024-03-09T16:00:00+02:00"]).tz) == "UTC"
