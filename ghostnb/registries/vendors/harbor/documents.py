"""What Harbor's own API answers, and the records that it makes."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ghostnb.oci import Platform
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord

__all__ = [
    "ArtifactEntry",
    "CurrentUser",
    "FoundEntry",
    "PermissionEntry",
    "ProjectEntry",
    "QuotaEntry",
    "RepositoryEntry",
    "SearchAnswer",
    "SummaryAnswer",
]

# A time of Go that was never set.
_NEVER = "0001-01-01"
_IMAGE = "IMAGE"


class CurrentUser(msgspec.Struct):
    """Who asks, if it is a user.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``UserResp``.
    """

    username: str
    sysadmin_flag: bool = False
    admin_role_in_auth: bool = False


class PermissionEntry(msgspec.Struct, frozen=True):
    """Something that who asks may do, in a project.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Permission``.
    """

    resource: str
    action: str


class ProjectEntry(msgspec.Struct):
    """A project; a number in `registry_id` makes it a proxy's cache.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Project``.
    """

    name: str
    project_id: int
    repo_count: int | None = None
    registry_id: int | None = None


class RepositoryEntry(msgspec.Struct):
    """A repository; its name begins with its project's.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Repository``.
    """

    name: str
    description: str | None = None
    pull_count: int | None = None
    update_time: str | None = None

    def record(self, registry: str) -> RepositoryRecord:
        """Give the repository as a record; Harbor counts its artifacts, and not its tags."""
        return RepositoryRecord(
            registry,
            self.name,
            description=self.description or None,
            pull_count=self.pull_count,
            updated=_moment(self.update_time),
        )

    def found(self, registry: str) -> SearchRecord:
        """Give the repository as what a search found."""
        return SearchRecord(
            registry,
            self.name,
            description=self.description or None,
            pull_count=self.pull_count,
        )


class TagEntry(msgspec.Struct):
    """A tag of an artifact.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Tag``.
    """

    name: str
    pull_time: str | None = None


class PlatformEntry(msgspec.Struct):
    """What an image of an index runs on.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Platform``.
    """

    architecture: str | None = None
    os: str | None = None
    variant: str | None = None


class ReferenceEntry(msgspec.Struct):
    """An image of an index.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Reference``.
    """

    platform: PlatformEntry | None = None


class ImageAttributes(msgspec.Struct):
    """What Harbor keeps of an image's config; of what is no image, anything.

    Notes
    -----
    Source: goharbor/harbor, src/controller/artifact/processor/image, and its swagger.yaml,
    ``ExtraAttrs``.
    """

    architecture: Any = None
    os: Any = None
    created: Any = None


class ArtifactEntry(msgspec.Struct):
    """A manifest with all its tags.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Artifact``. `media_type` there is the
    config's; `size` is the manifest's with its config's and its layers', of an index with its
    images'.
    """

    digest: str
    type: str = _IMAGE
    manifest_media_type: str | None = None
    size: int | None = None
    tags: list[TagEntry] | None = None
    references: list[ReferenceEntry] | None = None
    extra_attrs: ImageAttributes | None = None

    def records(self, registry: str, repository: str) -> Iterator[TagRecord]:
        """Iterate over its tags as records."""
        created, platforms = self._created(), self._platforms()
        for tag in self.tags or ():
            yield TagRecord(
                registry,
                repository,
                tag.name,
                digest=self.digest,
                media_type=self.manifest_media_type or None,
                size_bytes=self.size,
                created=created,
                platforms=platforms,
                last_pulled=_moment(tag.pull_time),
            )

    def _created(self) -> str | None:
        """Say when the image was built: that it was pushed says nothing about it."""
        told = self.extra_attrs.created if self.extra_attrs and self.type == _IMAGE else None
        return _moment(told) if isinstance(told, str) else None

    def _platforms(self) -> tuple[str, ...] | None:
        listed = [_platform(one.platform) for one in self.references or () if one.platform]
        if not listed and self.extra_attrs and self.type == _IMAGE:
            listed = [_platform(self.extra_attrs)]
        return tuple(dict.fromkeys(filter(None, listed))) or None


class FoundEntry(msgspec.Struct):
    """A repository that a search found; a count of zero is left out.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``SearchRepository``.
    """

    repository_name: str
    pull_count: int = 0

    def record(self, registry: str) -> SearchRecord:
        """Give the entry as a record."""
        return SearchRecord(registry, self.repository_name, pull_count=self.pull_count)


class SearchAnswer(msgspec.Struct):
    """What a search found.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Search``.
    """

    repository: list[FoundEntry] | None


class Storage(msgspec.Struct):
    """Bytes; -1 as a limit means that there is none.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``ResourceList``.
    """

    storage: int | None = None

    @property
    def limit(self) -> int | None:
        """As a limit; None if there is none."""
        return self.storage if self.storage is not None and self.storage >= 0 else None


class QuotaOfProject(msgspec.Struct):
    """Of which project a quota is."""

    name: str | None = None


class QuotaEntry(msgspec.Struct):
    """What a project takes, and may take.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``Quota``; of ``ref``,
    src/controller/quota/driver/project.
    """

    ref: QuotaOfProject | None = None
    hard: Storage | None = None
    used: Storage | None = None

    def record(self, registry: str, project: str, repositories: int | None) -> UsageRecord:
        """Give the quota as a record of a project with so many repositories."""
        return UsageRecord(
            registry,
            project,
            repository_count=repositories,
            stored_bytes=self.used.storage if self.used else None,
            quota_bytes=self.hard.limit if self.hard else None,
        )


class SummaryAnswer(msgspec.Struct):
    """What is in a project; its quota is shown to its members alone.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml, ``ProjectSummary``.
    """

    repo_count: int | None = None
    quota: QuotaEntry | None = None

    def record(self, registry: str, project: str) -> UsageRecord:
        """Give the summary as a record."""
        return (self.quota or QuotaEntry()).record(registry, project, self.repo_count)


def _platform(told: PlatformEntry | ImageAttributes) -> str:
    """Name a platform; empty for an attestation's, and where it is not told."""
    architecture, os, variant = (
        part if isinstance(part, str) else ""
        for part in (told.architecture, told.os, getattr(told, "variant", None))
    )
    found = Platform(architecture, os, variant)
    return str(found) if found.os and found.architecture and not found.is_unknown else ""


def _moment(told: str | None) -> str | None:
    return told if told and not told.startswith(_NEVER) else None
