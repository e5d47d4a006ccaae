"""Images on their way: coroutines for one loop, over any registry."""

from ghostnb.transfer.artifacts import ArtifactOptions
from ghostnb.transfer.backup import BackupPlan, plan_backup
from ghostnb.transfer.backup_archive import ArchivePlan, plan_archive
from ghostnb.transfer.catalogue import Catalogue, CatalogueEntry, read_catalogue
from ghostnb.transfer.copying import Copied, Copier
from ghostnb.transfer.deletion import DeletionPlan, plan_deletion
from ghostnb.transfer.names import archive_name, free_path, full_name
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.pushing import Pushed, push_path
from ghostnb.transfer.restoring import RestorePlan, plan_restore
from ghostnb.transfer.saving import is_loadable, save_image
from ghostnb.transfer.tally import TransferTally
from ghostnb.transfer.verification import Problem, Verification, verify

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
