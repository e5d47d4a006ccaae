"""Bytes that are read forwards, as tarfile wants them."""

import tarfile
from collections.abc import Iterator

__all__ = ["Stream"]

# What tarfile reads of a member's headers; a long name, or holes, may take more than one block.
_MAX_HEADER_BYTES = 2**20


class Stream:
    """A file that can be read once, from its beginning, with bounds.

    Parameters
    ----------
    pieces : iterator of bytes
    limit_bytes : int
        No more is read: then `OverflowError` is raised.

    Attributes
    ----------
    last : bytes
        What was read last.

    Notes
    -----
    tarfile looks for the last byte of what it skips, and then takes the block behind it. So
    one byte back is all that it ever goes.
    """

    def __init__(self, pieces: Iterator[bytes], limit_bytes: int) -> None:
        self._pieces = pieces
        self._limit = limit_bytes
        self._piece = b""
        self._place = self._position = 0
        self._left = _MAX_HEADER_BYTES
        self.last = b""

    def begin(self) -> None:
        """Allow another member's headers."""
        self._left = _MAX_HEADER_BYTES

    def tell(self) -> int:
        """Say how many bytes were read or skipped."""
        return self._position

    def seek(self, position: int) -> None:
        """Skip to a position; one that lies back must be in the piece that was read last."""
        if position < self._position:
            self._place -= self._position - position
            self._position = position
            if self._place < 0:
                raise tarfile.ReadError("headers that lead back")
        for _ in self.take(position - self._position):
            pass

    def read(self, size: int) -> bytes:
        """Read a part of headers; less only at the end."""
        if not 0 <= size <= self._left:
            raise tarfile.ReadError(f"headers of over {_MAX_HEADER_BYTES:,} bytes")
        self._left -= size
        self.last = b"".join(self.take(size))
        return self.last

    def take(self, size: int) -> Iterator[memoryview]:
        """Read in pieces as they come, without a copy; less only at the end."""
        while size > 0 and (self._place < len(self._piece) or self._next()):
            found = memoryview(self._piece)[self._place : self._place + size]
            self._place += len(found)
            self._position += len(found)
            size -= len(found)
            yield found

    def _next(self) -> bool:
        """Take the next piece, and keep the last byte of this one."""
        following = next(self._pieces, b"")
        if not following:
            return False
        if self._position + len(following) > self._limit:
            raise OverflowError(f"more than {self._limit:,} bytes, unpacked")
        self._piece, self._place = self._piece[-1:] + following, len(self._piece[-1:])
        return True
