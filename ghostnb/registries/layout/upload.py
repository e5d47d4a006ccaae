"""One file of an image layout, written whole or not at all."""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO

__all__ = ["PARTIAL", "Upload", "make_directory", "sync_directory", "sync_file"]

PARTIAL = ".partial"
"""How the name of a file ends that is not complete."""


class Upload:
    """A file under way: beside its place under another name, until it is complete.

    Discarding waits for a write on another thread, and forbids later ones: a
    cancelled caller may discard while its last write is still going on.

    Parameters
    ----------
    directory : callable
        Gives the directory's path; called before the first byte is written.
    name : str
        The file's own name.
    guard : callable
        Makes a context that turns the system's errors into ours.
    """

    def __init__(
        self,
        directory: Callable[[], str],
        name: str,
        guard: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._directory = directory
        self._name = name
        self._guard = guard
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._is_over = False

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append some bytes."""
        with self._lock, self._guard(self._name):
            if not self._is_over:
                self._opened().writelines(pieces)

    def sync(self) -> None:
        """Return when what was written would survive a power cut."""
        with self._lock, self._guard(self._name):
            self._synced()

    def commit(self) -> None:
        """Put the file to its place, and return when it would survive a power cut."""
        with self._lock, self._guard(self._name):
            if self._is_over:
                return
            file = self._synced()
            file.close()
            directory = os.path.dirname(file.name)
            os.replace(file.name, os.path.join(directory, self._name))
            self._is_over = True
            sync_directory(directory)

    def discard(self) -> None:
        """Leave nothing behind, unless the file is complete."""
        with self._lock:
            if self._file is not None and not self._is_over:
                # A full disk fails to close too, and must not keep the file.
                with suppress(OSError):
                    self._file.close()
                with suppress(OSError):
                    os.unlink(self._file.name)
            self._is_over = True

    def _synced(self) -> BinaryIO:
        file = self._opened()
        file.flush()
        os.fsync(file.fileno())
        return file

    def _opened(self) -> BinaryIO:
        if self._file is None:
            directory = self._directory()
            path = os.path.join(directory, f".{secrets.token_hex(8)}{PARTIAL}")
            self._file = open(path, "xb")  # noqa: SIM115 (open over several calls)
        return self._file


def make_directory(path: str) -> None:
    """Make a directory with its parents, so that they would survive a power cut."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_directory(parent)
    # Another process may be quicker; a file in its place shows at the first use.
    with suppress(FileExistsError):
        os.mkdir(path)
    sync_directory(parent)


def sync_file(path: str) -> None:
    """Return when a file's content would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(path: str) -> None:
    """Return when a directory's names would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as e:
        # Some network file systems cannot do that.
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
