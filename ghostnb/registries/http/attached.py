"""Lists of what is attached to manifests: the registry's own, else the tags that stand for them."""

import asyncio

import msgspec

from ghostnb.errors import NotFoundError, RejectedError, UnsupportedError
from ghostnb.oci import MAX_MANIFEST_BYTES, Descriptor, Digest, Index, parse_manifest
from ghostnb.oci.media_types import OCI_INDEX
from ghostnb.registries.http.untagging import Places, Turns
from ghostnb.registries.referrers import fallback_tag
from ghostnb.registries.session import Session
from ghostnb.registries.storing import checked_manifest
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.paging import at_url, next_url

__all__ = ["AttachedLists"]

Entries = list[dict[str, object]]


class AttachedLists:
    """Asks what is attached; keeps the tags up to date where the registry lists nothing itself.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint
    places : Places
    turns : Turns
        Who changes a tag reads it first, and holds its turn meanwhile.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Listing Referrers", "Unavailable Referrers API",
    "Pushing Manifests with Subject" and "Deleting Manifests".
    """

    def __init__(self, session: Session, endpoint: Endpoint, places: Places, turns: Turns) -> None:
        self._session = session
        self._endpoint = endpoint
        self._places = places
        self._turns = turns
        # By repository, whether the registry lists what is attached; None if it does not say.
        self._has_api: dict[str, bool | None] = {}

    def may_be_tags(self, repository: str) -> bool:
        """Tell whether tags may be the lists: the registry has not been seen to have its own."""
        return self._has_api.get(repository) is not True

    async def listed(self, repository: str, digest: Digest) -> list[Descriptor] | None:
        """Ask the registry what is attached to a manifest; None if it has no list of that."""
        if repository not in self._has_api:
            # The first one asks; the others need not, if it learns that there is nobody to ask.
            async with self._turns.of(f"{repository}@"):
                if repository not in self._has_api:
                    return await self._ask(repository, digest)
        if self._has_api[repository] is False:
            return None
        return await self._ask(repository, digest)

    def turn(self, repository: str, subject: Digest) -> asyncio.Lock:
        """Give what is held by who changes what is attached to a manifest."""
        return self._turns.of(f"{repository}:{fallback_tag(subject)}")

    async def note(self, repository: str, subject: Digest, attached: Descriptor) -> None:
        """Add a manifest to the tag that lists what is attached to its subject.

        A tag of that name that leads to an image is somebody's, and stays.
        """
        tag = fallback_tag(subject)
        async with self.turn(repository, subject):
            found = await self._entries(repository, tag)
            if found is None:
                return
            before, entries = found
            if all(entry.get("digest") != attached.digest for entry in entries):
                added = msgspec.to_builtins(attached, enc_hook=str)
                await self._write(repository, tag, before, [*entries, added])

    async def forget(self, repository: str, subject: Digest, digest: Digest) -> None:
        """Take a manifest that is gone out of the tag that lists it; the last takes the tag along.

        A registry that has such lists itself may have tags of an earlier time. The caller holds
        the turn.
        """
        tag = fallback_tag(subject)
        found = await self._entries(repository, tag)
        if found is not None:
            before, entries = found
            left = [entry for entry in entries if entry.get("digest") != digest]
            if left != entries:
                await self._write(repository, tag, before, left)

    async def _ask(self, repository: str, digest: Digest) -> list[Descriptor] | None:
        request = self._endpoint.referrers(repository, digest)
        found: list[Descriptor] = []
        asked: set[str] = set()
        try:
            while request.url not in asked:
                asked.add(request.url)
                reply = await self._session.fetch(request, max_bytes=MAX_MANIFEST_BYTES)
                kind = reply.headers.get("content-type", "")
                index = parse_manifest(reply.body, kind, source=request.what)
                found += index.manifests if isinstance(index, Index) else ()
                request = at_url(request, next_url(reply, self._places.registry) or request.url)
        except NotFoundError as e:
            # A registry that knows the question says in its own words what is not there.
            self._has_api.setdefault(repository, None if e.diagnostics else False)
            return None
        except (RejectedError, UnsupportedError):
            self._has_api.setdefault(repository, False)
            return None
        self._has_api[repository] = True
        return found

    async def _entries(self, repository: str, tag: str) -> tuple[Digest | None, Entries] | None:
        """Read what a tag lists, with its digest if it is there; None if it is no list."""
        try:
            known = await self._places.resolve(repository, tag)
        except NotFoundError:
            return None, []
        if not isinstance(known, Index):
            return None
        return known.digest, list(msgspec.json.decode(known.raw).get("manifests") or ())

    async def _write(
        self, repository: str, tag: str, before: Digest | None, entries: Entries
    ) -> None:
        if not entries:
            # By digest: whatever other tag it has, it would lead to an index of nothing.
            if before is not None:
                await self._places.delete(repository, before)
            return
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        index = checked_manifest(
            msgspec.json.encode(document), OCI_INDEX, source=f"{repository}:{tag}"
        )
        try:
            await self._places.put(repository, index, tag)
        except RejectedError:
            # distribution takes no index of what is gone: others may have left such entries.
            there = [one for one in entries if await self._is_there(repository, one)]
            if len(there) == len(entries):
                raise
            await self._write(repository, tag, before, there)

    async def _is_there(self, repository: str, entry: dict[str, object]) -> bool:
        try:
            await self._places.resolve(repository, str(entry.get("digest")))
        except NotFoundError:
            return False
        return True
