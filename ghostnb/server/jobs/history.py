"""Jobs that have ended, kept in one file over the agent's own end."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ghostnb.errors import ConfigError
from ghostnb.server.answers import JobEntry

__all__ = ["JobHistory"]

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, process INTEGER NOT NULL,
    has_ended INTEGER NOT NULL, entry BLOB NOT NULL
)
"""
_PUT = "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)"
_NUMBER = "SELECT coalesce((SELECT number FROM jobs WHERE id = ?), max(number) + 1, 1) FROM jobs"
_TRIM = "DELETE FROM jobs WHERE has_ended AND number <= (SELECT max(number) FROM jobs) - ?"
_WAIT_SECONDS = 10.0


class JobHistory:
    """Keeps records of jobs; every method is for a thread, and may be called from several.

    Parameters
    ----------
    file : Path
        Made with its directory; only its owner can read it.
    limit : int
        So many are kept; the oldest go.

    Raises
    ------
    ConfigError
        If it cannot be made, or is something else.
    """

    def __init__(self, file: Path, limit: int = 1000) -> None:
        self._file, self._limit = file, limit
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)
            with self._open() as database:
                database.execute(_TABLE)
        except (OSError, sqlite3.Error) as e:
            raise ConfigError(
                f"The agent cannot keep its jobs in {file} ({e}).",
                hint="Name a directory that can be written: --state DIR.",
            ) from e

    def put(self, entry: JobEntry) -> None:
        """Remember how a job is; what it was before is forgotten."""
        with self._open() as database:
            self._put(database, entry, os.getpid())
            database.execute(_TRIM, (self._limit,))

    def get(self, job_id: str) -> JobEntry | None:
        """Give a job's record."""
        with self._open() as database:
            row = database.execute("SELECT entry FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _entry(row[0]) if row else None

    def newest(self, limit: int) -> list[JobEntry]:
        """Give the newest records."""
        with self._open() as database:
            rows = database.execute(
                "SELECT entry FROM jobs ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_entry(row[0]) for row in rows]

    def interrupt(self, ended: str) -> None:
        """Say of what ran in a process that is gone that it was broken off."""
        with self._open() as database:
            rows = database.execute(
                "SELECT process, entry FROM jobs WHERE NOT has_ended"
            ).fetchall()
            for process, raw in rows:
                if process == os.getpid() or not _is_alive(process):
                    broken = msgspec.structs.replace(
                        _entry(raw),
                        state="interrupted",
                        ended=ended,
                        message="The agent ended before it did: begin it again.",
                    )
                    self._put(database, broken, process)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=_WAIT_SECONDS)) as database, database:
            yield database

    def _put(self, database: sqlite3.Connection, entry: JobEntry, process: int) -> None:
        (number,) = database.execute(_NUMBER, (entry.id,)).fetchone()
        raw = msgspec.json.encode(entry)
        database.execute(_PUT, (entry.id, number, process, entry.ended is not None, raw))


def _entry(raw: bytes) -> JobEntry:
    return msgspec.json.decode(raw, type=JobEntry)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
