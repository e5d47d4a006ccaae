"""Records to DataFrames: one schema a frame, no I/O."""

from ghostnb.frames.layers import HISTORY, LAYERS, LayersTable, history_frame, layers_frame
from ghostnb.frames.tables import (
    REGISTRIES,
    REPOSITORIES,
    SEARCH,
    TAGS,
    RegistryRecord,
    registries_frame,
    repositories_frame,
    search_frame,
    tags_frame,
)

__all__ = [
    "HISTORY",
    "LAYERS",
    "REGISTRIES",
    "REPOSITORIES",
    "SEARCH",
    "TAGS",
    "LayersTable",
    "RegistryRecord",
    "history_frame",
    "layers_frame",
    "registries_frame",
    "repositories_frame",
    "search_frame",
    "tags_frame",
]
