"""The files of an image layout: read within its root, written whole or not at all."""

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    ServerError,
    TransportTimeoutError,
    UnsupportedError,
)
from ghostnb.registries.layout.upload import (
    Upload,
    make_directory,
    sync_directory,
    sync_file,
)

try:
    import fcntl
except ImportError:  # not a POSIX system: reading works, writing says so
    fcntl = None  # type: ignore[assignment]

__all__ = ["LayoutFiles"]

MARKER = "oci-layout"
LOCK = ".ghostnb.lock"
_VERSION = "1.0.0"
_LOCK_SECONDS = 30.0
_LOCK_POLL_SECONDS = 0.002
_MARKER_BYTES = 2**16
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class LayoutFiles:
    """The files below one directory. Every method blocks: call them on a thread.

    Parameters
    ----------
    root : str
        Absolute.
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, root: str, registry: str) -> None:
        self.root = root
        self._registry = registry
        self._turn = threading.Lock()

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
        with self.guard(parts[-1], absent_is_known=True):
            path = self._within(*parts)
            file = open(path, "rb", opener=_open_carefully)  # noqa: SIM115 (the caller's to close)
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            file.close()
            raise self.broken(f"{'/'.join(parts)} is no ordinary file")

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
        with self.guard(name):
            size = os.fstat(file.fileno()).st_size
            if size > limit_bytes:
                raise self.broken(f"{name} has {size:,} bytes, over {limit_bytes:,}")
            return file.read()

    def check(self) -> None:
        """Raise unless this is an image layout of a version that is known.

        Notes
        -----
        Source: OCI image-spec v1.1, "Image Layout", oci-layout file.
        """
        try:
            raw = self.read(MARKER, limit_bytes=_MARKER_BYTES)
        except FileNotFoundError:
            with self.guard(self.root):
                raise self._not_a_layout() from None
        try:
            version = msgspec.json.decode(raw)["imageLayoutVersion"]
        except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError) as e:
            raise self.broken("its oci-layout file is invalid") from e
        if not str(version).startswith("1."):
            raise self.broken(f"its version is {str(version)[:50]!r}, where {_VERSION} is known")

    def upload(self, *parts: str) -> Upload:
        """Begin a file; nothing is on disk before something is written."""
        return Upload(lambda: self._directory(*parts[:-1]), parts[-1], self.guard)

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
        with self.guard(parts[-1]):
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
        with self.guard(parts[-1], absent_is_known=True):
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
        with self.guard(parts[-1], absent_is_known=True):
            return os.stat(self._within(*parts)).st_size

    def touch(self, *parts: str) -> None:
        """Mark a file as used now."""
        with self.guard(parts[-1], absent_is_known=True):
            _mark(self._within(*parts))

    def move(self, source: Sequence[str], target: Sequence[str]) -> None:
        """Move a complete file to its place, and return when it would survive a power cut.

        Raises
        ------
        FileNotFoundError
        """
        with self.guard(target[-1], absent_is_known=True):
            path = self._within(*source)
            sync_file(path)
            _mark(path)
            directory = self._directory(*target[:-1])
            os.replace(path, os.path.join(directory, target[-1]))
            sync_directory(directory)

    def remove(self, *parts: str) -> None:
        """Remove a file, if it is there."""
        with self.guard(parts[-1]), suppress(FileNotFoundError):
            os.unlink(self._within(*parts))

    def remove_unchanged(self, seen: os.stat_result, *parts: str) -> bool:
        """Remove a file if it is as it was seen; say whether it is gone."""
        with self.guard(parts[-1]):
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
        with self.guard(parts[-1]):
            try:
                entries = list(os.scandir(self._within(*parts)))
            except FileNotFoundError:
                return
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False)

    def make(self, index: str, empty: bytes) -> None:
        """Make a layout of a directory that is absent or empty, and leave one that is there.

        Parameters
        ----------
        index : str
            The index's file.
        empty : bytes
            What stands in it at first.
        """
        if self._exists(MARKER) and self._exists(index):
            self.check()
            return
        with self.guard(self.root):
            make_directory(self.root)
            self._refuse_strangers()
        with self.locked():
            if not self._exists(MARKER):
                self.replace(msgspec.json.encode({"imageLayoutVersion": _VERSION}), MARKER)
            if not self._exists(index):
                self.replace(empty, index)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers away, those in other processes too.

        Raises
        ------
        TransportTimeoutError
            If one does not let go.
        """
        if fcntl is None:
            raise UnsupportedError(
                "Writing to an OCI image layout needs a POSIX system's file locks.",
                hint="Use WSL, Linux or macOS for it.",
                registry=self._registry,
            )
        with self._turn, self.guard(LOCK):
            flags = os.O_RDWR | os.O_CREAT | _NOFOLLOW
            handle = os.open(os.path.join(self.root, LOCK), flags, 0o666)
            try:
                self._wait_for_lock(handle)
                yield
            finally:
                # A forked child may hold the file open: closing alone would not let go.
                fcntl.flock(handle, fcntl.LOCK_UN)
                os.close(handle)

    @contextmanager
    def guard(self, what: str, *, absent_is_known: bool = False) -> Iterator[None]:
        """Turn the system's errors into ours.

        Parameters
        ----------
        what : str
            What is read or written.
        absent_is_known : bool
            Let `FileNotFoundError` pass, for a caller that knows what it means.
        """
        try:
            yield
        except RegistryError:
            # Translated already: a timeout of ours is an OSError too.
            raise
        except OSError as e:
            if absent_is_known and isinstance(e, FileNotFoundError):
                raise
            raise self._failed(what, e) from e

    def _directory(self, *parts: str) -> str:
        """Make a directory below the root and give its path."""
        path = self._within(*parts)
        make_directory(path)
        return path

    def _within(self, *parts: str) -> str:
        """Give a path with its links followed, if it does not lead out of the root."""
        root = os.path.realpath(self.root)
        path = os.path.realpath(os.path.join(root, *parts))
        if os.path.commonpath([root, path]) != root:
            raise self.broken(f"{'/'.join(parts)} is a link that leads out of it")
        return path

    def _exists(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self.root, name))

    def _refuse_strangers(self) -> None:
        """Never make a layout among somebody's other files."""
        visible = [name for name in os.listdir(self.root) if not name.startswith(".")]
        # Looked at last: another process may be making it at this moment.
        if visible and not self._exists(MARKER):
            raise ProtocolError(
                f"{self.root} holds other files and is not an OCI image layout; "
                "nothing was written.",
                hint="Choose an empty directory, or one that does not exist yet.",
                registry=self._registry,
            )

    def _wait_for_lock(self, handle: int) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self._lock_held() from None
            time.sleep(_LOCK_POLL_SECONDS)

    def _lock_held(self) -> RegistryError:
        return TransportTimeoutError(
            f"Another process has held {os.path.join(self.root, LOCK)} "
            f"for {_LOCK_SECONDS:.0f} seconds.",
            hint="See whether one that writes to the layout hangs.",
            registry=self._registry,
        )

    def _failed(self, what: str, error: OSError) -> RegistryError:
        problem = f"{self.root}: {what} cannot be used ({error.strerror or error})."
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            hint = "See who owns it and what its mode is."
            return ForbiddenError(problem, hint=hint, registry=self._registry)
        if os.path.isfile(self.root) or not os.path.isdir(self.root):
            return self._not_a_layout()
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ELOOP):
            return self.broken(f"{what} cannot be used ({error.strerror})")
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some space; nothing that was complete is lost." if is_full else ""
        status = 507 if is_full else None
        return ServerError(problem, hint=hint, registry=self._registry, status=status)

    def _not_a_layout(self) -> RegistryError:
        if os.path.isfile(self.root):
            return ProtocolError(
                f"{self.root} is a file, not an OCI image layout.",
                hint="If it is an archive of one, unpack it into a directory.",
                registry=self._registry,
            )
        if not os.path.isdir(self.root) or not os.listdir(self.root):
            return NotFoundError(
                f"There is no OCI image layout at {self.root}.",
                hint="Check the path; the first push makes one.",
                registry=self._registry,
            )
        return self.broken("it has no oci-layout file")

    def broken(self, problem: str) -> ProtocolError:
        """Say what is wrong with the layout."""
        return ProtocolError(
            f"{self.root} is not a valid OCI image layout: {problem}.",
            hint="Check the path, or copy the layout again.",
            registry=self._registry,
        )


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
