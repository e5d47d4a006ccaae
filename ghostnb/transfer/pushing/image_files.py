"""Paths that hold images: told by what is in them, not by what they are called."""

import os
import re
import stat
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ghostnb.errors import InvalidReferenceError, NotFoundError, PathError, RegistryError
from ghostnb.oci import Digest, Reference
from ghostnb.registries.archive import ArchiveRegistry, holds_images
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.transfer.holdings import subject_of_tag
from ghostnb.transfer.pushing.local_files import opened, reading, refuse_special

__all__ = ["AS_ARTIFACT", "ImageSource", "choose_image", "image_source"]

ImageSource = ArchiveRegistry | LayoutRegistry

AS_ARTIFACT = "To push it as it is, as an artifact: as_artifact=True."

_MARKER = "oci-layout"
_PEEK_BYTES = 2**16
# As the first member of what docker save, podman save and skopeo write may be called.
_IMAGE_MEMBER = re.compile(
    r"(\./)?([0-9a-f]{64}([./].*)?|blobs(/.*)?|oci-layout|index\.json|manifest\.json)"
)
# As many names as a message lists.
_LISTED = 20


def image_source(path: Path) -> ImageSource | None:
    """Open a path as a registry, if it holds images; None if it is something else. Blocks.

    Raises
    ------
    PathError
        If it is not there, may not be read, or seems to hold images that cannot be read.
    """
    with reading(path):
        mode = os.stat(path).st_mode
    refuse_special(mode, path)
    if stat.S_ISDIR(mode):
        return LayoutRegistry(path) if os.path.isfile(path / _MARKER) else None
    with opened(path) as file:
        start = file.read_at(0, min(_PEEK_BYTES, file.size_bytes))
    _refuse_compressed(path, start)
    return ArchiveRegistry(path) if _first_member(start) and _holds_images(path) else None


def _holds_images(path: Path) -> bool:
    try:
        return holds_images(str(path))
    except RegistryError as e:
        raise PathError(e.message, hint=f"{e.hint} {AS_ARTIFACT}".strip()) from e


def _refuse_compressed(path: Path, start: bytes) -> None:
    """Raise if it is compressed, and what is in it begins as an archive of images does."""
    if not start.startswith(b"\x1f\x8b"):
        return
    try:
        plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, tarfile.BLOCKSIZE)
    except zlib.error:
        return
    if _IMAGE_MEMBER.fullmatch(_first_member(plain)):
        raise PathError(
            f"{path} is an archive of images that is compressed as a whole.",
            hint=f"Decompress it first, with gunzip. {AS_ARTIFACT}",
        )


def _first_member(start: bytes) -> str:
    """Give the name of a tar's first member; empty if it is no tar."""
    try:
        name: str = tarfile.TarInfo.frombuf(
            start[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape"
        ).name
    except tarfile.TarError:
        return ""
    return name


@dataclass(frozen=True, slots=True)
class _Found:
    repository: str
    digest: Digest
    tags: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [f"{self.repository}:{tag}" for tag in self.tags]


async def choose_image(source: ImageSource, image: str) -> Reference:
    """Find the image that is meant: the one that is named, or the only one.

    Parameters
    ----------
    source : ImageSource
    image : str
        A name or digest; empty for the only one.

    Raises
    ------
    NotFoundError
        If there is no image, or none of that name.
    PathError
        If there are several, and none is named.
    """
    found = [
        _Found(record.repository, manifest.digest, manifest.tags)
        async for record in source.repositories()
        async for manifest in source.manifests(record.repository)
    ]
    chosen = _named(found, image) if image else _candidates(found)
    digests = {one.digest for one in chosen}
    if len(digests) == 1:
        return Reference("", chosen[0].repository, digest=chosen[0].digest)
    offered = _offer(found)
    if not digests:
        missing = f"is called {image}" if image else "is there"
        raise NotFoundError(
            f"No image in {source.url} {missing}.",
            hint=f"It holds {offered}." if offered else "It is empty.",
            registry=source.name,
        )
    raise PathError(
        f"{source.url} holds {len(digests)} images.",
        hint=f"Say which, by image=…: {offered}.",
    )


def _named(found: Sequence[_Found], image: str) -> list[_Found]:
    wanted = {image}
    try:
        reference = Reference.parse(image)
        wanted.add(f"{reference.repository}:{reference.tag}")
    except InvalidReferenceError:
        # A digest, or the name of nothing.
        pass
    exact = [one for one in found if image in (*one.names, str(one.digest))]
    return exact or [one for one in found if wanted.intersection(one.names)]


def _candidates(found: Sequence[_Found]) -> list[_Found]:
    """Give what may be meant: what has a name of its own, else all."""
    named = [one for one in found if any(subject_of_tag(tag) is None for tag in one.tags)]
    return named or list(found)


def _offer(found: Sequence[_Found]) -> str:
    names = [name for one in found for name in one.names or [str(one.digest)]]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
