"""A layer's bytes, unpacked as they come."""

import sys
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["DAMAGES", "unpacked"]

DAMAGES = (zlib.error, zstd.ZstdError, EOFError)
"""What is raised of content that is cut off, or damaged."""

# So much is unpacked at once, from however little: a bomb fills no memory.
_PIECE_BYTES = 2**20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack what is gzip or zstd, by its first bytes, and pass on what is neither.

    Parameters
    ----------
    pieces : iterable of bytes

    Yields
    ------
    bytes
        Not empty; of what is packed, 1 MiB at most.

    Raises
    ------
    zlib.error, zstd.ZstdError, EOFError
        If it is damaged, or ends in the middle.

    Notes
    -----
    Media types are not asked: there are images whose layers are not what these say. Both may
    be several streams one after the other. Source: RFC 1952, section 2.2; RFC 8878, section 3.
    """
    source = iter(pieces)
    head = b""
    for piece in source:
        head += piece
        if len(head) >= len(_ZSTD):
            break
    whole = chain([head], source)
    if head.startswith(_GZIP):
        yield from _from_gzip(whole)
    elif head.startswith(_ZSTD):
        yield from _from_zstd(whole)
    else:
        yield from filter(None, whole)


def _from_gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    is_first = True
    for piece in pieces:
        left = piece
        while left:
            if member is None:
                # Some writers fill up blocks with zeros. 16: with gzip's own header and checksum.
                left = left if is_first else left.lstrip(b"\0")
                member = zlib.decompressobj(16 + zlib.MAX_WBITS) if left else None
                is_first = False
                continue
            if found := member.decompress(left, _PIECE_BYTES):
                yield found
            left = member.unconsumed_tail
            if member.eof:
                left, member = member.unused_data, None
    while member and not member.eof:
        # What has come in may give more than one piece; at the end there is none.
        found = member.decompress(b"", _PIECE_BYTES)
        if not found:
            raise EOFError("the gzip stream ends in the middle")
        yield found


def _from_zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    frame = None
    for piece in pieces:
        left = piece
        while left:
            frame = frame or zstd.ZstdDecompressor()
            if found := frame.decompress(left, _PIECE_BYTES):
                yield found
            while not (frame.eof or frame.needs_input):
                if found := frame.decompress(b"", _PIECE_BYTES):
                    yield found
            left = b""
            if frame.eof:
                left, frame = frame.unused_data, None
    if frame:
        raise EOFError("the zstd frame ends in the middle")
