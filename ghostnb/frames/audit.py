"""The frame of an agent's audit."""

from collections.abc import Iterable

import pandas as pd

from ghostnb.frames.schema import COUNT, TEXT, TIME, Schema, frame_of

__all__ = ["AUDIT", "audit_events_frame"]

AUDIT: Schema = {
    "time": TIME,
    "actor": TEXT,
    "address": TEXT,
    "action": TEXT,
    "resource": TEXT,
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "target": TEXT,
    "outcome": TEXT,
    "status": COUNT,
    "code": TEXT,
    "job": TEXT,
    "request_id": TEXT,
}


def audit_events_frame(events: Iterable[object]) -> pd.DataFrame:
    """Tabulate what an agent's audit remembers, one row an event, in the order given.

    Parameters
    ----------
    events : iterable of object
        With an attribute of each column's name.

    Returns
    -------
    pandas.DataFrame
        time : datetime64[ns, UTC]
        actor : string, the user; <NA> if it is not known
        address : string, where the request came from
        action, resource : string, ``images.pull`` and ``ghostnb.images``
        registry, repository, tag, digest : string, what it was about
        target : string, what else it was about, such as a container
        outcome : string, ``success``, ``failure`` or ``denied``
        status : Int64, of the answer; <NA> for the end of a job
        code : string, of the error
        job, request_id : string
    """
    return frame_of(AUDIT, events)
