"""The part of the distribution protocol that reads: manifests, blobs, lists."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ghostnb.drift.lists import Lists
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.drift.streaming import Streamed, closed, joined
from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import (
    MAX_MANIFEST_BYTES,
    AnyManifest,
    Descriptor,
    Digest,
    check_tag,
    media_types,
)
from ghostnb.registries.abilities import ReadsOn, RereadsManifests

__all__ = ["add_pulls", "digest_of"]

# No file has more bytes than 18 digits can say.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,18}")
# By `server` a client knows that Bolt's routes are here, too.
_WHO = {"server": "drift", "docker-distribution-api-version": "registry/2.0"}
# A blob never changes, and neither does what is asked for by digest.
_FOREVER = {"cache-control": "max-age=31536000, immutable"}

# What stands around the entries has room too.
_PAGE_BYTES = MAX_MANIFEST_BYTES - 1024
_KEPT_LISTS = 8

_Read = Callable[[], Awaitable[list[str]]]


def add_pulls(router: Router, service: Service) -> None:
    """Add the routes that read."""
    pulls = _Pulls(service)
    router.add("GET", "/v2/", pulls.base, "none")
    router.add("GET", "/v2/_catalog", pulls.catalog, "pull")
    router.add("GET", "/v2/{name:path}/tags/list", pulls.tags, "pull", "NAME_UNKNOWN")
    router.add(
        "GET", "/v2/{name:path}/manifests/{reference}", pulls.manifest, "pull", "MANIFEST_UNKNOWN"
    )
    router.add("GET", "/v2/{name:path}/referrers/{digest}", pulls.referrers, "pull")
    router.add("GET", "/v2/{name:path}/blobs/{digest}", pulls.blob, "pull", "BLOB_UNKNOWN")


def digest_of(text: str) -> Digest:
    """Read a digest that stands in a URL, and that content can be checked against.

    Raises
    ------
    RefusedError
    """
    try:
        digest = Digest(text)
        digest.hasher()
    except InvalidReferenceError as e:
        raise RefusedError(400, "DIGEST_INVALID", str(e)) from e
    return digest


class _Pulls:
    """Handlers; each of them is one route."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry
        # The first page is of what is there now.
        self._lists = Lists(fresh_seconds=0.0, most=_KEPT_LISTS)

    async def base(self, request: Request) -> Response:
        """Say that this is a registry (end-1)."""
        return Response(b"{}", headers=_WHO, media_type="application/json")

    async def catalog(self, request: Request) -> Response:
        """List the repositories."""

        async def read() -> list[str]:
            return sorted([one.repository async for one in self._registry.repositories()])

        page, link = self._page(request, await self._listed(request, "", read))
        return _json({"repositories": page}, link)

    async def tags(self, request: Request) -> Response:
        """List a repository's tags (end-8)."""
        name = request.path_params["name"]

        async def read() -> list[str]:
            return sorted([tag async for tag in self._registry.tags(name)])

        page, link = self._page(request, await self._listed(request, name, read))
        return _json({"name": name, "tags": page}, link)

    async def _listed(self, request: Request, name: str, read: _Read) -> list[str]:
        """List, unless a page before this one was cut from the same list elsewhere just now."""
        if self._service.kept is not None:
            return await read()
        return await self._lists.get((name,), read, is_following="last" in request.query_params)

    async def manifest(self, request: Request) -> Response:
        """Give a manifest, exactly as it was pushed (end-3)."""
        name, reference = request.path_params["name"], request.path_params["reference"]
        locator = digest_of(reference) if ":" in reference else _tag_of(reference)
        if isinstance(locator, Digest):
            # What no tag leads to may be collected, and is not pushed by who sees it here.
            await self._service.keep(locator)
        if request.method == "HEAD" and self._service.kept is None:
            return await self._resolved(request, name, locator)
        manifest = await self._manifest(name, locator)
        # Of a schema 1 manifest nobody may know the digest.
        headers = _named(manifest.digest) if manifest.digest else {}
        if _is_known(request, headers):
            return Response(status_code=304, headers=headers)
        return Response(manifest.raw, headers=headers | {"content-type": manifest.media_type})

    async def _resolved(self, request: Request, name: str, locator: str) -> Response:
        """Ask where it is: to read it there may count against a limit, and a HEAD does not."""
        found = await self._registry.resolve(name, locator)
        headers = _named(found.digest)
        if _is_known(request, headers):
            return Response(status_code=304, headers=headers)
        headers |= {"content-type": found.media_type, "content-length": str(found.size_bytes)}
        return Response(headers=headers)

    async def _manifest(self, name: str, locator: str) -> AnyManifest:
        """Read it as the registry has it now: it may be gone, or damaged, since it was cached."""
        if ":" in locator and isinstance(self._registry, RereadsManifests):
            return await self._registry.stored_manifest(name, locator)
        return await self._registry.manifest(name, locator)

    async def referrers(self, request: Request) -> Response:
        """List what is attached to a manifest; nothing, if there is no such manifest (end-12)."""
        name, digest = request.path_params["name"], digest_of(request.path_params["digest"])
        found: Sequence[Descriptor] = await self._registry.referrers(name, digest)
        wanted = request.query_params.get("artifactType", "")
        if wanted:
            found = [one for one in found if one.artifact_type == wanted]
        entries = {str(one.digest): msgspec.json.encode(one, enc_hook=str) for one in found}
        page, headers = self._page(request, sorted(entries), entries)
        if wanted:
            headers["oci-filters-applied"] = "artifactType"
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": [msgspec.Raw(entries[one]) for one in page],
        }
        return _json(document, headers, media_types.OCI_INDEX)

    async def blob(self, request: Request) -> Response:
        """Give a blob or a part of it (end-2)."""
        name, digest = request.path_params["name"], digest_of(request.path_params["digest"])
        if request.method == "HEAD":
            # Before it is looked for: it may be collected in between.
            await self._service.keep(digest)
        size = await self._registry.blob_size(name, digest)
        headers = _named(digest) | _FOREVER
        if _is_known(request, headers):
            return Response(status_code=304, headers=headers)
        headers |= {"accept-ranges": "bytes", "content-type": "application/octet-stream"}
        if request.method == "HEAD":
            return Response(headers=headers | {"content-length": str(size)})
        part = _range(request, size, headers["etag"])
        first, last = part or (0, size - 1)
        headers["content-length"] = str(last - first + 1)
        if part:
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        async with AsyncExitStack() as held:
            held.enter_context(self._service.downloads.one())
            pieces = self._pieces(name, digest, size, first, last)
            await held.enter_async_context(closed(pieces))
            # Read before the status is sent: what cannot be read is an error then.
            begin = await anext(pieces, b"")
            status = 206 if part else 200
            return Streamed(joined(begin, pieces), held.pop_all(), status, headers=headers)

    async def _pieces(
        self, name: str, digest: Digest, size: int, first: int, last: int
    ) -> AsyncGenerator[bytes, None]:
        """Iterate over a part of a blob; who asked for it checks the digest."""
        if self._service.kept is not None:
            pieces = self._service.kept.open_range(digest, first, last)
        else:
            pieces = self._pieces_from_there(name, digest, size, first, last)
        async with closed(pieces):
            async for piece in pieces:
                yield piece

    def _pieces_from_there(
        self, name: str, digest: Digest, size: int, first: int, last: int
    ) -> AsyncIterator[bytes]:
        blob = Descriptor("application/octet-stream", digest, size)
        if first and isinstance(self._registry, ReadsOn):
            return _cut(self._registry.open_blob_from(name, blob, first), 0, last - first)
        return _cut(self._registry.open_blob(name, blob), first, last)

    def _page(
        self, request: Request, names: Sequence[str], contents: Mapping[str, bytes] | None = None
    ) -> tuple[list[str], dict[str, str]]:
        """Cut a sorted list, and link to the rest."""
        limit = self._service.limits.page_size
        count = request.query_params.get("n")
        if count is not None:
            if not _COUNT.fullmatch(count):
                raise RefusedError(
                    400, "PAGINATION_NUMBER_INVALID", "n must be a number, 0 or more."
                )
            limit = min(limit, int(count))
        last = request.query_params.get("last", "")
        rest = [name for name in names if name > last]
        page = _fitting(rest[:limit], contents or {})
        if not page or len(page) == len(rest):
            return page, {}
        query = urlencode({**request.query_params, "n": limit, "last": page[-1]})
        return page, {"link": f'<{request.url.path}?{query}>; rel="next"'}


