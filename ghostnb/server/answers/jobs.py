"""Jobs."""

from typing import Any

from ghostnb.server.answers.answer import Answer

__all__ = ["JobAnswer", "JobEntry", "JobList", "JobProgress"]


class JobProgress(Answer, frozen=True, kw_only=True):
    """How far a job has come; bytes where it moves some, else steps."""

    current: int = 0
    total: int | None = None
    unit: str = "bytes"
    status: str = ""


class JobEntry(Answer, frozen=True, kw_only=True):
    """Work that takes its time.

    `state` is ``waiting``, ``running``, ``done``, ``failed``, ``cancelled``, or ``interrupted``
    for what the agent's end broke off.
    """

    id: str
    kind: str
    title: str
    state: str
    actor: str | None
    created: str
    started: str | None = None
    ended: str | None = None
    progress: JobProgress = JobProgress()
    message: str = ""
    code: str | None = None
    result: dict[str, Any] | None = None


class JobAnswer(Answer, frozen=True, kw_only=True):
    """A job."""

    job: JobEntry


class JobList(Answer, frozen=True, kw_only=True):
    """Jobs, the newest first."""

    jobs: list[JobEntry]
