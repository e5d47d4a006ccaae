"""What DataFrames of registries say: arithmetic of bytes, over whole registries."""

from ghostnb.analysis.comparison import compare
from ghostnb.analysis.cost import cost
from ghostnb.analysis.deletion import freed_bytes
from ghostnb.analysis.difference import ImageDiff
from ghostnb.analysis.efficiency import Efficiency, efficiency
from ghostnb.analysis.folders import final_files, folder_sizes
from ghostnb.analysis.growth import growth, trend
from ghostnb.analysis.largest import largest_layers
from ghostnb.analysis.lineage import bases, rebuilds
from ghostnb.analysis.sharing import sharing
from ghostnb.analysis.snapshots import read_snapshot, snapshot
from ghostnb.analysis.storage import storage

__all__ = [
    "Efficiency",
    "ImageDiff",
    "bases",
    "compare",
    "cost",
    "efficiency",
    "final_files",
    "folder_sizes",
    "freed_bytes",
    "growth",
    "largest_layers",
    "read_snapshot",
    "rebuilds",
    "sharing",
    "snapshot",
    "storage",
    "trend",
]
