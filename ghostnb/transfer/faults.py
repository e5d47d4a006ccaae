"""What the system says of a file that is to be written, in words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import humanize

from ghostnb.errors import ArchiveError
from ghostnb.new_file import TakenError

__all__ = ["translated", "without_room"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours.

    Parameters
    ----------
    path : Path
        What is to be written, for the message.
    """
    try:
        yield
    except TakenError as e:
        raise ArchiveError(
            f"{path} is there already.",
            hint="Choose another name, or replace it: overwrite=True.",
        ) from e
    except OSError as e:
        raise ArchiveError(f"Cannot write {path} ({e.strerror or e}).", hint=_hint(path, e)) from e


def _hint(path: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return "Free some space, or choose a directory on another disk; nothing was left behind."
    if error.errno in _NOT_ALLOWED:
        return f"Choose another directory, or see who may write to {path.parent}."
    if isinstance(error, FileNotFoundError):
        return f"Is there a directory {path.parent}? Make it first, or choose another."
    if error.errno == errno.ENAMETOOLONG:
        return "Choose a shorter name."
    return "Choose another path."


def without_room(path: Path, needed_bytes: int, free_bytes: int) -> ArchiveError:
    """Make the error for a disk that is too small from the beginning."""
    needed, free = (humanize.naturalsize(count) for count in (needed_bytes, free_bytes))
    return ArchiveError(
        f"Cannot write {path}: it needs {needed}, and its disk has {free} left.",
        hint="Free some space, or choose a directory on another disk.",
    )
