"""The file of an archive: opened as the same one, read by position."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

from ghostnb.registries.archive.faults import Faults

__all__ = ["ArchiveFile", "open_archive", "opened"]


class ArchiveFile:
    """An open archive. Every method but `close` blocks: call them on a thread.

    Parameters
    ----------
    file : io.FileIO
        Closed by `close`.
    faults : Faults

    Attributes
    ----------
    state : os.stat_result
        As it was when it was opened.
    size_bytes : int
    faults : Faults
    """

    def __init__(self, file: FileIO, faults: Faults) -> None:
        self.faults = faults
        self.state = os.fstat(file.fileno())
        self.size_bytes = self.state.st_size
        self._file = file
        self._lock = threading.Lock()
        self._readers = 0
        self._is_closing = False

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Read so many bytes from a position on; fewer only at the file's end."""
        pieces = []
        with self.faults.guard(), self._reading():
            while size_bytes > 0 and (piece := os.pread(self._file.fileno(), size_bytes, offset)):
                pieces.append(piece)
                offset += len(piece)
                size_bytes -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close the file; where a thread still reads in it, that does it at its end.

        Whoever is cancelled does not wait for the disk, and no thread reads in what the
        system has opened since under the same number.
        """
        with self._lock:
            self._is_closing = True
            self._close_unread()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                self._close_unread()

    def _close_unread(self) -> None:
        if self._is_closing and not self._readers:
            self._file.close()


def open_archive(faults: Faults) -> ArchiveFile:
    """Open an archive for reading.

    Raises
    ------
    NotFoundError
        If there is none.
    ForbiddenError
        If it may not be read.
    ProtocolError
        If it is no ordinary file.
    """
    with faults.guard():
        file = FileIO(faults.path, opener=_open_at_once)
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return ArchiveFile(file, faults)
        file.close()
        raise faults.irregular()


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for a pipe's writer, should one be there by now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def opened(faults: Faults) -> Iterator[ArchiveFile]:
    """Open an archive for as long as the context lasts."""
    file = open_archive(faults)
    try:
        yield file
    finally:
        file.close()
