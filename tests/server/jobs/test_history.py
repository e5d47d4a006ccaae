"""Records of jobs in a file that several agents may share, some of them dead."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ghostnb.errors import ConfigError
from ghostnb.server.answers import JobEntry
from ghostnb.server.jobs.history import JobHistory

FILE = "jobs.sqlite3"
LATER = "2026-01-02T00:00:00.000Z"
OTHER = """
import sys
from pathlib import Path
from ghostnb.server.answers import JobEntry
from ghostnb.server.jobs.history import JobHistory

history = JobHistory(Path(sys.argv[1]))
history.put(JobEntry(id="other", kind="pull", title="", state="running", actor=None, created=""))
print("there", flush=True)
sys.stdin.read()
"""


@contextmanager
def kept(directory: Path, **options: int) -> Iterator[JobHistory]:
    history = JobHistory(directory / FILE, **options)
    yield history
    history.close()


@contextmanager
def another_agent(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process have a job under way, as long as it is not killed."""
    command = [sys.executable, "-c", OTHER, str(directory / FILE)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "there\n"
        yield process
        process.kill()


def entry(name: str, state: str = "running") -> JobEntry:
    ended = None if state in ("waiting", "running") else "2026-01-01T00:00:01.000Z"
    created = "2026-01-01T00:00:00.000Z"
    return JobEntry(
        id=name, kind="pull", title=name, state=state, actor="ann", created=created, ended=ended
    )


def states(history: JobHistory) -> dict[str, str]:
    return {one.id: one.state for one in history.newest(1000)}


def signs(directory: Path) -> list[Path]:
    return list(directory.glob(f"{FILE}.*"))


def test_what_is_put_is_there_later(tmp_path):
    with kept(tmp_path) as history:
        history.put(entry("a", "done"))
    with kept(tmp_path) as history:
        assert history.get("a") == entry("a", "done")
        assert history.get("b") is None


def test_a_job_keeps_its_place_when_it_ends(tmp_path):
    with kept(tmp_path) as history:
        history.put(entry("a"), entry("b"))
        history.put(entry("a", "done"))
        assert list(states(history)) == ["b", "a"]
        assert [one.id for one in history.newest(1)] == ["b"]
        assert history.newest(0) == []


def test_what_has_ended_stays_ended(tmp_path):
    with kept(tmp_path) as history:
        history.put(entry("a", "cancelled"))
        history.put(entry("a", "waiting"))
        assert states(history) == {"a": "cancelled"}


def test_so_many_are_kept_and_what_runs_is_never_forgotten(tmp_path):
    with kept(tmp_path, limit=3) as history:
        history.put(entry("runs"))
        for n in range(10):
            history.put(entry(f"{n}", "done"))
        assert states(history) == {"9": "done", "8": "done", "7": "done", "runs": "running"}


def test_what_ran_in_another_process_was_interrupted_when_that_is_killed(tmp_path):
    with another_agent(tmp_path) as process, kept(tmp_path) as history:
        history.put(entry("mine"), entry("old", "done"))
        history.interrupt(LATER)
        assert states(history) == {"old": "done", "mine": "running", "other": "running"}
        assert len(signs(tmp_path)) == 2

        process.kill()
        process.wait()
        history.interrupt(LATER)
        assert states(history) == {"old": "done", "mine": "running", "other": "interrupted"}
        assert history.get("other").ended == LATER
        assert "begin it again" in history.get("other").message
        assert len(signs(tmp_path)) == 1
    assert signs(tmp_path) == []


def test_two_in_one_process_are_two(tmp_path):
    with kept(tmp_path) as first:
        first.put(entry("a"))
        with kept(tmp_path) as second:
            second.put(entry("b"))
            second.interrupt(LATER)
            assert states(first) == {"b": "running", "a": "running"}
        first.interrupt(LATER)
        assert states(first) == {"b": "interrupted", "a": "running"}


def test_agents_that_write_at_once_number_their_jobs_apart(tmp_path):
    with kept(tmp_path) as first, kept(tmp_path) as second:
        for n in range(20):
            first.put(entry(f"a{n}", "done"))
            second.put(entry(f"b{n}", "done"))
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            (count,) = database.execute("SELECT count(DISTINCT number) FROM jobs").fetchone()
        assert count == 40


def test_only_the_owner_reads_it(tmp_path):
    with kept(tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / FILE).write_text("Dear diary, " * 100)

    with pytest.raises(ConfigError, match="cannot keep its jobs") as caught:
        JobHistory(tmp_path / FILE)
    assert "--state" in caught.value.hint
    assert (tmp_path / FILE).read_text().startswith("Dear diary")
