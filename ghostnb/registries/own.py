"""What every registry that keeps its content itself answers in the same way."""

from collections.abc import AsyncIterator

from ghostnb.oci import Descriptor, Reference, check_repository
from ghostnb.registries.catalog import details_of_tags, search_catalog
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import SearchRecord, TagRecord
from ghostnb.registries.referrers import described
from ghostnb.registries.storing import has_blob
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["OwnContent", "SharedBlobs"]


class OwnContent:
    """Answers that follow from others, where asking costs nothing."""

    @property
    def rate_limit(self) -> RateLimit | None:
        """None: there is no limit of pulls."""
        return None

    def repository(self, name: str) -> str:
        """Check a repository's name."""
        return check_repository(name)

    def reference(self, text: str) -> Reference:
        """Read ``repository[:tag][@digest]``."""
        return Reference.within(text, host="")

    async def tag_details(self: Registry, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags with all that their manifests tell."""
        async for record in details_of_tags(self, repository):
            yield record

    async def search(self: Registry, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over at most `limit` repositories whose names hold the query."""
        async for record in search_catalog(self, query, limit=limit):
            yield record

    async def resolve(self: Registry, repository: str, locator: str) -> Descriptor:
        """Say what a tag or digest points to."""
        return described(await self.manifest(repository, locator))


class SharedBlobs(OwnContent):
    """Takes blobs that all of its repositories share."""

    async def mount_blob(
        self: Registry, repository: str, descriptor: Descriptor, source: str
    ) -> bool:
        """Say whether the blob is there: all repositories share it."""
        return await has_blob(self, repository, descriptor)
