"""What a container wrote, as lines of text."""

import codecs
import struct
from collections.abc import Iterable, Iterator

__all__ = ["MAX_LINE_CHARACTERS", "log_lines"]

MAX_LINE_CHARACTERS = 65_536
_HEADER = struct.Struct(">BxxxL")


def log_lines(chunks: Iterable[bytes], *, multiplexed: bool) -> Iterator[str]:
    """Split a container's output into lines.

    Parameters
    ----------
    chunks : iterable of bytes
        Cut anywhere.
    multiplexed : bool
        Whether stdout and stderr come in frames of their own, or as a terminal's one stream.

    Yields
    ------
    str
        Each without its end. What is no UTF-8 is replaced; a line of more than 65,536
        characters comes in several pieces, so that one without an end does not fill memory.

    Notes
    -----
    Source: Docker Engine API v1.41, "ContainerAttach", "Stream format".
    """
    streams: dict[int, Lines] = {}
    for stream, data in _frames(chunks) if multiplexed else ((1, chunk) for chunk in chunks):
        yield from streams.setdefault(stream, Lines()).take(data)
    for lines in streams.values():
        yield from lines.finish()


def _frames(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give the frames' content with the number of the stream, as far as it has come."""
    header, stream, missing = b"", 0, 0
    for chunk in chunks:
        rest = memoryview(chunk)  # frames can be small, and chunks full of them
        while rest:
            if missing:
                data, rest = rest[:missing], rest[missing:]
                missing -= len(data)
                yield stream, bytes(data)
                continue
            wanted = _HEADER.size - len(header)
            header, rest = header + bytes(rest[:wanted]), rest[wanted:]
            if len(header) == _HEADER.size:
                stream, missing = _HEADER.unpack(header)
                header = b""


class Lines:
    """One stream, whose lines are complete only with their ends."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""

    def take(self, data: bytes) -> Iterator[str]:
        """Give the lines that are complete with this."""
        *lines, rest = (self._unfinished + self._decoder.decode(data)).split("\n")
        for line in lines:
            yield from _pieces(line.removesuffix("\r"))  # a terminal ends lines with both
        *pieces, self._unfinished = _pieces(rest)
        yield from pieces

    def finish(self) -> Iterator[str]:
        """Give what was left without an end."""
        yield from self.take(self._decoder.decode(b"", final=True).encode())
        if self._unfinished:
            yield self._unfinished
            self._unfinished = ""


def _pieces(line: str) -> list[str]:
    starts = range(0, len(line), MAX_LINE_CHARACTERS)
    return [line[start : start + MAX_LINE_CHARACTERS] for start in starts] or [""]
