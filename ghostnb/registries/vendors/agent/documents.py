"""What an agent's own routes answer, and the records that it makes."""

import msgspec

from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord

__all__ = ["Failure", "Found", "Registries", "RegistryEntry", "Repositories", "Tags", "Usage"]


class Failure(msgspec.Struct):
    """What is wrong: for people, and (`code`) for programs."""

    message: str = ""
    code: str = ""


class RegistryEntry(msgspec.Struct):
    """A registry that the agent has; `kind` is what it is to the agent.

    The rest is there if the agent was to ask it: `status` is ``ok``, or what is wrong.
    """

    name: str
    kind: str = ""
    status: str | None = None
    rights: str = ""
    doubt: str = ""


class Registries(msgspec.Struct):
    """All of them."""

    registries: list[RegistryEntry]


class Repositories(msgspec.Struct):
    """A part of a registry's repositories."""

    details: list[RepositoryRecord]


class Usage(msgspec.Struct):
    """What a registry stores, by namespace."""

    usage: list[UsageRecord]


class TagEntry(msgspec.Struct):
    """A tag, described."""

    tag: str
    digest: str | None = None
    media_type: str | None = None
    size: int | None = None
    created: str | None = None
    platforms: list[str] | None = None
    last_pulled: str | None = None

    def record(self, registry: str, repository: str) -> TagRecord:
        """Give the tag as a record."""
        return TagRecord(
            registry,
            repository,
            self.tag,
            digest=self.digest,
            media_type=self.media_type,
            size_bytes=self.size,
            created=self.created,
            platforms=None if self.platforms is None else tuple(self.platforms),
            last_pulled=self.last_pulled,
        )


class Tags(msgspec.Struct):
    """A part of a repository's tags."""

    details: list[TagEntry]


class FoundImage(msgspec.Struct):
    """Something that a search found."""

    repository: str
    tag: str | None = None
    digest: str | None = None
    size: int | None = None
    created: str | None = None
    description: str | None = None
    pull_count: int | None = None
    star_count: int | None = None
    official: bool | None = None

    def record(self, registry: str) -> SearchRecord:
        """Give it as a record."""
        return SearchRecord(
            registry,
            self.repository,
            tag=self.tag,
            digest=self.digest,
            size_bytes=self.size,
            created=self.created,
            description=self.description,
            pull_count=self.pull_count,
            star_count=self.star_count,
            official=self.official,
        )


class FoundFailure(Failure):
    """What of a search could not be read: all of it, where no repository is named."""

    repository: str = ""
    tag: str = ""


class Found(msgspec.Struct):
    """What a search found."""

    images: list[FoundImage]
    errors: list[FoundFailure]
