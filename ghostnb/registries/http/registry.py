"""A registry over HTTP."""

import time
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import aclosing, suppress

from ghostnb.errors import (
    GhostnbError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
)
from ghostnb.oci import (
    MAX_MANIFEST_BYTES,
    AnyManifest,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Reference,
    SchemaOneManifest,
    check_tag,
    parse_manifest,
)
from ghostnb.registries.bolt import Bolt
from ghostnb.registries.cache import ContentCache, Scope, default_cache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http.acquaintance import Acquaintance
from ghostnb.registries.http.downloads import blob_pieces
from ghostnb.registries.http.faults import local_faults
from ghostnb.registries.http.lists import Lists
from ghostnb.registries.http.writing import Writer
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.records import (
    Ping,
    RepositoryRecord,
    SearchRecord,
    TagRecord,
    UsageRecord,
)
from ghostnb.registries.referrers import described, fallback_tag
from ghostnb.registries.session import Session, Transport
from ghostnb.registries.vendors import Vendor, offers_of
from ghostnb.registries.verify import check_content, check_length, check_pieces, check_size
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.rate_limits import RateLimit
from ghostnb.wire.replies import digest_told
from ghostnb.wire.retries import RetryPolicy

__all__ = ["HTTPRegistry"]

_MAX_CONFIG_BYTES = 32 * 2**20


