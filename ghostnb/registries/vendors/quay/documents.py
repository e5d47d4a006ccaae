"""What Quay's own API answers, and the records that it makes."""

from datetime import UTC, datetime

import msgspec

from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord

__all__ = [
    "FoundEntry",
    "FoundPage",
    "Namespace",
    "QuotaReport",
    "RepositoryEntry",
    "RepositoryPage",
    "RepositoryRights",
    "TagEntry",
    "TagPage",
    "User",
]

_IMAGES = (None, "image")
_ON_ITS_WAY_OUT = "MARKED_FOR_DELETION"
_COUNTED = (None, "complete")
_USUAL = (None, "NORMAL")


class RepositoryEntry(msgspec.Struct):
    """A repository of a namespace.

    Notes
    -----
    Source: github.com/quay/quay, endpoints/api/repository_models_interface.py,
    ``RepositoryBaseElement.to_dict``.
    """

    namespace: str
    name: str
    description: str | None = None
    kind: str | None = None
    state: str | None = None
    last_modified: float | None = None

    @property
    def full_name(self) -> str:
        """What it is called in references."""
        return f"{self.namespace}/{self.name}"

    @property
    def has_images(self) -> bool:
        """False for what holds something else, and for what is being deleted."""
        return self.kind in _IMAGES and self.state != _ON_ITS_WAY_OUT

    def record(self, registry: str) -> RepositoryRecord:
        """Give the repository as a record; ``popularity`` counts more than pulls."""
        return RepositoryRecord(
            registry,
            self.full_name,
            description=self.description or None,
            updated=_moment(self.last_modified),
        )


class RepositoryPage(msgspec.Struct):
    """A page of a namespace's repositories; `next_page` is there while there is more."""

    repositories: list[RepositoryEntry]
    next_page: str | None = None


class RepositoryRights(msgspec.Struct):
    """What one may do in a repository; old versions leave the state out."""

    can_write: bool | None = None
    state: str | None = None

    @property
    def is_usual(self) -> bool:
        """False for a mirror, and for one that is read-only."""
        return self.state in _USUAL


class TagEntry(msgspec.Struct):
    """A tag.

    Notes
    -----
    Source: github.com/quay/quay, endpoints/api/tag.py, ``_tag_dict``; ``image_built`` is of newer
    versions (endpoints/api/test/test_tag.py).
    """

    name: str
    manifest_digest: str | None = None
    is_manifest_list: bool | None = None
    size: int | None = None
    image_built: str | None = None

    def record(self, registry: str, repository: str) -> TagRecord:
        """Give the tag as a record.

        Notes
        -----
        Quay adds up the layers of an image, and says nothing of an index's: neither its size nor
        its platforms (image/oci/index.py, ``layers_compressed_size``). When a tag was set says
        nothing about when its image was made.
        """
        return TagRecord(
            registry,
            repository,
            self.name,
            digest=self.manifest_digest or None,
            size_bytes=self.size or None if self.is_manifest_list else self.size,
            created=self.image_built or None,
        )


class TagPage(msgspec.Struct):
    """A page of a repository's tags."""

    tags: list[TagEntry]
    has_additional: bool = False


class Namespace(msgspec.Struct):
    """A user or an organization; of one that was found, and of one's own."""

    name: str


class FoundEntry(msgspec.Struct):
    """Something that a search found.

    Notes
    -----
    Source: github.com/quay/quay, endpoints/api/search.py, ``ConductRepositorySearch``. ``stars``
    is left out by some versions.
    """

    namespace: Namespace
    name: str
    kind: str | None = None
    description: str | None = None
    stars: int | None = None

    @property
    def full_name(self) -> str:
        """What it is called in references."""
        return f"{self.namespace.name}/{self.name}"

    @property
    def has_images(self) -> bool:
        """False for applications, which are no images."""
        return self.kind in (None, "repository")

    def record(self, registry: str) -> SearchRecord:
        """Give the entry as a record; pulls are not counted."""
        return SearchRecord(
            registry,
            self.full_name,
            description=self.description or None,
            star_count=self.stars,
        )


class FoundPage(msgspec.Struct):
    """A page of what a search found."""

    results: list[FoundEntry]
    has_additional: bool = False


class QuotaReport(msgspec.Struct):
    """What a namespace takes, and may take.

    Notes
    -----
    Source: github.com/quay/quay, endpoints/api/organization.py, ``quota_report``. What was there
    before quotas were switched on is counted later; until then the number is too small.
    """

    quota_bytes: int | None = None
    configured_quota: int | None = None
    backfill_status: str | None = None

    def record(self, registry: str, namespace: str) -> UsageRecord:
        """Give the report as a record; repositories are not counted."""
        return UsageRecord(
            registry,
            namespace,
            stored_bytes=self.quota_bytes if self.backfill_status in _COUNTED else None,
            quota_bytes=self.configured_quota or None,
        )


class Counted(msgspec.Struct):
    """An organization, of which only the quota is of interest; absent where that is off."""

    quota_report: QuotaReport | None = None


class User(msgspec.Struct):
    """Whose token it is, and where he is a member.

    Notes
    -----
    Source: github.com/quay/quay, endpoints/api/user.py, ``user_view``.
    """

    username: str
    organizations: list[Namespace] = []
    quota_report: QuotaReport | None = None

    @property
    def namespaces(self) -> tuple[str, ...]:
        """His own, and those of the organizations."""
        names = (self.username, *(one.name for one in self.organizations))
        return tuple(dict.fromkeys(names))


def _moment(seconds: float | None) -> str | None:
    """Give a time in RFC 3339; None if there is none, or no such time."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
