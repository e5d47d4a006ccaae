"""A registry in a file: an archive that Docker, Podman, skopeo or ghostnb saved, read only."""

from ghostnb.registries.archive.registry import ArchiveRegistry

__all__ = ["ArchiveRegistry"]
