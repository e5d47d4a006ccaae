"""One job, as it runs."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from ghostnb.progress import Progress
from ghostnb.server.answers import JobEntry, JobProgress
from ghostnb.server.failures import FailureError, failure_of
from ghostnb.wire.clock import now

__all__ = ["Job", "Work", "interrupted"]

Work = Callable[["Job"], Awaitable[dict[str, Any]]]
"""Does it, tells the job how far it is, and gives the result."""

_PERIOD_SECONDS = 0.2
# A sync moves thousands of blobs; who looks sees those that moved last.
_MAX_ITEMS = 256


def interrupted(entry: JobEntry, ended: str) -> JobEntry:
    """Say of a job that the agent's end broke it off."""
    message = "The agent ended before it did: begin it again."
    return msgspec.structs.replace(entry, state="interrupted", ended=ended, message=message)


class Job:
    """Work that runs; it lives on one event loop.

    Parameters
    ----------
    kind : str
        ``pull``, ``copy`` and so on.
    title : str
    actor : str or None
        Who began it.
    about : mapping of str to str, optional
        Where something changes.

    Attributes
    ----------
    about : dict of str to str
    entry : JobEntry
        How it is now.
    """

    def __init__(
        self,
        kind: str,
        title: str,
        actor: str | None,
        about: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.about = dict(about)
        self.entry = JobEntry(
            id=secrets.token_hex(8),
            kind=kind,
            title=title,
            state="waiting",
            actor=actor,
            created=now(),
        )
        self._items: OrderedDict[str, tuple[int, Progress]] = OrderedDict()
        self._count = 0
        self._failure: BaseException | None = None
        self._work: asyncio.Task[dict[str, Any]] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def has_ended(self) -> bool:
        """True when nothing of it goes on."""
        return self.entry.ended is not None

    @property
    def is_ending(self) -> bool:
        """True if it was told to stop, or nothing is left but to remember how it ended."""
        return self._work is not None and (self._work.done() or self._work.cancelling() > 0)

    def take(self, step: Progress) -> None:
        """Take how far an item of it, or all of it, has come."""
        self._count += 1
        self._items[step.item] = (self._count, step)
        self._items.move_to_end(step.item)
        while len(self._items) > _MAX_ITEMS:
            self._items.popitem(last=False)
        total = step.overall_total_bytes or None
        self._change(
            progress=JobProgress(
                current=step.overall_current_bytes, total=total, status=step.status
            )
        )

    def count(self, done: int, total: int | None) -> None:
        """Take how many steps are done, for what moves no bytes."""
        self._change(progress=JobProgress(current=done, total=total, unit="steps"))

    def begin(
        self,
        work: Coroutine[Any, Any, dict[str, Any]],
        conclude: Callable[[Awaitable[dict[str, Any]]], Coroutine[Any, Any, None]],
    ) -> None:
        """Have it run in a task of its own, and another one remember what became of it.

        Only the first is ever cancelled.
        """
        self._work = asyncio.create_task(work)
        self._task = asyncio.create_task(conclude(self._work))

    def started(self) -> None:
        """Say that its turn has come."""
        self._change(state="running", started=now())

    def ended(self, entry: JobEntry, error: BaseException | None = None) -> None:
        """Say how it ended; `outcome` makes the entry."""
        self.entry, self._failure = entry, error

    def outcome(self, result: dict[str, Any] | None, error: BaseException | None) -> JobEntry:
        """Tell how it will stand once it has ended."""
        if error is None:
            message = str((result or {}).get("message", "Done."))
            return self._changed(state="done", ended=now(), message=message, result=result)
        if isinstance(error, asyncio.CancelledError):
            return self._changed(state="cancelled", ended=now(), message="It was cancelled.")
        failure = failure_of(error)
        return self._changed(
            state="failed", ended=now(), message=failure.message, code=failure.code
        )

    def cancel(self) -> None:
        """Stop it; one that has ended stays as it is."""
        if self._work is not None:
            self._work.cancel()

    async def stop(self) -> None:
        """Stop it, and wait until it has ended."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def wait(self) -> JobEntry:
        """Wait for its end; who is cancelled meanwhile cancels nothing.

        Raises
        ------
        GhostnbError
            What it failed with.
        FailureError
            409, if it was cancelled.
        """
        if self._task is not None:
            await asyncio.wait([self._task])
        if isinstance(self._failure, asyncio.CancelledError):
            raise FailureError(409, "cancelled", f"{self.entry.title}: the job was cancelled.")
        if self._failure is not None:
            raise self._failure
        return self.entry

    async def follow(self) -> AsyncIterator[Progress]:
        """Iterate over what changes, some times a second, until its end.

        Who is slow is told of fewer changes, never of older ones.
        """
        seen, is_over = 0, False
        while not is_over and self._task is not None:
            await asyncio.wait([self._task], timeout=_PERIOD_SECONDS)
            is_over = self._task.done()  # before what is told: it may end meanwhile
            news = [(count, step) for count, step in self._items.values() if count > seen]
            for count, step in sorted(news, key=lambda one: one[0]):
                seen = count
                yield step

    def _change(self, **fields: Any) -> None:
        if not self.has_ended:  # what comes late from another thread changes nothing
            self.entry = self._changed(**fields)

    def _changed(self, **fields: Any) -> JobEntry:
        return msgspec.structs.replace(self.entry, **fields)
