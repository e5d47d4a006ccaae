"""What a layer's archive lists."""

import hashlib
import posixpath
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ghostnb.registries.files.stream import Stream

__all__ = ["INVALID", "Entry", "read_entries"]

# What tarfile makes of headers that are none; it checks few numbers itself.
INVALID = (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError)

# Real layers have some ten thousands; a hostile one must not fill the memory.
_MAX_ENTRIES, _MAX_NAME_BYTES = 2**20, 2**28
_MAX_GLOBAL_HEADERS = 1000
_WHITEOUT, _OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_TYPES = {
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}
# Few texts for very many files.
_mode = lru_cache(maxsize=1024)(stat.filemode)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory, link or device in a layer, or what a layer takes away.

    Attributes
    ----------
    path : str
        Absolute, in the image; as it would be extracted, so that none leads out of it.
    size_bytes : int
    mode : str
        As ``ls -l`` writes it; of a hard link it begins with ``h``.
    link : str or None
        Where a symbolic link leads, as it is written; what a hard link is another name of.
    sha256 : bytes
        Of a file's content; empty if that was not asked for, or there is none.
    is_whiteout, is_opaque : bool
        Whether it takes away what lower layers have there; of a directory, all that they
        have in it.
    """

    path: str
    size_bytes: int
    mode: str
    link: str | None = None
    sha256: bytes = b""
    is_whiteout: bool = False
    is_opaque: bool = False

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode.startswith("d")


Reader = Callable[[str, int], Callable[[bytes], Any] | None]
"""Told a file's path and size, it gives what reads the content; None where it is not wanted."""


def read_entries(
    stream: Stream,
    *,
    hashed: bool = False,
    reader: Reader | None = None,
    contents: dict[str, Any] | None = None,
) -> Iterator[Entry]:
    """Read a layer's archive; names and links are data, and nothing is looked up by them.

    Parameters
    ----------
    stream : Stream
    hashed : bool
        Also compute each file's SHA-256.
    reader : callable, optional
        Told a file's path and size, it gives a function that is given the content, or None.
    contents : dict of str to object, optional
        By path, what those functions make of the content.

    Yields
    ------
    Entry
        In the archive's order; names that stand twice come twice.

    Raises
    ------
    tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError
        If it is no archive, is damaged, or holds more than any layer does.

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Layer Filesystem Changeset", for whiteouts and opaque
    directories; names that begin with ``.wh..wh.`` are AUFS' own. No byte at all is a layer
    without files, as engines take it: moby issue 18170.
    """
    try:
        tar = tarfile.TarFile(fileobj=stream, encoding="utf-8")  # type: ignore[arg-type]
    except tarfile.ReadError:
        if stream.tell():
            raise
        return
    count = name_bytes = 0
    while (info := tar.next()) is not None:
        # It keeps all of them.
        tar.members.clear()  # type: ignore[attr-defined]
        count, name_bytes = count + 1, name_bytes + len(info.name) + len(info.linkname)
        _check(tar, info, count, name_bytes)
        entry = _entry(info)
        if entry is not None:
            yield _with_content(entry, info, stream, hashed, reader, contents)
        stream.begin()
    # tarfile takes a header that is none for the end.
    if stream.last.strip(b"\0"):
        raise tarfile.ReadError(f"it is damaged at byte {tar.offset:,}")


def _check(tar: tarfile.TarFile, info: tarfile.TarInfo, count: int, name_bytes: int) -> None:
    """See that reading goes forwards, and that it is no bomb."""
    if info.size < 0 or tar.offset <= info.offset:
        raise tarfile.ReadError(f"a size at byte {info.offset:,} is no size")
    if count > _MAX_ENTRIES or name_bytes > _MAX_NAME_BYTES:
        raise tarfile.ReadError(f"it lists more than {_MAX_ENTRIES:,} files, or names of 256 MiB")
    if len(tar.pax_headers) > _MAX_GLOBAL_HEADERS:
        raise tarfile.ReadError("it has more global headers than any tool writes")


def _entry(info: tarfile.TarInfo) -> Entry | None:
    """Say what a member is; None for what is no file of the image."""
    directory, _, name = _path(info.name).rpartition("/")
    if not name:
        return None
    if name == _OPAQUE:
        return Entry(directory or "/", 0, "", is_opaque=True)
    if name.startswith(_WHITEOUT):
        hidden = name.removeprefix(_WHITEOUT)
        is_one = hidden not in ("", ".", "..") and not name.startswith(_AUFS)
        return Entry(f"{directory}/{hidden}", 0, "", is_whiteout=True) if is_one else None
    mode = _mode(_TYPES.get(info.type, stat.S_IFREG) | (info.mode & 0o7777))
    path = f"{directory}/{name}"
    if info.islnk():
        return Entry(path, 0, f"h{mode[1:]}", _path(info.linkname))
    if info.issym():
        return Entry(path, 0, mode, _text(info.linkname))
    return Entry(path, info.size if mode.startswith("-") else 0, mode)


def _path(name: str) -> str:
    """Give the place in the image: whatever a name says, it is extracted within it."""
    return posixpath.normpath("/" + _text(name).lstrip("/"))


def _text(name: str) -> str:
    """Make a name a text that can be written anywhere: bytes that are none, as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _with_content(
    entry: Entry,
    info: tarfile.TarInfo,
    stream: Stream,
    hashed: bool,
    reader: Reader | None,
    contents: dict[str, Any] | None,
) -> Entry:
    """Read a file's content, if anybody wants it."""
    is_plain = info.isreg() and not info.issparse() and entry.mode.startswith("-")
    read = reader(entry.path, entry.size_bytes) if is_plain and reader else None
    if not is_plain or not (hashed or read):
        return entry
    digest, parts = hashlib.sha256(), []
    for piece in stream.take(info.size):
        if hashed:
            digest.update(piece)
        if read:
            parts.append(bytes(piece))
    if read and contents is not None:
        contents[entry.path] = read(b"".join(parts))
    return replace(entry, sha256=digest.digest()) if hashed else entry
