"""Bolt's routes: lists, searches, downloads, uploads, deletions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ghostnb.drift.auth.access import address_of
from ghostnb.drift.auth.identity import identity_of
from ghostnb.drift.bolt.documents import Search
from ghostnb.drift.bolt.downloads import Counts, Downloads, statistics_file
from ghostnb.drift.bolt.figures import add_figures
from ghostnb.drift.bolt.kinds import KINDS
from ghostnb.drift.bolt.parcels import decoded, open_parcel
from ghostnb.drift.bolt.search import chosen, page_of
from ghostnb.drift.bolt.store import Item, Store
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.drift.streaming import Streamed, closed, joined
from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import check_tag
from ghostnb.wire.bolt import Entry

__all__ = ["add_bolt"]

_MAX_SEARCH_BYTES = 64 * 2**10
_FLAGS = {"": False, "false": False, "0": False, "true": True, "1": True}


def add_bolt(router: Router, service: Service) -> None:
    """Add the routes of profiles, plugins and templates, and of their figures."""
    downloads = Downloads(statistics_file(service.registry))
    service.closing.push_async_callback(downloads.aclose)
    stores = [Store(service, kind) for kind in KINDS]
    for store in stores:
        _add_shelf(router, _Shelf(service, store, downloads), store)
    add_figures(router, service, stores, downloads)


def _add_shelf(router: Router, shelf: "_Shelf", store: Store) -> None:
    base = f"/v1/{store.kind.shelf.plural}"
    unknown = f"{store.kind.name.upper()}_UNKNOWN"
    add = partial(router.add, unknown=unknown)
    add("GET", base, shelf.listing, "pull")
    add("POST", f"{base}/search", shelf.search, "pull")
    # To which repository is known when the body has been read; who may push nothing sends none.
    add("POST", f"{base}/upload", shelf.upload, "push")
    add("GET", f"{base}/{{name}}/download", shelf.download, "pull", locate=shelf.repository)
    add("GET", f"{base}/{{name}}", shelf.details, "pull", locate=shelf.repository)
    add("DELETE", f"{base}/{{name}}", shelf.delete, "delete", locate=shelf.repository)


class _Shelf:
    """Handlers of one kind; each of them is one route."""

    def __init__(self, service: Service, store: Store, downloads: Downloads) -> None:
        self._service = service
        self._store = store
        self._kind = store.kind
        self._downloads = downloads
        self._bodies = service.bodies

    def repository(self, request: Request) -> str:
        """Give the repository that a request is about."""
        try:
            return self._kind.shelf.repository(request.path_params["name"])
        except InvalidReferenceError as e:
            raise RefusedError(400, "NAME_INVALID", str(e)) from e

    async def listing(self, request: Request) -> Response:
        """List the current version of everything."""
        return _json(page_of(await self._entries(), request.query_params))

    async def search(self, request: Request) -> Response:
        """List what fits."""
        async with self._bodies.read(request, _MAX_SEARCH_BYTES, "A search") as body:
            search: Search = decoded(body or b"{}", self._kind.search)
        found = chosen(await self._entries(), search)
        return _json(page_of(found, msgspec.structs.asdict(search)))

    async def details(self, request: Request) -> Response:
        """Give all that is known of one thing, its versions too."""
        name = request.path_params["name"]
        item = await self._store.item(name, _version(request))
        versions = tuple(one.tag for one in await self._store.versions(name))
        entry = msgspec.structs.replace(item.entry, versions=versions)
        return _json(_counted([entry], await self._counts())[0])

    async def download(self, request: Request) -> Response:
        """Give the content; what came whole is counted."""
        item = await self._store.item(request.path_params["name"], _version(request))
        layer = item.manifest.layers[0]
        headers = {
            "content-disposition": f'attachment; filename="{self._file_name(item)}"',
            "content-length": str(layer.size_bytes),
            "content-type": self._kind.served_type,
            "docker-content-digest": str(layer.digest),
            "x-content-type-options": "nosniff",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        async with AsyncExitStack() as held:
            held.enter_context(self._service.downloads.one())
            pieces = self._store.content(item)
            await held.enter_async_context(closed(pieces))
            # So that small content is known to be right before anything is said.
            first = await anext(pieces)
            noted = self._noted(request, item, joined(first, pieces))
            return Streamed(noted, held.pop_all(), headers=headers)

    async def upload(self, request: Request) -> Response:
        """Take something new."""
        kind, overwrite = self._kind, _flag(request, "overwrite")
        # Said at once, where nothing can be stored at all.
        _ = self._service.store
        async with self._bodies.read(request, kind.body_bytes, f"A {kind.name}'s upload") as body:
            parcel = await asyncio.to_thread(open_parcel, kind, body)
            await self._service.access.check(request, "push", parcel.repository)
            stored = await self._store.put(parcel, overwrite=overwrite)
        if stored.is_first:
            # Deleted by /v2, what had the name before left its count.
            await self._downloads.forget(kind.name, parcel.name)
        said = "uploaded" if stored.is_new else "is there already"
        document = {
            "message": f"{kind.name.capitalize()} {said}",
            kind.name: parcel.name,
            "version": parcel.version,
            "digest": str(stored.digest),
        }
        place = {"location": f"/v1/{kind.shelf.plural}/{parcel.name}?version={parcel.version}"}
        return _json(document, 201 if stored.is_new else 200, place)

    async def delete(self, request: Request) -> Response:
        """Delete one version, or all with their count of downloads."""
        name = request.path_params["name"]
        if not await self._store.delete(name, _version(request)):
            await self._downloads.forget(self._kind.name, name)
        return Response(status_code=204)

    async def _entries(self) -> list[Entry]:
        entries = [item.entry for item in await self._store.items()]
        return _counted(entries, await self._counts())

    async def _counts(self) -> Counts | None:
        return await self._downloads.counts(self._kind.name)

    async def _noted(
        self, request: Request, item: Item, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece
        self._downloads.count(self._kind.name, item.entry.name, _visitor(request))

    def _file_name(self, item: Item) -> str:
        return f"{item.entry.name}{self._kind.shelf.suffix}"


def _counted(entries: Iterable[Entry], counts: Counts | None) -> list[Entry]:
    def downloads(name: str) -> int | None:
        return counts.by_name.get(name, 0) if counts else None

    return [msgspec.structs.replace(one, downloads=downloads(one.name)) for one in entries]


def _version(request: Request) -> str | None:
    text = request.query_params.get("version")
    if text is None:
        return None
    try:
        return check_tag(text)
    except InvalidReferenceError as e:
        raise RefusedError(400, "VERSION_INVALID", f"version: {e}") from e


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "")
    if text.lower() not in _FLAGS:
        message = f"{name} is {text[:100]!r}; it must be true or false."
        raise RefusedError(400, "QUERY_INVALID", message)
    return _FLAGS[text.lower()]


def _visitor(request: Request) -> str:
    """Say who downloads: a user by name, others by address."""
    username = identity_of(request).username
    return f"user:{username}" if username else f"address:{address_of(request)}"


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = msgspec.json.encode(document)
    return Response(content, status, headers=headers, media_type="application/json")
