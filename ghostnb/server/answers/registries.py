"""Registries, and what they list."""

from dataclasses import asdict

from ghostnb.frames import RegistryRecord
from ghostnb.registries.records import RepositoryRecord, TagRecord, UsageRecord
from ghostnb.server.answers.answer import Answer

__all__ = ["Registries", "RegistryEntry", "Repositories", "TagEntry", "Tags", "Usage"]


class RegistryEntry(Answer, frozen=True, kw_only=True):
    """A registry, without its credentials.

    `kind` is ``auto`` until it is known. `status` is ``ok``, or what is wrong; `offers` is what
    its vendor's own API does better than the distribution protocol. `rights` is who the agent's
    credentials are and what they may do, and `doubt` what speaks against a configured kind: both
    are empty where it was not asked, or says nothing.
    """

    name: str
    url: str
    has_auth: bool
    insecure: bool
    kind: str
    status: str | None
    offers: list[str]
    rights: str
    doubt: str

    @classmethod
    def of(cls, record: RegistryRecord) -> "RegistryEntry":
        """Tell a registry."""
        return cls(**{**asdict(record), "offers": list(record.offers)})


class Registries(Answer, frozen=True, kw_only=True):
    """The registries, in the order of the configuration."""

    registries: list[RegistryEntry]


class Usage(Answer, frozen=True, kw_only=True):
    """What a registry stores by namespace, in bytes, as its vendor counts it."""

    usage: list[UsageRecord]


class Repositories(Answer, frozen=True, kw_only=True):
    """A part of a registry's repositories, sorted; `details` has what is known of each."""

    repositories: list[str]
    details: list[RepositoryRecord]


class TagEntry(Answer, frozen=True, kw_only=True):
    """A tag; `error` is why the rest could not be read."""

    tag: str
    digest: str | None
    media_type: str | None
    size: int | None
    created: str | None
    platforms: list[str] | None
    last_pulled: str | None
    error: str | None

    @classmethod
    def of(cls, found: TagRecord) -> "TagEntry":
        """Tell a tag."""
        return cls(
            tag=found.tag,
            digest=found.digest,
            media_type=found.media_type,
            size=found.size_bytes,
            created=found.created,
            platforms=None if found.platforms is None else list(found.platforms),
            last_pulled=found.last_pulled,
            error=None if found.error is None else str(found.error),
        )


class Tags(Answer, frozen=True, kw_only=True):
    """A part of a repository's tags, sorted; `details` only if they were asked for."""

    name: str
    tags: list[str]
    details: list[TagEntry]