class HTTPRegistry:
    """A registry that speaks the OCI distribution protocol.

    Parameters
    ----------
    config : RegistryConfig
    transport : Transport, optional
        Carries the requests; for tests and for registries in process.
    cache : ContentCache, optional
        By default the process's.
    policy : RetryPolicy, optional

    Notes
    -----
    Source: OCI distribution-spec v1.1. To be used on one event loop; nothing
    is opened before the first request.
    """

    def __init__(
        self,
        config: RegistryConfig,
        *,
        transport: Transport | None = None,
        cache: ContentCache | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.name = config.name
        self.url = config.url
        self.concurrency = config.max_connections
        self._session = Session(config, transport=transport, policy=policy)
        self._endpoint = Endpoint(config.url)
        self._acquaintance = Acquaintance(self._session, self._endpoint, self._fetch)
        self._lists = Lists(self, config, self._endpoint, self._acquaintance, self._fetch)
        self._writer = Writer(self._session, self._endpoint, self._acquaintance)
        self._cache = cache if cache is not None else default_cache()
        self._scope = Scope(config.url, config.username)

    def __repr__(self) -> str:
        return f"<HTTPRegistry {self.name} at {self.url}>"

    @property
    def _vendor(self) -> Vendor:
        return self._acquaintance.vendor

    @property
    def kind(self) -> str:
        """The vendor: ``distribution`` for no other, ``auto`` until that is found out."""
        return self._acquaintance.kind

    @property
    def rate_limit(self) -> RateLimit | None:
        """The pull limit, as the registry last told it."""
        return self._session.rate_limit

    def repository(self, name: str) -> str:
        """Check a repository's name, and complete it as this registry's users expect."""
        return self._vendor.repository(name)

    def reference(self, text: str) -> Reference:
        """Read a reference to something in this registry."""
        return self._vendor.reference(text)

    async def ping(self) -> Ping:
        """Ask whether the registry answers, and takes the credentials."""
        started = time.perf_counter()
        await self._acquaintance.meet()
        latency = time.perf_counter() - started
        limit = await self._limit()
        # First: an agent then tells also what the registry behind it is.
        rights = await self._acquaintance.rights()
        return Ping(
            self.name,
            self.url,
            self.kind,
            self._session.auth.has_credentials,
            latency,
            limit,
            offers_of(self.kind),
            rights,
            self._acquaintance.doubt,
        )

    async def greet(self) -> RateLimit | None:
        """Ask no more than whether the registry answers, and takes the credentials."""
        await self._acquaintance.meet()
        return await self._limit()

    async def _limit(self) -> RateLimit | None:
        return await self._vendor.rate_limit() or self.rate_limit

    async def local_faults(self) -> list[GhostnbError]:
        """Say what is wrong on this machine with how the registry is reached; nothing is sent."""
        return await local_faults(self._session.config, self._vendor)

    def repositories(self, namespace: str | None = None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories: by the vendor's API, else by the catalog."""
        return self._lists.repositories(namespace)

    def tags(self, repository: str) -> AsyncIterator[str]:
        """Iterate over a repository's tags, as they come."""
        return self._lists.tags(self._vendor.repository(repository))

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over tags with their details: by the vendor's API, else by manifests."""
        return self._lists.tag_details(self._vendor.repository(repository))

    def listed_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over tags with their details by the vendor's API, where it has them."""
        return self._lists.listed_details(self._vendor.repository(repository))

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what a query finds: by the vendor's API, else in the catalog."""
        return self._lists.search(query, limit)

    def usage_records(self, namespace: str | None = None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored, as the vendor counts it."""
        return self._lists.usage(namespace)

    async def manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read the manifest of a tag or digest; what is known by digest is not asked for again."""
        name = self._vendor.repository(repository)
        digest = Digest(locator) if ":" in locator else None
        if digest is None:
            check_tag(locator)
        if digest is None and self._vendor.prefers_head:
            digest = await self._resolve(name, locator)
        raw = self._cache.get(f"{self._scope}/{name}", digest) if digest else None
        if raw is not None:
            return parse_manifest(raw, digest=digest, source=f"{name} in {self.name}")
        return await self.stored_manifest(name, digest or locator)

    async def stored_manifest(self, repository: str, locator: str) -> AnyManifest:
        """Read a manifest as the registry has it now; the cache does not answer for it."""
        name = self._vendor.repository(repository)
        request = self._endpoint.manifest(name, locator)
        reply = await self._noted(self._session.fetch(request, max_bytes=MAX_MANIFEST_BYTES))
        return self._checked_manifest(
            name, request, reply, Digest(locator) if ":" in locator else None
        )

    async def resolve(self, repository: str, locator: str) -> Descriptor:
        """Ask what a tag or digest points to, by HEAD; the cache does not answer for it."""
        name = self._vendor.repository(repository)
        request = self._endpoint.manifest(name, locator, method="HEAD")
        reply = await self._noted(self._session.fetch(request))
        digest, length = digest_told(reply), reply.headers.get("content-length", "")
        if digest is None or not length.isdecimal():
            request = self._endpoint.manifest(name, locator)
            reply = await self._noted(self._session.fetch(request, max_bytes=MAX_MANIFEST_BYTES))
            return described(self._checked_manifest(name, request, reply, None))
        media_type = reply.headers.get("content-type", "").partition(";")[0].strip()
        return Descriptor(media_type, digest, int(length))

    async def blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a small blob whole; one that was read before is not asked for again."""
        name = self._vendor.repository(repository)
        source = f"{name} in {self.name}"

        async def load() -> bytes:
            request = self._endpoint.blob(name, descriptor.digest)
            reply = await self._noted(self._session.fetch(request, max_bytes=_MAX_CONFIG_BYTES))
            size = descriptor.size_bytes
            return check_content(reply.body, descriptor.digest, size, source=source)

        check_size(descriptor, _MAX_CONFIG_BYTES, source=source)
        body = await self._cache.fetch(self._scope, descriptor.digest, load)
        # Another descriptor may have brought it into the cache, with another size.
        return check_length(body, descriptor, source=source)

    async def open_blob(self, repository: str, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes; a connection that breaks is taken up where it broke."""
        name = self._vendor.repository(repository)
        source = f"{name} in {self.name}"
        # Each is closed at once when the caller leaves early: with it, the connection.
        async with (
            aclosing(blob_pieces(self._session, self._endpoint, name, descriptor)) as pieces,
            aclosing(check_pieces(pieces, descriptor, source=source)) as checked,
        ):
            async for piece in checked:
                yield piece

    def open_blob_from(
        self, repository: str, descriptor: Descriptor, first: int
    ) -> AsyncIterator[bytes]:
        """Iterate over a blob's bytes from one on; who asks for a part cannot check it."""
        name = self._vendor.repository(repository)
        return blob_pieces(self._session, self._endpoint, name, descriptor, first)

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Ask how many bytes a blob has, without reading it."""
        request = self._endpoint.blob_size(self._vendor.repository(repository), digest)
        reply = await self._noted(self._session.fetch(request))
        length = reply.headers.get("content-length", "")
        if not length.isdecimal():
            raise ProtocolError(
                f"{self.name} did not say {request.what}.", registry=self.name, url=request.url
            )
        return int(length)

    async def referrers(self, repository: str, digest: Digest) -> list[Descriptor]:
        """Ask for what is attached to a manifest: by the API, else by the tag that stands for it.

        Notes
        -----
        Source: OCI distribution-spec v1.1, "Listing Referrers" and "Unavailable
        Referrers API": a 404 means the tag ``ALGORITHM-HEX``.
        """
        return await self.referrers_among(repository, digest, None)

    async def referrers_among(
        self, repository: str, digest: Digest, tags: Collection[str] | None
    ) -> list[Descriptor]:
        """Ask as `referrers` does, but for no tag that is not there."""
        name, tag = self._vendor.repository(repository), fallback_tag(digest)
        listed = await self._writer.attached.listed(name, digest)
        if listed is not None or (tags is not None and tag not in tags):
            return listed or []
        try:
            found = await self.manifest(name, tag)
        except NotFoundError:
            return []
        return list(found.manifests) if isinstance(found, Index) else []

    async def mount_blob(self, repository: str, descriptor: Descriptor, source: str) -> bool:
        """Take a blob over from another repository; False if its bytes must be sent."""
        name, other = self._vendor.repository(repository), self._vendor.repository(source)
        return await self._writer.mount_blob(name, descriptor.digest, other)

    async def push_blob(
        self, repository: str, descriptor: Descriptor, content: BlobContent
    ) -> None:
        """Send a blob; an upload that breaks off is taken up where it broke, if it is known."""
        name = self._vendor.repository(repository)
        await self._writer.push_blob(name, descriptor, content)

    async def push_manifest(
        self,
        repository: str,
        raw: bytes,
        media_type: str,
        *,
        tag: str = "",
        digest: Digest | None = None,
    ) -> Digest:
        """Send a manifest exactly as it is, and point a tag to it."""
        if tag:
            check_tag(tag)
        name = self._vendor.repository(repository)
        manifest = await self._writer.push_manifest(name, raw, media_type, tag, digest)
        return manifest.digest

    async def check_deletable(self, repository: str) -> None:
        """Raise if the registry deletes nothing: it is asked to delete what is not there."""
        await self._writer.check_deletable(self._vendor.repository(repository))

    async def delete_tag(
        self, repository: str, tag: str, *, expected: Digest | None = None
    ) -> None:
        """Take a tag away, and leave its manifest."""
        name = self._vendor.repository(repository)
        await self._writer.delete_tag(name, check_tag(tag), expected)

    @property
    def drops_untagged(self) -> bool:
        """True if an image goes with its last tag."""
        return self._vendor.drops_untagged

    async def delete_with_image(self, repository: str, tag: str, *, expected: Digest) -> None:
        """Take a tag away, and with it its image, if no other tag leads there."""
        name = self._vendor.repository(repository)
        await self._writer.delete_with_image(name, check_tag(tag), expected)

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Delete a manifest with its tags; a tag that lists it as attached does so no more."""
        name = self._vendor.repository(repository)
        known: AnyManifest | None = None
        if self._writer.attached.may_be_tags(name):
            # What cannot be read can be deleted.
            with suppress(NotFoundError, IntegrityError, ProtocolError):
                known = await self.manifest(name, digest)
        await self._writer.delete_manifest(name, digest, known)

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob."""
        await self._writer.delete_blob(self._vendor.repository(repository), digest)

    async def bolt(self) -> Bolt:
        """Give what reads and writes Bolt's shelves; asks the registry who it is if need be."""
        return await self._acquaintance.bolt()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.aclose()

    async def _fetch(self, request: Request) -> Reply:
        return await self._noted(self._session.fetch(request))

    async def _noted(self, answer: Awaitable[Reply]) -> Reply:
        """Wait for a reply, and note as whom it was read: before anything of it is kept.

        Credentials that were not configured are looked up only when the registry asks for
        some. What it gave without, it gives to everyone.
        """
        reply = await answer
        if self._session.auth.has_credentials:
            self._scope.note(await self._session.auth.credentials())
        return reply

    async def _resolve(self, repository: str, tag: str) -> Digest | None:
        """Ask for a tag's digest alone; None if the registry does not say it."""
        request = self._endpoint.manifest(repository, tag, method="HEAD")
        return digest_told(await self._noted(self._session.fetch(request)))

    def _checked_manifest(
        self, repository: str, request: Request, reply: Reply, digest: Digest | None
    ) -> AnyManifest:
        expected = digest or digest_told(reply)
        source = f"{request.what} in {self.name}"
        manifest = parse_manifest(
            reply.body, reply.headers.get("content-type", ""), digest=expected, source=source
        )
        # A schema 1 digest leaves the signatures out: it is not that of the bytes.
        if isinstance(manifest, SchemaOneManifest):
            return manifest
        check_content(reply.body, manifest.digest, source=source)
        if _says_what_it_is(manifest):
            # By repository: in another one the registry may say that there is no such manifest.
            self._cache.put(f"{self._scope}/{repository}", manifest.digest, reply.body)
        return manifest


def _says_what_it_is(manifest: Manifest | Index) -> bool:
    """Tell whether a manifest's bytes alone are read as they were with their Content-Type."""
    try:
        return parse_manifest(manifest.raw, digest=manifest.digest) == manifest
    except ProtocolError:
        return False
