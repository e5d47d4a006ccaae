"""File systems of a few megabytes, to be filled up. Mounting wants root, as CI is."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """Make ``directory`` a file system of its own for as long as the context lasts."""
    directory.mkdir()
    options = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def make_read_only(directory: Path) -> None:
    """Let nobody write to a `small_disk` any more, not even root."""
    subprocess.run(["mount", "-o", "remount,ro", directory], check=True)


def fill_up(file: Path) -> None:
    """Write until there is no space left."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
