"""What a repository holds: manifests, their tags, and what leads to what."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from ghostnb.errors import GhostnbError, InvalidReferenceError
from ghostnb.oci import AnyManifest, Descriptor, Digest, Index, Manifest
from ghostnb.registries.referrers import fallback_tag
from ghostnb.transfer.contents import blobs_of

__all__ = ["HeldManifest", "Holdings", "subject_of_tag"]

# distribution-spec v1.1, "Referrers Tag Schema"; cosign adds .sig, .att and .sbom.
_FALLBACK = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\.[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True, slots=True)
class HeldManifest:
    """A manifest, without its bytes.

    Attributes
    ----------
    digest : Digest
    media_type : str
    size_bytes : int
        Of the manifest itself.
    blobs : tuple of Descriptor
        Config and layers that are in the registry.
    children : tuple of Digest or None
        What an index holds; None if it may be one and cannot be read.
    subject : Digest or None
        What it is attached to.
    """

    digest: Digest
    media_type: str
    size_bytes: int
    blobs: tuple[Descriptor, ...] = ()
    children: tuple[Digest, ...] | None = ()
    subject: Digest | None = None

    @classmethod
    def of(cls, manifest: Manifest | Index) -> "HeldManifest":
        """Take from a manifest what is of interest here."""
        return cls(
            manifest.digest,
            manifest.media_type,
            len(manifest.raw),
            tuple(blobs_of(manifest)),
            tuple(one.digest for one in entries_of(manifest)),
            manifest.subject.digest if manifest.subject else None,
        )


@dataclass(slots=True)
class _Links:
    tags: dict[Digest, list[str]] = field(default_factory=dict)
    parents: dict[Digest, list[Digest]] = field(default_factory=dict)
    referrers: dict[Digest, list[Digest]] = field(default_factory=dict)


@dataclass
class Holdings:
    """What one repository holds, as far as it could be read.

    Attributes
    ----------
    repository : str
    manifests : dict of Digest to HeldManifest
    tags : dict of str to Digest
    unread : dict of str to GhostnbError
        Tags of which not even the digest is known.
    """

    repository: str
    manifests: dict[Digest, HeldManifest] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)
    unread: dict[str, GhostnbError] = field(default_factory=dict)

    def tags_of(self, digest: Digest) -> list[str]:
        """List the tags of a manifest, in lexical order."""
        return self._links.tags.get(digest, [])

    def parents_of(self, digest: Digest) -> list[Digest]:
        """List the indexes that hold a manifest."""
        return self._links.parents.get(digest, [])

    def referrers_of(self, digest: Digest) -> list[Digest]:
        """List what is attached to a manifest: by its subject, or by a tag made of the digest."""
        return self._links.referrers.get(digest, [])

    def subjects_of(self, digest: Digest) -> list[Digest]:
        """List what a manifest is attached to, and is there."""
        return self._subjects(self.manifests[digest], self.tags_of(digest))

    def children_of(self, digest: Digest) -> list[Digest]:
        """List what an index holds and is there."""
        children = self.manifests[digest].children or ()
        return [child for child in dict.fromkeys(children) if child in self.manifests]

    def lists(self, index: Digest, digest: Digest) -> bool:
        """Tell whether an index only says that a manifest is attached: by the tag for its subject.

        Notes
        -----
        Source: OCI distribution-spec v1.1, "Referrers Tag Schema".
        """
        subject = self.manifests[digest].subject
        if subject is None or self.parents_of(index):
            return False
        return self.tags_of(index) == [fallback_tag(subject)]

    @cached_property
    def unknown(self) -> list[Digest]:
        """What may be indexes, and cannot be read."""
        return [one.digest for one in self.manifests.values() if one.children is None]

    @cached_property
    def _links(self) -> _Links:
        links = _Links()
        for tag, digest in sorted(self.tags.items()):
            links.tags.setdefault(digest, []).append(tag)
        for _, one in sorted(self.manifests.items()):
            for child in self.children_of(one.digest):
                links.parents.setdefault(child, []).append(one.digest)
            for subject in self._subjects(one, links.tags.get(one.digest, ())):
                links.referrers.setdefault(subject, []).append(one.digest)
        return links

    def _subjects(self, one: HeldManifest, tags: Iterable[str]) -> list[Digest]:
        found = [one.subject, *map(subject_of_tag, tags)]
        return list(dict.fromkeys(subject for subject in found if subject in self.manifests))


def entries_of(manifest: AnyManifest) -> tuple[Descriptor, ...]:
    """Give what an index holds; nothing for an image."""
    return manifest.manifests if isinstance(manifest, Index) else ()


def subject_of_tag(tag: str) -> Digest | None:
    """Give the digest that a tag is made of, where its manifest is attached to that.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Referrers Tag Schema"; cosign, "Signature
    Specification" (``sha256-….sig``).

    Examples
    --------
    >>> subject_of_tag(f"sha256-{'0' * 64}.sig") == Digest(f"sha256:{'0' * 64}")
    True
    >>> subject_of_tag("latest") is None
    True
    """
    match = _FALLBACK.fullmatch(tag)
    if match is None:
        return None
    try:
        return Digest(f"{match[1]}:{match[2]}")
    except InvalidReferenceError:
        # Of the wrong length: a tag that only looks like one.
        return None
