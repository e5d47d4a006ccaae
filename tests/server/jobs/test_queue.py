"""Jobs on a real history: begun, cancelled at every moment, and remembered as they ended."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ghostnb.errors import NotFoundError
from ghostnb.progress import Progress
from ghostnb.server.answers import JobEntry
from ghostnb.server.failures import FailureError
from ghostnb.server.jobs.history import JobHistory
from ghostnb.server.jobs.job import Job
from ghostnb.server.jobs.queue import JobQueue
from tests.parts.disks import fill_up, small_disk
from tests.serving import until

Test = Callable[[JobQueue], Awaitable[Any]]


def with_queue(
    directory: Path, test: Test, history: JobHistory | None = None, **options: Any
) -> Any:
    async def run() -> Any:
        queue = JobQueue(history or JobHistory(directory / "jobs.sqlite3"), **options)
        await queue.open()
        try:
            return await test(queue)
        finally:
            await queue.close()

    return asyncio.run(run())


class Halting(JobHistory):
    """Keeps a record of one state back until it may go on.

    Attributes
    ----------
    has_come, goes_on : threading.Event
        Whether there is such a record, and whether it may be written.
    kept : list of str
        The states that are written, in order.
    """

    def __init__(self, directory: Path, state: str) -> None:
        super().__init__(directory / "jobs.sqlite3")
        self._state = state
        self.has_come, self.goes_on = threading.Event(), threading.Event()
        self.kept: list[str] = []

    def put(self, *entries: JobEntry) -> None:
        if entries[-1].state == self._state:
            self.has_come.set()
            assert self.goes_on.wait(30)
        super().put(*entries)
        self.kept.append(entries[-1].state)


class Lingering(JobHistory):
    """Reads what there is, and gives it when something else has happened."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def newest(self, limit: int) -> list[JobEntry]:
        found = super().newest(limit)
        self.meanwhile()
        return found


def remembered(directory: Path) -> list[JobEntry]:
    """Read the records as another agent would."""
    history = JobHistory(directory / "jobs.sqlite3")
    try:
        return history.newest(10_000)
    finally:
        history.close()


async def at_once(job: Job) -> dict[str, Any]:
    return {"message": "Here it is.", "tag": "1.0"}


async def for_ever(job: Job) -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def begin(queue: JobQueue, work: Any = for_ever, **options: Any) -> Job:
    return queue.begin("pull", "Pull app", work, **{"actor": "ann", **options})


def test_a_job_ends_with_its_result(tmp_path):
    async def test(queue: JobQueue) -> JobEntry:
        return await begin(queue, at_once).wait()

    entry = with_queue(tmp_path, test)
    assert (entry.state, entry.message, entry.actor) == ("done", "Here it is.", "ann")
    assert entry.result == {"message": "Here it is.", "tag": "1.0"}
    assert entry.created <= entry.started <= entry.ended
    assert remembered(tmp_path) == [entry]


def test_a_job_fails_with_what_it_failed_with(tmp_path):
    async def fails(job: Job) -> dict[str, Any]:
        raise NotFoundError("There is no app.")

    async def test(queue: JobQueue) -> None:
        job = begin(queue, fails)
        with pytest.raises(NotFoundError):
            await job.wait()

    with_queue(tmp_path, test)
    (entry,) = remembered(tmp_path)
    assert (entry.state, entry.code, entry.message) == ("failed", "not_found", "There is no app.")


def test_a_mistake_of_ours_is_told_without_details_and_ends_the_job(tmp_path, caplog):
    async def tells_nonsense(job: Job) -> dict[str, Any]:
        return {"password": object()}

    async def test(queue: JobQueue) -> JobEntry:
        job = begin(queue, tells_nonsense)
        with pytest.raises(TypeError):
            await job.wait()
        assert queue.find(job.entry.id) is None
        return await queue.entry(job.entry.id)

    entry = with_queue(tmp_path, test)
    assert (entry.state, entry.code) == ("failed", "internal")
    assert "object" not in entry.message
    assert "Pull app" in caplog.text


def test_a_job_is_cancelled_before_it_has_begun(tmp_path):
    async def test(queue: JobQueue) -> None:
        job = begin(queue)
        await job.stop()
        with pytest.raises(FailureError) as caught:
            await job.wait()
        assert caught.value.failure.status == 409

    with_queue(tmp_path, test)
    (entry,) = remembered(tmp_path)
    assert (entry.state, entry.started) == ("cancelled", None)


