"""Search and tag details for registries that have nothing better than their lists."""

import re
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from functools import partial

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import read_tag
from ghostnb.registries.records import SearchRecord, TagRecord

__all__ = [
    "details_by_digest",
    "details_of",
    "details_of_tags",
    "main_tag",
    "match_rank",
    "search_catalog",
]

# Of one tag: its row stays, and says so. The name may be none (registries list what they
# store), the digest of an algorithm that cannot be checked. What is no longer there is no error.
_DAMAGED = (IntegrityError, InvalidReferenceError, ProtocolError)
# Of one repository: also that it is not to be read.
_UNREADABLE = (*_DAMAGED, ForbiddenError, UnauthorizedError, UnsupportedError)
_DIGITS = re.compile(r"(\d+)")


async def details_of_tags(
    registry: Registry, repository: str, *, besides: Collection[str] = ()
) -> AsyncIterator[TagRecord]:
    """Iterate over a repository's tags, each read by its manifests and configs.

    Those that are known `besides` are left out, and not read. A tag that goes away meanwhile is
    left out as well; one whose content is damaged, or whose name can be none, has its name and
    the error alone.
    """
    read = partial(_details, registry, repository)
    names = (tag async for tag in registry.tags(repository) if tag not in besides)
    async for record in ordered_map(read, names, workers=registry.concurrency):
        if record is not None:
            yield record


async def details_by_digest(
    registry: Registry, repository: str, tags: AsyncIterator[tuple[str, Digest]]
) -> AsyncIterator[TagRecord]:
    """Iterate over tags whose digests are known: what was read before is not asked for again."""

    async def read(pair: tuple[str, Digest]) -> TagRecord | None:
        return await _details(registry, repository, *pair)

    async for record in ordered_map(read, tags, workers=registry.concurrency):
        if record is not None:
            yield record


async def details_of(registry: Registry, repository: str, tags: list[str]) -> list[TagRecord]:
    """Read some of a repository's tags by their manifests and configs."""
    read = partial(_details, registry, repository)
    found = ordered_map(read, tags, workers=registry.concurrency)
    return [record async for record in found if record is not None]


async def search_catalog(
    registry: Registry, query: str, *, limit: int
) -> AsyncIterator[SearchRecord]:
    """Search a registry that has no search: by the names in its catalog.

    Parameters
    ----------
    registry : Registry
    query : str
        What a repository's name must contain; case does not matter.
    limit : int

    Yields
    ------
    SearchRecord
        The best first: those whose last part is the query, those that begin
        with it, the others. With the size and digest of `main_tag`; one
        that cannot be read has its name and the error, one that went away
        meanwhile its name alone.
    """
    wanted = query.strip().lower()
    names = [record.repository async for record in registry.repositories()]
    found = sorted(
        (name for name in names if wanted in name),
        key=lambda name: (match_rank(name, wanted), name),
    )

    async def describe(name: str) -> SearchRecord:
        return await _describe(registry, name)

    async for record in ordered_map(describe, found[:limit], workers=registry.concurrency):
        yield record


def main_tag(tags: Iterable[str]) -> str | None:
    """Choose the tag that stands for a repository: ``latest``, else the highest.

    Examples
    --------
    >>> main_tag(["1.9", "1.10", "1.2"])
    '1.10'
    """
    names = list(tags)
    return "latest" if "latest" in names else max(names, key=_natural, default=None)


def match_rank(name: str, wanted: str) -> int:
    """Rank a repository's name that contains what is searched for; the best is 0.

    Examples
    --------
    >>> match_rank("team/nginx", "nginx"), match_rank("team/nginx-2", "nginx")
    (0, 1)
    """
    last = name.rpartition("/")[2]
    return 0 if last == wanted else 1 if last.startswith(wanted) else 2


async def _details(
    registry: Registry, repository: str, tag: str, digest: Digest | None = None
) -> TagRecord | None:
    try:
        return await read_tag(registry, repository, tag, digest)
    except NotFoundError:
        # A tag may have been moved since it was listed, and what it led to deleted.
        return None if digest is None else await _details(registry, repository, tag)
    except _DAMAGED as e:
        return TagRecord(registry.name, repository, tag, error=e)


async def _describe(registry: Registry, repository: str) -> SearchRecord:
    record = SearchRecord(registry.name, repository)
    try:
        tag = main_tag([tag async for tag in registry.tags(repository)])
        if tag is None:
            return record
        record = replace(record, tag=tag)
        details = await read_tag(registry, repository, tag)
    except NotFoundError:
        return record
    except _UNREADABLE as e:
        return replace(record, error=e)
    return replace(
        record,
        digest=details.digest,
        size_bytes=details.size_bytes,
        created=details.created,
    )


def _natural(tag: str) -> list[tuple[bool, int, str]]:
    """Order by the numbers in a name: 1.10 after 1.9.

    The longer number is the larger: nothing is converted, however many digits it has.
    """
    return [_natural_part(part.lstrip("0"), part.isdecimal()) for part in _DIGITS.split(tag)]


def _natural_part(part: str, is_number: bool) -> tuple[bool, int, str]:
    return is_number, len(part) if is_number else 0, part
