"""A registry in a file: an archive that Docker, Podman, skopeo or ghostnb saved, read only."""

from ghostnb.registries.archive.registry import ArchiveRegistry
from ghostnb.registries.archive.store import holds_images

__all__ = ["ArchiveRegistry", "holds_images"]