def test_a_job_is_cancelled_while_it_waits_for_its_turn(tmp_path):
    async def test(queue: JobQueue) -> list[str]:
        first, second, third = begin(queue), begin(queue), begin(queue, at_once)
        await until(lambda: first.entry.state == "running")
        assert second.entry.state == "waiting"
        await second.stop()
        assert third.entry.state == "waiting"
        await first.stop()
        await third.wait()
        return [one.entry.state for one in (first, second, third)]

    assert with_queue(tmp_path, test, concurrency=1) == ["cancelled", "cancelled", "done"]


def test_a_record_of_the_beginning_that_comes_late_changes_no_end(tmp_path):
    """The thread that writes the first record goes on when the job is cancelled meanwhile."""
    history = Halting(tmp_path, "waiting")

    async def test(queue: JobQueue) -> None:
        job = begin(queue)
        await until(history.has_come.is_set)
        job.cancel()
        await asyncio.sleep(0.1)  # an end that did not wait would be written by then
        history.goes_on.set()
        await job.stop()

    with_queue(tmp_path, test, history)
    assert history.kept == ["waiting", "cancelled"]
    assert [entry.state for entry in remembered(tmp_path)] == ["cancelled"]


def test_a_job_that_is_done_is_not_cancelled_any_more(tmp_path):
    history = Halting(tmp_path, "done")

    async def test(queue: JobQueue) -> str:
        job = begin(queue, at_once)
        await until(history.has_come.is_set)
        job.cancel()
        history.goes_on.set()
        return (await job.wait()).state

    assert with_queue(tmp_path, test, history) == "done"


def test_the_same_asked_twice_is_one_job(tmp_path):
    async def test(queue: JobQueue) -> list[bool]:
        first = begin(queue, key="app")
        same, other, unnamed = (begin(queue, key=key) for key in ("app", "web", ""))
        return [same is first, other is first, unnamed is first, begin(queue) is unnamed]

    assert with_queue(tmp_path, test) == [True, False, False, False]


def test_the_same_asked_again_is_no_job_that_is_being_cancelled_or_has_ended(tmp_path):
    async def test(queue: JobQueue) -> list[str]:
        first = begin(queue, key="app")
        await until(lambda: first.entry.state == "running")
        first.cancel()
        second = begin(queue, at_once, key="app")
        await first.stop()
        third = begin(queue, at_once, key="app")
        await third.wait()
        assert third is second
        assert begin(queue, at_once, key="app") is not third
        return [first.entry.state, second.entry.state]

    assert with_queue(tmp_path, test) == ["cancelled", "done"]


def test_as_many_run_at_once_as_are_to_and_in_the_order_they_came(tmp_path):
    begun: list[str] = []
    inside, most = 0, 0

    async def test(queue: JobQueue) -> list[str]:
        may_leave = asyncio.Event()

        async def stays(job: Job) -> dict[str, Any]:
            nonlocal inside, most
            begun.append(job.entry.id)
            inside += 1
            most = max(most, inside)
            await may_leave.wait()
            inside -= 1
            return {}

        jobs = [begin(queue, stays) for _ in range(6)]
        # One thread writes all records, in order: the others' turns would have come by now.
        await until(lambda: inside >= 2)
        assert [job.entry.state for job in jobs] == ["running"] * 2 + ["waiting"] * 4
        may_leave.set()
        await asyncio.gather(*(job.wait() for job in jobs))
        return [job.entry.id for job in jobs]

    assert with_queue(tmp_path, test, concurrency=2) == begun
    assert most == 2


def test_a_thousand_are_under_way_and_more_are_refused(tmp_path):
    async def test(queue: JobQueue) -> FailureError:
        for n in range(1000):
            begin(queue, key=f"{n}")
        assert begin(queue, key="1").entry.id  # the same are no more
        with pytest.raises(FailureError) as caught:
            begin(queue)
        return caught.value

    with small_disk(tmp_path / "memory", 16) as memory:
        refused = with_queue(memory, test)
    assert (refused.failure.status, refused.failure.code) == (429, "busy")
    assert refused.failure.headers == {"Retry-After": "10"}


