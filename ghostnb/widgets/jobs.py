"""What runs or waits for its turn, as its row shows it: a pull, a save, or a plan."""

import shlex
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ghostnb.errors import EngineUnreachableError, GhostnbError, UnsupportedError
from ghostnb.progress import Progress

__all__ = ["Job", "JobKind"]

JobKind = Literal["pull", "save", "copy", "delete", "push"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]

# A rate tells of now: what was fast a minute ago may stand still.
_RATE_SECONDS = 5.0
_NOT_LOADABLE = (
    "Docker does not load it: it is no image, or some of its layers are in no registry. "
    "Tools that read OCI archives take it, such as skopeo (oci-archive:PATH)."
)
_AT_FIRST = {
    "pull": "Waiting for the daemon …",
    "save": "Reading the manifests …",
    "copy": "Copying …",
    "delete": "Deleting …",
    "push": "Pushing …",
}
_SHOWN = (
    "id",
    "title",
    "action",
    "unit",
    "state",
    "text",
    "hint",
    "tried",
    "faults",
    "commands",
    "can_save",
)
_NUMBERS = ("id", "current", "total", "rate")


@dataclass(slots=True)
class Job:
    """One attempt. Another one is another job, in the same row.

    Attributes
    ----------
    id : str
        The row's.
    registry, reference : str
        What is pulled or saved, from where.
    platform : str or None
        Only this one; None for the daemon's own, or for all that are saved.
    action : str
        ``pull``, ``save``, or what a plan does: ``copy``, ``delete`` or ``push``.
    attempt : int
        From 1.
    state : str
        ``waiting``, ``running``, and then ``done``, ``failed`` or ``cancelled``.
    text, hint : str
        What is so, and what to do about it.
    tried : list of str
        Where a daemon was looked for, and why none answered.
    faults : list of str
        What failed of many things, and why.
    commands : list of str
        That load what was saved.
    can_save : bool
        Whether a save is offered in place of a pull.
    path : Path or None
        To which it is saved.
    current, total : int
    unit : str
        Of these: ``B`` for bytes, ``step`` where no bytes move.
    rate : float
        Bytes a second in the last seconds.
    is_told : bool
        Whether it was told that it has ended.
    """

    id: str
    registry: str
    reference: str
    platform: str | None = None
    action: JobKind = "pull"
    attempt: int = 1
    state: State = "waiting"
    text: str = "Waiting for its turn …"
    hint: str = ""
    tried: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    can_save: bool = False
    path: Path | None = None
    current: int = 0
    total: int = 0
    unit: Literal["B", "step"] = "B"
    rate: float = 0.0
    is_told: bool = False
    _layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _changed: dict[str, None] = field(default_factory=dict)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def title(self) -> str:
        """What it is about."""
        which = f" ({self.platform})" if self.platform else ""
        return f"{self.registry}/{self.reference}{which}"

    @property
    def has_ended(self) -> bool:
        """True if it neither waits nor runs."""
        return self.state not in ("waiting", "running")

    def again(self, action: JobKind | None = None) -> "Job":
        """Make the next attempt."""
        job = Job(self.id, self.registry, self.reference, self.platform, action or self.action)
        job.attempt = self.attempt + 1
        return job

    def begin(self) -> None:
        """Note that it is its turn."""
        if not self.has_ended:
            self.state, self.text = "running", _AT_FIRST[self.action]

    def take(self, step: Progress) -> None:
        """Note a step."""
        self.current, self.total = step.overall_current_bytes, step.overall_total_bytes
        if not step.item:
            self.text = step.status
            return
        self._layers[step.item] = {
            "id": step.item,
            "current": step.current_bytes or 0,
            "total": step.total_bytes or 0,
            "status": step.status,
            "done": step.done,
        }
        self._changed[step.item] = None

    def end(self, state: State, text: str, hint: str = "") -> None:
        """Note how it ended; what comes later changes nothing."""
        if not self.has_ended:
            self.state, self.text, self.hint, self.rate = state, text, hint, 0.0
            self._layers, self._changed = {}, {}

    def cancel(self) -> None:
        """Note that it was stopped."""
        self.end("cancelled", "Cancelled.")

    def fail(self, error: GhostnbError) -> None:
        """Note what went wrong, and what may be done."""
        text = error.message
        # No daemon, or no registry for one: the image can be had all the same.
        if self.action == "pull":
            self.can_save = isinstance(error, EngineUnreachableError | UnsupportedError)
        if isinstance(error, EngineUnreachableError) and len(error.tried) > 1:
            text = "No container daemon answers. These were tried:"
            self.tried = [f"{url} ({why})" for url, why in error.tried]
        self.end("failed", text, error.hint)

    def saved(self, path: Path) -> None:
        """Note where it is."""
        self.path = path
        self.end("done", f"Saved as {path}.")

    def offer(self, *, is_loadable: bool) -> None:
        """Say how what was saved is loaded, where there is a daemon that can."""
        name = shlex.quote(str(self.path))
        if is_loadable:
            self.commands = [f"{tool} load -i {name}" for tool in ("docker", "podman")]
        self.hint = "" if is_loadable else _NOT_LOADABLE

    def measure(self) -> None:
        """Take the rate anew; to be called now and then, also while nothing comes."""
        now = time.monotonic()
        self._samples.append((now, self.current))
        while now - self._samples[0][0] > _RATE_SECONDS:
            self._samples.popleft()
        began, before = self._samples[0]
        self.rate = max(self.current - before, 0) / max(now - began, 0.5)

    def head(self) -> dict[str, Any]:
        """Give all but the layers, as the browser has it; it changes with the state."""
        numbers = {"current": self.current, "total": self.total} if self.has_ended else {}
        shown = {name: getattr(self, name) for name in (*_SHOWN, "attempt")}
        return {**shown, **numbers}

    def progress(self, *, whole: bool = False) -> dict[str, Any]:
        """Give the numbers, and the layers that changed since this was last asked, or all."""
        changed, self._changed = self._changed, {}
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        names = self._layers if whole else changed
        return {**numbers, "layers": [self._layers[name] for name in names]}
