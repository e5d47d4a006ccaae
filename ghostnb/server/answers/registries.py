"""Registries, and what they list."""

from ghostnb.registries.records import RepositoryRecord
from ghostnb.server.answers.answer import Answer

__all__ = ["Registries", "RegistryEntry", "Repositories", "Tags"]


class RegistryEntry(Answer, frozen=True, kw_only=True):
    """A registry, without its credentials; `status` is ``ok``, or what is wrong."""

    name: str
    url: str
    has_auth: bool
    insecure: bool
    kind: str
    status: str | None


class Registries(Answer, frozen=True, kw_only=True):
    """The registries, in the order of the configuration."""

    registries: list[RegistryEntry]


class Repositories(Answer, frozen=True, kw_only=True):
    """A part of a registry's repositories, sorted; `details` has what is known of each."""

    repositories: list[str]
    details: list[RepositoryRecord]


class Tags(Answer, frozen=True, kw_only=True):
    """A part of a repository's tags, sorted."""

    name: str
    tags: list[str]
