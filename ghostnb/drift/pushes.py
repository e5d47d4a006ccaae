"""The part of the distribution protocol that writes: uploads, manifests, deletions."""

import re
from asyncio import timeout, to_thread
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from ghostnb.drift.bodies import pieces
from ghostnb.drift.pulls import digest_of
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.routing import Router, repository_of
from ghostnb.drift.service import Service
from ghostnb.errors import (
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest, Index, Manifest, check_tag
from ghostnb.registries.abilities import SendsOn
from ghostnb.registries.storing import checked_manifest

__all__ = ["add_pushes"]

# No file has more bytes than 18 digits can say.
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d{1,18})-(\d{1,18})(?:/.*)?")

# To read a manifest that is larger takes longer than others should wait.
_LARGE_BYTES = 256 * 1024
_MAX_DETAILS = 100
_SETTLE_SECONDS = 2.0


def add_pushes(router: Router, service: Service) -> None:
    """Add the routes that write."""
    pushes, uploads = _Pushes(service), _Uploads(service)
    path, unknown = "/v2/{name:path}/blobs/uploads/{upload}", "BLOB_UPLOAD_UNKNOWN"
    router.add("POST", "/v2/{name:path}/blobs/uploads/", uploads.begin, "push", unknown)
    router.add("POST", "/v2/{name:path}/blobs/uploads", uploads.begin, "push", unknown)
    router.add("GET", path, uploads.status, "push", unknown)
    router.add("PATCH", path, uploads.append, "push", unknown)
    router.add("PUT", path, uploads.finish, "push", unknown)
    router.add("DELETE", path, uploads.cancel, "push", unknown)
    manifest = "/v2/{name:path}/manifests/{reference}"
    router.add("PUT", manifest, pushes.manifest, "push", "NAME_UNKNOWN")
    router.add("DELETE", manifest, pushes.delete_manifest, "delete", "MANIFEST_UNKNOWN")
    blob = "/v2/{name:path}/blobs/{digest}"
    # All repositories share it: a token for one of them is not enough.
    router.add(
        "DELETE", blob, pushes.delete_blob, "delete", "BLOB_UNKNOWN", locate=lambda request: ""
    )


