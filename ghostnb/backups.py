"""Registries kept on disk: backed up, verified, and brought back."""

from collections.abc import Coroutine
from typing import Any

import msgspec
import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.errors import NotFoundError, UnsupportedError
from ghostnb.frames import catalogue_frame, problems_frame
from ghostnb.loop import hop
from ghostnb.places import Place, archive_path, checked_client, place_client
from ghostnb.plans import Plan
from ghostnb.progress_bar import ProgressBar, ProgressOption, StepProgress, transfer_bar
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.patterns import Names
from ghostnb.registries.storing import writable
from ghostnb.registries.walk import Tally
from ghostnb.transfer import TransferTally
from ghostnb.transfer.backups.archive import plan_archive
from ghostnb.transfer.backups.catalogue import read_catalogue
from ghostnb.transfer.backups.directory import plan_backup as plan_directory
from ghostnb.transfer.backups.restore import plan_restore as plan_back
from ghostnb.transfer.backups.verification import verify as verify_contents
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.jobs import Rename
from ghostnb.transfer.syncing.sync import SyncPlan

__all__ = ["catalogue", "plan_backup", "plan_restore", "verify"]


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
    repair: bool = False,
    overwrite: bool = False,
    progress: ProgressOption = None,
) -> Plan:
    """Find out what is to be done for a directory or an archive to hold a registry's content.

    Everything is kept as it is: all platforms, what is attached, and every digest. Nothing is
    written before the plan is applied.

    Parameters
    ----------
    source : RegistryClient
    target : str, path, or RegistryClient
        A directory, which becomes an OCI image layout: another backup into it moves only what is
        new. Or a file that ends with ``.tar``: a layout in an archive, always written whole.
    repositories, tags, exclude_repositories, exclude_tags : str, re.Pattern, iterable, optional
        Names, patterns such as ``team/*``, or regular expressions; by default all, and none
        excluded.
    untagged : bool, optional
        Also manifests that no tag leads to, where the registry lists them, of repositories of
        which all tags are selected.
    prune : bool, optional
        Delete tags from the directory that the registry has no more; by default they are kept.
        An archive has none that are old.
    repair : bool, optional
        Also read every file of the directory, hold it against its digest, and replace what is
        damaged; by default a file has only to be there, with its size. For an archive it means
        nothing: that is always written whole.
    overwrite : bool, optional
        Replace an archive that is there, once the new one is whole. A directory is never
        replaced, but added to.
    progress : bool or callable, optional
        By default a bar of tags that are looked at, where there is someone to see it, for what
        takes over a second; False for none; or a function that takes how many are done and how
        many there are, as far as known, some times a second.

    Returns
    -------
    Plan
        ``plan.frame`` has one row a tag (or manifest without one) that is not in the target:
        action : string, ``copy``, ``update`` (the tag points elsewhere now), ``repair`` (some of
        its content is lost or damaged there) or ``delete``
        registry, repository, tag, digest, media_type : string, the source's
        target_registry, target_repository, target_tag : string
        target_digest : string, what the tag points to now; <NA> if it is not there
        bytes_moved : Int64, after what the target has and what rows before bring
        reason : string; <NA> where the selection is all
        ``plan.bytes_moved`` is their sum, ``plan.notes`` says what else is to be known. Applied
        (``await plan.apply()``), it also writes a catalogue (see `catalogue`), and removes from
        the directory what writes left that were cut off over a day ago.

    Raises
    ------
    ArchiveError
        If the archive is there already, or cannot be written.
    ProtocolError
        If the directory holds something else; it is left alone.
    ForbiddenError
        If the directory may not be written to.
    UnsupportedError
        If the registry does not list its repositories (name them), or the target is another
        registry: that is a sync.
    ValueError, TypeError
        If something of the selection cannot be meant.

    Examples
    --------
    ::

        plan = await ghostnb.plan_backup(registry, "backup", repositories="team/*")
        plan.frame
        await plan.apply()
        await ghostnb.verify("backup")
    """
    here, tally = checked_client(source).registry, Tally()
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags)
    planning: Coroutine[Any, Any, SyncPlan]
    with ProgressBar(tally, source.name, progress) as bar:
        if (path := archive_path(target)) is not None:
            planning = plan_archive(
                here, path, wanted, untagged=untagged, overwrite=overwrite, tally=tally
            )
        else:
            there = _directory(target)
            planning = plan_directory(
                here, there, wanted, untagged=untagged, prune=prune, repair=repair, tally=tally
            )
        return Plan(await hop(planning, on_tick=bar.refresh))


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
    progress: ProgressOption = None,
) -> Plan:
    """Find out what a registry lacks of a backup. Nothing is deleted from it.

    Parameters
    ----------
    source : str, path, or RegistryClient
        A directory or archive that `plan_backup` wrote, or any other OCI image layout.
    target : RegistryClient
    repositories, tags, exclude_repositories, exclude_tags : str, re.Pattern, iterable, optional
        Names in the backup, patterns such as ``team/*``, or regular expressions; by default all,
        and none excluded.
    rename : mapping of str to str, or callable, optional
        Beginnings of repositories, and what stands there in the target:
        ``{"library/": "mirror/"}``; or a function of a name. By default as they were.
    untagged : bool, optional
        Also manifests that no tag leads to, of repositories of which all tags are selected.
    progress : bool or callable, optional
        As of `plan_backup`: a bar of tags, False, or a function of how many are done and how
        many there are.

    Returns
    -------
    Plan
        Its frame has the columns of `plan_backup`'s; an ``update`` moves a tag that the target
        has. What the catalogue names and the backup lacks is in its notes.

    Raises
    ------
    NotFoundError
        If there is no backup.
    ProtocolError
        If what is there is no image layout, or is damaged.
    UnsupportedError
        If the target is only read.
    ConfigError
        If two repositories would get one name.
    ValueError, TypeError
        If something of the selection cannot be meant.
    """
    wanted, tally = Selection(repositories, tags, exclude_repositories, exclude_tags), Tally()
    client = place_client(source)
    with ProgressBar(tally, client.name, progress) as bar:
        planning = plan_back(
            client.registry,
            writable(checked_client(target).registry),
            wanted,
            rename=rename,
            untagged=untagged,
            tally=tally,
        )
        return Plan(await hop(planning, on_tick=bar.refresh))


