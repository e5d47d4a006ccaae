"""What GitLab's API and its registry's own API answer, and the records that it makes."""

import msgspec

from ghostnb.registries.records import RepositoryRecord, TagRecord, UsageRecord

__all__ = [
    "AccessToken",
    "Job",
    "ProjectEntry",
    "RepositoryEntry",
    "StorageAnswer",
    "TagEntry",
    "User",
]


class RepositoryEntry(msgspec.Struct):
    """A repository of a project; its name is only what comes after the project's path.

    Notes
    -----
    Source: "Container registry API", "List registry repositories"
    (docs.gitlab.com/api/container_registry/); ``tags_count`` comes where it is asked for.
    """

    id: int
    path: str
    tags_count: int | None = None

    def record(self, registry: str) -> RepositoryRecord:
        """Give the repository as a record."""
        return RepositoryRecord(registry, self.path, tag_count=self.tags_count)


class TagEntry(msgspec.Struct):
    """A tag, as the registry's own API has it where there is a metadata database.

    Notes
    -----
    Source: container registry, docs/spec/gitlab/api.md, "List Repository Tags".
    """

    name: str
    digest: str
    media_type: str
    size_bytes: int | None = None

    def record(self, registry: str, repository: str) -> TagRecord:
        """Give the tag as a record.

        Notes
        -----
        `created` stays unknown: the API tells when the tag was made and moved, which says nothing
        about when its image was. Of an index no size is stored (registry/handlers/manifests.go):
        its 0 is none.
        """
        return TagRecord(
            registry,
            repository,
            self.name,
            digest=self.digest,
            media_type=self.media_type,
            size_bytes=self.size_bytes or None,
        )


class _Statistics(msgspec.Struct):
    container_registry_size: float | None = None


class ProjectEntry(msgspec.Struct):
    """A project.

    Notes
    -----
    Source: "Projects API", "List all projects" (docs.gitlab.com/api/projects/). Statistics come
    where they are asked for, and for who is at least a reporter.
    """

    id: int
    path_with_namespace: str
    container_registry_access_level: str | None = None
    container_registry_enabled: bool | None = None
    statistics: _Statistics | None = None

    @property
    def has_registry(self) -> bool:
        """False if the project's registry is said to be switched off."""
        level, is_on = self.container_registry_access_level, self.container_registry_enabled
        return level != "disabled" and (level is not None or is_on is not False)

    def usage(self, registry: str) -> UsageRecord:
        """Give what the project stores as a record."""
        told = self.statistics.container_registry_size if self.statistics else None
        return UsageRecord(registry, self.path_with_namespace, stored_bytes=_whole(told))


class _Stored(msgspec.Struct, rename="camel"):
    container_registry_size: float | None = None


class _Group(msgspec.Struct, rename="camel"):
    root_storage_statistics: _Stored | None = None


class _Project(msgspec.Struct):
    statistics: _Stored | None = None


class _Storage(msgspec.Struct):
    group: _Group | None = None
    project: _Project | None = None


class _Problem(msgspec.Struct):
    message: str = ""


class StorageAnswer(msgspec.Struct):
    """What GraphQL answers about one path's storage.

    Notes
    -----
    Source: "GraphQL API resources", ``RootStorageStatistics``, ``ProjectStatistics``. What one
    may not see is null, without an error.
    """

    data: _Storage | None = None
    errors: list[_Problem] = []

    def usage(self, registry: str, path: str) -> UsageRecord | None:
        """Give what is stored there as a record; None if that is not told."""
        found = self.data or _Storage()
        group = found.group.root_storage_statistics if found.group else None
        told = group or (found.project.statistics if found.project else None)
        if told is None:
            return None
        return UsageRecord(registry, path, stored_bytes=_whole(told.container_registry_size))


class AccessToken(msgspec.Struct):
    """A personal, project or group access token, as it is told to itself.

    Notes
    -----
    Source: "Personal access tokens API", "Get details on a personal access token": a token of
    any scope may ask for itself.
    """

    name: str
    scopes: list[str] = []
    expires_at: str | None = None


class User(msgspec.Struct):
    """Who one is.

    Notes
    -----
    Source: "Users API", "Get the current user".
    """

    username: str


class Job(msgspec.Struct):
    """The job that a job token is of.

    Notes
    -----
    Source: "Jobs API", "Get job token's job".
    """

    id: int
    user: User | None = None


def _whole(size: float | None) -> int | None:
    return None if size is None else int(size)
