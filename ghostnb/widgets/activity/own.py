"""What this page itself did, as events."""

import secrets
from collections.abc import Callable

import pandas as pd

from ghostnb.errors import ForbiddenError, GhostnbError, UnauthorizedError
from ghostnb.widgets.jobs import Job
from ghostnb.widgets.plan_jobs import PlanJob
from ghostnb.widgets.plans.changes import Change, going
from ghostnb.wire.clock import now
from ghostnb.wire.events import Event

__all__ = ["PAGE", "OnEvent", "failed_event", "job_event", "own_event"]

OnEvent = Callable[[Event], object]
"""Who is told what has been done here."""

PAGE = "page"
"""The source of what no agent tells."""


def own_event(
    action: str, message: str = "", *, outcome: str = "success", **names: str | None
) -> Event:
    """Make the event of something that has just been done here.

    Parameters
    ----------
    action : str
        In an agent's words: ``registry-add``, ``container-start``.
    message : str, optional
        For people.
    outcome : str, optional
    **names : str
        ``registry``, ``repository``, ``tag`` and ``digest``, as far as it is about them.
    """
    event_id = secrets.token_hex(8)
    return Event(event_id, now(), PAGE, action, outcome=outcome, message=message, **names)  # type: ignore[arg-type]


def failed_event(action: str, error: GhostnbError, **names: str | None) -> Event:
    """Make the event of something that was to be done here, and could not be."""
    return own_event(action, str(error), outcome=_outcome(error), **names)


def job_event(job: Job, error: GhostnbError | None) -> Event:
    """Make the event of a job that has ended.

    Parameters
    ----------
    job : Job
    error : GhostnbError or None
        Why it failed; None for one that was done or cancelled, or of which steps failed.
    """
    if isinstance(job, PlanJob):
        names, text = _changed(job.change), f"{job.title}: {job.text}"
    else:
        names, text = _named(job.reference), job.text
    message = " ".join(filter(None, (text, *job.faults, job.hint)))
    outcome = "success" if job.state == "done" else _outcome(error)
    return own_event(job.action, message, outcome=outcome, registry=job.registry, **names)


def _outcome(error: GhostnbError | None) -> str:
    return "denied" if isinstance(error, UnauthorizedError | ForbiddenError) else "failure"


def _named(reference: str) -> dict[str, str | None]:
    """Take ``repository[:tag][@digest]`` apart."""
    name, _, digest = reference.partition("@")
    repository, _, tag = name.partition(":")
    return {"repository": repository, "tag": tag or None, "digest": digest or None}


def _changed(plan: Change) -> dict[str, str | None]:
    """Name what a plan changes, as far as that is one thing."""
    frame = going(plan.frame)
    where = "target_" if "target_repository" in frame else ""
    repository = _only(frame[f"{where}repository"])
    if repository is None:
        return {}
    digest = _only(frame["digest"]) if "digest" in frame else None
    return {"repository": repository, "tag": _only(frame[f"{where}tag"]), "digest": digest}


def _only(values: "pd.Series[str]") -> str | None:
    known = values.dropna().unique()
    return str(known[0]) if len(known) == 1 else None
