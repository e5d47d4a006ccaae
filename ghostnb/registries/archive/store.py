"""What an archive holds, read from its file."""

import os
import time

from ghostnb.oci import MAX_MANIFEST_BYTES, AnyManifest, Descriptor, Digest
from ghostnb.registries.abilities import CATALOGUE, MAX_CATALOGUE_BYTES
from ghostnb.registries.archive.contained import Contained, read_member
from ghostnb.registries.archive.docker import DOCKER_MANIFEST, read_docker_archive
from ghostnb.registries.archive.faults import Faults
from ghostnb.registries.archive.file import ArchiveFile, Identity, open_archive, opened
from ghostnb.registries.archive.layout import MARKER, read_layout
from ghostnb.registries.archive.members import Member, read_members
from ghostnb.registries.layout.index import Contents, default_repository
from ghostnb.registries.layout.manifests import Manifests
from ghostnb.registries.storing import no_such_blob, no_such_repository
from ghostnb.registries.verify import check_content

__all__ = ["ArchiveStore", "holds_images"]

# A file that was changed this shortly ago may change again without its time showing it.
_SETTLED_SECONDS = 0.05
# Written by Docker before 1.10, which knew no configs.
_OLD_DOCKER_FILE = "repositories"


class ArchiveStore:
    """The contents of an archive. Every method blocks: call them on a thread.

    Parameters
    ----------
    path : str
        The file, absolute.
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, path: str, registry: str) -> None:
        self.registry = registry
        self._faults = Faults(path, registry)
        self._default = default_repository(os.path.basename(path).removesuffix(".tar"))
        self._known: tuple[Identity, Contained] | None = None
        self._manifests = Manifests(registry, self._manifest_bytes)

    @property
    def is_read(self) -> bool:
        """Whether it is known what is in the file, unless that changes."""
        return self._known is not None

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

    def forget(self) -> None:
        """Let go of what was read."""
        self._known = None

    def contents(self, repository: str) -> Contents:
        """Give one repository.

        Raises
        ------
        NotFoundError
        """
        found = self.load().get(repository)
        if found is None:
            raise no_such_repository(self.registry, repository)
        return found

    def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read a manifest by tag or digest, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        return self._manifests.find(repository, self.contents(repository), locator)

    def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a blob whole, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        file, member = self.open_blob(repository, descriptor)
        try:
            # Not more than was asked for, in memory, whatever the archive says.
            size = min(member.size_bytes, descriptor.size_bytes + 1)
            content = file.read_at(member.offset, size)
        finally:
            file.close()
        source = f"{repository} in {self.registry}"
        return check_content(content, descriptor.digest, descriptor.size_bytes, source=source)

    def open_blob(self, repository: str, descriptor: Descriptor) -> tuple[ArchiveFile, Member]:
        """Open the archive, and say where in it a blob is.

        Raises
        ------
        NotFoundError
        """
        file = open_archive(self._faults)
        try:
            return file, self._member(file, repository, descriptor.digest, descriptor.urls)
        except BaseException:
            file.close()
            raise

    def blob_size(self, repository: str, digest: Digest) -> int:
        """Say how large a blob is.

        Raises
        ------
        NotFoundError
        """
        with opened(self._faults) as file:
            return self._member(file, repository, digest).size_bytes

    def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest, in the order of the index."""
        return self._manifests.referrers(self.load().get(repository, Contents()), digest)

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

    def _member(
        self,
        file: ArchiveFile,
        repository: str,
        digest: Digest,
        urls: tuple[str, ...] | None = None,
    ) -> Member:
        member = self._contained(file).locate(digest)
        if member is None:
            raise no_such_blob(self.registry, repository, digest, urls)
        return member

    def _contained(self, file: ArchiveFile) -> Contained:
        """Give what is in the file; read again only if it was changed."""
        if self._known is not None and self._known[0] == file.identity:
            return self._known[1]
        contained = self._read(file)
        if time.time() - file.changed_at > _SETTLED_SECONDS:
            self._known = file.identity, contained
        return contained

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

    def _manifest_bytes(self, digest: Digest) -> bytes:
        with opened(self._faults) as file:
            contained = self._contained(file)
            if digest in contained.made:
                return contained.made[digest]
            member = contained.locate(digest)
            if member is None:
                raise FileNotFoundError(digest)
            name = f"manifest {digest}"
            return read_member(file, member, name, limit_bytes=MAX_MANIFEST_BYTES)


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
