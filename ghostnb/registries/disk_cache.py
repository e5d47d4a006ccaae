"""Content by digest in one SQLite file that several processes may share."""

import atexit
import sqlite3
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from ghostnb.oci import Digest

__all__ = ["DiskCache"]

_LIMIT_BYTES = 512 * 2**20
# Larger content is no manifest or config that one reads twice.
_MAX_ENTRY_BYTES = 4 * 2**20
_FLUSH_BYTES = 2**20
_DELAY_SECONDS = 1.0
_BUSY_SECONDS = 10.0
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
    A cache must never be why something fails: where the file cannot be used
    a warning says so once, and it is not used any more.
    """

    def __init__(self, path: Path, *, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._reader: sqlite3.Connection | None = None
        self._is_usable = True
        self._lock = threading.Lock()
        self._is_due = threading.Event()
        self._pending: dict[tuple[str, Digest], bytes] = {}
        self._pending_bytes = 0
        self._writer: ThreadPoolExecutor | None = None

    def get(self, scope: str, digest: Digest) -> bytes | None:
        """Give content if it is there and still has its digest."""
        with self._lock:
            pending = self._pending.get((scope, digest))
        if pending is not None or not self._is_usable:
            return pending
        try:
            if self._reader is None:
                self._reader = self._connect()
            row = self._reader.execute(
                "SELECT body FROM content WHERE scope = ? AND digest = ?", (scope, digest)
            ).fetchone()
        except (sqlite3.Error, OSError) as e:
            self._recover(e)
            return None
        return row[0] if row and digest.matches(row[0]) else None

    def put(self, scope: str, digest: Digest, body: bytes) -> None:
        """Keep content; it is on disk a second later."""
        if len(body) > _MAX_ENTRY_BYTES or not self._is_usable:
            return
        with self._lock:
            is_first = not self._pending
            self._pending[scope, digest] = body
            self._pending_bytes += len(body)
            if self._pending_bytes >= _FLUSH_BYTES:
                self._is_due.set()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="ghostnb-cache")
            atexit.register(self.flush)
        if is_first:
            self._writer.submit(self._write_soon)

    def flush(self) -> None:
        """Write what is not on disk yet, and wait for it."""
        writer, self._writer = self._writer, None
        if writer is not None:
            atexit.unregister(self.flush)
            self._is_due.set()
            writer.shutdown(wait=True)
            self._write()

    def close(self) -> None:
        """Write what is not on disk yet and close the file."""
        self.flush()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _write_soon(self) -> None:
        """Wait for more, so that it is written at once; but not for long."""
        self._is_due.wait(_DELAY_SECONDS)
        self._write()

    def _write(self) -> None:
        with self._lock:
            self._is_due.clear()
            batch, self._pending, self._pending_bytes = self._pending, {}, 0
        now = time.time()
        rows = [(scope, digest, now, body) for (scope, digest), body in batch.items()]
        if not rows or not self._is_usable:
            return
        try:
            with closing(self._connect()) as connection:
                with connection:
                    connection.executemany("INSERT OR IGNORE INTO content VALUES (?,?,?,?)", rows)
                self._shrink(connection)
        except (sqlite3.Error, OSError) as e:
            self._recover(e)

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

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._path.exists():
            self._path.touch(mode=0o600)
        return self._open()

    def _recover(self, error: Exception) -> None:
        """Begin anew where the file is damaged; do without it where it cannot be used."""
        if isinstance(error, sqlite3.OperationalError) or not isinstance(
            error, sqlite3.DatabaseError
        ):
            self._give_up(error)
            return
        # Not a database, or a broken one: some crash or another program wrote over it.
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        try:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        except OSError as e:
            self._give_up(e)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            connection.executescript(_SETTINGS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_up(self, error: Exception) -> None:
        if not self._is_usable:
            return
        self._is_usable = False
        warnings.warn(
            f"The cache {self._path} cannot be used ({error}); going on without it.",
            UserWarning,
            stacklevel=4,
        )
