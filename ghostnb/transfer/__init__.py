"""Images on their way: coroutines for one loop, over any registry."""

from ghostnb.transfer.backups.archive import ArchivePlan, plan_archive
from ghostnb.transfer.backups.catalogue import Catalogue, CatalogueEntry, read_catalogue
from ghostnb.transfer.backups.directory import BackupPlan, plan_backup
from ghostnb.transfer.backups.restore import RestorePlan, plan_restore
from ghostnb.transfer.backups.verification import Problem, Verification, verify
from ghostnb.transfer.copying import Copied, Copier
from ghostnb.transfer.deleting.deletion import DeletionPlan, plan_deletion
from ghostnb.transfer.names import archive_name, free_path, full_name
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.pushing.artifacts import ArtifactOptions
from ghostnb.transfer.pushing.push import Pushed, push_path
from ghostnb.transfer.saving import is_loadable, save_image
from ghostnb.transfer.tally import TransferTally

__all__ = [
    "ArchivePlan",
    "ArtifactOptions",
    "BackupPlan",
    "Catalogue",
    "CatalogueEntry",
    "Copied",
    "Copier",
    "DeletionPlan",
    "Plan",
    "Problem",
    "Pushed",
    "RestorePlan",
    "TransferTally",
    "Verification",
    "archive_name",
    "free_path",
    "full_name",
    "is_loadable",
    "plan_archive",
    "plan_backup",
    "plan_deletion",
    "plan_restore",
    "push_path",
    "read_catalogue",
    "save_image",
    "verify",
]
