"""A registry kept in a directory: only what is new moves, and a catalogue says what is there."""

from collections.abc import Iterable

from ghostnb.errors import GhostnbError, IncompleteError, ProtocolError
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.protocol import Registry
from ghostnb.registries.walk import Tally
from ghostnb.transfer.backups.catalogue import (
    Catalogue,
    CatalogueEntry,
    Key,
    Run,
    catalogue_of,
    check_catalogue,
    read_catalogue,
)
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncDraft, SyncPlan, SyncStep, draft_sync
from ghostnb.transfer.tally import TransferTally

__all__ = ["BackupPlan", "plan_backup"]


class BackupPlan(SyncPlan):
    """What a directory lacks of a registry. Made by `plan_backup`.

    Applied, it also writes the catalogue, even if nothing moved or some images could not be
    read: these are in it, too.
    """

    title = "Backup"

    def __init__(
        self, source: Registry, target: LayoutRegistry, draft: SyncDraft, notes: Iterable[str]
    ) -> None:
        super().__init__(draft, notes)
        self._layout = target
        self._record = BackupRecord(source, draft)

    async def _apply(self, tally: TransferTally) -> None:
        await self._layout.remove_leftovers()
        try:
            await super()._apply(tally)
        except IncompleteError as e:
            await self._note_beside(e)
            raise
        await self._write_catalogue()

    async def _note_beside(self, incomplete: IncompleteError) -> None:
        try:
            await self._write_catalogue()
        except GhostnbError as e:
            incomplete.hint += f" The catalogue could not be written either: {e}"

    async def _write_catalogue(self) -> None:
        # What it holds is described anew; only what is known of it besides is taken over.
        try:
            before = await read_catalogue(self._layout) or Catalogue()
        except ProtocolError:
            before = Catalogue()
        usage = await self._usage()
        made = await self._record.catalogue(self._layout, usage, self._failed(), before)
        await self._layout.write_catalogue(made.encode())

    async def _usage(self) -> tuple[int, int]:
        await self._layout.make()
        return await self._layout.usage()


class BackupRecord:
    """What is to be said of a backup when it has been made.

    Parameters
    ----------
    source : Registry
    draft : SyncDraft
    """

    def __init__(self, source: Registry, draft: SyncDraft) -> None:
        self._source = source
        self._brought: set[Key] = {
            (one.job.target_repository, one.job.target_tag or None, one.digest)
            for one in draft.findings
        }
        self._unlisted = [
            CatalogueEntry(
                registry=failure.registry,
                repository=failure.repository,
                tag=failure.tag or None,
                problem=str(failure.error),
            )
            for failure in draft.failures
        ]

    async def catalogue(
        self,
        target: Registry,
        usage: tuple[int, int],
        failed: Iterable[tuple[SyncStep, str]],
        before: Catalogue,
    ) -> Catalogue:
        """Describe the backup; see `catalogue_of`.

        Parameters
        ----------
        target : Registry
        usage : tuple of int, int
        failed : iterable of (SyncStep, str)
            What could not be copied, and why.
        before : Catalogue
        """
        unread = [
            CatalogueEntry(
                registry=step.registry,
                repository=step.target_repository,
                tag=step.target_tag,
                digest=str(step.digest) if step.digest else None,
                media_type=step.media_type,
                problem=problem,
            )
            for step, problem in failed
        ]
        return await catalogue_of(
            target, usage, Run.of(self._source), self._brought, self._unlisted + unread, before
        )


async def plan_backup(
    source: Registry,
    target: LayoutRegistry,
    selection: Selection,
    *,
    untagged: bool = True,
    prune: bool = False,
    repair: bool = False,
    tally: Tally | None = None,
) -> BackupPlan:
    """Find out what is to be done for a directory to hold what is selected of a registry.

    Everything is kept as it is: all platforms, what is attached, and every digest.

    Parameters
    ----------
    source : Registry
    target : LayoutRegistry
        A layout, perhaps of an earlier backup; or a directory that is empty or not there yet.
    selection : Selection
    untagged : bool, optional
        Also manifests that no tag leads to, of repositories that are selected as a whole, if
        the source lists them.
    prune : bool, optional
        Delete tags that the source has no more; by default they are kept.
    repair : bool, optional
        Read every file, and send what is damaged, too; by default it has only to be there, with
        its size.
    tally : Tally, optional
        Of the tags that are looked at: kept up to date.

    Raises
    ------
    ProtocolError
        If the directory holds something else. Nothing in it is touched.
    ForbiddenError
        If it may not be written to.
    UnsupportedError
        If the source does not list its repositories.
    """
    is_there = await target.check_usable()
    draft = await draft_sync(
        source,
        target,
        selection,
        referrers=True,
        untagged=untagged,
        prune=prune,
        repair=repair,
        tally=tally,
    )
    notes = await _lost(target, selection) if is_there else ()
    return BackupPlan(source, target, draft, notes)


async def _lost(target: LayoutRegistry, selection: Selection) -> list[str]:
    try:
        before = await read_catalogue(target)
    except ProtocolError as e:
        return [f"{e.message} It will be written anew."]
    if before is None:
        return []
    return await check_catalogue(target, Catalogue(entries=before.entries), selection)
