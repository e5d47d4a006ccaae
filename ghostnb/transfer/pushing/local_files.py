"""Files and directories that are read to be pushed, and what can be wrong with them."""

import os
import stat
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from ghostnb.errors import PathError
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.threads import finished

__all__ = [
    "PIECE_BYTES",
    "LocalFile",
    "State",
    "changed",
    "content_at",
    "opened",
    "reading",
    "refuse_special",
    "state_of",
]

PIECE_BYTES = 2**20
# A pipe must not be waited for, should one be there by now.
_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)

State = tuple[int, ...]
"""What differs between two files, and between one file before and after a change."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours.

    Parameters
    ----------
    path : Path
        What is to be read, for the message.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as e:
        raise PathError(f"There is no {path}.", hint="Check the path.") from e
    except PermissionError as e:
        raise PathError(
            f"{path} may not be read ({e.strerror or e}).",
            hint="See who owns it and what its mode is.",
        ) from e
    except OSError as e:
        raise PathError(
            f"{path} cannot be read ({e.strerror or e}).", hint="See whether its disk is well."
        ) from e
    except RecursionError as e:
        raise PathError(
            f"{path} has directories in directories without end.", hint="Make a tar of it."
        ) from e


def changed(path: Path) -> PathError:
    """Make the error for what another program writes to meanwhile."""
    return PathError(
        f"{path} has changed while it was read; it was not pushed.",
        hint="Push it again when nothing writes to it any more.",
    )


def refuse_special(mode: int, path: Path) -> None:
    """Raise if something is neither a file, a directory nor a link.

    Raises
    ------
    PathError
    """
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise PathError(
            f"{path} is no ordinary file but a pipe, a socket or a device; nothing was pushed.",
            hint="Push files and directories; leave it out.",
        )


def state_of(descriptor: int) -> State:
    """Say what an open file is now."""
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class LocalFile:
    """An open file that must stay as it was when it was opened. Every method blocks.

    Parameters
    ----------
    path : Path
        For messages.
    descriptor : int
        Of the open file; whoever opened it closes it.

    Attributes
    ----------
    size_bytes : int
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        refuse_special(os.fstat(descriptor).st_mode, path)
        self._path, self._descriptor = path, descriptor
        self._state = state_of(descriptor)
        self.size_bytes = os.fstat(descriptor).st_size

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Read exactly so many bytes from a position on.

        Raises
        ------
        PathError
            If it has become shorter, or cannot be read.
        """
        with reading(self._path):
            found = os.pread(self._descriptor, size_bytes, offset)
        while len(found) < size_bytes:
            with reading(self._path):
                more = os.pread(self._descriptor, size_bytes - len(found), offset + len(found))
            if not more:
                raise changed(self._path)
            found += more
        return found

    def check(self) -> None:
        """Raise if it is another than it was when it was opened.

        Raises
        ------
        PathError
        """
        with reading(self._path):
            if state_of(self._descriptor) != self._state:
                raise changed(self._path)

    def pieces(self) -> Generator[bytes, None, None]:
        """Iterate over all of it.

        Raises
        ------
        PathError
            At the end, if it was changed meanwhile.
        """
        for start in range(0, self.size_bytes, PIECE_BYTES):
            yield self.read_at(start, min(PIECE_BYTES, self.size_bytes - start))
        self.check()


@contextmanager
def opened(path: Path, name: str = "", directory: int | None = None) -> Iterator[LocalFile]:
    """Open a file for as long as the context lasts. Blocks.

    Parameters
    ----------
    path : Path
    name : str, optional
        What to open in a directory that is open; then it is no link.
    directory : int, optional

    Raises
    ------
    PathError
    """
    flags = _AT_ONCE if directory is None else _AT_ONCE | os.O_NOFOLLOW
    with reading(path):
        descriptor = os.open(name or path, flags, dir_fd=directory)
    try:
        yield LocalFile(path, descriptor)
    finally:
        os.close(descriptor)


def content_at(
    read_at: Callable[[int, int], bytes],
    size_bytes: int,
    check: Callable[[], None] | None = None,
) -> BlobContent:
    """Make content of what is read by position, on threads.

    Parameters
    ----------
    read_at : callable
        Of an offset and a size.
    size_bytes : int
    check : callable, optional
        Raises after the last piece if what was read does not count.
    """

    async def pieces(first: int) -> AsyncIterator[bytes]:
        for start in range(first, size_bytes, PIECE_BYTES):
            yield await finished(read_at, start, min(PIECE_BYTES, size_bytes - start))
        if check is not None:
            await finished(check)

    return pieces
