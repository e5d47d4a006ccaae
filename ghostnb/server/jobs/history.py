"""Jobs that have ended, kept in one file over the agent's own end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ghostnb.errors import ConfigError
from ghostnb.server.answers import JobEntry
from ghostnb.server.jobs.job import interrupted
from ghostnb.server.jobs.presence import Presence

__all__ = ["JobHistory"]

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, process TEXT NOT NULL,
    has_ended INTEGER NOT NULL, entry BLOB NOT NULL
)
"""
# Numbers are given by the database: agents that share it count on. What has ended stays ended,
# also if a record of how it ran comes late.
_PUT = """
INSERT INTO jobs (id, number, process, has_ended, entry)
VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM jobs), ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET has_ended = excluded.has_ended, entry = excluded.entry
WHERE excluded.has_ended OR NOT jobs.has_ended
"""
_TRIM = "DELETE FROM jobs WHERE has_ended AND number <= (SELECT max(number) FROM jobs) - ?"
_WAIT_SECONDS = 10.0


class JobHistory:
    """Keeps records of jobs; every method is for a thread, and may be called from several.

    Parameters
    ----------
    file : Path
        Made with its directory; only its owner can read it. Several agents may share it.
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
                database.execute("BEGIN IMMEDIATE")  # while nobody looks who is alive
                self._presence = Presence(file)
        except (OSError, sqlite3.Error) as e:
            raise ConfigError(
                f"The agent cannot keep its jobs in {file} ({e}).",
                hint="Name a directory that can be written: --state DIR.",
            ) from e

    def put(self, *entries: JobEntry) -> None:
        """Remember how jobs are; what they were before is forgotten, unless they had ended."""
        with self._open() as database:
            for entry in entries:
                self._put(database, entry, self._presence.name)
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
            database.execute("BEGIN IMMEDIATE")
            rows = database.execute(
                "SELECT process, entry FROM jobs WHERE NOT has_ended"
            ).fetchall()
            names = {str(process) for process, _ in rows} | {*self._presence.others()}
            gone = {name for name in names if not self._presence.is_alive(name)}
            for process, raw in rows:
                if str(process) in gone:
                    self._put(database, interrupted(_entry(raw), ended), process)

    def close(self) -> None:
        """Say that nothing runs here any more."""
        self._presence.end()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=_WAIT_SECONDS)) as database, database:
            yield database

    def _put(self, database: sqlite3.Connection, entry: JobEntry, process: str) -> None:
        raw = msgspec.json.encode(entry)
        database.execute(_PUT, (entry.id, process, entry.ended is not None, raw))


def _entry(raw: bytes) -> JobEntry:
    return msgspec.json.decode(raw, type=JobEntry)