class _Uploads:
    """Handlers of blobs that come in one piece or several."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def begin(self, request: Request) -> Response:
        """Begin an upload, or do without one (end-4a, end-4b, end-11)."""
        name, uploads = request.path_params["name"], self._service.uploads
        query = request.query_params
        if "mount" in query and (mounted := await self._mount(request, query["mount"])):
            return mounted
        wanted = digest_of(query["digest"]) if "digest" in query else None
        upload = await uploads.begin_upload(name)
        if wanted is None:
            return _progress(202, name, upload, 0)
        try:
            async with self._service.receiving(upload):
                await self._complete(request, name, upload, wanted)
        except BaseException:
            await self._forget(name, upload)
            raise
        return _stored(name, wanted)

    async def status(self, request: Request) -> Response:
        """Say how far an upload has come (end-13)."""
        name, upload = request.path_params["name"], request.path_params["upload"]
        # Who asks has mostly just lost a line, of which a last piece is still being written.
        with suppress(TimeoutError):
            async with timeout(_SETTLE_SECONDS), self._service.turn(upload):
                pass
        size = await self._service.uploads.upload_size(name, upload)
        return _progress(204, name, upload, size)

    async def append(self, request: Request) -> Response:
        """Take a piece of a blob (end-5)."""
        name, upload = request.path_params["name"], request.path_params["upload"]
        async with self._service.receiving(upload):
            size = await self._append(request, name, upload)
        return _progress(202, name, upload, size)

    async def finish(self, request: Request) -> Response:
        """Take the last piece, if there is one, and make the blob (end-6)."""
        name, upload = request.path_params["name"], request.path_params["upload"]
        if "digest" not in request.query_params:
            raise RefusedError(400, "DIGEST_INVALID", "The blob's digest must be given: ?digest=…")
        wanted = digest_of(request.query_params["digest"])
        async with self._service.receiving(upload):
            await self._complete(request, name, upload, wanted)
        return _stored(name, wanted)

    async def cancel(self, request: Request) -> Response:
        """Forget an upload."""
        name, upload = request.path_params["name"], request.path_params["upload"]
        async with self._service.turn(upload):
            await self._service.uploads.cancel_upload(name, upload)
        return Response(status_code=204)

    async def _mount(self, request: Request, text: str) -> Response | None:
        """Give a blob that is there already to a repository, if it may be read where it is."""
        name, digest = request.path_params["name"], digest_of(text)
        source = request.query_params.get("from", "")
        if source:
            await self._service.access.check(request, "pull", repository_of(source))
        is_there = await self._is_mounted(name, digest, source)
        return _stored(name, digest) if is_there else None

    async def _is_mounted(self, name: str, digest: Digest, source: str) -> bool:
        registry = self._service.kept
        if registry is None:
            blob = Descriptor("application/octet-stream", digest, 0)
            return bool(source) and await self._service.writable.mount_blob(name, blob, source)
        try:
            # Blobs are shared by all repositories.
            await self._service.keep(digest)
            await registry.blob_size(name, digest)
        except NotFoundError:
            return False
        return True

    async def _append(self, request: Request, name: str, upload: str) -> int:
        await self._check_begin(request, name, upload)
        return await self._service.uploads.append_upload(name, upload, self._body(request))

    async def _check_begin(self, request: Request, name: str, upload: str) -> None:
        size = await self._service.uploads.upload_size(name, upload)
        begin = _first_byte(request)
        if begin is not None and begin != size:
            raise RefusedError(
                416,
                "BLOB_UPLOAD_INVALID",
                f"{size} bytes have come; the next piece must begin there.",
                headers=dict(_progress(204, name, upload, size).headers),
            )

    async def _complete(self, request: Request, name: str, upload: str, wanted: Digest) -> None:
        """Take the rest, and make the blob."""
        uploads, length = self._service.uploads, request.headers.get("content-length", "")
        try:
            if isinstance(uploads, SendsOn) and length.isdecimal():
                await self._check_begin(request, name, upload)
                body = self._body(request)
                await uploads.finish_with(name, upload, wanted, body, int(length))
            else:
                await self._append(request, name, upload)
                await uploads.finish_upload(name, upload, wanted)
        except IntegrityError as e:
            raise RefusedError(400, "DIGEST_INVALID", str(e)) from e

    def _body(self, request: Request) -> AsyncGenerator[bytes, None]:
        return pieces(request, self._service.limits, is_kept=True)

    async def _forget(self, name: str, upload: str) -> None:
        try:
            await self._service.uploads.cancel_upload(name, upload)
        except NotFoundError:
            # It became a blob before the request was broken off.
            return


class _Pushes:
    """Handlers of manifests and deletions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def manifest(self, request: Request) -> Response:
        """Store a manifest, exactly as it comes, if its blobs are there (end-7)."""
        name, reference = request.path_params["name"], request.path_params["reference"]
        registry, limit = self._service.writable, self._service.limits.manifest_bytes
        wanted = digest_of(reference) if ":" in reference else None
        tag = "" if wanted else _tag_of(reference)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        reading = self._service.bodies.read(request, limit, "A manifest", code="MANIFEST_INVALID")
        async with reading as body:
            raw = bytes(body)
            parse = partial(_parsed, raw, media_type, wanted, f"The manifest pushed to {name}")
            manifest = await to_thread(parse) if len(raw) > _LARGE_BYTES else parse()
            async with self._service.pushing():
                # Who keeps nothing here says himself what is missing there.
                if self._service.kept is not None:
                    await self._check_blobs(manifest)
                digest = await registry.push_manifest(
                    name, raw, manifest.media_type, tag=tag, digest=wanted
                )
        headers = {
            "location": f"/v2/{name}/manifests/{digest}",
            "docker-content-digest": str(digest),
        }
        if manifest.subject is not None:
            headers["oci-subject"] = str(manifest.subject.digest)
        return Response(status_code=201, headers=headers)

    async def delete_manifest(self, request: Request) -> Response:
        """Delete a tag alone, or a manifest with its tags (end-9)."""
        name, reference = request.path_params["name"], request.path_params["reference"]
        async with self._service.pushing():
            if ":" in reference:
                await self._service.writable.delete_manifest(name, digest_of(reference))
            else:
                await self._service.writable.delete_tag(name, _tag_of(reference))
        return Response(status_code=202)

    async def delete_blob(self, request: Request) -> Response:
        """Delete a blob that nothing needs (end-10)."""
        name = repository_of(request.path_params["name"])
        digest = digest_of(request.path_params["digest"])
        async with self._service.collecting():
            await self._service.writable.delete_blob(name, digest)
        return Response(status_code=202)

    async def _check_blobs(self, manifest: Manifest | Index) -> None:
        """See that what a manifest needs is there, and keep it, and keep its subject.

        An index may leave platforms out.
        """
        needed = _needed(manifest)
        named = {one.digest for one in needed}
        if manifest.subject is not None:
            named.add(manifest.subject.digest)
        sizes = await self._service.store.touch_blobs(named)
        for one in needed:
            # Who adds up what a registry holds believes the manifests.
            if sizes.get(one.digest, one.size_bytes) != one.size_bytes:
                message = (
                    f"{one.digest} has {sizes[one.digest]:,} bytes, "
                    f"where the manifest says {one.size_bytes:,}."
                )
                raise RefusedError(400, "SIZE_INVALID", message)
        absent = {str(one.digest) for one in needed if one.digest not in sizes and not one.urls}
        if absent and not isinstance(manifest, Index):
            message = f"{len(absent)} of the manifest's blobs are not here; push them first."
            detail = [{"digest": digest} for digest in sorted(absent)[:_MAX_DETAILS]]
            raise RefusedError(400, "MANIFEST_BLOB_UNKNOWN", message, detail=detail)


