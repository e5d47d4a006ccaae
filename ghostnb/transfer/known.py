"""What a target is known to have: so that nobody asks twice, and nothing is sent twice."""

import time
from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass, field

from ghostnb.errors import IntegrityError, NotFoundError
from ghostnb.oci import Descriptor, Digest, Index, Manifest
from ghostnb.registries.content import blob_pieces
from ghostnb.registries.own import OwnContent
from ghostnb.registries.protocol import Registry
from ghostnb.transfer.contents import blobs_of

__all__ = [
    "Known",
    "digest_at",
    "has_repository",
    "intact_digest_at",
    "is_costly_to_ask",
    "is_intact",
    "is_same_place",
]

# Long enough to look at a plan, and short beside any collection of garbage.
_FRESH_SECONDS = 120.0


@dataclass(slots=True)
class Known:
    """Content of a registry by digest, with the repositories that have it.

    Attributes
    ----------
    seen_at : float
        When it was begun, in seconds of `time.monotonic`.
    blobs : dict of Digest to set of str
    absent : set of (str, Digest)
        Blobs that a repository was asked for and did not have.
    mismatched : set of Digest
        Blobs that a repository has, it said, with another size than they should have.
    intact : set of Digest
        Blobs of a directory that were read, or written, and are what their digests say.
    manifests : set of (str, Digest)
    repositories : dict of str to bool
        Whether they were there when they were first asked for: of one that was not, nothing
        need be asked.
    """

    seen_at: float = field(default_factory=time.monotonic)
    blobs: defaultdict[Digest, set[str]] = field(default_factory=lambda: defaultdict(set))
    absent: set[tuple[str, Digest]] = field(default_factory=set)
    mismatched: set[Digest] = field(default_factory=set)
    intact: set[Digest] = field(default_factory=set)
    manifests: set[tuple[str, Digest]] = field(default_factory=set)
    repositories: dict[str, bool] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """True if hardly anybody can have deleted any of it meanwhile."""
        return time.monotonic() - self.seen_at < _FRESH_SECONDS

    def forget(self, repository: str, top: Manifest | Index) -> None:
        """Forget what a repository has of all that a manifest names, and the manifest."""
        for blob in blobs_of(top):
            self.blobs[blob.digest].discard(repository)
        entries = top.manifests if isinstance(top, Index) else ()
        self.manifests -= {(repository, one) for one in (top.digest, *(e.digest for e in entries))}


def is_same_place(source: Registry, target: Registry) -> bool:
    """Tell whether two registries are one: then content need not be sent."""
    return source is target or source.url == target.url


def is_costly_to_ask(registry: Registry) -> bool:
    """Tell whether a question is a request; of a directory, it is a look at a file.

    There nothing is taken for known, and everything is looked at: another process may have
    deleted it meanwhile, and files are lost.
    """
    return not isinstance(registry, OwnContent)


async def digest_at(registry: Registry, repository: str, locator: str) -> Digest | None:
    """Ask what a tag or digest leads to now; None if to nothing."""
    try:
        return (await registry.resolve(repository, locator)).digest
    except NotFoundError:
        return None


async def intact_digest_at(registry: Registry, repository: str, locator: str) -> Digest | None:
    """Ask as `digest_at` does, of a target: what is damaged there is to be pushed anew."""
    try:
        return await digest_at(registry, repository, locator)
    except IntegrityError:
        return None


async def is_intact(registry: Registry, repository: str, blob: Descriptor) -> bool:
    """Read a blob to its end, and tell whether it is what its digest says."""
    try:
        async with aclosing(blob_pieces(registry, repository, blob)) as pieces:
            async for _ in pieces:
                pass
    except (IntegrityError, NotFoundError):
        return False
    return True


async def has_repository(registry: Registry, name: str) -> bool:
    """Tell whether a registry has a repository, perhaps one without tags."""
    try:
        async for _ in registry.tags(name):
            break
    except NotFoundError:
        return False
    return True
