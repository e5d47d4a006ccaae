"""Inventories that are kept: saved as Parquet, and read again."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from ghostnb.analysis.ledger import checked_inventory
from ghostnb.errors import SnapshotError
from ghostnb.frames import LAYERS
from ghostnb.frames.schema import CATEGORY, TEXT
from ghostnb.new_file import TakenError, new_file

__all__ = ["AnySnapshot", "opened", "read_snapshot", "snapshot", "snapshots_in", "taken_at"]

AnySnapshot: TypeAlias = str | os.PathLike[str] | pd.DataFrame
# Of the file's metadata: the frame's attributes, as JSON.
_KEY, _TAKEN = "ghostnb", "taken"
# What pyarrow raises of damaged files, and what comes of reading what it let pass.
_DAMAGES = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


def snapshot(
    inventory: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    taken: datetime | None = None,
    overwrite: bool = False,
) -> Path:
    """Save an inventory as a Parquet file, which other programs read, too.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As `ghostnb.frames.layers_frame` makes it. What could not be read
        (``.attrs["errors"]``) is saved with it.
    path : str or path
        The file, ``….parquet``; or a directory, for one in it such as
        ``inventory-20260131T235959Z.parquet``. One whose name ends in ``/`` is made.
    taken : datetime, optional
        When the inventory was taken, with its time zone; by default now.
    overwrite : bool, optional
        Replace a file that is there.

    Returns
    -------
    pathlib.Path
        Of the file.

    Raises
    ------
    SnapshotError
        If the file is there already, or cannot be written; nothing is left then. If pyarrow
        is not installed.
    TypeError, ValueError
        If the inventory is none, the path has another ending, or the time has no zone.
    """
    checked_inventory(inventory)
    _parquet()
    moment = datetime.now(UTC) if taken is None else _checked_moment(taken)
    target = _target_of(path, f"inventory-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}.parquet")
    table = _table_of(inventory, {**inventory.attrs, _TAKEN: moment.isoformat()})
    _write(table, target, overwrite=overwrite)
    return target


def read_snapshot(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read what `snapshot` saved.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    pandas.DataFrame
        The inventory as it was saved; when it was taken stands in ``.attrs["taken"]``, as
        text (ISO 8601).

    Raises
    ------
    SnapshotError
        If there is no such file, it is no such snapshot, or damaged; if pyarrow is not
        installed.
    """
    file = Path(path).absolute()
    parquet = _parquet()
    try:
        with open(file, "rb") as content:
            try:
                # Whatever is damaged in it, pyarrow or what is made of it says so.
                table = parquet.read_table(content, page_checksum_verification=True)
                return _frame_of(table)
            except _DAMAGES as e:
                raise _no_snapshot(file, str(e)) from e
    except OSError as e:
        raise SnapshotError(f"Cannot read {file} ({e.strerror}).", hint="Is the path right?") from e


def snapshots_in(path: str | os.PathLike[str]) -> list[Path]:
    """List the snapshots of a directory, by name; of a file, give the one.

    Raises
    ------
    SnapshotError
        If the directory has none.
    """
    place = Path(path).absolute()
    found = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    if not found:
        hint = "Save one: analysis.snapshot."
        raise SnapshotError(f"There is no snapshot in {place}.", hint=hint)
    return found


def _target_of(path: str | os.PathLike[str], name: str) -> Path:
    """Give the file that is meant; a directory that is named as one is made."""
    text, target = os.fspath(path), Path(path).absolute()
    if not text:
        raise ValueError("path: it is empty. Give a file ….parquet, or a directory.")
    if text.endswith(("/", os.sep)) and not target.exists():
        try:
            target.mkdir()
        except OSError as e:
            hint = "Is there a directory to make it in, and may you?"
            raise SnapshotError(f"Cannot make {target} ({e.strerror or e}).", hint=hint) from e
    if target.is_dir():
        return target / name
    if target.suffix != ".parquet":
        raise ValueError(
            f"path: {text} ends not in .parquet. A directory that is not there yet ends in '/'."
        )
    return target


def _table_of(frame: pd.DataFrame, attrs: Mapping[str, Any]) -> Any:
    from pyarrow import Table

    table = Table.from_pandas(frame[list(LAYERS)].astype(dict(LAYERS)), preserve_index=False)
    return table.replace_schema_metadata({_KEY: json.dumps(attrs)})


def _frame_of(table: Any) -> pd.DataFrame:
    """Make the frame that was saved, type by type; what it should be like is not taken from it."""
    import pyarrow

    missing = [name for name in LAYERS if name not in table.column_names]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    attrs = json.loads((table.schema.metadata or {})[_KEY.encode()])
    datetime.fromisoformat(attrs[_TAKEN])
    counts = {pyarrow.int64(): pd.Int64Dtype()}.get
    read = table.select(list(LAYERS)).to_pandas(ignore_metadata=True, types_mapper=counts)
    frame = read.astype(dict(LAYERS))
    for name in (name for name, dtype in LAYERS.items() if dtype == CATEGORY):
        texts = frame[name].cat.categories.astype(TEXT)
        frame[name] = frame[name].cat.rename_categories(texts)
    frame.attrs = attrs
    return frame


def opened(given: AnySnapshot) -> pd.DataFrame:
    """Give a frame back, and read a file."""
    return checked_inventory(given) if isinstance(given, pd.DataFrame) else read_snapshot(given)


def taken_at(frame: pd.DataFrame) -> pd.Timestamp:
    """Say when a snapshot was taken.

    Raises
    ------
    ValueError
        If the frame does not say so.
    """
    if _TAKEN not in frame.attrs:
        raise ValueError(
            "It is not known when this frame was taken: save it with analysis.snapshot, or set "
            f"frame.attrs[{_TAKEN!r}] = '2026-01-31T23:59:59Z'."
        )
    return pd.Timestamp(_checked_moment(pd.Timestamp(frame.attrs[_TAKEN]))).tz_convert("UTC")


def _checked_moment(moment: datetime) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError(f"taken: {moment!r} is no datetime.")
    if moment.tzinfo is None:
        raise ValueError(f"taken: {moment} has no time zone. Write datetime.now(UTC).")
    return moment


def _write(table: Any, target: Path, *, overwrite: bool) -> None:
    parquet = _parquet()
    with _translated(target):
        if overwrite and target.exists() and not target.is_file():
            raise SnapshotError(
                f"{target} is no file that could be replaced.", hint="Choose another."
            )
        with new_file(target, overwrite=overwrite) as file:
            parquet.write_table(table, file, write_page_checksum=True)


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except TakenError as e:
        raise SnapshotError(
            f"{target} is there already.",
            hint="Choose another name, or replace it: overwrite=True.",
        ) from e
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some space." if full else f"May files be made in {target.parent}?"
        raise SnapshotError(f"Cannot write {target} ({e.strerror or e}).", hint=hint) from e


def _no_snapshot(file: Path, reason: str) -> SnapshotError:
    return SnapshotError(
        f"{file} is no snapshot of an inventory, or is damaged ({reason.splitlines()[0]}).",
        hint="Snapshots are made by ghostnb.analysis.snapshot(inventory, path).",
    )


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as e:
        raise SnapshotError(
            "Snapshots are Parquet files, which need pyarrow.",
            hint="Install it: pip install 'ghostnb[parquet]'.",
        ) from e
    return parquet