def _needed(manifest: Manifest | Index) -> tuple[Descriptor, ...]:
    if isinstance(manifest, Index):
        return tuple(manifest.manifests)
    return manifest.config, *manifest.layers


def _parsed(raw: bytes, media_type: str, digest: Digest | None, source: str) -> Manifest | Index:
    try:
        manifest = checked_manifest(raw, media_type, digest=digest, source=source)
    except IntegrityError as e:
        raise RefusedError(400, "DIGEST_INVALID", str(e)) from e
    except (ProtocolError, UnsupportedError) as e:
        raise RefusedError(400, "MANIFEST_INVALID", str(e)) from e
    if media_type and manifest.media_type != media_type:
        message = f"The manifest says it is {manifest.media_type}, its Content-Type {media_type}."
        raise RefusedError(400, "MANIFEST_INVALID", message)
    return manifest


def _tag_of(text: str) -> str:
    try:
        return check_tag(text)
    except InvalidReferenceError as e:
        raise RefusedError(400, "MANIFEST_INVALID", str(e)) from e


def _first_byte(request: Request) -> int | None:
    """Read where a piece says that it begins; None if it does not say."""
    header = request.headers.get("content-range", "")
    if not header:
        return None
    found = _CONTENT_RANGE.fullmatch(header.strip())
    if found is None or int(found[2]) < int(found[1]):
        raise RefusedError(416, "BLOB_UPLOAD_INVALID", "Content-Range must be like 0-1023.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) != int(found[2]) - int(found[1]) + 1:
        raise RefusedError(400, "SIZE_INVALID", "Content-Range and Content-Length disagree.")
    return int(found[1])


def _progress(status: int, name: str, upload: str, size: int) -> Response:
    return Response(
        status_code=status,
        headers={
            "location": f"/v2/{name}/blobs/uploads/{upload}",
            "range": f"0-{max(size - 1, 0)}",
            "docker-upload-uuid": upload,
        },
    )


def _stored(name: str, digest: Digest) -> Response:
    headers = {"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": str(digest)}
    return Response(status_code=201, headers=headers)
