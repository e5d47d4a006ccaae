"""Events as rows of a table, and in words."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ghostnb.widgets.activity.own import PAGE
from ghostnb.widgets.table import Column
from ghostnb.wire.events import Event

__all__ = ["COLUMNS", "event_rows", "milliseconds", "sentence", "what"]

COLUMNS = [
    Column("time", "Time", "time", "118px"),
    Column("action", "Action", width="132px"),
    Column("registry", "Registry", width="minmax(6em, 1fr)", is_optional=True),
    Column("what", "What", width="minmax(9em, 2fr)", is_optional=True),
    Column("actor", "Who", width="minmax(5em, 1fr)", is_optional=True),
    Column("told", "Told by", width="104px"),
    Column("outcome", "Outcome", "outcome", "92px"),
    Column("message", "Message", width="minmax(9em, 3fr)"),
]
_TOLD = {PAGE: "this page"}


def event_rows(events: Sequence[Event]) -> pd.DataFrame:
    """Give the rows of some events.

    Returns
    -------
    pandas.DataFrame, shape (n_events, 9)
        The columns of `COLUMNS` and their key
        time : datetime64[ms, UTC]
        id, action, registry, what, actor, told, outcome, message : object, None if unknown
    """
    # Not in nanoseconds, which have no year 3000: whoever tells may have any clock.
    times = np.array([milliseconds(event) for event in events], dtype="datetime64[ms]")
    return pd.DataFrame(
        {
            "id": [event.id for event in events],
            "time": pd.Series(times).dt.tz_localize("UTC"),
            "action": [event.action for event in events],
            "registry": [event.registry or event.host for event in events],
            "what": [what(event) or None for event in events],
            "actor": [event.actor for event in events],
            "told": [_TOLD.get(event.source, event.source) for event in events],
            "outcome": [event.outcome for event in events],
            "message": [event.message for event in events],
        }
    )


def what(event: Event) -> str:
    """Say what an event is about: ``team/app:1.0``, or by a short digest; empty if unknown."""
    if event.repository and event.tag:
        return f"{event.repository}:{event.tag}"
    digest = _short(event.digest or "")
    return "@".join(filter(None, (event.repository, digest)))


def sentence(event: Event) -> str:
    """Say of an event what its row has no room for: the whole time, message and digest."""
    when = f"{event.time[:19].replace('T', ' ')} UTC"
    said = f"{when}: {event.message}" if event.message else f"{when}."
    return " ".join(filter(None, (said, event.digest, event.media_type)))


def milliseconds(event: Event) -> int:
    """Give the time of an event, since 1970."""
    since = datetime.fromisoformat(event.time) - datetime.fromtimestamp(0, UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def _short(digest: str) -> str:
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:12]}"
