"""Sample layers: files packed into an archive, the same way each time."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Self

from ghostnb.demo.sources import File, Source
from ghostnb.oci import Descriptor, Digest, media_types

__all__ = ["Layer", "archive", "pack"]

# Higher levels take twice the time for a tenth of the size.
_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it is stored.

    Attributes
    ----------
    descriptor : Descriptor
    diff_id : Digest
        Of the archive before it was compressed.
    content : bytes
    """

    descriptor: Descriptor
    diff_id: Digest
    content: bytes = field(repr=False)

    def without_content(self) -> Self:
        """Keep only what manifests and configs say of it."""
        return replace(self, content=b"")


def pack(sources: Sequence[Source]) -> Layer:
    """Pack what some sources give into a layer. It takes time: call it on a thread."""
    plain = archive(file for source in sources for file in source.files())
    content = gzip.compress(plain, _LEVEL, mtime=0)
    descriptor = Descriptor(media_types.OCI_LAYER_GZIP, Digest.of(content), len(content))
    return Layer(descriptor, Digest.of(plain), content)


def archive(files: Iterable[File]) -> bytes:
    """Pack files into an archive without times and owners, directories first."""
    by_path = {file.path: file for file in files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(by_path.keys() | _directories(by_path)):
            file = by_path.get(path)
            entry = tarfile.TarInfo(path)
            if file is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            else:
                entry.size, entry.mode = len(file.content), file.mode
                tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def _directories(paths: Iterable[str]) -> set[str]:
    parents = {parent for path in paths for parent in PurePosixPath(path).parents}
    return {str(parent) for parent in parents} - {"."}
