"""The frame of the files in an image's layers."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ghostnb.frames.schema import CATEGORY, COUNT, TEXT, frame_of
from ghostnb.registries.files.entries import Entry
from ghostnb.registries.files.layer import LayerFiles
from ghostnb.registries.files.overlay import Overlay
from ghostnb.registries.files.packages import Package
from ghostnb.registries.images import Layer

__all__ = ["FILES", "PACKAGES", "files_frame", "packages_frame"]

FILES = {
    "path": TEXT,
    "size_bytes": COUNT,
    "mode": CATEGORY,
    "link": TEXT,
    "layer": COUNT,
    "digest": CATEGORY,
    "change": CATEGORY,
}
PACKAGES = {
    "manager": CATEGORY,
    "name": TEXT,
    "version": TEXT,
    "path": TEXT,
    "layer": COUNT,
}


class _Row:
    """One row of the frame."""

    __slots__ = ("change", "digest", "layer", "link", "mode", "path", "sha256", "size_bytes")

    def __init__(self, layer: Layer, entry: Entry, change: str) -> None:
        self.path = entry.path
        self.size_bytes = 0 if change == "removed" else entry.size_bytes
        self.mode = entry.mode or None
        self.link = entry.link
        self.layer = layer.position
        self.digest = layer.digest
        self.change = change
        self.sha256 = entry.sha256.hex() or None


def files_frame(
    layers: Iterable[tuple[Layer, Sequence[Entry]]], *, sha256: bool = False
) -> pd.DataFrame:
    """Tabulate what each layer of an image adds, changes and takes away.

    Parameters
    ----------
    layers : iterable of (Layer, sequence of Entry)
        From the base up.
    sha256 : bool, optional
        Also a column of that name: string, of a file's content; <NA> if it was not computed.

    Returns
    -------
    pandas.DataFrame, shape (n_changes, 7)
        path : string, absolute
        size_bytes : Int64, of a file, unpacked; 0 for all else, and for what is removed
        mode : category of string, as ``ls -l`` writes it, of what is removed as it was below;
        ``h…`` is a hard link; <NA> of a directory that is removed and that no layer lists
        link : string, where a link leads; <NA> for all else
        layer : Int64, its position, from 0, the base
        digest : category of string, the layer's
        change : category of string, ``added``, ``modified`` or ``removed``
        In the order of the layers. The last row of a path is what became of it: without those
        that say ``removed``, these are the image's files.

    Notes
    -----
    A directory that a layer lists as it was below is no change. Each file below a directory that
    was removed has a row. Source: OCI image-spec v1.1, "Image Layer Filesystem Changeset".
    """
    overlay = Overlay()
    rows: list[Any] = []
    for layer, entries in layers:
        rows += [_Row(layer, one.entry, one.change) for one in overlay.put(entries)]
    return frame_of({**FILES, "sha256": TEXT} if sha256 else FILES, rows)


def packages_frame(layers: Iterable[tuple[Layer, LayerFiles]]) -> pd.DataFrame:
    """Tabulate the packages that an image has at the end.

    Parameters
    ----------
    layers : iterable of (Layer, LayerFiles)
        From the base up, read with `ghostnb.registries.files.packages.package_reader`.

    Returns
    -------
    pandas.DataFrame, shape (n_packages, 5)
        manager : category of string, ``dpkg``, ``apk``, ``python`` or ``npm``
        name, version : string
        path : string, of the file that says so
        layer : Int64, the position of the layer that wrote that file last
        By manager, name and version.
    """
    overlay = Overlay()
    found: dict[str, list[_PackageRow]] = {}
    for layer, files in layers:
        for one in overlay.put(files.entries):
            found.pop(one.entry.path, None)
        for path, packages in files.contents.items():
            found[path] = [_PackageRow(layer, package) for package in packages]
    rows = [row for path in found for row in found[path]]
    rows.sort(key=lambda row: (row.manager, row.name, row.version))
    return frame_of(PACKAGES, rows)


class _PackageRow:
    """One row of the frame of packages."""

    __slots__ = ("layer", "manager", "name", "path", "version")

    def __init__(self, layer: Layer, package: Package) -> None:
        self.layer = layer.position
        self.manager = package.manager
        self.name = package.name
        self.version = package.version
        self.path = package.path
