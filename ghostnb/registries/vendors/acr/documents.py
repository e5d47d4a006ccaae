"""What Azure's own API answers, and the records that it makes."""

import base64
from collections.abc import Iterable, Mapping

import msgspec

from ghostnb.oci import Platform
from ghostnb.oci.media_types import INDEXES
from ghostnb.registries.records import TagRecord

__all__ = [
    "Catalog",
    "Child",
    "Claims",
    "ManifestEntry",
    "Manifests",
    "OneManifest",
    "RefreshToken",
    "TagEntry",
    "Tags",
    "claims_of",
    "tag_record",
]


class Catalog(msgspec.Struct):
    """A page of the repositories' names.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``Repositories``.
    """

    repositories: list[str] | None


class TagEntry(msgspec.Struct, gc=False):
    """A tag.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``TagAttributesBase``.
    """

    name: str
    digest: str


class Tags(msgspec.Struct, rename="camel"):
    """A page of a repository's tags.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``TagList``. A list with nothing in it may be
    left out, as a manifest's tags are.
    """

    image_name: str
    tags: list[TagEntry] | None = None


class Child(msgspec.Struct, frozen=True, gc=False):
    """An image that an index names.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``ArtifactManifestPlatform``.
    """

    digest: str
    architecture: str | None = None
    os: str | None = None

    @property
    def platform(self) -> str:
        """What it runs on; empty for what is no image of a platform, such as an attestation."""
        platform = Platform(self.architecture or "", self.os or "")
        return str(platform) if self.os and self.architecture and not platform.is_unknown else ""


class ManifestEntry(msgspec.Struct, rename="camel"):
    """A manifest.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``ManifestAttributesBase``; the media type is
    in the replies that github.com/Azure/azure-sdk-for-js has recorded. What an index names
    is told only of one that is asked for by itself.
    """

    digest: str
    media_type: str | None = None
    image_size: int | None = None
    architecture: str | None = None
    os: str | None = None
    references: list[Child] | None = None

    @property
    def is_index(self) -> bool:
        """True if it names other manifests."""
        return self.media_type in INDEXES

    @property
    def platform(self) -> str:
        """What it runs on; empty if that is not told, as of an index."""
        return Child(self.digest, self.architecture, self.os).platform


class Manifests(msgspec.Struct, rename="camel"):
    """A page of a repository's manifests.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``AcrManifests``.
    """

    image_name: str
    manifests: list[ManifestEntry] | None = None


class OneManifest(msgspec.Struct):
    """What is told of one manifest.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``ArtifactManifestProperties``.
    """

    manifest: ManifestEntry


class RefreshToken(msgspec.Struct):
    """What comes for a token of Entra ID.

    Notes
    -----
    Source: containerregistry.json 2021-07-01, ``AcrRefreshToken``.
    """

    refresh_token: str


class Permissions(msgspec.Struct):
    """What a login may do in the whole registry."""

    actions: list[str] | None = None


class Claims(msgspec.Struct):
    """What a token says of itself.

    Notes
    -----
    Source: github.com/Azure/acr, docs/AAD-OAuth.md, "Azure Container Registry token claim sets".
    """

    iat: float = 0.0
    exp: float = 0.0
    sub: str = ""
    permissions: Permissions | None = None

    @property
    def actions(self) -> list[str]:
        """What the token's owner may do; empty if that is not told."""
        return (self.permissions.actions if self.permissions else None) or []


def claims_of(token: str) -> Claims:
    """Read what a token says of itself; it is the registry's to check, and nothing hangs on it."""
    try:
        payload = token.split(".")[1]
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=Claims)
    except (IndexError, ValueError, msgspec.MsgspecError, RecursionError):
        return Claims()


def tag_record(
    registry: str,
    repository: str,
    tag: TagEntry,
    manifests: Mapping[str, ManifestEntry],
    children: Iterable[Child] = (),
) -> TagRecord:
    """Give a tag as a record.

    Parameters
    ----------
    registry, repository : str
    tag : TagEntry
    manifests : mapping
        What is known of the repository's manifests, by digest.
    children : iterable of Child, optional
        What the tag's index names.

    Returns
    -------
    TagRecord
        `created` is unknown: Azure tells when a manifest came into the repository, which says
        nothing about when its image was made.

    Notes
    -----
    Azure's size of an index counts attestations, too, and the index itself; so those of its
    platforms' images are added up, and if one is not known, neither is the sum. In the replies
    that azure-sdk-for-js has recorded, the size of an imported image has its manifest and
    config in it, some kilobytes, and that of a pushed one has not.
    """
    found = manifests.get(tag.digest)
    if found is None:
        return TagRecord(registry, repository, tag.name, digest=tag.digest)
    size, platforms = found.image_size, [found.platform]
    if found.is_index:
        images = {child.digest: child.platform for child in children if child.platform}
        sizes = [getattr(manifests.get(digest), "image_size", None) for digest in images]
        known = [one for one in sizes if one is not None]
        size = sum(known) if known and len(known) == len(sizes) else None
        platforms = list(images.values())
    return TagRecord(
        registry,
        repository,
        tag.name,
        digest=tag.digest,
        media_type=found.media_type or None,
        size_bytes=size,
        platforms=tuple(dict.fromkeys(filter(None, platforms))) or None,
    )
