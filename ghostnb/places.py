"""What images are taken from and brought to: a client, or a path on this machine's disk."""

import os
from pathlib import Path
from typing import TypeAlias

from ghostnb.arguments import wrong_type
from ghostnb.client import RegistryClient
from ghostnb.errors import redact_url
from ghostnb.registries.config import LAYOUT_SCHEME

__all__ = ["Place", "archive_path", "checked_client", "place_client"]

Place: TypeAlias = RegistryClient | str | os.PathLike[str]
_ARCHIVE = ".tar"
_COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".zip")


def checked_client(client: RegistryClient) -> RegistryClient:
    """Give a client back; anything else is the caller's mistake, and is told at once."""
    if not isinstance(client, RegistryClient):
        shown = _shown(client) if isinstance(client, str) else repr(client)
        raise TypeError(f"A RegistryClient is wanted, such as fleet['local-drift'], not {shown}.")
    return client


def place_client(place: Place) -> RegistryClient:
    """Give a client of a directory or file; a client stays what it is.

    What is a target has been given to `archive_path` before.
    """
    if isinstance(place, RegistryClient):
        return place
    path = _path(place, "source")
    return RegistryClient(path if path.startswith(LAYOUT_SCHEME) else f"{LAYOUT_SCHEME}{path}")


def archive_path(place: Place) -> Path | None:
    """Give the path of an archive that is to be written; None for anything else."""
    text = place.config.url if isinstance(place, RegistryClient) else _path(place, "target")
    text = text.removeprefix(LAYOUT_SCHEME)
    if text.endswith(_COMPRESSED):
        raise ValueError(
            f"{text} would be a compressed archive, and what is in it is compressed already: "
            "name it ….tar."
        )
    return Path(text).expanduser() if text.endswith(_ARCHIVE) else None


def _path(place: str | os.PathLike[str], name: str) -> str:
    path = os.fspath(place) if isinstance(place, str | os.PathLike) else None
    if not isinstance(path, str):
        raise wrong_type(name, "a path such as 'backup', or a RegistryClient,", place)
    if "://" in path:
        raise TypeError(
            "A path or a RegistryClient is wanted, not an address: "
            f"RegistryClient({redact_url(path)!r})."
        )
    return path


def _shown(address: str) -> str:
    """Write an address without what may be a password."""
    return redact_url(address) if "://" in address else address.rpartition("@")[2]