def _tag_of(text: str) -> str:
    try:
        return check_tag(text)
    except InvalidReferenceError as e:
        raise RefusedError(404, "MANIFEST_UNKNOWN", str(e)) from e


def _named(digest: Digest) -> dict[str, str]:
    return {"docker-content-digest": str(digest), "etag": f'"{digest}"'}


def _is_known(request: Request, headers: Mapping[str, str]) -> bool:
    """Tell whether the client has what it asks for (RFC 9110, If-None-Match)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or ("etag" in headers and headers["etag"] in known)


def _range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Read a Range; None for the whole, also where several parts are asked for (RFC 9110)."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or not (found[1] or found[2]):
        return None
    if request.headers.get("if-range", etag).strip() != etag:
        return None
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
    else:
        first, last = max(size - int(found[2]), 0), size - 1
    if first >= size or (found[2] and found[1] and int(found[2]) < first):
        headers = {"content-range": f"bytes */{size}"}
        raise RefusedError(416, "SIZE_INVALID", f"The blob has {size} bytes.", headers=headers)
    return first, last


def _fitting(names: list[str], contents: Mapping[str, bytes]) -> list[str]:
    """Leave out what would make an answer larger than a manifest may be."""
    total = 0
    for count, name in enumerate(names):
        total += len(contents.get(name, b"")) + 1
        if count and total > _PAGE_BYTES:
            return names[:count]
    return names


async def _cut(pieces: AsyncIterator[bytes], first: int, last: int) -> AsyncIterator[bytes]:
    done = 0
    async with closed(pieces):
        async for piece in pieces:
            part = piece[max(first - done, 0) : last + 1 - done]
            done += len(piece)
            if part:
                yield part
            if done > last:
                return


def _json(document: Any, headers: dict[str, str], media_type: str = "application/json") -> Response:
    content = msgspec.json.encode(document, enc_hook=str)
    return Response(content, headers=headers, media_type=media_type)
