"""Jobs, some at once: how far each has come, and how it ended."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs

from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.errors import GhostnbError, IncompleteError
from ghostnb.fleet import Fleet
from ghostnb.loop import schedule
from ghostnb.pull_commands import pull_name
from ghostnb.transfer import archive_name, free_path, is_loadable
from ghostnb.widgets.base import View
from ghostnb.widgets.job_list import JobList
from ghostnb.widgets.jobs import Job
from ghostnb.widgets.plan_jobs import PlanJob
from ghostnb.widgets.plans.changes import Change, kind
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.tasks import Tasks

__all__ = ["PullQueue"]

# Often enough to be seen to move; every line of a daemon would fill the connection.
_REFRESH_SECONDS = 0.2


class PullQueue(View):
    """Makes a daemon pull images, saves them, and applies plans: some jobs at once.

    Parameters
    ----------
    fleet : Fleet
    engine : Engine, optional
        By default the one that is found when something is pulled.
    directory : str or path, optional
        On the kernel's machine, for OCI archives; made when there is one. By default the
        user's downloads.
    limit : int, optional
        So many jobs run at once, the others wait for their turn.
    on_pulled : callable, optional
        Told the name of an image that the daemon has now.
    on_applied : callable, optional
        Told a plan that was applied, be it whole or in part.
    on_ended : callable, optional
        Told each job that has ended, once, and the error that it failed by, if one did. One that
        was cancelled before it began has not.

    Notes
    -----
    How the jobs stand, and how far they have come, goes to the browser as
    messages, some times a second, and only what has changed. Of many jobs that
    wait the next are shown, of many that have ended the last; the others are
    counted.
    """

    _esm = javascript("format", "clipboard", "jobs")
    _css = stylesheet("jobs")

    def __init__(
        self,
        fleet: Fleet,
        engine: Engine | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        limit: int = 3,
        on_pulled: Callable[[str], object] | None = None,
        on_applied: Callable[[Change], object] = lambda _: None,
        on_ended: Callable[[Job, GhostnbError | None], object] = lambda _, __: None,
    ) -> None:
        super().__init__()
        self.directory = Path(directory or platformdirs.user_downloads_path())
        self._fleet, self._engine = fleet, engine
        self._on_pulled, self._on_applied, self._on_ended = on_pulled, on_applied, on_ended
        self._tasks = Tasks()
        self._jobs = JobList()
        self._is_ticking = False
        self._ids = map(str, itertools.count(1))
        self._naming = asyncio.Lock()
        self._turns = asyncio.Semaphore(limit)
        self.on_msg(self._answer)

    def pull(self, registry: str, reference: str, *, platform: str | None = None) -> None:
        """Begin a pull.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        reference : str
            ``repository[:tag][@digest]``.
        platform : str, optional
            By default the daemon's own; a save without it has all of an index.
        """
        self._start(Job(next(self._ids), registry, reference, platform))

    def pull_all(self, registry: str, references: Iterable[str]) -> None:
        """Begin many pulls at once; most of them wait for their turn.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        references : iterable of str
            ``repository[:tag][@digest]`` each.
        """
        for reference in references:
            self._start(Job(next(self._ids), registry, reference))

    def save_all(self, registry: str, references: Iterable[str]) -> None:
        """Save many images, each as an OCI archive; the parameters are those of `pull_all`."""
        for reference in references:
            self._start(Job(next(self._ids), registry, reference, action="save"))

    def apply(self, registry: str, title: str, plan: Change) -> None:
        """Begin to apply a plan.

        Parameters
        ----------
        registry : str
            Where something changes: its name in the fleet.
        title : str
        plan : Change
            Retry applies it again, which does what is not done.
        """
        action = kind(plan)
        job = PlanJob(next(self._ids), registry, "", action=action)
        job.name, job.plan, job.unit = title, plan, "step" if action == "delete" else "B"
        self._start(job)

    def save(self, job_id: str) -> None:
        """Save as an OCI archive what no daemon could pull."""
        job = self._jobs.get(job_id)
        if job is not None and job.can_save:
            self._start(job.again("save"))

    def retry(self, job_id: str) -> None:
        """Try again what failed or was cancelled."""
        job = self._jobs.get(job_id)
        if job is not None and job.state in ("failed", "cancelled"):
            self._start(job.again())

    def cancel(self, job_id: str) -> None:
        """Stop a job; what a daemon has of it by now is the daemon's to keep."""
        job = self._jobs.get(job_id)
        if job is not None and not job.has_ended:
            self._spawn(job, self._end(job))

    def cancel_all(self) -> None:
        """Stop every job that waits or runs."""
        for job in self._jobs:
            self.cancel(job.id)

    def dismiss(self, job_id: str) -> None:
        """Take the row of a job away that has ended."""
        job = self._jobs.get(job_id)
        if job is not None and job.has_ended:
            self._jobs.drop(job)
            self._spawn(job, self._show(job))

    def clear_finished(self) -> None:
        """Take the rows of all jobs away that have ended."""
        work = self._show(*self._jobs.drop_ended())
        self._tasks.spawn(work, key="clear", on_error=_no_fault_of_a_job)

    def close(self) -> None:
        """Stop every job, and the widget."""
        self._tasks.cancel()
        super().close()

    def _start(self, job: Job) -> None:
        self._jobs.put(job)
        self._spawn(job, self._run(job))

    def _spawn(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Do something in place of what the job's row was doing."""
        self._tasks.spawn(work, key=job.id, on_error=partial(self._fail, job))

    async def _run(self, job: Job) -> None:
        await self._show(job)
        async with self._turns:
            job.begin()
            await self._show(job)
            client = self._client(job)
            if isinstance(job, PlanJob):
                await self._run_plan(job)
            elif job.action == "pull":
                await self._run_pull(job, client)
            else:
                await self._run_save(job, client)
        await self._show(job)
        self._tell_end(job)

    async def _run_pull(self, job: Job, client: RegistryClient) -> None:
        name = pull_name(client.config, job.reference)
        engine = self._engine or Engine()
        credentials = await client.config.credentials()
        async for step in engine.pull(name, platform=job.platform, credentials=credentials):
            job.take(step)
        job.end("done", f"The daemon has it as {name}.")
        if self._on_pulled is not None:
            self._on_pulled(name)

    async def _run_save(self, job: Job, client: RegistryClient) -> None:
        name = archive_name(client.registry.reference(job.reference))
        # One after the other: two saves of an image must not be promised the same name.
        async with self._naming:
            taken = {one.path for one in self._jobs if one.path and not one.has_ended}
            job.path = await asyncio.to_thread(free_path, self.directory.absolute(), name, taken)
        job.text = f"Saving to {job.path} …"
        await self._show(job)
        path = await client.save(job.reference, job.path, platform=job.platform, progress=job.take)
        # It is there: who cancels from now on cancels nothing.
        job.saved(path)
        await self._show(job)
        job.offer(is_loadable=await asyncio.to_thread(is_loadable, path))

    async def _run_plan(self, job: PlanJob) -> None:
        # The plan's results have each step that failed, and the job tells of them.
        with contextlib.suppress(IncompleteError):
            await job.change.apply(progress=job.take)
        job.conclude()
        self._on_applied(job.change)

    def _client(self, job: Job) -> RegistryClient:
        if job.registry not in self._fleet:
            raise GhostnbError(
                f"{job.registry} is not among the registries any more.",
                hint="Add it again, then retry.",
            )
        return self._fleet[job.registry]

    async def _end(self, job: Job) -> None:
        has_begun = job.state != "waiting"
        job.cancel()
        await self._show(job)
        if has_begun:
            self._tell_end(job)
        if isinstance(job, PlanJob):
            self._on_applied(job.change)

    def _fail(self, job: Job, error: GhostnbError) -> None:
        job.fail(error)
        self._mark(job)
        self._tell_end(job, error)

    def _tell_end(self, job: Job, error: GhostnbError | None = None) -> None:
        # What was done may still fail to say how it is loaded, or be cancelled: it is done.
        if not job.is_told:
            job.is_told = True
            self._on_ended(job, error)

    async def _show(self, *jobs: Job) -> None:
        self._mark(*jobs)

    def _mark(self, *jobs: Job) -> None:
        """Have the page told of some jobs, with whatever else changes meanwhile."""
        for job in jobs:
            self._jobs.mark(job)
        if not self._is_ticking:
            self._is_ticking = True
            self._tasks.spawn(self._tick(), key="tick", on_error=_no_fault_of_a_job)

    async def _tick(self) -> None:
        """Tell what has changed, as long as something may."""
        try:
            while self._jobs.has_news or self._jobs.running():
                self._tell()
                await asyncio.sleep(_REFRESH_SECONDS)
        finally:
            self._is_ticking = False

    def _tell(self) -> None:
        running = self._jobs.running()
        for job in running:
            job.measure()
        if self._jobs.has_news:
            self.send({"kind": "heads", **self._jobs.news()})
            self._jobs.have_told()
        self.send({"kind": "progress", "jobs": [job.progress() for job in running]})

    async def _greet(self) -> None:
        """Tell a page that opens now what the others have been told."""
        self.send({"kind": "heads", **self._jobs.news(whole=True)})
        self._jobs.have_told()
        jobs = [job.progress(whole=True) for job in self._jobs.running()]
        self.send({"kind": "progress", "jobs": jobs})

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        kind, job_id = message.get("kind"), message.get("id", "")
        press = {
            "cancel": self.cancel,
            "dismiss": self.dismiss,
            "retry": self.retry,
            "save": self.save,
        }.get(kind or "")
        if press is not None:
            press(job_id)
        elif kind == "clear":
            self.clear_finished()
        elif kind == "cancel all":
            self.cancel_all()
        elif kind == "ready":
            schedule(self._greet())


def _no_fault_of_a_job(error: GhostnbError) -> None:
    """Leave the jobs alone: the log has it, and the next change is told again."""
