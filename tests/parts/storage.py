"""Write docker-registry's storage directly: thousands of images in seconds.

Source: distribution, registry/storage/paths.go. Good for an empty directory, before the
registry starts or while it runs (it caches no absence).
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Mapping
from pathlib import Path

from tests.parts.images import Document, Step, image
from tests.parts.layers import Layer, gzip_layer, layer_of

Repositories = Mapping[str, Mapping[str, Document]]


def write_storage(storage_dir: Path, repositories: Repositories) -> None:
    """Write repositories (name to tag to document) below a registry's ``storage_dir``.

    Every document of one repository must have its own tags, as in the registry; the same
    document under many tags is written once.
    """
    root = storage_dir / "docker" / "registry" / "v2"
    writer = _Writer(str(root.absolute()))
    for repository, tags in repositories.items():
        for tag, document in tags.items():
            writer.document(repository, document)
            writer.tag(repository, tag, document.digest)


class _Writer:
    def __init__(self, root: str) -> None:
        self._root = root
        self._written: set[str] = set()
        self._directories: set[str] = {""}

    def document(self, repository: str, document: Document) -> None:
        revisions = f"repositories/{repository}/_manifests/revisions"
        if f"{revisions}/{_path(document.digest)}/link" in self._written:
            return
        for blob in document.blobs:
            if blob.pushed:
                self._blob(repository, blob)
        for child in document.children:
            self.document(repository, child)
        self._data(document.digest, document.raw)
        self._link(revisions, document.digest)

    def tag(self, repository: str, tag: str, digest: str) -> None:
        place = f"repositories/{repository}/_manifests/tags/{tag}"
        self._file(f"{place}/current/link", digest.encode())
        self._link(f"{place}/index", digest)

    def _blob(self, repository: str, blob: Layer) -> None:
        self._data(blob.digest, blob.data)
        self._link(f"repositories/{repository}/_layers", blob.digest)

    def _data(self, digest: str, data: bytes) -> None:
        hexadecimal = digest.removeprefix("sha256:")
        self._file(f"blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data", data)

    def _link(self, place: str, digest: str) -> None:
        self._file(f"{place}/{_path(digest)}/link", digest.encode())

    def _file(self, name: str, data: bytes) -> None:
        if name in self._written:
            return
        self._written.add(name)
        path = f"{self._root}/{name}"
        self._directory(path.rpartition("/")[0])
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(file, data)
        os.close(file)

    def _directory(self, path: str) -> None:
        """Make a directory and its parents, asking the system once for each."""
        if path in self._directories:
            return
        self._directories.add(path)
        self._directory(path.rpartition("/")[0])
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)


def _path(digest: str) -> str:
    return digest.replace(":", "/")


def many_images(count: int, *, seed: int = 7, layers: int = 4, shared: int = 3) -> list[Document]:
    """Build ``count`` images with distinct configs; the first ``shared`` layers are common.

    Cheap: what differs between them is a few bytes, so that thousands take a second.
    """
    base = [layer_of(f"{seed}/base/{n}") for n in range(shared)]
    chance = random.Random(seed)
    made = []
    for number in range(count):
        own = [
            gzip_layer(chance.randbytes(64), fast_seed=f"{seed}/{number}/{n}")
            for n in range(layers - shared)
        ]
        steps = [Step(f"RUN step {n}", layer) for n, layer in enumerate([*base, *own])]
        made.append(image([*steps, Step(f"ENV NUMBER={number}")]))
    return made
