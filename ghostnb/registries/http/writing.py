"""What changes a registry over HTTP, but for the bytes of blobs."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from weakref import WeakValueDictionary

import msgspec

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    RegistryError,
    RejectedError,
    UnsupportedError,
)
from ghostnb.oci import MAX_MANIFEST_BYTES, Descriptor, Digest, Index, Manifest
from ghostnb.oci.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from ghostnb.registries.content import content_of
from ghostnb.registries.http.uploads import Uploads
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.referrers import as_referrer, fallback_tag
from ghostnb.registries.session import Session
from ghostnb.registries.storing import checked_manifest
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply

__all__ = ["Writer"]

_GONE = (202, 200, 204)
_EMPTY = b"{}"


class Writer:
    """Pushes manifests, and deletes.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Pushing Manifests", "Pushing Manifests with Subject"
    and "Content Management".
    """

    def __init__(self, session: Session, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._uploads = Uploads(session, endpoint)
        # Of fallback tags: who adds to one reads it first.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def mount_blob(self, repository: str, digest: Digest, source: str) -> bool:
        """Take a blob over from another repository; False if its bytes must be sent."""
        return await self._uploads.mount(repository, digest, source)

    async def push_blob(self, repository: str, blob: Descriptor, content: BlobContent) -> None:
        """Send a blob."""
        await self._uploads.push(repository, blob, content)

    async def push_manifest(
        self, repository: str, raw: bytes, media_type: str, tag: str, digest: Digest | None
    ) -> Manifest | Index:
        """Send a manifest exactly as it is; where it has a subject, see that it is found there."""
        name = self._session.config.name
        source = f"The manifest for {repository} in {name}"
        manifest = checked_manifest(raw, media_type, digest=digest, source=source)
        reply = None
        if not tag or manifest.digest.algorithm != "sha256":
            # A registry makes a tag's manifest found by its sha256 alone.
            reply = await self._put(repository, manifest, manifest.digest)
        if tag:
            reply = await self._put(repository, manifest, tag)
        if reply is not None and "oci-subject" not in reply.headers:
            await self._note_referrer(repository, manifest)
        return manifest

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Delete a manifest with its tags."""
        with self._saying_how():
            await self._delete(repository, digest)

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob."""
        request = self._endpoint.delete_blob(repository, digest)
        with self._saying_how():
            await self._session.fetch(request, expected=_GONE)

    async def delete_tag(self, repository: str, tag: str) -> None:
        """Take a tag away, and leave its manifest.

        Notes
        -----
        distribution 2 deletes by digest alone, and then all tags of it. There, something of no
        use is put in the tag's place, and deleted.
        """
        there = await self._resolve(repository, tag)
        await self.check_deletable(repository)
        try:
            await self._delete(repository, tag)
            return
        except (NotFoundError, RejectedError, UnsupportedError):
            # No such tag any more, or a registry that deletes no tags.
            await self._resolve(repository, tag)
        # One at a time: all push the same empty blob, and distribution 2 writes its link in place.
        async with self._turns.setdefault(repository, asyncio.Lock()):
            await self._delete_in_disguise(repository, tag, there)

    async def check_deletable(self, repository: str) -> None:
        """Raise if the registry deletes nothing: it is asked to delete what is not there."""
        absent = Digest.of(secrets.token_bytes(32))
        with suppress(NotFoundError), self._saying_how():
            await self._delete(repository, absent)

    @contextmanager
    def _saying_how(self) -> Iterator[None]:
        try:
            yield
        except (ForbiddenError, UnsupportedError) as e:
            e.hint = self._how_to_allow(e)
            raise

    def _how_to_allow(self, error: RegistryError) -> str:
        if isinstance(error, ForbiddenError):
            return "Log in as somebody who may delete there; nothing was changed."
        return (
            f"{self._session.config.name} has deletion switched off (distribution: "
            "storage.delete.enabled, or REGISTRY_STORAGE_DELETE_ENABLED=true); nothing was changed."
        )

    async def _delete_in_disguise(self, repository: str, tag: str, there: Manifest | Index) -> None:
        empty = Descriptor(OCI_EMPTY, Digest.of(_EMPTY), len(_EMPTY))
        raw = _placeholder(empty, there.digest)
        await self._uploads.push(repository, empty, content_of(_EMPTY))
        try:
            stand_in = await self.push_manifest(repository, raw, OCI_MANIFEST, tag, None)
            # One that is not there any more was deleted, and the answer to it lost.
            with suppress(NotFoundError):
                await self._delete(repository, stand_in.digest)
        except (RegistryError, asyncio.CancelledError):
            # The tag must not be left pointing to nothing of use.
            await self._put(repository, there, tag)
            raise

    async def _delete(self, repository: str, locator: str) -> None:
        request = self._endpoint.delete_manifest(repository, locator)
        await self._session.fetch(request, expected=_GONE)

    async def _put(self, repository: str, manifest: Manifest | Index, locator: str) -> Reply:
        request = self._endpoint.push_manifest(
            repository, locator, manifest.raw, manifest.media_type
        )
        reply = await self._session.fetch(request, expected=(201, 202, 200))
        said = reply.headers.get("docker-content-digest", "")
        if said.startswith(f"{manifest.digest.algorithm}:") and said != manifest.digest:
            raise IntegrityError(
                f"{self._session.config.name} stored {request.what} as {said}, "
                f"and not as {manifest.digest}.",
                hint="Try again; if it stays so, a proxy between changes what is sent.",
                registry=self._session.config.name,
                url=request.url,
            )
        return reply

    async def _resolve(self, repository: str, locator: str) -> Manifest | Index:
        request = self._endpoint.manifest(repository, locator)
        reply = await self._session.fetch(request, max_bytes=MAX_MANIFEST_BYTES)
        return checked_manifest(
            reply.body,
            reply.headers.get("content-type", ""),
            source=f"{request.what} in {self._session.config.name}",
        )

    async def _note_referrer(self, repository: str, manifest: Manifest | Index) -> None:
        """Add a manifest to its subject's fallback tag: the registry knows no referrers.

        Notes
        -----
        Source: OCI distribution-spec v1.1, "Pushing Manifests with Subject".
        """
        found = as_referrer(manifest)
        if found is None:
            return
        subject, descriptor = found
        tag = fallback_tag(subject)
        async with self._turns.setdefault(f"{repository}@{subject}", asyncio.Lock()):
            entries = await self._entries(repository, tag)
            if all(entry.get("digest") != descriptor.digest for entry in entries):
                raw = _index([*entries, msgspec.to_builtins(descriptor, enc_hook=str)])
                index = checked_manifest(raw, OCI_INDEX, source=f"{repository}:{tag}")
                await self._put(repository, index, tag)

    async def _entries(self, repository: str, tag: str) -> list[dict[str, object]]:
        try:
            known = await self._resolve(repository, tag)
        except NotFoundError:
            return []
        return list(msgspec.json.decode(known.raw).get("manifests") or ())


def _placeholder(config: Descriptor, digest: Digest) -> bytes:
    entry = {"mediaType": config.media_type, "digest": config.digest, "size": config.size_bytes}
    return msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": entry,
            "layers": [],
            # Unlike any other, so that its deletion takes no other tag along.
            "annotations": {"io.ghostnb.untagged": digest, "io.ghostnb.nonce": secrets.token_hex()},
        },
        enc_hook=str,
    )


def _index(entries: list[dict[str, object]]) -> bytes:
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
