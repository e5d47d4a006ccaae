"""Images in a few words: the files of each layer."""

from __future__ import annotations

import pandas as pd

from ghostnb.frames import files_frame
from ghostnb.oci import Digest
from ghostnb.registries.files.entries import Entry
from ghostnb.registries.images import Layer


def file(path: str, size: int) -> Entry:
    return Entry(path, size, "-rw-r--r--")


def directory(path: str) -> Entry:
    return Entry(path, 0, "drwxr-xr-x")


def without(path: str) -> Entry:
    return Entry(path, 0, "", is_whiteout=True)


def files(*layers: list[Entry]) -> pd.DataFrame:
    """Tabulate an image."""
    return files_frame(
        (Layer(n, Digest.of(b"%d" % n), None, "", 0, None, None), entries)
        for n, entries in enumerate(layers)
    )
