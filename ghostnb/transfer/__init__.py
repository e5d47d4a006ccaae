"""Images on their way: coroutines for one loop, over any registry."""

from ghostnb.transfer.copying import Copied, Copier
from ghostnb.transfer.deletion import DeletionPlan, plan_deletion
from ghostnb.transfer.names import archive_name, free_path, full_name
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.saving import is_loadable, save_image
from ghostnb.transfer.tally import TransferTally

__all__ = [
    "Copied",
    "Copier",
    "DeletionPlan",
    "Plan",
    "TransferTally",
    "archive_name",
    "free_path",
    "full_name",
    "is_loadable",
    "plan_deletion",
    "save_image",
]
