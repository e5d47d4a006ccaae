"""The members of a tar: found once by their headers, never extracted."""

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from ghostnb.registries.archive.faults import Faults
from ghostnb.registries.archive.file import ArchiveFile

__all__ = ["Member", "Members", "read_members", "shown"]

# An image has some dozens; a hostile archive must not fill the memory.
_MAX_MEMBERS = 2**18
# Headers that say more of a member (a long name, holes) are read whole.
_MAX_HEADER_BYTES = 2**20
_MAX_LINKS = 16
# What tarfile makes of headers that are none; it checks few numbers itself.
_INVALID = (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError)


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of a member are.

    Attributes
    ----------
    offset : int
        From the start of the archive's file.
    size_bytes : int
    """

    offset: int
    size_bytes: int


class Members:
    """What an archive holds, by name.

    Parameters
    ----------
    faults : Faults

    Notes
    -----
    Names are only looked up, and nothing is ever written by them: one that leads out
    of the archive (``/etc/passwd``, ``../x``) is nobody's, and is left out.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._members: dict[str, Member] = {}
        # Links may lead to what comes after them.
        self._links: dict[str, str] = {}
        self._repeated: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._members or name in self._links

    def __len__(self) -> int:
        return len(self._members) + len(self._links)

    def add(self, info: tarfile.TarInfo) -> None:
        """Note a member; of several with one name the last counts, as when unpacking."""
        name = None if ".." in info.name.split("/") else _inside(info.name)
        if name is None or not (info.issym() or info.islnk() or _is_plain(info)):
            return
        if name in self:
            self._repeated.add(name)
        self._members.pop(name, None)
        self._links.pop(name, None)
        if info.issym():
            self._links[name] = posixpath.join(posixpath.dirname(name), info.linkname)
        elif info.islnk():
            self._links[name] = info.linkname
        else:
            self._members[name] = Member(info.offset_data, info.size)

    def find(self, name: str) -> Member | None:
        """Give a member, links followed; None if there is none.

        Raises
        ------
        ProtocolError
            If a link leads out of the archive, or to itself.
        """
        target = name
        for _ in range(_MAX_LINKS):
            place = _inside(target)
            if place is None:
                raise self._faults.broken(f"{shown(name)} leads out of it")
            if place in self._members or place not in self._links:
                return self._members.get(place)
            target = self._links[place]
        raise self._faults.broken(f"{shown(name)} is a link that leads to no file")

    def find_document(self, name: str) -> Member | None:
        """Give a member that no digest tells apart; None if there is none.

        Raises
        ------
        ProtocolError
            If there are several of the name: other readers might take another.
        """
        if name in self._repeated:
            raise self._faults.broken(f"it holds {shown(name)} more than once")
        return self.find(name)


class _Headers:
    """The file as tarfile wants it: with a position, and a bound to what one member may take."""

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self._position = 0
        self._left = _MAX_HEADER_BYTES

    def begin(self) -> None:
        """Allow another member's headers."""
        self._left = _MAX_HEADER_BYTES

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        self._position = position

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise tarfile.ReadError(f"headers of over {_MAX_HEADER_BYTES:,} bytes")
        self._left -= size
        found = self._file.read_at(self._position, size)
        self._position += len(found)
        return found


def read_members(file: ArchiveFile) -> Members:
    """Read the headers of a tar.

    Parameters
    ----------
    file : ArchiveFile

    Returns
    -------
    Members

    Raises
    ------
    UnsupportedError
        If the file is compressed as a whole.
    ProtocolError
        If it is no tar, is cut off, or holds more members than an archive of images can have.
    """
    faults = file.faults
    faults.refuse_compressed(file.read_at(0, 8))
    members = Members(faults)
    for number, info in enumerate(_infos(file)):
        if number >= _MAX_MEMBERS:
            raise faults.broken(f"it has more than {_MAX_MEMBERS:,} members")
        members.add(info)
    return members


def _infos(file: ArchiveFile) -> Iterator[tarfile.TarInfo]:
    faults = file.faults
    try:
        headers = _Headers(file)
        tar = tarfile.TarFile(fileobj=headers, encoding="utf-8")  # type: ignore[arg-type]
        while (info := tar.next()) is not None:
            # It keeps all of them; those of a hostile archive are many.
            tar.members.clear()  # type: ignore[attr-defined]
            _check(info, tar.offset, file)
            yield info
            headers.begin()
    except _INVALID as e:
        raise _no_tar(file, e) from e
    # tarfile takes a header that is none for the end.
    if file.read_at(tar.offset, tarfile.BLOCKSIZE).strip(b"\0"):
        raise faults.truncated(f"or damaged at byte {tar.offset:,}")


def _check(info: tarfile.TarInfo, following: int, file: ArchiveFile) -> None:
    """See that a member is within the file, and that reading goes forwards."""
    if info.size < 0 or following <= info.offset:
        raise file.faults.broken(f"the size of {shown(info.name)} is no size")
    if _is_plain(info) and info.offset_data + info.size > file.size_bytes:
        raise file.faults.truncated(f"within {shown(info.name)}")


def _no_tar(file: ArchiveFile, error: Exception) -> Exception:
    if not file.size_bytes:
        return file.faults.broken("it is empty")
    return file.faults.broken(f"it is no tar, or is cut off or damaged ({error})")


def _is_plain(info: tarfile.TarInfo) -> bool:
    return info.isreg() and not info.issparse()


def _inside(name: str) -> str | None:
    """Give a name without what is superfluous; None if it leads out of the archive."""
    plain = posixpath.normpath(name)
    is_outside = plain.startswith("/") or plain == ".." or plain.startswith("../")
    return None if is_outside else plain


def shown(name: str) -> str:
    """Give a name as it can stand in a message: whoever made the archive chose it."""
    name = name[:200]
    return name if name.isascii() and name.isprintable() else ascii(name)
