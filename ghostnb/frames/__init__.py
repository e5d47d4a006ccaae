"""Records to DataFrames: one schema a frame, no I/O."""

from ghostnb.frames.audit import AUDIT, audit_events_frame
from ghostnb.frames.backups import CATALOGUE, PROBLEMS, catalogue_frame, problems_frame
from ghostnb.frames.bolt import (
    PLUGINS,
    PROFILES,
    TEMPLATES,
    plugins_frame,
    profiles_frame,
    templates_frame,
)
from ghostnb.frames.files import FILES, PACKAGES, files_frame, packages_frame
from ghostnb.frames.layers import HISTORY, LAYERS, LayersTable, history_frame, layers_frame
from ghostnb.frames.plans import COPIES, DELETIONS, results_frame
from ghostnb.frames.tables import (
    REGISTRIES,
    REPOSITORIES,
    SEARCH,
    TAGS,
    USAGE,
    RegistryRecord,
    registries_frame,
    repositories_frame,
    search_frame,
    tags_frame,
    usage_frame,
)

__all__ = [
    "AUDIT",
    "CATALOGUE",
    "COPIES",
    "DELETIONS",
    "FILES",
    "HISTORY",
    "LAYERS",
    "PACKAGES",
    "PLUGINS",
    "PROBLEMS",
    "PROFILES",
    "REGISTRIES",
    "REPOSITORIES",
    "SEARCH",
    "TAGS",
    "TEMPLATES",
    "USAGE",
    "LayersTable",
    "RegistryRecord",
    "audit_events_frame",
    "catalogue_frame",
    "files_frame",
    "history_frame",
    "layers_frame",
    "packages_frame",
    "plugins_frame",
    "problems_frame",
    "profiles_frame",
    "registries_frame",
    "repositories_frame",
    "results_frame",
    "search_frame",
    "tags_frame",
    "templates_frame",
    "usage_frame",
]
