"""What every frame is made of: columns in order, each of one type."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "CATEGORY",
    "COUNT",
    "FLAG",
    "TEXT",
    "TIME",
    "Schema",
    "checked_frame",
    "frame_of",
    "parse_times",
]

Schema = Mapping[str, str]

TEXT = "string"
COUNT = "Int64"
TIME = "datetime64[ns, UTC]"
FLAG = "boolean"
CATEGORY = "category"

# What datetime64[ns] can hold. Docker writes year 1 for "unknown".
_FIRST = pd.Timestamp("1678-01-01", tz="UTC")
_LAST = pd.Timestamp("2262-01-01", tz="UTC")
# pandas takes "now" and "today" for times too.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST = 2**63 - 1


def frame_of(schema: Schema, records: Iterable[object]) -> pd.DataFrame:
    """Tabulate records, one row each, in the order given.

    Parameters
    ----------
    schema : mapping of str to str
        Column names to dtypes.
    records : iterable of object
        With an attribute of each column's name; None is unknown.

    Returns
    -------
    pandas.DataFrame
        With exactly the schema's columns in its order, also when empty.
    """
    rows = list(records)
    columns = {
        name: _column([getattr(row, name) for row in rows], dtype) for name, dtype in schema.items()
    }
    return pd.DataFrame(columns, columns=list(schema))


def checked_frame(frame: pd.DataFrame, columns: Iterable[str], wanted: str) -> pd.DataFrame:
    """Give a frame back that has some columns; anything else is the caller's mistake.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : iterable of str
    wanted : str
        What is wanted, and where it comes from, as the beginning of a sentence.

    Raises
    ------
    TypeError
        If it is no frame.
    ValueError
        If it lacks columns; they are named.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"{wanted}, not {type(frame).__name__}.")
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{wanted}: this one has no {', '.join(missing)}.")
    return frame


def parse_times(values: Sequence[str | None]) -> pd.DatetimeIndex:
    """Read RFC 3339 times.

    Parameters
    ----------
    values : sequence of str or None

    Returns
    -------
    pandas.DatetimeIndex
        datetime64[ns, UTC]; NaT for what is unknown, unreadable, or Docker's
        "year 1", which means unknown too.
    """
    dated = [value.upper() if value and _DATE.match(value) else None for value in values]
    read = pd.to_datetime(dated, utc=True, format="ISO8601", errors="coerce")
    return read.where((read >= _FIRST) & (read < _LAST)).as_unit("ns")


def _column(values: list[Any], dtype: str) -> Any:
    if dtype == TIME:
        return parse_times(values)
    if dtype == CATEGORY:
        return pd.Categorical(pd.array(values, dtype=TEXT))
    if dtype == COUNT:
        return _counts(values)
    if dtype == TEXT:
        # A digest is a text with methods: what is plain stays plain when it is taken out.
        return pd.array([None if value is None else str(value) for value in values], dtype=TEXT)
    return pd.array(values, dtype=dtype)


def _counts(values: list[int | None]) -> pd.arrays.IntegerArray:
    """Make an Int64 column; by way of floats, large counts would lose digits."""
    known = [None if value is None or abs(value) > _LARGEST else value for value in values]
    mask = np.fromiter((value is None for value in known), dtype=bool, count=len(known))
    numbers = np.fromiter((value or 0 for value in known), dtype=np.int64, count=len(known))
    return pd.arrays.IntegerArray(numbers, mask)
