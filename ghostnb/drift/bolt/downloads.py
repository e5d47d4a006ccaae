"""How often things were downloaded, and by how many: counted, and kept over restarts."""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ghostnb.registries.config import LAYOUT_SCHEME
from ghostnb.registries.protocol import Registry

__all__ = ["Counts", "Downloads", "statistics_file"]

_log = logging.getLogger("ghostnb.drift")
Result = TypeVar("Result")
Event = tuple[float, str, str, str]

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
# Nobody's answer waits longer for a file that another process has locked.
_BUSY_SECONDS = 0.5
# Nor do answers wait for each other: so long after a failure it is not tried again.
_PAUSE_SECONDS = 1.0
# What waits for a file that cannot be written; more is not counted.
_MAX_PENDING = 100_000
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
# Without a sync at each commit: a power cut may lose the last counts, never the file.
_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS totals (
    kind TEXT, name TEXT, count INTEGER NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    minute INTEGER, kind TEXT, name TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (minute, kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS visitors (who BLOB PRIMARY KEY, minute INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB);
"""
_ADD_TOTAL = """
INSERT INTO totals VALUES (?, ?, 1)
ON CONFLICT (kind, name) DO UPDATE SET count = count + 1
"""
_ADD_MINUTE = """
INSERT INTO minutes VALUES (?, ?, ?, 1)
ON CONFLICT (minute, kind, name) DO UPDATE SET count = count + 1
"""
_ADD_VISITOR = """
INSERT INTO visitors VALUES (?, ?)
ON CONFLICT (who) DO UPDATE SET minute = max(minute, excluded.minute)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Downloads of one kind of things.

    Attributes
    ----------
    by_name : mapping of str to int
        All that there ever were.
    last_day, last_week : int
        Of the last 24 hours and 7 days, to the minute.
    """

    by_name: Mapping[str, int] = field(default_factory=dict)
    last_day: int = 0
    last_week: int = 0


class Downloads:
    """Counts downloads.

    Parameters
    ----------
    path : Path or None
        An SQLite file, made when it is needed; None counts in memory.
    now : callable, optional
        Gives the time in seconds since 1970.

    Notes
    -----
    Everything is done on one thread of its own, in batches: `count` returns at
    once. A file that cannot be used must never be why a download or a list
    fails: that is logged, what is to be counted waits, and figures are None,
    "unknown", meanwhile. A damaged file is put aside and a new one begun.

    Of who downloads, a keyed hash is kept, for 24 hours.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._memory: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._pending: list[Event] = []
        self._is_scheduled = False
        self._trouble = ""
        self._pause_until = 0.0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="drift-downloads")

    def __repr__(self) -> str:
        return f"<Downloads in {self._path or 'memory'}>"

    def count(self, kind: str, name: str, who: str) -> None:
        """Count one download; it is written soon.

        Parameters
        ----------
        kind, name : str
            What was downloaded.
        who : str
            A user, or an address; kept as a hash.
        """
        with self._lock:
            if len(self._pending) >= _MAX_PENDING:
                return
            self._pending.append((self._now(), kind, name, who))
            is_first, self._is_scheduled = not self._is_scheduled, True
        if is_first:
            self._worker.submit(self._guarded, _nothing)

    async def counts(self, kind: str) -> Counts | None:
        """Give the figures of one kind; None if they cannot be read."""
        return await self._ask(lambda connection: _counts(connection, kind, self._minute()))

    async def active_users(self) -> int | None:
        """Say how many downloaded something within the last 24 hours.

        Users are told apart by name, and who is not logged in by address: all
        behind one proxy are one.
        """
        return await self._ask(lambda connection: _visitors(connection, self._minute()))

    async def forget(self, kind: str, name: str) -> None:
        """Begin anew with something that was deleted: what takes its name is something else."""

        def remove(connection: sqlite3.Connection) -> None:
            with connection:
                for table in ("totals", "minutes"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE kind = ? AND name = ?",  # noqa: S608 (ours)
                        (kind, name),
                    )

        await self._ask(remove)

    async def aclose(self) -> None:
        """Write what waits, and end the thread."""
        self._worker.shutdown()
        # Here, not there: nothing more is given to a thread once the interpreter ends.
        self._guarded(_nothing)
        if self._memory is not None:
            self._memory.close()

    async def _ask(self, question: Callable[[sqlite3.Connection], Result]) -> Result | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._guarded, question)

    def _guarded(self, question: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """Write what waits, then answer; None and a line in the log where that fails."""
        if time.monotonic() < self._pause_until:
            self._unschedule()
            return None
        try:
            with self._connection() as connection:
                self._write(connection)
                answer = question(connection)
        except (sqlite3.Error, OSError) as e:
            self._note(e)
            return None
        if self._trouble:
            self._trouble = ""
            _log.info("%r is written again", self)
        return answer

    def _write(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            events, self._pending, self._is_scheduled = self._pending, [], False
        if not events:
            return
        try:
            with connection:
                _add(connection, events)
                _clean(connection, self._minute())
        except BaseException:
            with self._lock:
                self._pending = [*events, *self._pending][:_MAX_PENDING]
            raise

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # Who only asks makes no file.
        if self._path is None or not (self._pending or self._path.exists()):
            if self._memory is None:
                self._memory = sqlite3.connect(":memory:", check_same_thread=False)
                self._memory.executescript(_SETTINGS)
            yield self._memory
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection:
            connection.executescript(_SETTINGS)
            yield connection

    def _minute(self) -> int:
        return int(self._now() // 60)

    def _unschedule(self) -> None:
        """Leave what waits to the next download or question."""
        with self._lock:
            self._is_scheduled = False

    def _note(self, error: Exception) -> None:
        self._unschedule()
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("Downloads cannot be counted in %s: %s", self._path, error)
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED:
            self._put_aside()
        else:
            self._pause_until = time.monotonic() + _PAUSE_SECONDS

    def _put_aside(self) -> None:
        if self._path is None:
            return
        aside = self._path.with_name(f"{self._path.name}.damaged")
        try:
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
        except OSError as e:
            _log.error("%s cannot be put aside: %s", self._path, e)
            return
        _log.error("It is damaged: it was put aside as %s, and counting begins anew", aside)


def statistics_file(registry: Registry) -> Path | None:
    """Say where a registry's downloads are counted: beside a layout; None for in memory."""
    if not registry.url.startswith(LAYOUT_SCHEME):
        return None
    return Path(registry.url.removeprefix(LAYOUT_SCHEME)) / ".ghostnb" / "downloads.sqlite"


def _nothing(connection: sqlite3.Connection) -> None:
    """Ask nothing: what waits is written all the same."""


def _add(connection: sqlite3.Connection, events: list[Event]) -> None:
    secret = _secret(connection)
    for moment, kind, name, who in events:
        minute = int(moment // 60)
        hashed = hashlib.blake2b(who.encode(), key=secret, digest_size=16).digest()
        connection.execute(_ADD_TOTAL, (kind, name))
        connection.execute(_ADD_MINUTE, (minute, kind, name))
        connection.execute(_ADD_VISITOR, (hashed, minute))


def _secret(connection: sqlite3.Connection) -> bytes:
    connection.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
    value: bytes = connection.execute("SELECT value FROM secret").fetchone()[0]
    return value


def _clean(connection: sqlite3.Connection, minute: int) -> None:
    connection.execute("DELETE FROM minutes WHERE minute <= ?", (minute - _WEEK_MINUTES,))
    connection.execute("DELETE FROM visitors WHERE minute <= ?", (minute - _DAY_MINUTES,))


def _counts(connection: sqlite3.Connection, kind: str, minute: int) -> Counts:
    rows = connection.execute("SELECT name, count FROM totals WHERE kind = ?", (kind,))
    return Counts(
        dict(rows.fetchall()),
        *(_since(connection, kind, minute - span) for span in (_DAY_MINUTES, _WEEK_MINUTES)),
    )


def _since(connection: sqlite3.Connection, kind: str, minute: int) -> int:
    found = connection.execute(
        "SELECT COALESCE(SUM(count), 0) FROM minutes WHERE kind = ? AND minute > ?", (kind, minute)
    )
    count: int = found.fetchone()[0]
    return count


def _visitors(connection: sqlite3.Connection, minute: int) -> int:
    found = connection.execute(
        "SELECT COUNT(*) FROM visitors WHERE minute > ?", (minute - _DAY_MINUTES,)
    )
    count: int = found.fetchone()[0]
    return count
