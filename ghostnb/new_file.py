"""A file that has its name only when it is whole."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["TakenError", "check_free", "give_name", "new_file", "part_beside", "sync_directory"]

# How systems say that a disk has no hard links: exFAT, network drives, Android, some containers.
_NO_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}
)


class TakenError(FileExistsError):
    """Something is where a file is to be, and is not to be replaced."""


@contextmanager
def new_file(target: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Write a file, which gets its name when the block is left; nobody reads half of it.

    Whatever breaks off before, what was there stays, and nothing else is left.

    Parameters
    ----------
    target : Path
    overwrite : bool, optional
        Replace what is there, at the end.

    Yields
    ------
    file
        To be written to, in bytes.

    Raises
    ------
    TakenError
        If the target is there, or has come meanwhile.
    OSError
        If it cannot be written.
    """
    check_free(target, overwrite=overwrite)
    part = part_beside(target)
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        give_name(part, target, overwrite=overwrite)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    sync_directory(target.parent)


def part_beside(target: Path) -> Path:
    """Give a hidden name on the target's disk, for as long as the file is not whole."""
    return target.with_name(f".{secrets.token_hex(8)}.part")


def check_free(target: Path, *, overwrite: bool) -> None:
    """See that nothing is in the target's place, also no link that leads nowhere.

    Raises
    ------
    TakenError
        If there is, and it is not to be replaced.
    """
    if not overwrite and os.path.lexists(target):
        raise TakenError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))


def give_name(part: Path, target: Path, *, overwrite: bool) -> None:
    """Name a file that is whole.

    Parameters
    ----------
    part, target : Path
        What it is called, and what it is to be called.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    TakenError
        If the target is there, and is not to be replaced.
    OSError
        If it cannot be named so.

    Notes
    -----
    To rename replaces what has come a moment before; a further name does not. Only on disks
    without hard links that moment is left.
    """
    if overwrite or not _linked(part, target):
        check_free(target, overwrite=overwrite)
        part.replace(target)


def sync_directory(directory: Path) -> None:
    """Bring names to the disk, where directories can be synced."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _linked(part: Path, target: Path) -> bool:
    """Name the file as well; False where there are no links."""
    try:
        os.link(part, target)
    except FileExistsError as e:
        raise TakenError(e.errno, e.strerror, os.fspath(target)) from e
    except OSError as e:
        if e.errno in _NO_LINKS:
            return False
        raise
    with suppress(OSError):  # the file is whole, whatever becomes of this name
        part.unlink()
    return True
