"""Pulls, some at once: how far each has come, and how it ended."""

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
import traitlets

from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.loop import schedule
from ghostnb.transfer import archive_name, free_path, is_loadable
from ghostnb.widgets.base import View
from ghostnb.widgets.jobs import Job
from ghostnb.widgets.pull_commands import pull_name
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.tasks import Tasks

__all__ = ["PullQueue"]

# Often enough to be seen to move; every line of a daemon would fill the connection.
_REFRESH_SECONDS = 0.2


class PullQueue(View):
    """Makes a daemon pull images, some at once; saves them where there is no daemon.

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

    Notes
    -----
    How a job stands is state of the widget, how far it has come is not: that
    goes to the browser as messages, and only what has changed.
    """

    _esm = javascript("format", "clipboard", "jobs")
    _css = stylesheet("jobs")

    _jobs: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        fleet: Fleet,
        engine: Engine | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        limit: int = 3,
        on_pulled: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__()
        self.directory = Path(directory or platformdirs.user_downloads_path())
        self._fleet, self._engine, self._on_pulled = fleet, engine, on_pulled
        self._tasks = Tasks()
        self._known: dict[str, Job] = {}
        self._ids = map(str, itertools.count(1))
        self._naming = asyncio.Lock()
        self._turns = asyncio.Semaphore(limit)
        self.on_msg(self._answer)

    def pull(self, registry: str, reference: str) -> None:
        """Begin a pull.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        reference : str
            ``repository[:tag][@digest]``.
        """
        self._start(Job(next(self._ids), registry, reference))

    def save(self, job_id: str) -> None:
        """Save as an OCI archive what no daemon could pull."""
        job = self._known.get(job_id)
        if job is not None and job.can_save:
            self._start(job.again("save"))

    def retry(self, job_id: str) -> None:
        """Try again what failed or was cancelled."""
        job = self._known.get(job_id)
        if job is not None and job.state in ("failed", "cancelled"):
            self._start(job.again())

    def cancel(self, job_id: str) -> None:
        """Stop a job; what a daemon has of it by now is the daemon's to keep."""
        job = self._known.get(job_id)
        if job is not None and not job.has_ended:
            self._spawn(job, self._end(job))

    def dismiss(self, job_id: str) -> None:
        """Take the row of a job away that has ended."""
        job = self._known.get(job_id)
        if job is not None and job.has_ended:
            del self._known[job_id]
            self._spawn(job, self._show())

    def clear_finished(self) -> None:
        """Take the rows of all jobs away that have ended."""
        for job_id in list(self._known):
            self.dismiss(job_id)

    def close(self) -> None:
        """Stop every job, and the widget."""
        self._tasks.cancel()
        super().close()

    def _start(self, job: Job) -> None:
        self._known[job.id] = job
        self._spawn(job, self._run(job))
        self._tasks.spawn(self._tick(), key="tick", on_error=partial(self._fail, job))

    def _spawn(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Do something in place of what the job's row was doing."""
        self._tasks.spawn(work, key=job.id, on_error=partial(self._fail, job))

    async def _run(self, job: Job) -> None:
        await self._show()
        async with self._turns:
            job.begin()
            await self._show()
            work = self._run_pull if job.action == "pull" else self._run_save
            await work(job, self._client(job))
        await self._show()

    async def _run_pull(self, job: Job, client: RegistryClient) -> None:
        name = pull_name(client.config, job.reference)
        engine = self._engine or Engine()
        async for step in engine.pull(name, credentials=await client.config.credentials()):
            job.take(step)
        job.end("done", f"The daemon has it as {name}.")
        if self._on_pulled is not None:
            self._on_pulled(name)

    async def _run_save(self, job: Job, client: RegistryClient) -> None:
        name = archive_name(client.registry.reference(job.reference))
        # One after the other: two saves of an image must not be promised the same name.
        async with self._naming:
            taken = {one.path for one in self._known.values() if one.path and not one.has_ended}
            job.path = await asyncio.to_thread(free_path, self.directory.absolute(), name, taken)
        job.text = f"Saving to {job.path} …"
        await self._show()
        path = await client.save(job.reference, job.path, progress=job.take)
        job.saved(path, is_loadable=await asyncio.to_thread(is_loadable, path))

    def _client(self, job: Job) -> RegistryClient:
        if job.registry not in self._fleet:
            raise GhostnbError(
                f"{job.registry} is not among the registries any more.",
                hint="Add it again, then retry.",
            )
        return self._fleet[job.registry]

    async def _end(self, job: Job) -> None:
        job.end("cancelled", "Cancelled.")
        await self._show()

    def _fail(self, job: Job, error: GhostnbError) -> None:
        job.fail(error)
        self._jobs = self._heads()

    async def _show(self) -> None:
        self._jobs = self._heads()

    def _heads(self) -> list[dict[str, Any]]:
        return [job.head() for job in list(self._known.values())]

    async def _tick(self) -> None:
        """Tell how far the jobs have come, as long as there are some."""
        while running := self._running():
            for job in running:
                job.measure()
            self.send({"kind": "progress", "jobs": [job.progress() for job in running]})
            await self._show()
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _greet(self) -> None:
        """Tell a page that opens now what the others have been told."""
        jobs = [job.progress(whole=True) for job in self._running()]
        self.send({"kind": "progress", "jobs": jobs})

    def _running(self) -> list[Job]:
        return [job for job in list(self._known.values()) if not job.has_ended]

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
        elif kind == "ready":
            schedule(self._greet())
