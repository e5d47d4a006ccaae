"""Pulls, several at once: how far each has come, and how it ended."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anywidget
import traitlets

from ghostnb.engine import Engine
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.progress import Progress
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.tasks import Tasks

__all__ = ["PullQueue"]

# Often enough to be seen to move; every line of a daemon would fill the connection.
_REFRESH_SECONDS = 0.2


@dataclass(slots=True)
class _Job:
    """One pull. Rates are bytes a second since the last that was shown."""

    id: str
    title: str
    state: str = "running"
    text: str = "Waiting for the daemon …"
    current: int = 0
    total: int = 0
    rate: float = 0.0
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def take(self, step: Progress) -> None:
        """Note a step."""
        self.current, self.total = step.overall_current_bytes, step.overall_total_bytes
        self.rate = self.current / max(time.monotonic() - self.started, 0.1)
        self.text = step.status if not step.item else self.text
        if step.item:
            known = self.layers.setdefault(step.item, {"id": step.item})
            known.update(
                current=step.current_bytes or 0,
                total=step.total_bytes or 0,
                status=step.status,
                done=step.done,
            )

    def end(self, state: str, text: str) -> None:
        """Note how it ended."""
        self.state, self.text, self.layers = state, text, {}

    def as_dict(self) -> dict[str, Any]:
        """Give it as the browser has it."""
        names = ("id", "title", "state", "text", "current", "total", "rate")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "layers": list(self.layers.values())}


class PullQueue(anywidget.AnyWidget):
    """Makes a daemon pull images, several at once.

    Parameters
    ----------
    fleet : Fleet
    engine : Engine, optional
        By default the one that is found when something is pulled.
    on_pulled : callable, optional
        Told the name of an image that the daemon has now.
    """

    _esm = javascript("format", "jobs")
    _css = stylesheet("jobs")

    _jobs: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        fleet: Fleet,
        engine: Engine | None = None,
        *,
        on_pulled: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__()
        self._fleet, self._engine, self._on_pulled = fleet, engine, on_pulled
        self._tasks = Tasks()
        self._known: dict[str, _Job] = {}
        self._ids = map(str, itertools.count(1))
        self._shown_at = 0.0
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
        job = _Job(next(self._ids), f"{registry}/{reference}")
        self._known[job.id] = job
        self._show()

        def fail(error: GhostnbError) -> None:
            job.end("failed", str(error))
            self._show()

        self._tasks.spawn(self._work(job, registry, reference), key=job.id, on_error=fail)

    def cancel(self, job_id: str) -> None:
        """Stop a pull; what has come is the daemon's to keep."""
        job = self._known.get(job_id)
        if job is not None and job.state == "running":
            self._tasks.cancel(job_id)
            job.end("cancelled", "Cancelled.")
            self._show()

    def close(self) -> None:
        """Stop every pull, and the widget."""
        self._tasks.cancel()
        super().close()

    async def _work(self, job: _Job, registry: str, reference: str) -> None:
        client = self._fleet[registry]
        name = f"{client.config.host}/{reference}"
        engine = self._engine or Engine()
        async for step in engine.pull(name, credentials=client.config.credentials()):
            job.take(step)
            if time.monotonic() - self._shown_at > _REFRESH_SECONDS:
                self._show()
        job.end("done", f"The daemon has it as {name}.")
        self._show()
        if self._on_pulled is not None:
            self._on_pulled(name)

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        self._jobs = [job.as_dict() for job in self._known.values()]

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        kind, job_id = message.get("kind"), message.get("id", "")
        if kind == "cancel":
            self.cancel(job_id)
        elif kind == "dismiss" and self._known.get(job_id, _RUNNING).state != "running":
            del self._known[job_id]
            self._show()


_RUNNING = _Job("", "")
