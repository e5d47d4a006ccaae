"""Archives of images: directories in a tar, and tars as nobody well-meaning writes them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.parts.images import Document
from tests.parts.processes import find_program
from tests.parts.pushes import write_layout

Piece = tuple[str | tarfile.TarInfo, bytes]


def tarred(directory: Path, target: Path) -> Path:
    """Let GNU tar write what is in a directory: its names begin with ``./``."""
    command = [find_program("tar", "tar"), "-C", directory, "-cf", target, "."]
    subprocess.run(command, check=True, timeout=60)
    return target


def archived_layout(target: Path, documents: Mapping[str, Document]) -> Path:
    """Write an image layout that holds documents under names, as an archive."""
    return tarred(write_layout(target.with_suffix(".layout"), documents), target)


def write_tar(target: Path, pieces: Iterable[Piece], **options: Any) -> Path:
    """Write members as they are given: a name and bytes, or a header (a link's) and bytes."""
    with tarfile.open(target, "w", **options) as archive:
        for what, data in pieces:
            info = tarfile.TarInfo(what) if isinstance(what, str) else what
            if isinstance(what, str):
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def link(name: str, target: str, *, hard: bool = False) -> Piece:
    """Give a link as a member."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
    info.linkname = target
    return info, b""


def docker_pieces(
    layers: Sequence[bytes],
    *,
    tags: Sequence[str] | None = ("team/app:1.0",),
    stored: Mapping[int, bytes] | None = None,
) -> dict[str, bytes]:
    """Give the members of a Docker archive of one image.

    Parameters
    ----------
    layers : tars, not compressed.
    tags : its names.
    stored : what stands in the archive for a layer instead, by its number.
    """
    diff_ids = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    places = [f"{number}/layer.tar" for number in range(len(layers))]
    entry = {"Config": name, "RepoTags": tags and list(tags), "Layers": places}
    contents = [(stored or {}).get(number, data) for number, data in enumerate(layers)]
    return {
        name: config,
        **dict(zip(places, contents, strict=True)),
        "manifest.json": json.dumps([entry]).encode(),
    }