def test_the_newest_come_first_also_those_of_one_moment(tmp_path):
    async def test(queue: JobQueue) -> tuple[list[str], list[str]]:
        jobs = [begin(queue, at_once if n % 2 else for_ever) for n in range(20)]
        for job in jobs[1::2]:
            await job.wait()
        found = [entry.id for entry in await queue.entries(20)]
        assert found[:3] == [entry.id for entry in await queue.entries(3)]
        return found, [job.entry.id for job in reversed(jobs)]

    found, newest = with_queue(tmp_path, test, concurrency=100)
    assert sorted(found) == sorted(newest)
    assert [one for one in found if one in newest[::2]] == newest[::2]
    assert [one for one in found if one in newest[1::2]] == newest[1::2]


def test_a_list_tells_of_no_job_as_it_ran_that_has_ended_meanwhile(tmp_path):
    history = Lingering(tmp_path / "jobs.sqlite3")

    async def test(queue: JobQueue) -> list[str]:
        is_over = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def waits(job: Job) -> dict[str, Any]:
            await is_over.wait()
            return {}

        job = begin(queue, waits)
        await until(lambda: job.entry.state == "running")

        def end() -> None:
            loop.call_soon_threadsafe(is_over.set)
            asyncio.run_coroutine_threadsafe(job.wait(), loop).result(30)

        history.meanwhile = end
        return [entry.state for entry in await queue.entries(10)]

    assert with_queue(tmp_path, test, history) == ["done"]


def test_progress_is_told_and_what_comes_late_is_not(tmp_path):
    async def moves(job: Job) -> dict[str, Any]:
        job.take(Progress("layer", "Downloading", 5, 10, 5, 10))
        await asyncio.sleep(0.01)
        return {}

    async def test(queue: JobQueue) -> JobEntry:
        job = begin(queue, moves)
        steps = [step async for step in job.follow()]
        assert [step.current_bytes for step in steps] == [5]
        ended = await job.wait()
        job.take(Progress("layer", "Downloading", 7, 10, 7, 10))
        assert job.entry == ended
        return ended

    progress = with_queue(tmp_path, test).progress
    assert (progress.current, progress.total, progress.unit) == (5, 10, "bytes")


def test_who_follows_and_leaves_stops_nothing(tmp_path):
    async def test(queue: JobQueue) -> str:
        job = begin(queue)
        waiting = asyncio.ensure_future(job.wait())
        await until(lambda: job.entry.state == "running")
        waiting.cancel()
        await asyncio.wait([waiting])
        return job.entry.state

    assert with_queue(tmp_path, test) == "running"


def test_the_agents_end_breaks_off_what_runs_and_what_waits(tmp_path):
    async def test(queue: JobQueue) -> None:
        is_inside = asyncio.Event()

        async def stays(job: Job) -> dict[str, Any]:
            is_inside.set()
            return await for_ever(job)

        await begin(queue, at_once).wait()
        begin(queue, stays)
        waits = begin(queue)
        await is_inside.wait()
        assert waits.entry.state == "waiting"
        await queue.close()
        with pytest.raises(FailureError) as caught:
            begin(queue)
        assert caught.value.failure.status == 503

    with_queue(tmp_path, test, concurrency=1)
    found = remembered(tmp_path)
    assert [one.state for one in found] == ["interrupted", "interrupted", "done"]
    assert [one.started is None for one in found] == [True, False, False]


def test_on_a_full_disk_jobs_go_on_and_their_ends_are_told_and_remembered_later(tmp_path, caplog):
    with small_disk(tmp_path / "disk", 1) as disk:

        async def test(queue: JobQueue) -> list[JobEntry]:
            fill_up(disk / "ballast")
            told = [await begin(queue, at_once).wait() for _ in range(3)]
            assert "cannot be remembered" in caplog.text
            assert [await queue.entry(one.id) for one in told] == told
            assert await queue.entries(10) == told[::-1]
            (disk / "ballast").unlink()
            return [*told, await begin(queue, at_once).wait()]

        told = with_queue(disk, test)
        assert remembered(disk) == told[::-1]


def test_a_locked_history_is_waited_for(tmp_path):
    async def test(queue: JobQueue) -> str:
        with closing(sqlite3.connect(tmp_path / "jobs.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            job = begin(queue, at_once)
            await asyncio.sleep(0.1)
            assert job.entry.state == "waiting"
            other.execute("COMMIT")
            return (await job.wait()).state

    assert with_queue(tmp_path, test) == "done"


def test_there_is_no_job_that_was_never_begun(tmp_path):
    async def test(queue: JobQueue) -> None:
        with pytest.raises(FailureError) as caught:
            await queue.entry("../x")
        assert caught.value.failure.status == 404

    with_queue(tmp_path, test)
