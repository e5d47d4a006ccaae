"""The frames of plans: what would happen, and what became of it."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ghostnb.frames.schema import COUNT, TEXT, Schema, frame_of

__all__ = ["COPIES", "DELETIONS", "results_frame"]

COPIES: Schema = {
    "action": TEXT,
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "media_type": TEXT,
    "target_registry": TEXT,
    "target_repository": TEXT,
    "target_tag": TEXT,
    "target_digest": TEXT,
    "bytes_moved": COUNT,
    "reason": TEXT,
}

DELETIONS: Schema = {
    "action": TEXT,
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "media_type": TEXT,
    "reason": TEXT,
    "siblings": TEXT,
    "parents": TEXT,
    "referrers": TEXT,
    "bytes_freed": COUNT,
}


def results_frame(
    schema: Schema, key: Sequence[str], rows: Iterable[tuple[object, str, str | None]]
) -> pd.DataFrame:
    """Tabulate what became of a plan's steps.

    Parameters
    ----------
    schema : mapping of str to str
        Of the plan's frame.
    key : sequence of str
        The columns that name a row of it.
    rows : iterable of (object, str, str or None)
        A row of the plan's frame, what became of it, and why.

    Returns
    -------
    pandas.DataFrame
        The key's columns as in the plan's frame, and
        outcome : string, ``waiting``, ``done``, ``skipped`` or ``failed``
        error : string, why it failed, was skipped or has to wait; <NA> if nothing is wrong
    """
    columns = {name: schema[name] for name in key} | {"outcome": TEXT, "error": TEXT}
    return frame_of(columns, [_Result(row, key, word, error) for row, word, error in rows])


class _Result:
    def __init__(self, row: object, key: Sequence[str], outcome: str, error: str | None) -> None:
        self.__dict__.update({name: getattr(row, name) for name in key})
        self.outcome = outcome
        self.error = error
