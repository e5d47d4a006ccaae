"""Jobs: some run at once, the others wait for their turn, and the ended ones are remembered."""

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec

from ghostnb.server.answers import JobEntry
from ghostnb.server.failures import FailureError
from ghostnb.server.jobs.history import JobHistory
from ghostnb.server.jobs.job import Job, Work, interrupted
from ghostnb.wire.clock import now

__all__ = ["JobQueue"]

_log = logging.getLogger("ghostnb.server")
_CONCURRENCY = 8
_MAX_UNDER_WAY = 1000

_END_SECONDS = 10.0


class JobQueue:
    """Runs jobs on one event loop.

    Parameters
    ----------
    history : JobHistory
    concurrency : int, optional
        So many run at once.
    limit : int, optional
        So many wait or run; more are refused.
    on_end : callable, optional
        Told each job that has ended.
    """

    def __init__(
        self,
        history: JobHistory,
        *,
        concurrency: int = _CONCURRENCY,
        limit: int = _MAX_UNDER_WAY,
        on_end: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self._history = history
        self._turns = asyncio.Semaphore(concurrency)
        self._limit = limit
        self._on_end = on_end
        self._jobs: dict[str, Job] = {}
        self._by_key: dict[str, Job] = {}
        # One thread: what is remembered has the order in which it was, and turns are in it, too.
        self._writer = ThreadPoolExecutor(1, "ghostnb-jobs")
        # Records that could not be written: the disk is full.
        self._unkept: OrderedDict[str, JobEntry] = OrderedDict()
        self._is_closing = False

    async def open(self) -> None:
        """Find out what the agent's last end broke off."""
        await self._write(self._history.interrupt, now())

    def begin(
        self,
        kind: str,
        title: str,
        work: Work,
        *,
        actor: str | None,
        key: str = "",
        about: Mapping[str, str] = MappingProxyType({}),
    ) -> Job:
        """Begin a job.

        Parameters
        ----------
        kind, title : str
        work : Work
        actor : str or None
        key : str, optional
            What makes two jobs the same: one that is under way is given instead of a second.

        about : mapping of str to str, optional
            The ``registry``, ``repository`` and ``tag`` where something changes, also if it fails.

        Raises
        ------
        FailureError
            429, if too many are under way; 503, if the agent is ending.
        """
        same = self._by_key.get(key)
        if same is not None and not same.is_ending:
            return same
        if self._is_closing:
            raise FailureError(503, "ending", "The agent is ending; nothing is begun any more.")
        if len(self._jobs) >= self._limit:
            message = f"{self._limit} jobs are under way; try again when some have ended."
            raise FailureError(429, "busy", message, {"Retry-After": "10"})
        job = Job(kind, title, actor, about)
        self._jobs[job.entry.id] = job
        if key:
            self._by_key[key] = job
        job.begin(self._do(job, work), partial(self._conclude, job, key))
        return job

    def find(self, job_id: str) -> Job | None:
        """Give a job that is under way."""
        return self._jobs.get(job_id)

    async def entry(self, job_id: str) -> JobEntry:
        """Tell how a job is, or was.

        Raises
        ------
        FailureError
            404, if there is none.
        """
        job = self._jobs.get(job_id)
        found = job.entry if job else self._unkept.get(job_id)
        if found is None:
            found = await asyncio.to_thread(self._history.get, job_id)
        if found is None:
            raise FailureError(404, "not_found", f"There is no job {job_id[:64]!r}.")
        return found

    async def entries(self, limit: int) -> list[JobEntry]:
        """Tell of the newest jobs."""
        before = dict(self._jobs)  # what ends meanwhile is read as it ran
        kept = await asyncio.to_thread(self._history.newest, limit)
        jobs = before | self._jobs
        known = {job.entry.id: job.entry for job in reversed(jobs.values())}
        for entry in [*reversed(self._unkept.values()), *kept]:
            known.setdefault(entry.id, entry)
        return sorted(known.values(), key=lambda entry: entry.created, reverse=True)[:limit]

    async def close(self) -> None:
        """Break off what is under way, and wait until it is remembered. Twice is fine."""
        if self._is_closing:
            return
        self._is_closing = True
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        ends = asyncio.gather(*(job.wait() for job in jobs), return_exceptions=True)
        # One that does not heed it is found interrupted by the next agent.
        await asyncio.wait([ends], timeout=_END_SECONDS)
        await self._write(self._history.close)
        self._writer.shutdown(wait=False)

    async def _write(self, function: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, function, *arguments)

    async def _do(self, job: Job, work: Work) -> dict[str, Any]:
        await self._keep(job.entry)
        async with self._turns:
            job.started()
            await self._keep(job.entry)
            result = await work(job)
        msgspec.json.encode(result)  # what cannot be told is a mistake of the work's
        return result

    async def _conclude(self, job: Job, key: str, work: Awaitable[dict[str, Any]]) -> None:
        result: dict[str, Any] | None = None
        error: BaseException | None = None
        try:
            result = await work
        except (Exception, asyncio.CancelledError) as e:
            error = e
        entry = job.outcome(result, error)
        if entry.state == "cancelled" and self._is_closing:
            entry = interrupted(entry, now())
        if entry.code == "internal":
            _log.error("The job %s (%s) failed.", entry.id, entry.title, exc_info=error)
        try:
            # Remembered first: who is told of an end finds it also after a restart.
            await self._keep(entry)
        finally:
            job.ended(entry, error)
            del self._jobs[entry.id]
            if self._by_key.get(key) is job:
                del self._by_key[key]
            self._on_end(job)

    async def _keep(self, entry: JobEntry) -> None:
        """Remember an entry, with those that could not be remembered before.

        Until then they are here, so that whoever waits for a job's end is told of it.
        """
        entries = [*self._unkept.values(), entry]
        try:
            await self._write(self._history.put, *entries)
        except (OSError, sqlite3.Error):
            _log.exception("The job %s (%s) cannot be remembered.", entry.id, entry.title)
            self._unkept[entry.id] = entry
            while len(self._unkept) > self._limit:
                self._unkept.popitem(last=False)
            return
        for one in entries:
            if self._unkept.get(one.id) is one:
                del self._unkept[one.id]
