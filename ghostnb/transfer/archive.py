"""Tar archives whose members are filled in any order, several at once.

The size of everything in an image is known before its bytes come, so each member's place is,
too: nothing is held in memory or written twice.
"""

import asyncio
import contextlib
import os
import shutil
import tarfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from ghostnb.errors import ArchiveError
from ghostnb.new_file import check_free, give_name, part_beside, sync_directory
from ghostnb.registries.threads import finished, settled
from ghostnb.transfer.faults import translated, without_room

__all__ = ["Archive", "Member", "new_archive"]

_MODE = 0o644


@asynccontextmanager
async def new_archive(target: Path, *, overwrite: bool = False) -> "AsyncIterator[Archive]":
    """Open an archive that gets its name when it is complete.

    Until then it is a hidden file beside its target; after an error, or when the task was
    cancelled, nothing is left.

    Parameters
    ----------
    target : Path
    overwrite : bool, optional
        Replace what is there, at the end.

    Yields
    ------
    Archive

    Raises
    ------
    ArchiveError
        If the target is there, or cannot be written.
    """
    part = _Part(target, is_replaced=overwrite)
    try:
        await asyncio.to_thread(part.open)
        archive = Archive(part)
        yield archive
        await archive.complete()
        # Here, on no thread: between the last moment to cancel and the name lies nothing.
        part.publish()
    finally:
        await _discard(part)


async def _discard(part: "_Part") -> None:
    try:
        await asyncio.to_thread(part.discard)
    except RuntimeError:
        # The interpreter ends, and gives no thread any more.
        part.discard()


class Archive:
    """An archive under way. To be used on one loop; made by `new_archive`.

    Parameters
    ----------
    part : _Part

    Notes
    -----
    Times, owners and modes are the same for every archive. Members over 8 GiB and long names
    are written as GNU tar does, which every reader takes.
    """

    def __init__(self, part: "_Part") -> None:
        self._part = part
        self._end = 0
        self._members: list[Member] = []

    def reserve(self, name: str, size_bytes: int) -> "Member":
        """Give a member its place; it has to be begun.

        Parameters
        ----------
        name : str
        size_bytes : int
            Exactly so much must be written to it.

        Returns
        -------
        Member
        """
        member = Member(self._part, name, self._end, size_bytes)
        self._end = _rounded(member.end, tarfile.BLOCKSIZE)
        self._members.append(member)
        return member

    async def add(self, name: str, content: bytes) -> None:
        """Write a small member whole, also if the task is cancelled meanwhile."""
        await settled(self._added(self.reserve(name, len(content)), content))

    async def _added(self, member: "Member", content: bytes) -> None:
        await member.begin()
        await member.write(content)

    async def check_room(self, size_bytes: int) -> None:
        """See that the disk has so many bytes: better now than after an hour.

        Raises
        ------
        ArchiveError
            If it has not.
        """
        await asyncio.to_thread(self._part.check_room, size_bytes)

    async def complete(self) -> None:
        """Write the end, and return when all of it would survive a power cut.

        Raises
        ------
        ArchiveError
            If something could not be written, whoever was told.
        ValueError
            If a member was not filled.
        """
        if self._part.failure is not None:
            raise self._part.failure
        for member in self._members:
            if member.missing_bytes or not member.is_begun:
                raise ValueError(f"{member.name} lacks {member.missing_bytes} bytes.")
        size = _rounded(self._end + 2 * tarfile.BLOCKSIZE, tarfile.RECORDSIZE)
        await asyncio.to_thread(self._part.sync, size)


