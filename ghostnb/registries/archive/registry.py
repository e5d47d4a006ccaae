"""A registry that is an archive of images: one file."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from ghostnb.oci import Digest
from ghostnb.registries.archive.store import ArchiveStore
from ghostnb.registries.layout.readable import ReadableLayout
from ghostnb.registries.records import Ping

__all__ = ["ArchiveRegistry"]

P = ParamSpec("P")
Result = TypeVar("Result")


class ArchiveRegistry(ReadableLayout[ArchiveStore]):
    """An archive of images, as a registry that is read.

    Parameters
    ----------
    path : Path or str
        The file: a tar, not compressed as a whole. It is never changed, and nothing of
        it is extracted; it is read again when another program has changed it.
    name : str, optional
        By default made of the file's name.

    Attributes
    ----------
    name : str
    url : str
        ``oci:PATH``.

    Notes
    -----
    Two kinds are read. An OCI image layout in a tar, as ``RegistryClient.save``,
    ``skopeo copy … oci-archive:``, ``podman save --format oci-archive`` and ``docker save``
    since version 25 write it: repositories and tags are those that `LayoutRegistry`
    reads in its ``index.json``. And what ``docker save`` wrote before, and ``podman save``
    and ``skopeo copy … docker-archive:`` do: repositories and tags are its ``RepoTags``,
    a host before them left out. Such an archive has no manifests: an OCI manifest is made
    of an image's config and layers, always the same, but not the one by which a registry
    knows the image. An archive that is both is read as a layout.

    What has no name is in a repository called after the file, without ``.tar``.

    The headers of the tar are read once, so that the first question to a long archive
    takes longer than those after it; compressed layers of a Docker archive are read
    then, too, since their digests stand nowhere.

    Source: OCI image-spec v1.1, "Image Layout"; Docker Image Specification v1.2,
    "Combined Image JSON + Filesystem Changeset Format". POSIX systems only.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        super().__init__(path, name, ArchiveStore)
        self._first = asyncio.Lock()

    @property
    def kind(self) -> str:
        """Always ``archive``."""
        return "archive"

    async def ping(self) -> Ping:
        """See what the archive holds.

        Raises
        ------
        NotFoundError
            If there is no file (any more).
        ProtocolError
            If it is no archive of images, or is damaged.
        UnsupportedError
            If it is compressed as a whole.
        ForbiddenError
            If it may not be read.
        """
        return await super().ping()

    async def is_made(self, digest: Digest) -> bool:
        """Tell whether a manifest was made here, since the archive's format has none."""
        return await self._asked(self._store.is_made, digest)

    async def _asked(
        self, question: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Ask on a thread; who asks first reads the headers, and the others wait on none."""
        if not self._store.is_read:
            async with self._first:
                return await super()._asked(question, *args, **kwargs)
        return await super()._asked(question, *args, **kwargs)
