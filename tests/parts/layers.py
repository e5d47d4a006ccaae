"""Layers as bytes: tar archives, plain or packed, and layers that live elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import struct
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.parts import media_types as types

MODIFIED = 1_710_000_000


@dataclass(frozen=True)
class Layer:
    """A blob with the media type under which a manifest names it.

    ``diff_id`` is the digest of the unpacked archive; ``pushed`` is false for a foreign
    layer, whose bytes are at ``urls`` and not in the registry.
    """

    data: bytes = field(repr=False)
    media_type: str = types.OCI_GZIP
    diff_id: str = ""
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def pushed(self) -> bool:
        return not self.urls

    def descriptor(self) -> dict[str, Any]:
        """Describe this blob as a manifest does."""
        entry: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size_bytes,
        }
        if self.urls:
            entry["urls"] = list(self.urls)
        return entry | ({"annotations": dict(self.annotations)} if self.annotations else {})


@dataclass(frozen=True)
class Entry:
    """A file in a layer; ``link`` with no data is a symbolic link."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    link: str | None = None
    directory: bool = False


def layer_of(seed: str, *, size_bytes: int = 600, **options: Any) -> Layer:
    """Build a layer of one file of random bytes, the same for the same seed."""
    data = random.Random(seed).randbytes(size_bytes)
    return layer([Entry(f"opt/{seed.strip('/')}/data.bin", data)], **options)


def layer(entries: Sequence[Entry], *, compression: str = "gzip") -> Layer:
    """Build a layer of these files. A whiteout is a file named ``.wh.NAME``.

    Parameters
    ----------
    compression : ``gzip``, ``zstd`` or ``none``.
    """
    archive = tar(entries)
    pack, media_type = {
        "gzip": (_gzip, types.OCI_GZIP),
        "zstd": (zstd, types.OCI_ZSTD),
        "none": (bytes, types.OCI_TAR),
    }[compression]
    return Layer(pack(archive), media_type, diff_id=_digest(archive))


def gzip_layer(data: bytes, *, fast_seed: str) -> Layer:
    """Build a layer that is gzip but no archive: for thousands of images in a second."""
    content = data + fast_seed.encode()
    return Layer(_gzip(content), types.OCI_GZIP, diff_id=_digest(content))


def foreign_layer(seed: str, *urls: str) -> Layer:
    """Build a Docker foreign layer: the registry holds its descriptor but not its bytes."""
    made = layer_of(seed)
    return Layer(made.data, types.DOCKER_FOREIGN, made.diff_id, urls)


def tar(entries: Sequence[Entry]) -> bytes:
    """Pack files with fixed times and owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            archive.addfile(_member(entry), io.BytesIO(entry.data))
    return buffer.getvalue()


def _member(entry: Entry) -> tarfile.TarInfo:
    member = tarfile.TarInfo(entry.path)
    member.mtime, member.mode, member.size = MODIFIED, entry.mode, len(entry.data)
    if entry.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, entry.link
    elif entry.directory:
        member.type = tarfile.DIRTYPE
    return member


def _gzip(data: bytes) -> bytes:
    """Pack without a time, at the fastest level (random bytes do not shrink)."""
    return gzip.compress(data, 1, mtime=0)


def zstd(data: bytes) -> bytes:
    """Wrap bytes into a valid Zstandard frame of raw blocks, without a compressor.

    Notes
    -----
    Source: RFC 8878, sections 3.1.1.1 (frame header: single segment, 4-byte content size)
    and 3.1.1.2 (blocks: last flag, type 0 is raw, at most 128 KiB).
    """
    header = struct.pack("<IBI", 0xFD2FB528, 0b1010_0000, len(data))
    pieces = [data[at : at + 0x20000] for at in range(0, len(data), 0x20000)] or [b""]
    blocks = [
        ((len(piece) << 3) | (number == len(pieces) - 1)).to_bytes(3, "little") + piece
        for number, piece in enumerate(pieces)
    ]
    return header + b"".join(blocks)


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