async def verify(
    source: Place,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    exclude_repositories: Names | None = None,
    exclude_tags: Names | None = None,
    progress: StepProgress = None,
) -> pd.DataFrame:
    """Read every manifest and blob of a backup or registry once, and hold it against its digest.

    Nothing is changed. Of a registry over HTTP, all that is selected is downloaded.

    Parameters
    ----------
    source : str, path, or RegistryClient
        A directory or archive, or any registry.
    repositories, tags, exclude_repositories, exclude_tags : str, re.Pattern, iterable, optional
        Names, patterns such as ``team/*``, or regular expressions; by default all, and none
        excluded.
    progress : bool or callable, optional
        By default a bar of bytes, where there is someone to see it, for what takes over a
        second; False for none; or a function that takes the `Progress` of each blob.

    Returns
    -------
    pandas.DataFrame
        One row for each tag and piece of content that is damaged or missing; no row if all is
        well:
        registry, repository : string
        tag : string, that leads to it; <NA> if none does
        digest, media_type : string, of what is damaged or missing
        size_bytes : Int64, that it should have; <NA> if unknown
        problem : string
        ``.attrs`` has ``manifests``, ``blobs`` (how many are well) and ``size_bytes`` (of those
        blobs) as int, and ``notes`` as list of str: also how what is damaged in a directory is
        healed.

    Raises
    ------
    NotFoundError
        If there is nothing at all.
    UnsupportedError
        If the registry does not list its repositories (name them).
    ValueError, TypeError
        If something of the selection cannot be meant.
    """
    client, tally = place_client(source), TransferTally()
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags)
    with transfer_bar(tally, client.name, progress) as bar:
        checking = verify_contents(client.registry, wanted, tally)
        found = await hop(tally.watch(checking), on_tick=bar.refresh)
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
        A directory or archive that `plan_backup` wrote.

    Returns
    -------
    pandas.DataFrame
        One row a tag, or manifest without one:
        registry : string, where it came from; <NA> if it was there before any backup
        repository : string
        tag : string; <NA> for what has none
        digest, media_type : string, of the manifest
        size_bytes : Int64, of all that belongs to it, manifests included; <NA> if unknown
        backed_up : datetime64[ns, UTC], when it first came
        problem : string, why the last backup could not read it; <NA> for what is there
        ``.attrs`` has ``runs`` (a dict for each of the newest 100 backups that made it, oldest
        first: ``finished``, ``registry``, ``url``, ``ghostnb``), ``blobs`` and ``size_bytes`` of
        the whole, as int.

    Raises
    ------
    NotFoundError
        If there is no catalogue: `ghostnb.plan_backup` writes one.
    ProtocolError
        If what stands in its place is none.
    """
    client = place_client(source)
    found = await hop(read_catalogue(client.registry))
    if found is None:
        # What is not there at all is told as that.
        await client.ping()
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


def _directory(target: Place) -> LayoutRegistry:
    there = place_client(target).registry
    if not isinstance(there, LayoutRegistry):
        raise UnsupportedError(
            f"{there.name} at {there.url} is no directory: a backup is kept on disk.",
            hint="Name a directory, or a file that ends with .tar; between registries: plan_sync.",
            registry=there.name,
        )
    return there
