"""What Docker Hub's own API answers, and the records that it makes."""

from typing import Generic, TypeVar

import msgspec

from ghostnb.oci import Platform
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord

__all__ = [
    "AccessToken",
    "Index",
    "IndexEntry",
    "Page",
    "RepositoryEntry",
    "SearchEntry",
    "TagEntry",
    "TagImage",
]

OFFICIAL = "library"
Entry = TypeVar("Entry")


class Page(msgspec.Struct, Generic[Entry]):
    """A page of a list.

    Notes
    -----
    Source: Docker Hub API reference, schema ``page``. A search has an empty
    text where the reference's lists have null.
    """

    results: list[Entry]
    count: int = 0
    next: str | None = None


class AccessToken(msgspec.Struct):
    """A login's answer.

    Notes
    -----
    Source: Docker Hub API reference, schema ``AuthCreateTokenResponse``.
    """

    access_token: str


class RepositoryEntry(msgspec.Struct):
    """A repository in a namespace.

    Notes
    -----
    Source: Docker Hub API reference, schema ``repository_list_entry``.
    """

    name: str
    description: str | None = None
    star_count: int | None = None
    pull_count: int | None = None
    last_updated: str | None = None

    def record(self, registry: str, namespace: str) -> RepositoryRecord:
        """Give the repository as a record; the API does not count its tags."""
        return RepositoryRecord(
            registry,
            f"{namespace}/{self.name}",
            description=self.description or None,
            pull_count=self.pull_count,
            star_count=self.star_count,
            official=namespace == OFFICIAL,
            updated=self.last_updated,
        )


class TagImage(msgspec.Struct):
    """One image of a tag: of an index, the one for a platform.

    Notes
    -----
    Source: Docker Hub API reference, schema ``image``.
    """

    architecture: str | None = None
    os: str | None = None
    variant: str | None = None
    digest: str | None = None
    size: int | None = None

    @property
    def platform(self) -> Platform:
        """What the image runs on; parts that are not told are empty."""
        return Platform(self.architecture or "", self.os or "", self.variant or "")


class TagEntry(msgspec.Struct):
    """A tag.

    Notes
    -----
    Source: Docker Hub API reference, schema ``tag``. The reference leaves
    ``digest`` and ``media_type`` out, but the API sends them; old tags lack
    the digest.
    """

    name: str
    images: list[TagImage] | None = None
    full_size: int | None = None
    digest: str | None = None
    media_type: str | None = None
    tag_last_pulled: str | None = None

    def record(self, registry: str, repository: str) -> TagRecord:
        """Give the tag as a record.

        Notes
        -----
        `created` stays unknown: the API tells when a tag was pushed, which says
        nothing about when its image was made.
        """
        images = [image for image in self.images or () if not image.platform.is_unknown]
        return TagRecord(
            registry,
            repository,
            self.name,
            digest=self.digest or None,
            media_type=self.media_type or None,
            size_bytes=_size_bytes(images, self.full_size),
            platforms=_platforms(images),
            last_pulled=self.tag_last_pulled,
        )


class SearchEntry(msgspec.Struct):
    """Something that a search found.

    Notes
    -----
    Source: replies of ``/v2/search/repositories/``, which the reference does
    not describe.
    """

    repo_name: str
    short_description: str | None = None
    star_count: int | None = None
    pull_count: int | None = None
    is_official: bool | None = None

    def record(self, registry: str) -> SearchRecord:
        """Give the entry as a record."""
        return SearchRecord(
            registry,
            completed(self.repo_name),
            description=self.short_description or None,
            pull_count=self.pull_count,
            star_count=self.star_count,
            official=self.is_official,
        )


class IndexEntry(msgspec.Struct):
    """Something that a search of the old index found.

    Notes
    -----
    Source: github.com/moby/moby, api/types/registry, ``SearchResult``.
    """

    name: str
    description: str | None = None
    star_count: int | None = None
    is_official: bool | None = None

    def record(self, registry: str) -> SearchRecord:
        """Give the entry as a record; the index does not count pulls."""
        return SearchRecord(
            registry,
            completed(self.name),
            description=self.description or None,
            star_count=self.star_count,
            official=self.is_official,
        )


class Index(msgspec.Struct):
    """The old index's answer to a search.

    Notes
    -----
    Source: github.com/moby/moby, api/types/registry, ``SearchResults``.
    """

    results: list[IndexEntry]


def completed(name: str) -> str:
    """Complete a name as Docker does: ``nginx`` is ``library/nginx``."""
    return name if "/" in name else f"{OFFICIAL}/{name}"


def _size_bytes(images: list[TagImage], full_size: int | None) -> int | None:
    """Add up the images, each digest once; ``full_size`` is of one image only."""
    sizes = {image.digest or position: image.size for position, image in enumerate(images)}
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if known else full_size or None


def _platforms(images: list[TagImage]) -> tuple[str, ...] | None:
    """Name the platforms; images from before 2016 have no operating system."""
    platforms = (image.platform for image in images if image.os and image.architecture)
    return tuple(dict.fromkeys(map(str, platforms))) or None
