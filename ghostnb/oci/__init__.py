"""Values of the OCI image specification: parsed at the edge, checked once."""

from ghostnb.oci.config import (
    ContainerConfig,
    HistoryEntry,
    HistoryStep,
    ImageConfig,
    RootFS,
    align_history,
    parse_config,
)
from ghostnb.oci.descriptor import Descriptor
from ghostnb.oci.digest import Digest
from ghostnb.oci.manifest import (
    MAX_MANIFEST_BYTES,
    AnyManifest,
    Index,
    Manifest,
    SchemaOneManifest,
    parse_manifest,
)
from ghostnb.oci.platform import Platform
from ghostnb.oci.reference import Reference, check_repository, check_tag, is_within

__all__ = [
    "MAX_MANIFEST_BYTES",
    "AnyManifest",
    "ContainerConfig",
    "Descriptor",
    "Digest",
    "HistoryEntry",
    "HistoryStep",
    "ImageConfig",
    "Index",
    "Manifest",
    "Platform",
    "Reference",
    "RootFS",
    "SchemaOneManifest",
    "align_history",
    "check_repository",
    "check_tag",
    "is_within",
    "parse_config",
    "parse_manifest",
]
