"""Directories as tars: the same tree becomes the same bytes, whoever has it and whenever."""

import os
import stat
import tarfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ghostnb.transfer.pushing.local_files import changed, opened, reading, refuse_special, state_of

__all__ = ["tar_pieces", "tree_size"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in an open directory."""

    parent: int
    name: str
    # Below the directory that is packed, and on the disk.
    place: str
    path: Path
    info: os.stat_result


def tree_size(root: Path) -> int:
    """Sum the sizes of a directory's files. Blocks.

    Raises
    ------
    PathError
        If something in it cannot be pushed.
    """
    return sum(entry.info.st_size for entry in _entries(root) if stat.S_ISREG(entry.info.st_mode))


def tar_pieces(root: Path, prefix: str) -> Generator[bytes, None, None]:
    """Iterate over the bytes of a directory's tar. Blocks.

    Symbolic links are stored as links, and never followed; hard links are files. Owners and
    times are left out, modes stay, and names are in order.

    Parameters
    ----------
    root : Path
    prefix : str
        The directory's name within the tar.

    Raises
    ------
    PathError
        If something in it is special, may not be read, or changes meanwhile.

    Notes
    -----
    Names that are no UTF-8 are stored as the bytes that they are. Long names and large files are
    written as GNU tar does, which every reader takes.
    """
    with reading(root):
        mode = os.stat(root).st_mode
    yield _header(prefix, tarfile.DIRTYPE, mode)
    for entry in _entries(root):
        yield from _member(entry, f"{prefix}/{entry.place}")
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entries(root: Path) -> Iterator[_Entry]:
    """Iterate over all that is in a directory, each directory before what it holds.

    By open directories and not by paths: whoever puts a link in a directory's place meanwhile
    leads nobody out of it.
    """
    with reading(root):
        top = os.open(root, _DIRECTORY)
    with _open_directory(top), reading(root):
        yield from _below(top, "", root)


def _below(directory: int, place: str, path: Path) -> Iterator[_Entry]:
    with reading(path):
        before, names = state_of(directory), sorted(os.listdir(directory))
    for name in names:
        inner = path / name
        with reading(inner):
            info = os.stat(name, dir_fd=directory, follow_symlinks=False)
        refuse_special(info.st_mode, inner)
        yield _Entry(directory, name, f"{place}{name}", inner, info)
        if stat.S_ISDIR(info.st_mode):
            with reading(inner):
                child = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            with _open_directory(child):
                yield from _below(child, f"{place}{name}/", inner)
    with reading(path):
        if state_of(directory) != before:
            raise changed(path)


@contextmanager
def _open_directory(directory: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(directory)


def _member(entry: _Entry, name: str) -> Iterator[bytes]:
    mode = entry.info.st_mode
    if stat.S_ISDIR(mode):
        yield _header(name, tarfile.DIRTYPE, mode)
    elif stat.S_ISLNK(mode):
        with reading(entry.path):
            target = os.readlink(entry.name, dir_fd=entry.parent)
        yield _header(name, tarfile.SYMTYPE, mode, target=target)
    else:
        with opened(entry.path, entry.name, entry.parent) as file:
            yield _header(name, tarfile.REGTYPE, mode, size_bytes=file.size_bytes)
            yield from file.pieces()
            yield bytes(-file.size_bytes % tarfile.BLOCKSIZE)


def _header(name: str, kind: bytes, mode: int, *, target: str = "", size_bytes: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, stat.S_IMODE(mode)
    info.linkname, info.size = target, size_bytes
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
