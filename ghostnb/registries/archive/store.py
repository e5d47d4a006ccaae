"""What an archive holds, read from its file."""

import os
from functools import partial

from ghostnb.oci import MAX_MANIFEST_BYTES, Digest
from ghostnb.registries.abilities import CATALOGUE, MAX_CATALOGUE_BYTES
from ghostnb.registries.archive.contained import Contained, read_member
from ghostnb.registries.archive.docker import DOCKER_MANIFEST, read_docker_archive
from ghostnb.registries.archive.faults import Faults
from ghostnb.registries.archive.file import ArchiveFile, open_archive, opened
from ghostnb.registries.archive.layout import MARKER, read_layout
from ghostnb.registries.archive.members import Member, read_members
from ghostnb.registries.layout.index import Contents, default_repository
from ghostnb.registries.layout.reader import BlobFile, LayoutReader

__all__ = ["ArchiveStore", "holds_images"]

# Written by Docker before 1.10, which knew no configs.
_OLD_DOCKER_FILE = "repositories"


class ArchiveStore(LayoutReader[Contained]):
    """The contents of an archive. Every method blocks: call them on a thread.

    Parameters
    ----------
    path : str
        The file, absolute.
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, path: str, registry: str) -> None:
        super().__init__(registry)
        self._faults = Faults(path, registry)
        self._default = default_repository(os.path.basename(path).removesuffix(".tar"))

    def load(self) -> dict[str, Contents]:
        """Give every repository; the archive is read again only if the file was changed.

        Raises
        ------
        NotFoundError
            If there is no file (any more).
        ProtocolError
            If it is no archive of images.
        """
        with opened(self._faults) as file:
            return self._contained(file).repositories

    def blob_size(self, digest: Digest) -> int | None:
        """Say how large a blob is; None if it is not there."""
        with opened(self._faults) as file:
            member = self._contained(file).locate(digest)
            return None if member is None else member.size_bytes

    def catalogue(self) -> bytes | None:
        """Read the catalogue that a backup wrote; None if there is none."""
        with opened(self._faults) as file:
            member = self._contained(file).catalogue
            if member is None:
                return None
            name = "/".join(CATALOGUE)
            return read_member(file, member, name, limit_bytes=MAX_CATALOGUE_BYTES)

    def is_made(self, digest: Digest) -> bool:
        """Tell whether a manifest stands in no member."""
        with opened(self._faults) as file:
            return digest in self._contained(file).made

    def _contained(self, file: ArchiveFile) -> Contained:
        """Give what is in the file; read again only if it was changed."""
        return self._found(file.state, partial(self._read, file))

    def _read(self, file: ArchiveFile) -> Contained:
        members = read_members(file)
        # What Docker writes since version 25, Podman's and ours are both: the layout says more.
        if MARKER in members:
            return read_layout(file, members, self._default)
        if DOCKER_MANIFEST in members:
            return read_docker_archive(file, members, self._default)
        if _OLD_DOCKER_FILE in members:
            raise self._faults.broken(
                "Docker saved it before version 1.10, which wrote no manifest.json",
                "Load it with docker load, and save it again.",
            )
        raise self._faults.unknown()

    def _open(self, digest: Digest) -> BlobFile:
        file = open_archive(self._faults)
        try:
            return _OpenMember(file, _member(self._contained(file), digest))
        except BaseException:
            file.close()
            raise

    def _manifest_bytes(self, digest: Digest) -> bytes:
        with opened(self._faults) as file:
            contained = self._contained(file)
            if digest in contained.made:
                return contained.made[digest]
            member, name = _member(contained, digest), f"manifest {digest}"
            return read_member(file, member, name, limit_bytes=MAX_MANIFEST_BYTES)


class _OpenMember:
    """A member, read from its first byte on."""

    def __init__(self, file: ArchiveFile, member: Member) -> None:
        self._file, self._next = file, member.offset
        self._end = member.offset + member.size_bytes
        self.close = file.close

    def read(self, size_bytes: int) -> bytes:
        piece = self._file.read_at(self._next, min(size_bytes, self._end - self._next))
        self._next += len(piece)
        return piece


def _member(contained: Contained, digest: Digest) -> Member:
    member = contained.locate(digest)
    if member is None:
        raise FileNotFoundError(digest)
    return member


def holds_images(path: str) -> bool:
    """Tell whether a tar is an archive of images, by what is at its root. Blocks.

    Raises
    ------
    ProtocolError
        If it is no tar, or is cut off or damaged.
    """
    with opened(Faults(path, "")) as file:
        members = read_members(file)
        return MARKER in members or DOCKER_MANIFEST in members
