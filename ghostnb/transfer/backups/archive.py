"""A registry kept in one file: written straight to it, each piece of content once."""

import asyncio
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ghostnb.errors import IncompleteError
from ghostnb.new_file import check_free
from ghostnb.registries.layout.faults import check_writable
from ghostnb.registries.protocol import Registry
from ghostnb.registries.walk import Tally
from ghostnb.transfer.archive import new_archive
from ghostnb.transfer.backups.catalogue import Catalogue
from ghostnb.transfer.backups.directory import BackupRecord
from ghostnb.transfer.backups.layout_archive import LayoutArchive
from ghostnb.transfer.faults import translated
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncDraft, SyncPlan, draft_sync
from ghostnb.transfer.tally import TransferTally

__all__ = ["ArchivePlan", "plan_archive"]


class ArchivePlan(SyncPlan):
    """What is to be in an archive. Made by `plan_archive`.

    Applied, it writes the file anew, which has its name when all is in it that can be read;
    what cannot is told by `IncompleteError`, and in the catalogue. If nothing can, or the disk
    is full, there is no file. Applied again after that, it begins at the beginning.
    """

    title = "Backup"

    def __init__(
        self,
        source: Registry,
        target: LayoutArchive,
        path: Path,
        draft: SyncDraft,
        notes: Iterable[str],
        *,
        overwrite: bool,
    ) -> None:
        super().__init__(draft, notes)
        self._file, self._path = target, path
        self._may_replace = overwrite
        self._record = BackupRecord(source, draft)

    async def _apply(self, tally: TransferTally) -> None:
        if self.is_done:
            return
        self._begin_anew()
        incomplete = await self._write(tally)
        # What is there from now on is ours.
        self._may_replace = True
        if incomplete is not None:
            raise incomplete

    async def _write(self, tally: TransferTally) -> IncompleteError | None:
        try:
            async with new_archive(self._path, overwrite=self._may_replace) as archive:
                await archive.check_room(self.bytes_moved)
                self._file.begin(archive)
                incomplete = await self._fill(tally)
                if incomplete is not None and self._path.exists():
                    kept = f"{self._path} was kept as it was."
                    self._take_back(kept)
                    incomplete.hint = f"{kept} {incomplete.hint}"
                    raise incomplete
                failed = self._failed()
                usage = await self._file.usage()
                made = await self._record.catalogue(self._file, usage, failed, Catalogue())
                await self._file.finish(made.encode())
        except IncompleteError:
            # Nothing could be read, and results say why.
            raise
        except BaseException:
            # Without the file nothing of it is done, whatever was written.
            self._begin_anew()
            raise
        return incomplete

    async def _fill(self, tally: TransferTally) -> IncompleteError | None:
        try:
            await super()._apply(tally)
        except IncompleteError as e:
            if self._file.error is not None:
                raise self._file.error from e
            if len(self._failed()) == len(self.steps):
                raise
            return e
        return None


async def plan_archive(
    source: Registry,
    path: Path,
    selection: Selection,
    *,
    untagged: bool = True,
    overwrite: bool = False,
    tally: Tally | None = None,
) -> ArchivePlan:
    """Find out what an archive is to hold of what is selected of a registry.

    It is an OCI image layout in a tar, as skopeo and Podman read it, too.

    Parameters
    ----------
    source : Registry
    path : Path
        The file.
    selection : Selection
    untagged : bool, optional
        See `plan_backup`.
    overwrite : bool, optional
        Replace what is there, at the end.
    tally : Tally, optional
        Of the tags that are looked at: kept up to date.

    Raises
    ------
    ArchiveError
        If the file is there already, or cannot be written.
    UnsupportedError
        If the source does not list its repositories.
    """
    file = await asyncio.to_thread(_checked, path, overwrite=overwrite)
    target = LayoutArchive(file)
    draft = await draft_sync(
        source, target, selection, referrers=True, untagged=untagged, tally=tally
    )
    notes = [] if draft.steps else ["Nothing is selected: no archive will be written."]
    return ArchivePlan(source, target, file, draft, notes, overwrite=overwrite)


def _checked(path: Path, *, overwrite: bool) -> Path:
    """Give the file's absolute path: a notebook may change its directory meanwhile."""
    with translated(path):
        path = path.absolute()
        check_free(path, overwrite=overwrite)
        if overwrite and path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        check_writable(os.fspath(path.parent))
    return path
