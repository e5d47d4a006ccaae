"""The files of an image layout: read within its root, written whole or not at all."""

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from ghostnb.registries.layout.faults import Faults
from ghostnb.registries.layout.upload import (
    Upload,
    make_directory,
    sync_directory,
    sync_file,
)

__all__ = ["LayoutFiles"]

_NOT_ALLOWED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class LayoutFiles:
    """The files below one directory. Every method blocks: call them on a thread.

    Parameters
    ----------
    faults : Faults
        Of that directory.
    """

    def __init__(self, faults: Faults) -> None:
        self._root = faults.root
        self._faults = faults

    def open(self, *parts: str) -> BinaryIO:
        """Open a file for reading.

        Raises
        ------
        FileNotFoundError
            If there is none; what that means, the caller knows.
        ProtocolError
            If it is no ordinary file, or a link that leads out of the layout.
        ForbiddenError
            If it may not be read.
        """
        with self._faults.guard(parts[-1], absent_is_known=True):
            path = self._within(*parts)
            file = open(path, "rb", opener=_open_carefully)  # noqa: SIM115 (the caller's to close)
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            file.close()
            raise self._faults.broken(f"{'/'.join(parts)} is no ordinary file")

    def read(self, *parts: str, limit_bytes: int) -> bytes:
        """Read a file whole.

        Raises
        ------
        ProtocolError
            If it is larger than it can be.
        """
        with self.open(*parts) as file:
            return self.read_open(file, limit_bytes)

    def read_open(self, file: BinaryIO, limit_bytes: int) -> bytes:
        """Read an open file whole."""
        name = os.path.basename(file.name)
        with self._faults.guard(name):
            size = os.fstat(file.fileno()).st_size
            if size > limit_bytes:
                raise self._faults.broken(f"{name} has {size:,} bytes, over {limit_bytes:,}")
            return file.read()

    def upload(self, *parts: str) -> Upload:
        """Begin a file; nothing is on disk before something is written."""
        return Upload(lambda: self._directory(*parts[:-1]), parts[-1], self._faults.guard)

    def replace(self, content: bytes, *parts: str) -> None:
        """Write a file whole, in place of what was there."""
        upload = self.upload(*parts)
        try:
            upload.write([content])
            upload.commit()
        finally:
            upload.discard()

    def create(self, *parts: str) -> None:
        """Make an empty file that was not there."""
        with self._faults.guard(parts[-1]):
            path = os.path.join(self._directory(*parts[:-1]), parts[-1])
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o666))

    def append(self, pieces: Sequence[bytes], *parts: str, at: int) -> None:
        """Append bytes to a file, or leave it as it was.

        Parameters
        ----------
        pieces : sequence of bytes
        *parts : str
            The file's place.
        at : int
            Its size, to which it is cut again if something fails.

        Raises
        ------
        FileNotFoundError
        """
        with self._faults.guard(parts[-1], absent_is_known=True):
            handle = _open_carefully(self._within(*parts), os.O_WRONLY)
            try:
                # Nothing is buffered: it would be written on closing, behind the cut.
                _write_at(handle, pieces, at)
            except OSError:
                os.ftruncate(handle, at)
                raise
            finally:
                os.close(handle)

    def size_bytes(self, *parts: str) -> int:
        """Say how large a file is.

        Raises
        ------
        FileNotFoundError
        """
        with self._faults.guard(parts[-1], absent_is_known=True):
            return os.stat(self._within(*parts)).st_size

    def state(self, *parts: str) -> os.stat_result | None:
        """Give a file's state; None if there is none."""
        with self._faults.guard(parts[-1]):
            try:
                return os.stat(self._within(*parts))
            except FileNotFoundError:
                return None

    def touch(self, *parts: str) -> int:
        """Mark a file as used now, if that is allowed, and say how large it is.

        Raises
        ------
        FileNotFoundError
        """
        with self._faults.guard(parts[-1], absent_is_known=True):
            path = self._within(*parts)
            try:
                _mark(path)
            except OSError as e:
                if e.errno not in _NOT_ALLOWED:
                    raise
            return os.stat(path).st_size

    def move(self, source: Sequence[str], target: Sequence[str]) -> None:
        """Move a complete file to its place, and return when it would survive a power cut.

        Raises
        ------
        FileNotFoundError
        """
        with self._faults.guard(target[-1], absent_is_known=True):
            path = self._within(*source)
            sync_file(path)
            _mark(path)
            directory = self._directory(*target[:-1])
            os.replace(path, os.path.join(directory, target[-1]))
            sync_directory(directory)

    def remove(self, *parts: str) -> None:
        """Remove a file, if it is there."""
        with self._faults.guard(parts[-1]), suppress(FileNotFoundError):
            os.unlink(self._within(*parts))

    def remove_unchanged(self, seen: os.stat_result, *parts: str) -> bool:
        """Remove a file if it is as it was seen; say whether it is gone."""
        with self._faults.guard(parts[-1]):
            path = self._within(*parts)
            try:
                if os.stat(path).st_mtime_ns != seen.st_mtime_ns:
                    return False
                os.unlink(path)
            except FileNotFoundError:
                return False
            return True

    def listed(self, *parts: str) -> Iterator[tuple[str, os.stat_result]]:
        """Iterate over the names and states of a directory's files; of none if there is none."""
        with self._faults.guard(parts[-1]):
            try:
                entries = list(os.scandir(self._within(*parts)))
            except FileNotFoundError:
                return
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False)

    def _directory(self, *parts: str) -> str:
        """Make a directory below the root and give its path."""
        path = self._within(*parts)
        make_directory(path)
        return path

    def _within(self, *parts: str) -> str:
        """Give a path with its links followed, if it does not lead out of the root."""
        root = os.path.realpath(self._root)
        path = os.path.realpath(os.path.join(root, *parts))
        if os.path.commonpath([root, path]) != root:
            raise self._faults.broken(f"{'/'.join(parts)} is a link that leads out of it")
        return path


def _mark(path: str) -> None:
    # The system's own clock for files is some milliseconds behind.
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def _write_at(handle: int, pieces: Sequence[bytes], at: int) -> None:
    os.lseek(handle, at, os.SEEK_SET)
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[os.write(handle, left) :]


def _open_carefully(path: str, flags: int) -> int:
    """Neither follow a link that was put there meanwhile, nor wait for a pipe's writer."""
    return os.open(path, flags | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))
