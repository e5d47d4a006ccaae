"""What registries answer with: one record a row of a frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from ghostnb.errors import GhostnbError
from ghostnb.oci import Digest
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["ManifestRecord", "Ping", "RepositoryRecord", "SearchRecord", "TagRecord", "UsageRecord"]


@dataclass(frozen=True, slots=True)
class Ping:
    """A registry's answer to "are you there?".

    Attributes
    ----------
    registry, url, kind : str
        Name, address and vendor.
    authenticated : bool
        True if the registry took credentials.
    latency_seconds : float
        From question to answer.
    rate_limit : RateLimit or None
        If the registry tells one.
    offers : tuple of str
        What the vendor's own API does better than the distribution protocol.
    rights : str
        Who the credentials are and what they may do, as far as the vendor tells.
    doubt : str
        What speaks against the configured kind; empty if nothing does.
    """

    registry: str
    url: str
    kind: str
    authenticated: bool
    latency_seconds: float
    rate_limit: RateLimit | None = None
    offers: tuple[str, ...] = ()
    rights: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """A repository; None is unknown. `updated` is RFC 3339."""

    registry: str
    repository: str
    description: str | None = None
    tag_count: int | None = None
    pull_count: int | None = None
    star_count: int | None = None
    official: bool | None = None
    updated: str | None = None


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A tag; None is unknown. `created` and `last_pulled` are RFC 3339.

    `size_bytes` is what the registry stores for the tag: for an index, every
    layer of its platforms once. `platforms` is one text for each platform.
    `error` is why the details could not be read; it is not in the frame.
    """

    registry: str
    repository: str
    tag: str
    digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    created: str | None = None
    platforms: Sequence[str] | None = None
    last_pulled: str | None = None
    error: GhostnbError | None = None


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """A manifest that a repository holds under its digest.

    Attributes
    ----------
    digest : Digest
    media_type : str
    size_bytes : int
        Of the manifest itself.
    tags : tuple of str
        That point to it; empty if none does.
    """

    digest: Digest
    media_type: str
    size_bytes: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """Something that a search found; None is unknown. `created` is RFC 3339.

    `error` is why the rest could not be read; it is not in the frame.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    size_bytes: int | None = None
    created: str | None = None
    description: str | None = None
    pull_count: int | None = None
    star_count: int | None = None
    official: bool | None = None
    error: GhostnbError | None = None


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What a namespace takes, as its vendor counts it; None is unknown.

    Attributes
    ----------
    registry, namespace : str
        A project, an organisation, a group; empty for the whole registry.
    repository_count : int or None
    stored_bytes : int or None
        What is stored, shared content counted as the vendor does.
    quota_bytes : int or None
        What may be stored; None also where there is no limit.
    """

    registry: str
    namespace: str
    repository_count: int | None = None
    stored_bytes: int | None = None
    quota_bytes: int | None = None
