"""A backup brought back: into any registry, with every digest that it had."""

from ghostnb.errors import ProtocolError
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.walk import Tally
from ghostnb.transfer.backups.catalogue import check_catalogue, read_catalogue
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.jobs import Rename
from ghostnb.transfer.syncing.sync import SyncPlan, draft_sync

__all__ = ["RestorePlan", "plan_restore"]


class RestorePlan(SyncPlan):
    """What a registry lacks of a backup. Made by `plan_restore`."""

    title = "Restore"
    done_status = "Restored"


async def plan_restore(
    source: Registry,
    target: WritableRegistry,
    selection: Selection,
    *,
    rename: Rename = None,
    untagged: bool = True,
    tally: Tally | None = None,
) -> RestorePlan:
    """Find out what is to be done for a registry to have what is selected of a backup.

    Nothing is deleted in it. What the backup should hold by its catalogue, and does not, is in
    the plan's notes.

    Parameters
    ----------
    source : Registry
        A directory or archive, by whichever program.
    target : WritableRegistry
    selection : Selection
    rename : mapping of str to str, or callable, optional
        See `draft_sync`.
    untagged : bool, optional
        See `plan_backup`.
    tally : Tally, optional
        Of the tags that are looked at: kept up to date.

    Raises
    ------
    NotFoundError
        If there is no backup.
    ConfigError
        If two repositories would become one.
    """
    await source.ping()
    draft = await draft_sync(
        source, target, selection, rename=rename, referrers=True, untagged=untagged, tally=tally
    )
    return RestorePlan(draft, await _by_catalogue(source, selection))


async def _by_catalogue(source: Registry, selection: Selection) -> list[str]:
    try:
        catalogue = await read_catalogue(source)
    except ProtocolError as e:
        return [f"{e.message} What should be there is not known."]
    if catalogue is None:
        return ["There is no catalogue, so that it is not known what should be there."]
    return await check_catalogue(source, catalogue, selection)
