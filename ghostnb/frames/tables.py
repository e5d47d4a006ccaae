"""The frames of registries, repositories, tags and search results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ghostnb.errors import GhostnbError
from ghostnb.frames.schema import COUNT, FLAG, TEXT, TIME, frame_of
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import (
    Ping,
    RepositoryRecord,
    SearchRecord,
    TagRecord,
    UsageRecord,
)
from ghostnb.registries.vendors import offers_of

__all__ = [
    "REGISTRIES",
    "REPOSITORIES",
    "SEARCH",
    "TAGS",
    "USAGE",
    "RegistryRecord",
    "registries_frame",
    "repositories_frame",
    "search_frame",
    "tags_frame",
    "usage_frame",
]

REGISTRIES = {
    "name": TEXT,
    "url": TEXT,
    "kind": TEXT,
    "has_auth": FLAG,
    "insecure": FLAG,
    "status": TEXT,
    "offers": TEXT,
}
REPOSITORIES = {
    "registry": TEXT,
    "repository": TEXT,
    "description": TEXT,
    "tag_count": COUNT,
    "pull_count": COUNT,
    "star_count": COUNT,
    "official": FLAG,
    "updated": TIME,
}
TAGS = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "media_type": TEXT,
    "size_bytes": COUNT,
    "created": TIME,
    "platforms": TEXT,
    "last_pulled": TIME,
}
SEARCH = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "size_bytes": COUNT,
    "created": TIME,
    "description": TEXT,
    "pull_count": COUNT,
    "star_count": COUNT,
    "official": FLAG,
}
USAGE = {
    "registry": TEXT,
    "namespace": TEXT,
    "repository_count": COUNT,
    "stored_bytes": COUNT,
    "quota_bytes": COUNT,
}


@dataclass(frozen=True, slots=True)
class RegistryRecord:
    """A configured registry without its credentials.

    `status` is None if not asked; `offers` is what its vendor's own API does better than the
    distribution protocol, as far as the vendor is known; `rights` and `doubt` are those of its
    `Ping`, and empty without one.
    """

    name: str
    url: str
    kind: str
    has_auth: bool
    insecure: bool
    status: str | None = None
    offers: Sequence[str] = ()
    rights: str = ""
    doubt: str = ""

    @classmethod
    def of(
        cls, config: RegistryConfig, kind: str, answer: Ping | GhostnbError | None = None
    ) -> "RegistryRecord":
        """Take from a configuration, and from what a ping was answered, what may be shown."""
        found = cls(
            config.name,
            config.url,
            kind,
            config.has_auth,
            config.insecure,
            str(answer) if isinstance(answer, GhostnbError) else None,
            offers_of(kind),
        )
        if not isinstance(answer, Ping):
            return found
        return replace(found, status="ok", rights=answer.rights, doubt=answer.doubt)


def registries_frame(records: Iterable[RegistryRecord]) -> pd.DataFrame:
    """Tabulate registries, one row each, in the order given.

    Returns
    -------
    pandas.DataFrame, shape (n_registries, 7)
        name, url, kind : string
        has_auth, insecure : boolean
        status : string, ``ok`` or what is wrong; <NA> if not asked
        offers : string, joined by ", "; what the vendor's own API does better than the
            distribution protocol, empty for nothing
    """
    return frame_of(REGISTRIES, (replace(one, offers=", ".join(one.offers)) for one in records))


def repositories_frame(records: Iterable[RepositoryRecord]) -> pd.DataFrame:
    """Tabulate repositories, one row each, in the order given.

    Returns
    -------
    pandas.DataFrame, shape (n_repositories, 8)
        registry, repository, description : string
        tag_count, pull_count, star_count : Int64; <NA> if unknown
        official : boolean
        updated : datetime64[ns, UTC]; NaT if unknown

    Notes
    -----
    Source: distribution, "Listing Repositories"; what is beyond the names
    comes from vendors' APIs.
    """
    return frame_of(REPOSITORIES, records)


def tags_frame(records: Iterable[TagRecord]) -> pd.DataFrame:
    """Tabulate tags, one row each, in the order given.

    Returns
    -------
    pandas.DataFrame, shape (n_tags, 9)
        registry, repository, tag, digest, media_type : string; <NA> if unknown
        size_bytes : Int64, compressed bytes; each layer of an index counts once
        created : datetime64[ns, UTC]; NaT if unknown
        platforms : string, joined by ", "
        last_pulled : datetime64[ns, UTC]; NaT if unknown

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Listing Tags"; image-spec v1.1 for
    the details.
    """
    return frame_of(TAGS, map(_with_text, records))


def _with_text(record: TagRecord) -> TagRecord:
    """Write the platforms as one text, which filters and groups better than a list."""
    if record.platforms is None:
        return record
    return replace(record, platforms=", ".join(record.platforms))


def search_frame(records: Iterable[SearchRecord]) -> pd.DataFrame:
    """Tabulate search results, one row each, in the order given.

    Returns
    -------
    pandas.DataFrame, shape (n_results, 10)
        registry, repository, tag, digest : string; <NA> if unknown
        size_bytes : Int64, compressed bytes
        created : datetime64[ns, UTC]
        description : string
        pull_count, star_count : Int64
        official : boolean
    """
    return frame_of(SEARCH, records)


def usage_frame(records: Iterable[UsageRecord]) -> pd.DataFrame:
    """Tabulate what namespaces take, one row each, in the order given.

    Returns
    -------
    pandas.DataFrame, shape (n_namespaces, 5)
        registry, namespace : string
        repository_count : Int64; <NA> if unknown
        stored_bytes : Int64, as the vendor counts; <NA> if it does not tell
        quota_bytes : Int64; <NA> also where there is no limit

    Notes
    -----
    Source: vendors' APIs. They count what is shared in ways of their own.
    """
    return frame_of(USAGE, records)
