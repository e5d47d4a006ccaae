"""What a registry in memory holds of one repository."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ghostnb.oci import Descriptor, Digest, Index, Manifest
from ghostnb.registries.records import ManifestRecord

__all__ = ["Contents"]


@dataclass(slots=True)
class Contents:
    """Manifests by digest, and which of them tags point to."""

    manifests: dict[Digest, Manifest | Index] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)

    @property
    def described(self) -> dict[Digest, Descriptor]:
        """Give the descriptor of each manifest."""
        return {
            digest: Descriptor(manifest.media_type, digest, len(manifest.raw))
            for digest, manifest in self.manifests.items()
        }

    def roots(self, young: Collection[Digest]) -> list[Descriptor]:
        """Give what tags point to, and what is young."""
        tagged = set(self.tags.values())
        return [
            entry for digest, entry in self.described.items() if digest in tagged or digest in young
        ]

    def records(self) -> list[ManifestRecord]:
        """Describe the manifests, each with its tags in lexical order."""
        tags: dict[Digest, list[str]] = {digest: [] for digest in self.manifests}
        for tag, digest in sorted(self.tags.items()):
            tags[digest].append(tag)
        return [
            ManifestRecord(digest, one.media_type, len(one.raw), tuple(tags[digest]))
            for digest, one in self.manifests.items()
        ]

    def forget(self, digest: Digest) -> None:
        """Drop a manifest with its tags."""
        del self.manifests[digest]
        self.tags = {tag: one for tag, one in self.tags.items() if one != digest}