class Member:
    """One file of an archive.

    Who is cancelled while it writes is so when that has ended: nothing comes late, when somebody
    else writes to the same place.

    Attributes
    ----------
    name : str
    size_bytes : int
    missing_bytes : int
        How many are still to be written.
    is_begun : bool
        True if it has a header.
    end : int
        Where in the archive it ends, in bytes.
    """

    def __init__(self, part: "_Part", name: str, offset: int, size_bytes: int) -> None:
        self.name = name
        self.size_bytes = self.missing_bytes = size_bytes
        self._part = part
        self._header_bytes = len(_header(name, size_bytes))
        self._header = offset
        self._offset = self._start = offset + self._header_bytes
        self.is_begun = False
        self.end = self._start + size_bytes

    async def begin(self) -> None:
        """Write its header; it is to be filled from its first byte on."""
        self._offset, self.missing_bytes = self._start, self.size_bytes
        self.is_begun = True
        await self._write(self._header, _header(self.name, self.size_bytes))

    async def write(self, piece: bytes) -> None:
        """Append some bytes.

        Raises
        ------
        ValueError
            If they are more than it has place for.
        """
        if len(piece) > self.missing_bytes:
            raise ValueError(f"{self.name} has no place for {len(piece)} more bytes.")
        offset = self._offset
        self._offset += len(piece)
        self.missing_bytes -= len(piece)
        await self._write(offset, piece)

    async def give_up(self, name: str) -> None:
        """Leave it as it is, under a name that nobody looks for.

        Raises
        ------
        ValueError
            If the name needs another place than the one that it had.
        """
        header = _header(name, self.size_bytes)
        if len(header) != self._header_bytes:
            raise ValueError(f"{name} has no place where {self.name} was.")
        self.name, self.missing_bytes, self.is_begun = name, 0, True
        await self._write(self._header, header)

    async def _write(self, offset: int, content: bytes) -> None:
        await finished(self._part.write, offset, content)


class _Part:
    """The file, as long as it is not whole. Every method blocks.

    A thread cannot be cancelled: one that comes too late finds that all is over.

    Attributes
    ----------
    failure : ArchiveError or None
        Why something was not written: who asked for it may have been cancelled.
    """

    def __init__(self, target: Path, *, is_replaced: bool) -> None:
        self._target = target
        self._path = part_beside(target)
        self._is_replaced = is_replaced
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._is_over = False
        self._is_published = False
        self.failure: ArchiveError | None = None

    def open(self) -> None:
        """Make the file, with the rights that a new file has here."""
        with self._lock, translated(self._target):
            if not self._is_over:
                check_free(self._target, overwrite=self._is_replaced)
                self._file = open(self._path, "xb")  # noqa: SIM115 (open over several calls)

    def write(self, offset: int, content: bytes) -> None:
        """Write to a place; what is between places reads as zeros."""
        try:
            with self._lock, translated(self._target):
                if self._file is not None:
                    self._file.seek(offset)
                    self._file.write(content)
        except ArchiveError as e:
            self.failure = e
            raise

    def check_room(self, size_bytes: int) -> None:
        """Raise if the disk has fewer bytes left."""
        with translated(self._target):
            free = shutil.disk_usage(self._target.parent).free
        if free < size_bytes:
            raise without_room(self._target, size_bytes, free)

    def sync(self, size_bytes: int) -> None:
        """End the file there, and bring it to the disk."""
        with self._lock, translated(self._target):
            if self._file is not None:
                self._file.truncate(size_bytes)
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def publish(self) -> None:
        """Give the file its name."""
        with self._lock, translated(self._target):
            give_name(self._path, self._target, overwrite=self._is_replaced)
            self._file, self._is_over, self._is_published = None, True, True

    def discard(self) -> None:
        """Leave nothing, unless the file has its name, which then is brought to the disk."""
        with self._lock:
            file, self._file, self._is_over = self._file, None, True
            if file is not None:
                # A full disk fails to close, too, and must not keep the file.
                with contextlib.suppress(OSError):
                    file.close()
                with contextlib.suppress(OSError):
                    self._path.unlink()
            if self._is_published:
                sync_directory(self._target.parent)


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, _MODE
    return info.tobuf(tarfile.GNU_FORMAT)


def _rounded(size_bytes: int, block_bytes: int) -> int:
    return -(-size_bytes // block_bytes) * block_bytes
