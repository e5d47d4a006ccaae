"""Registries kept on disk: backed up, verified, and brought back."""

import os
from pathlib import Path
from typing import TypeAlias

import msgspec
import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.errors import NotFoundError, UnsupportedError
from ghostnb.frames import catalogue_frame, problems_frame
from ghostnb.loop import hop
from ghostnb.plans import Plan
from ghostnb.progress_bar import ProgressBar, ProgressOption
from ghostnb.registries.config import LAYOUT_SCHEME
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.patterns import Names
from ghostnb.registries.storing import writable
from ghostnb.transfer import TransferTally
from ghostnb.transfer.backup import plan_backup as plan_directory
from ghostnb.transfer.backup_archive import plan_archive
from ghostnb.transfer.catalogue import read_catalogue
from ghostnb.transfer.restoring import plan_restore as plan_back
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.sync_jobs import Rename
from ghostnb.transfer.verification import verify as verify_contents

__all__ = ["catalogue", "plan_backup", "plan_restore", "verify"]

Place: TypeAlias = RegistryClient | str | os.PathLike[str]
_ARCHIVE = ".tar"


async def plan_backup(
    source: RegistryClient,
    target: Place,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    exclude_repositories: Names | None = None,
    exclude_tags: Names | None = None,
    untagged: bool = True,
    prune: bool = False,
    overwrite: bool = False,
) -> Plan:
    """Find out what is to be done for a directory or an archive to hold a registry's content.

    Everything is kept as it is: all platforms, what is attached, and every digest.

    Parameters
    ----------
    source : RegistryClient
    target : str, path, or RegistryClient
        A directory, which becomes an OCI image layout: another backup into it moves only what is
        new. Or a file that ends with ``.tar``: a layout in an archive, always written whole.
    repositories, tags, exclude_repositories, exclude_tags
        As for `plan_sync`; by default all.
    untagged : bool, optional
        Also manifests that no tag leads to, where the registry lists them.
    prune : bool, optional
        Delete what the registry has no more from the directory; by default it is kept.
    overwrite : bool, optional
        Replace an archive that is there.

    Returns
    -------
    Plan
        As of `plan_sync`. Applied, it also writes a catalogue; see `catalogue`.

    Raises
    ------
    ArchiveError
        If the archive is there already, or cannot be written.
    ProtocolError
        If the directory holds something else; it is left alone.
    UnsupportedError
        If the registry does not list its repositories (name them).
    """
    here = _client(source).registry
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags)
    path = _archive_path(target)
    if path is not None:
        planning = plan_archive(here, path, wanted, untagged=untagged, overwrite=overwrite)
        return Plan(await hop(planning))
    there = _client(target).registry
    if not isinstance(there, LayoutRegistry):
        raise UnsupportedError(
            f"{there.name} at {there.url} is no directory: a backup is kept on disk.",
            hint="Name a directory, or a file that ends with .tar; between registries: plan_sync.",
            registry=there.name,
        )
    return Plan(await hop(plan_directory(here, there, wanted, untagged=untagged, prune=prune)))


async def plan_restore(
    source: Place,
    target: RegistryClient,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    exclude_repositories: Names | None = None,
    exclude_tags: Names | None = None,
    rename: Rename = None,
    untagged: bool = True,
) -> Plan:
    """Find out what a registry lacks of a backup. Nothing is deleted from it.

    Parameters
    ----------
    source : str, path, or RegistryClient
        A directory or archive that `plan_backup` wrote, or any other OCI image layout.
    target : RegistryClient
    repositories, tags, exclude_repositories, exclude_tags, rename
        As for `plan_sync`; by default all, as they were.
    untagged : bool, optional
        Also manifests that no tag leads to.

    Returns
    -------
    Plan
        As of `plan_sync`. What the catalogue names and the backup lacks is in its notes.

    Raises
    ------
    NotFoundError
        If there is no backup.
    UnsupportedError
        If the target is only read.
    """
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags)
    planning = plan_back(
        _client(source).registry,
        writable(_client(target).registry),
        wanted,
        rename=rename,
        untagged=untagged,
    )
    return Plan(await hop(planning))


async def verify(
    source: Place,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    progress: ProgressOption = None,
) -> pd.DataFrame:
    """Read every manifest and blob of a backup or registry once, and hold it against its digest.

    Parameters
    ----------
    source : str, path, or RegistryClient
    repositories, tags : str, re.Pattern, or iterable of these, optional
        Only these; by default all.
    progress : bool or callable, optional
        As for `RegistryClient.inventory`; in bytes.

    Returns
    -------
    pandas.DataFrame
        As `ghostnb.frames.problems_frame`: one row for each tag and piece of content that is
        damaged or missing; no row if all is well. ``.attrs`` has ``manifests``, ``blobs`` and
        ``size_bytes`` that were read, and ``notes``.

    Raises
    ------
    NotFoundError
        If there is nothing at all.
    UnsupportedError
        If the registry does not list its repositories (name them).
    """
    client, tally = _client(source), TransferTally()
    checking = verify_contents(client.registry, Selection(repositories, tags), tally)
    with ProgressBar(tally, client.name, progress, unit="B") as bar:
        found = await hop(checking, on_tick=bar.refresh)
    frame = problems_frame(found.problems)
    frame.attrs |= {
        "manifests": found.manifests,
        "blobs": found.blobs,
        "size_bytes": found.size_bytes,
        "notes": list(found.notes),
    }
    return frame


async def catalogue(source: Place) -> pd.DataFrame:
    """Read what a backup says that it holds, without looking at the content.

    Parameters
    ----------
    source : str, path, or RegistryClient

    Returns
    -------
    pandas.DataFrame
        As `ghostnb.frames.catalogue_frame`. ``.attrs`` has ``runs`` (the backups that made it,
        oldest first: when, of which registry), ``blobs`` and ``size_bytes`` of the whole.

    Raises
    ------
    NotFoundError
        If there is no catalogue: `ghostnb.plan_backup` writes one.
    """
    client = _client(source)
    found = await hop(read_catalogue(client.registry))
    if found is None:
        raise NotFoundError(
            f"{client.name} at {client.config.url} has no catalogue.",
            hint="plan_backup writes one; its tags() and inventory() say what is there.",
            registry=client.name,
        )
    frame = catalogue_frame(found.rows)
    frame.attrs |= {
        "runs": msgspec.to_builtins(found.runs),
        "blobs": found.blobs,
        "size_bytes": found.size_bytes,
    }
    return frame


def _archive_path(target: Place) -> Path | None:
    """Give the path of an archive that is to be written; None for anything else."""
    text = target.config.url if isinstance(target, RegistryClient) else os.fspath(target)
    text = text.removeprefix(LAYOUT_SCHEME)
    return Path(text).expanduser() if text.endswith(_ARCHIVE) else None


def _client(place: Place) -> RegistryClient:
    if isinstance(place, RegistryClient):
        return place
    text = os.fspath(place)
    return RegistryClient(text if text.startswith(LAYOUT_SCHEME) else f"{LAYOUT_SCHEME}{text}")
