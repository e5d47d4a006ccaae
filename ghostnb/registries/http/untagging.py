"""One tag that is taken away over HTTP, whatever the registry deletes by."""

import asyncio
import secrets
import warnings
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from ghostnb.errors import (
    InvalidReferenceError,
    NotFoundError,
    RegistryError,
    RejectedError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest, Index, Manifest
from ghostnb.oci.media_types import OCI_EMPTY, OCI_MANIFEST
from ghostnb.registries.content import content_of
from ghostnb.registries.protocol import BlobContent
from ghostnb.registries.storing import checked_manifest, tag_moved
from ghostnb.registries.threads import settled

__all__ = ["AnyStored", "Places", "Turns", "Untagger"]

_EMPTY = b"{}"
_UNTAGGED, _NONCE = "io.ghostnb.untagged", "io.ghostnb.nonce"
# distribution 2 takes a tag for a digest that is none: 400. Others say 404, 405 or UNSUPPORTED.
_NO_TAG_DELETION = (400, 404, 405)
_DELETIONS = 4
AnyStored = Manifest | Index


class Turns:
    """Locks by name, for as long as somebody holds them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """Give the lock of a name."""
        return self._locks.setdefault(name, asyncio.Lock())


class Places(Protocol):
    """What changes single things in a registry."""

    @property
    def registry(self) -> str:
        """The registry's name."""
        ...

    async def resolve(self, repository: str, locator: str) -> AnyStored:
        """Read a manifest."""
        ...

    async def put(self, repository: str, manifest: AnyStored, locator: str) -> object:
        """Send a manifest."""
        ...

    async def delete(self, repository: str, locator: str) -> None:
        """Delete a manifest or tag."""
        ...

    async def push_blob(self, repository: str, blob: Descriptor, content: BlobContent) -> None:
        """Send a blob."""
        ...


class Untagger:
    """Takes tags away.

    Parameters
    ----------
    places : Places
    turns : Turns
        Who moves a tag in this process holds its turn.
    check : callable
        Raises if nothing may be deleted in a repository.

    Notes
    -----
    distribution 2 deletes by digest alone, and then all tags of it. There, something of no use
    is put in the tag's place, and deleted: a stand-in, which names what the tag led to.
    """

    def __init__(
        self, places: Places, turns: Turns, check: Callable[[str], Awaitable[None]]
    ) -> None:
        self._places = places
        self._turns = turns
        self._check = check
        # Where it has been seen that only a stand-in helps.
        self._needs_stand_in: set[str] = set()
        self._empty_blob_in: set[str] = set()

    def puts_into(self, repository: str) -> bool:
        """Tell whether stand-ins are needed in a repository: who puts one holds its turn."""
        return repository in self._needs_stand_in

    async def delete(self, repository: str, tag: str, expected: Digest | None) -> None:
        """Take a tag away, if it leads to what is expected."""
        async with self._turns.of(f"{repository}:{tag}"):
            if repository not in self._needs_stand_in:
                await self.found(repository, tag, expected)
                if await self._deleted_by_name(repository, tag):
                    return
                await self._check(repository)
            # One at a time: all push the same empty blob, and distribution 2 writes its link in
            # place.
            async with self._turns.of(repository):
                found = await self.found(repository, tag, expected)
                await self._delete_in_disguise(repository, tag, found)
            self._needs_stand_in.add(repository)

    async def found(self, repository: str, tag: str, expected: Digest | None) -> AnyStored:
        """Read what a tag leads to: what is expected, or what an earlier try put in its place.

        Raises
        ------
        TagMovedError
            If it is something else.
        """
        found = await self._places.resolve(repository, tag)
        if expected is None:
            return found
        now = Digest.of(found.raw, expected.algorithm)
        if expected in (now, _led_to(found)):
            return found
        raise tag_moved(self._places.registry, repository, tag, now, expected)

    async def _deleted_by_name(self, repository: str, tag: str) -> bool:
        try:
            await self._places.delete(repository, tag)
        except (NotFoundError, RejectedError, UnsupportedError) as e:
            # No such tag any more, or a registry that deletes no tags.
            if e.is_final or e.status not in _NO_TAG_DELETION:
                raise
            return False
        return True

    async def _delete_in_disguise(self, repository: str, tag: str, found: AnyStored) -> None:
        """Put a stand-in in a tag's place, unless an earlier try has, and delete that."""
        stand_in, before = found, found
        if (led_to := _led_to(found)) is not None:
            before = await self._known(repository, led_to) or found
        else:
            stand_in = await self._stand_in(repository, found.digest)
        try:
            if stand_in is not found:
                # Cancelled meanwhile, it must be known whether it was taken.
                await settled(self._places.put(repository, stand_in, tag))
            await self._delete_stand_in(repository, tag, stand_in, before)
        except (RegistryError, asyncio.CancelledError) as e:
            # The tag must not be left pointing to nothing of use.
            await settled(self._put_back(repository, tag, before, stand_in, e))
            raise

    async def _delete_stand_in(
        self, repository: str, tag: str, stand_in: AnyStored, before: AnyStored
    ) -> None:
        """Delete a stand-in, and the tag with it.

        Raises
        ------
        TagMovedError
            If somebody else has pushed to the tag meanwhile.

        Notes
        -----
        distribution 2 deletes a manifest, and then looks through all tags of the repository for
        those that led to it. If one of them is being written at that moment, it fails; asked
        again, it has no such manifest, and the tag stays and leads to nothing. So it is put there
        once more; if only the answer was lost, that does no harm.
        """
        for _ in range(_DELETIONS):
            try:
                await self._places.delete(repository, stand_in.digest)
            except NotFoundError:
                now = await self._pushed_meanwhile(repository, tag, before, stand_in)
                if now is not None:
                    name = self._places.registry
                    raise tag_moved(name, repository, tag, now, before.digest) from None
                await settled(self._places.put(repository, stand_in, tag))
            else:
                return
        await self._places.delete(repository, stand_in.digest)

    async def _stand_in(self, repository: str, digest: Digest) -> AnyStored:
        empty = Descriptor(OCI_EMPTY, Digest.of(_EMPTY), len(_EMPTY))
        if repository not in self._empty_blob_in:
            await self._places.push_blob(repository, empty, content_of(_EMPTY))
            self._empty_blob_in.add(repository)
        return checked_manifest(_placeholder(empty, digest), OCI_MANIFEST, source="A stand-in")

    async def _known(self, repository: str, digest: Digest) -> AnyStored | None:
        try:
            return await self._places.resolve(repository, digest)
        except NotFoundError:
            return None

    async def _put_back(
        self,
        repository: str,
        tag: str,
        before: AnyStored,
        stand_in: AnyStored,
        why: BaseException,
    ) -> None:
        # Garbage collection may have taken the blob that the next stand-in needs.
        self._empty_blob_in.discard(repository)
        # What somebody else has pushed meanwhile stays: a deletion may take a minute.
        if await self._pushed_meanwhile(repository, tag, before, stand_in) is not None:
            return
        try:
            await self._places.put(repository, before, tag)
        except RegistryError as e:
            # The stand-in was perhaps never taken.
            if await self._leads_to(repository, tag) == before.digest:
                return
            error = self._lost(repository, tag, before.digest, e)
            if isinstance(why, RegistryError):
                raise error from why
            # Who has cancelled asks for no answer, and must hear of it all the same.
            warnings.warn(str(error), UserWarning, stacklevel=2)

    async def _pushed_meanwhile(self, repository: str, tag: str, *ours: AnyStored) -> Digest | None:
        """Give what somebody else has pushed to a tag; None if that is not known to be so."""
        now = await self._leads_to(repository, tag)
        return now if all(now != one.digest for one in ours) else None

    async def _leads_to(self, repository: str, tag: str) -> Digest | None:
        """Give what a tag leads to now; None if nobody answers that."""
        try:
            return (await self._places.resolve(repository, tag)).digest
        except RegistryError:
            return None

    def _lost(
        self, repository: str, tag: str, digest: Digest, error: RegistryError
    ) -> RegistryError:
        return RegistryError(
            f"{repository}:{tag} in {self._places.registry} could neither be deleted nor put back "
            f"({error.message}): it led to {digest}, and may lead to a stand-in of no use now.",
            hint="Delete it again, which goes on where this stopped; or, with reg the client of "
            f'that registry, put it back: await ghostnb.copy(reg, reg, "{repository}@{digest}", '
            f'to="{repository}:{tag}")',
            registry=self._places.registry,
        )


def _led_to(manifest: AnyStored) -> Digest | None:
    """Give what a tag led to before a stand-in took its place; None if this is none."""
    if not isinstance(manifest, Manifest) or manifest.layers or _NONCE not in manifest.annotations:
        return None
    try:
        return Digest(manifest.annotations.get(_UNTAGGED, ""))
    except InvalidReferenceError:
        return None


def _placeholder(config: Descriptor, digest: Digest) -> bytes:
    entry = {"mediaType": config.media_type, "digest": config.digest, "size": config.size_bytes}
    return msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": entry,
            "layers": [],
            # Unlike any other, so that its deletion takes no other tag along.
            "annotations": {_UNTAGGED: digest, _NONCE: secrets.token_hex()},
        },
        enc_hook=str,
    )
