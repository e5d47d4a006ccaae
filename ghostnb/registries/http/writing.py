"""What changes a registry over HTTP, but for the bytes of blobs."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    RejectedError,
    UnsupportedError,
)
from ghostnb.oci import MAX_MANIFEST_BYTES, AnyManifest, Descriptor, Digest, Index, Manifest
from ghostnb.registries.http.acquaintance import Acquaintance
from ghostnb.registries.http.attached import AttachedLists
from ghostnb.registries.http.untagging import AnyStored, Turns, Untagger
from ghostnb.registries.http.uploads import Uploads
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.referrers import as_referrer
from ghostnb.registries.session import Session
from ghostnb.registries.storing import checked_manifest
from ghostnb.wire.endpoints import DELETED, Endpoint
from ghostnb.wire.messages import Reply

__all__ = ["Writer"]


class Writer:
    """Pushes manifests, and deletes.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint
    acquaintance : Acquaintance
        Knows the vendor, whose API may delete what the registry does not.

    Attributes
    ----------
    attached : AttachedLists

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Pushing Manifests", "Pushing Manifests with Subject"
    and "Content Management".
    """

    def __init__(self, session: Session, endpoint: Endpoint, acquaintance: Acquaintance) -> None:
        self._session = session
        self._endpoint = endpoint
        self._acquaintance = acquaintance
        self._uploads = Uploads(session, endpoint)
        self._turns = Turns()
        # What it said once: a tag that cannot be deleted after all is put back.
        self._deletable: set[str] = set()
        self._untagger = Untagger(self, self._turns, self._check_once)
        self.attached = AttachedLists(session, endpoint, self, self._turns)

    @property
    def registry(self) -> str:
        """The registry's name."""
        return self._session.config.name

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
            reply = await self.put(repository, manifest, manifest.digest)
        if tag:
            async with self._turns.of(f"{repository}:{tag}"):
                reply = await self.put(repository, manifest, tag)
        found = as_referrer(manifest)
        if reply is not None and "oci-subject" not in reply.headers and found is not None:
            await self.attached.note(repository, *found)
        return manifest

    async def delete_manifest(
        self, repository: str, digest: Digest, known: AnyManifest | None
    ) -> None:
        """Delete a manifest with its tags; then nothing lists it as attached any more.

        Parameters
        ----------
        repository : str
        digest : Digest
        known : Manifest, Index or None
            What it is, if that can be read.
        """
        found = as_referrer(known) if known is not None else None
        if found is None:
            await self._delete_whole(repository, digest)
            return
        subject, _ = found
        # One at a time: distribution takes no list that names what the next one has deleted.
        async with self.attached.turn(repository, subject):
            try:
                await self._delete_whole(repository, digest)
            except NotFoundError:
                # Perhaps an earlier try of ours, which was cut off before the list was changed.
                await self.attached.forget(repository, subject, digest)
                raise
            await self.attached.forget(repository, subject, digest)

    async def _delete_whole(self, repository: str, digest: Digest) -> None:
        # distribution 2 looks through all tags for it, of which none must be written meanwhile.
        if self._untagger.puts_into(repository):
            async with self._turns.of(repository):
                await self.delete(repository, digest)
        else:
            await self.delete(repository, digest)

    async def delete_blob(self, repository: str, digest: Digest) -> None:
        """Delete a blob."""
        request = self._endpoint.delete_blob(repository, digest)
        with self._saying_how():
            await self._session.fetch(request, expected=DELETED)

    async def delete_tag(self, repository: str, tag: str, expected: Digest | None) -> None:
        """Take a tag away, and leave its manifest."""
        await self._untagger.delete(repository, tag, expected)

    async def delete_with_image(self, repository: str, tag: str, expected: Digest) -> None:
        """Take a tag away where its image goes with it, if it leads to what is expected."""
        async with self._turns.of(f"{repository}:{tag}"):
            await self._untagger.found(repository, tag, expected)
            with self._saying_how():
                await self._acquaintance.vendor.delete_with_image(repository, tag)

    async def check_deletable(self, repository: str) -> None:
        """Raise if the registry deletes nothing: it is asked to delete what is not there."""
        vendor = await self._acquaintance.introduced()
        if not await vendor.check_deletable(repository):
            absent = Digest.of(secrets.token_bytes(32))
            with suppress(NotFoundError):
                await self.delete(repository, absent)
        self._deletable.add(repository)

    async def _check_once(self, repository: str) -> None:
        if repository not in self._deletable:
            await self.check_deletable(repository)

    @contextmanager
    def _saying_how(self) -> Iterator[None]:
        try:
            yield
        except (ForbiddenError, RejectedError, UnsupportedError) as e:
            e.hint = self._acquaintance.vendor.how_to_delete(e) or e.hint
            raise

    async def delete(self, repository: str, locator: str) -> None:
        """Delete what a digest or tag names, with what the registry deletes along with it."""
        if await self._deleted_by_vendor(repository, locator):
            return
        request = self._endpoint.delete_manifest(repository, locator)
        with self._saying_how():
            await self._session.fetch(request, expected=DELETED)

    async def _deleted_by_vendor(self, repository: str, locator: str) -> bool:
        """Let the vendor's API delete; False where it does not, and the registry itself must."""
        vendor = await self._acquaintance.introduced()
        try:
            with self._saying_how():
                if ":" in locator:
                    return await vendor.delete_manifest(repository, Digest(locator))
                return await vendor.delete_tag(repository, locator)
        except vendor.final_refusals as e:
            # Refused by a rule; what is not offered may still go by a stand-in.
            e.is_final = isinstance(e, RejectedError | NotFoundError)
            raise
        except vendor.falls_back_on:
            return False

    async def put(self, repository: str, manifest: AnyStored, locator: str) -> Reply:
        """Send a manifest, and see that it was stored as it is."""
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

    async def resolve(self, repository: str, locator: str) -> AnyStored:
        """Read a manifest as it is now."""
        request = self._endpoint.manifest(repository, locator)
        reply = await self._session.fetch(request, max_bytes=MAX_MANIFEST_BYTES)
        return checked_manifest(
            reply.body,
            reply.headers.get("content-type", ""),
            source=f"{request.what} in {self._session.config.name}",
        )
