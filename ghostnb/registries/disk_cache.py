"""Content by digest in one SQLite file that several processes may share."""

import atexit
import os
import sqlite3
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

from ghostnb.oci import Digest

__all__ = ["DiskCache"]

_LIMIT_BYTES = 512 * 2**20
# Larger content is no manifest or config that one reads twice.
_MAX_ENTRY_BYTES = 4 * 2**20
_FLUSH_BYTES = 2**20
_DELAY_SECONDS = 1.0
# For who writes, on a thread of its own. Who reads does not wait: that is on the I/O loop.
_BUSY_SECONDS = 10.0
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_SETTINGS = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS content (
    scope TEXT, digest TEXT, stored REAL, body BLOB, PRIMARY KEY (scope, digest)
);
CREATE INDEX IF NOT EXISTS content_stored ON content (stored);
"""
# A quarter of the content, the oldest first: so that it is not done again at once.
_EVICT = """
DELETE FROM content WHERE rowid IN (
    SELECT rowid FROM content ORDER BY stored LIMIT (SELECT COUNT(*) / 4 + 1 FROM content)
)
"""


class DiskCache:
    """Keeps content in a file; reads at once, writes in batches on a thread of its own.

    Parameters
    ----------
    path : Path
        Made when it is needed, readable by this user alone.
    limit_bytes : int
        When the file is larger, the oldest quarter goes.

    Notes
    -----
    A cache must never be why something fails, or waits: where the file cannot
    be used, a warning says so once; where another process has locked it, what
    is asked for is not there. Only a file that is damaged is replaced.
    """

    def __init__(self, path: Path, *, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._reader: sqlite3.Connection | None = None
        self._read_file: int | None = None
        self._has_warned = False
        self._has_failed = False
        self._process = os.getpid()
        self._lock = threading.Lock()
        # Held from the moment at which a batch is taken until it is on disk.
        self._writing = threading.Lock()
        self._is_due = threading.Event()
        self._pending: dict[tuple[str, Digest], bytes] = {}
        self._pending_bytes = 0
        self._is_flushed_at_exit = False

    def get(self, scope: str, digest: Digest) -> bytes | None:
        """Give content if it is there and still has its digest; wait for nobody."""
        try:
            with self._lock:
                if (scope, digest) in self._pending:
                    return self._pending[scope, digest]
                body = self._read(scope, digest)
        except (sqlite3.Error, OSError) as e:
            # A file without a table is one that another process is just making.
            if _code(e) != sqlite3.SQLITE_ERROR:
                self._recover(e, self._read_file)
            return None
        return body if body is not None and digest.matches(body) else None

    def put(self, scope: str, digest: Digest, body: bytes) -> None:
        """Keep content; it is on disk a second later."""
        if len(body) > _MAX_ENTRY_BYTES:
            return
        with self._lock:
            is_first = not self._pending
            self._pending[scope, digest] = body
            self._pending_bytes += len(body)
            if self._pending_bytes >= _FLUSH_BYTES:
                self._is_due.set()
        if not self._is_flushed_at_exit:
            self._is_flushed_at_exit = True
            atexit.register(self.flush)
        if is_first:
            # A daemon: the interpreter's end waits for others before it calls `flush`.
            threading.Thread(target=self._write_soon, name="ghostnb-cache", daemon=True).start()

    def flush(self) -> None:
        """Write what is not on disk yet, and wait for it."""
        if self._process != os.getpid():
            # Forked: it is the parent's to write, and nobody here lets go of its locks.
            return
        atexit.unregister(self.flush)
        self._is_flushed_at_exit = False
        self._is_due.set()
        self._write()

    def close(self) -> None:
        """Write what is not on disk yet and close the file."""
        self.flush()
        with self._lock:
            self._close_reader()

    def _read(self, scope: str, digest: Digest) -> bytes | None:
        if self._reader is None:
            self._read_file = self._file()
            if self._read_file is None:
                return None
            self._reader = self._open(busy_seconds=0)
        row = self._reader.execute(
            "SELECT body FROM content WHERE scope = ? AND digest = ?", (scope, digest)
        ).fetchone()
        return row[0] if row else None

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _write_soon(self) -> None:
        """Wait for more, so that it is written at once; but not for long."""
        self._is_due.wait(_DELAY_SECONDS)
        self._write()

    def _write(self) -> None:
        with self._writing:
            with self._lock:
                self._is_due.clear()
                batch, self._pending, self._pending_bytes = self._pending, {}, 0
            self._store(batch)

    def _store(self, batch: dict[tuple[str, Digest], bytes]) -> None:
        now = time.time()
        rows = [(scope, digest, now, body) for (scope, digest), body in batch.items()]
        if not rows:
            return
        file = None
        try:
            self._make_file()
            file = self._file()
            with closing(self._open(busy_seconds=_BUSY_SECONDS)) as connection:
                connection.executescript(_SETTINGS)
                with connection:
                    # What is there already is there damaged, or it would not have been read anew.
                    connection.executemany("INSERT OR REPLACE INTO content VALUES (?,?,?,?)", rows)
                self._shrink(connection)
        except (sqlite3.Error, OSError) as e:
            self._recover(e, file)

    def _shrink(self, connection: sqlite3.Connection) -> None:
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
        evicted = 1
        while evicted and self._page_count(connection) * page_bytes > self._limit_bytes:
            with connection:
                evicted = connection.execute(_EVICT).rowcount
            # Not by execute: that takes one step, which frees one page.
            connection.executescript("PRAGMA incremental_vacuum")

    @staticmethod
    def _page_count(connection: sqlite3.Connection) -> int:
        return connection.execute("PRAGMA page_count").fetchone()[0]

    def _make_file(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._path.exists():
            self._path.touch(mode=0o600)

    def _file(self) -> int | None:
        """Give the number of the file that is there now; None if none is."""
        try:
            return self._path.stat().st_ino
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _open(self, *, busy_seconds: float) -> sqlite3.Connection:
        # "rw": not made where there is none, since it would be readable by others.
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(uri, uri=True, timeout=busy_seconds, check_same_thread=False)

    def _recover(self, error: Exception, file: int | None) -> None:
        """Begin anew where the file is damaged; go on without it where it cannot be used."""
        code = _code(error)
        if code in _BUSY:
            return
        try:
            with self._lock:
                self._close_reader()
                if self._file() != file:
                    # Another process has replaced it in the meantime: that one may be sound.
                    return
                if code == sqlite3.SQLITE_IOERR and not self._has_failed:
                    # Its log is missing while another process is replacing it; a disk
                    # that fails does so again.
                    self._has_failed = True
                    return
                if code in _DAMAGED:
                    # Some crash or another program wrote over it.
                    self._remove()
                    return
        except OSError as e:
            error = e
        self._warn(error)

    def _remove(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _warn(self, error: Exception) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            f"The cache {self._path} cannot be used ({error}); going on without it.",
            UserWarning,
            stacklevel=4,
        )


def _code(error: Exception) -> int | None:
    """Give SQLite's primary result code; None for what is no error of SQLite's.

    Notes
    -----
    Source: SQLite, "Result and Error Codes": an extended code holds the primary one below.
    """
    extended = getattr(error, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF
