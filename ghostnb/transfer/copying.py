"""Images copied from one registry to another, each piece of content once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from ghostnb.errors import NotFoundError
from ghostnb.oci import Descriptor, Digest, Index, Manifest, Platform, Reference
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import blob_pieces, content_read_by
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.verify import check_length
from ghostnb.transfer.contents import MAX_NESTING, blobs_of, readable, too_deep
from ghostnb.transfer.known import Known, has_repository, is_same_place
from ghostnb.transfer.platforms import for_platforms
from ghostnb.transfer.signatures import signature_tags
from ghostnb.transfer.tally import TransferTally

__all__ = ["Copied", "Copier"]

# More would only share the same lines, and memory grows with each.
_BLOBS_AT_ONCE = 6
_MANIFESTS_AT_ONCE = 8
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a copy.

    Attributes
    ----------
    digest : Digest
        What the target now has under the tag.
    bytes_moved : int
        Sent to the target: blobs and manifests.
    is_changed : bool
        False if the target had it under that tag already.
    """

    digest: Digest
    bytes_moved: int
    is_changed: bool


class Copier:
    """Copies any number of images between two registries, which may be the same one.

    Blobs that the target has are not sent; those it has in another repository are mounted.
    Each is held against its digest on the way. Manifests go as they are, children before the
    index that names them, and the tag last: whatever breaks off, the target never names what it
    does not have, and what it has need not be sent again.

    Parameters
    ----------
    source : Registry
    target : WritableRegistry
    tally : TransferTally, optional
        Kept up to date, by blob.
    known : Known, optional
        What the target has, if that was looked at just now.
    """

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        tally: TransferTally | None = None,
        *,
        known: Known | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.tally = tally or TransferTally()
        self.bytes_moved = 0
        self._places = asyncio.Semaphore(_BLOBS_AT_ONCE)
        self._is_same = is_same_place(source, target)
        self._known = known or Known()
        # By tag or digest: of a repository that was not there, this is all there is.
        self._pushed: dict[tuple[str, str], Digest] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def copy(
        self,
        reference: Reference,
        repository: str,
        tag: str = "",
        *,
        platforms: Sequence[Platform] = (),
        referrers: bool = False,
    ) -> Copied:
        """Copy an image with all that belongs to it.

        Parameters
        ----------
        reference : Reference
            Within the source. A tag is looked up once: it may move meanwhile.
        repository, tag : str
            Within the target; without a tag it is found there by digest.
        platforms : sequence of Platform, optional
            Of an index; see `for_platforms`.
        referrers : bool, optional
            Also what is attached: signatures, SBOMs and other artifacts.

        Raises
        ------
        NotFoundError
            If it is not there, or not all of it.
        IntegrityError
            If the source gave something else than its digest says; the target has nothing of it.
        RegistryError
        """
        before, name, is_changed = self.bytes_moved, reference.repository, False
        # Asked even if nothing changed: a digest that was read before may be gone by now.
        digest = (await self.source.resolve(name, reference.locator)).digest
        now = await self._digest_now(repository, tag or digest)
        if platforms or referrers or now != digest:
            found = readable(await self.source.manifest(name, digest), self.source, name)
            top = await for_platforms(self.source, name, found, platforms)
            digest = top.digest
            if now != digest and (tag or not await self._has_manifest(repository, digest)):
                await self._copy_tree(name, top, repository, tag)
                is_changed = True
            if referrers:
                await self._copy_attached(name, top, repository)
        return Copied(digest, self.bytes_moved - before, is_changed)

    async def _digest_now(self, repository: str, locator: str) -> Digest | None:
        if not await self._is_there(repository):
            return self._pushed.get((repository, locator))
        try:
            return (await self.target.resolve(repository, locator)).digest
        except NotFoundError:
            return None

    async def _has_manifest(self, repository: str, digest: Digest) -> bool:
        if (repository, digest) not in self._known.manifests:
            if await self._digest_now(repository, digest) is None:
                return False
            self._known.manifests.add((repository, digest))
        return True

    async def _is_there(self, repository: str) -> bool:
        """Tell whether the target had a repository at first: what came since is known."""
        async with self._turns.setdefault(repository, asyncio.Lock()):
            known = self._known.repositories
            if repository not in known:
                known[repository] = await has_repository(self.target, repository)
        return known[repository]

    async def _copy_tree(
        self, name: str, top: Manifest | Index, repository: str, tag: str, depth: int = 0
    ) -> None:
        """Copy a manifest after what it names."""
        if depth > MAX_NESTING:
            raise too_deep(self.source, name)
        if isinstance(top, Index):
            await _each(
                lambda entry: self._copy_child(name, entry, repository, depth + 1),
                top.manifests,
                _MANIFESTS_AT_ONCE,
            )
        else:
            distinct = {blob.digest: blob for blob in blobs_of(top)}
            await _each(
                lambda blob: self._copy_blob(name, blob, repository),
                distinct.values(),
                _BLOBS_AT_ONCE,
            )
        # docker-registry 2.8 writes its links in place: who reads one meanwhile finds it empty.
        async with self._turns.setdefault(top.digest, asyncio.Lock()):
            await self.target.push_manifest(
                repository, top.raw, top.media_type, tag=tag, digest=top.digest
            )
        self._known.manifests.add((repository, top.digest))
        self._pushed[repository, tag or top.digest] = top.digest
        self.bytes_moved += len(top.raw)

    async def _copy_child(
        self, name: str, entry: Descriptor, repository: str, depth: int
    ) -> Manifest | Index:
        found = readable(await self.source.manifest(name, entry.digest), self.source, name)
        check_length(found.raw, entry, source=f"{name} in {self.source.name}")
        if not await self._has_manifest(repository, entry.digest):
            await self._copy_tree(name, found, repository, "", depth)
        return found

    async def _copy_attached(
        self, name: str, subject: Manifest | Index, repository: str, depth: int = 0
    ) -> None:
        """Copy what is attached to a manifest, to its children, and to that in turn."""
        if depth > MAX_NESTING:
            raise too_deep(self.source, name)
        entries = await self.source.referrers(name, subject.digest)
        entries += subject.manifests if isinstance(subject, Index) else ()
        for entry in entries:
            found = await self._copy_child(name, entry, repository, depth)
            await self._copy_attached(name, found, repository, depth + 1)
        for tag in await signature_tags(self.source, name, subject.digest):
            await self.copy(Reference("", name, tag), repository, tag)

    async def _copy_blob(self, name: str, blob: Descriptor, repository: str) -> None:
        # One at a time: whoever comes second finds it there, and need only mount it.
        async with self._turns.setdefault(blob.digest, asyncio.Lock()):
            places = self._known.blobs[blob.digest]
            if repository not in places:
                async with self._places:
                    await self._provide(name, blob, repository)
                places.add(repository)

    async def _provide(self, name: str, blob: Descriptor, repository: str) -> None:
        known = next(iter(self._known.blobs[blob.digest]), "")
        if not known and await self._has(repository, blob):
            return
        elsewhere = known or (name if self._is_same else "")
        if elsewhere and await self.target.mount_blob(repository, blob, elsewhere):
            return
        if known and await self._has(repository, blob):
            return
        await self._send(name, blob, repository)

    async def _has(self, repository: str, blob: Descriptor) -> bool:
        if not await self._is_there(repository):
            return False
        try:
            return await self.target.blob_size(repository, blob.digest) == blob.size_bytes
        except NotFoundError:
            return False

    async def _send(self, name: str, blob: Descriptor, repository: str) -> None:
        self.tally.expect(blob.digest, blob.size_bytes)

        async def read() -> AsyncGenerator[bytes, None]:
            done = 0
            async with aclosing(blob_pieces(self.source, name, blob)) as pieces:
                async for piece in pieces:
                    done += len(piece)
                    self.tally.reach(blob.digest, done)
                    yield piece

        await self.target.push_blob(repository, blob, content_read_by(read))
        self.tally.finish(blob.digest, "Copied")
        self.bytes_moved += blob.size_bytes


async def _each(
    function: Callable[[Item], Awaitable[object]], items: Iterable[Item], workers: int
) -> None:
    async with aclosing(ordered_map(function, items, workers=workers)) as done:
        async for _ in done:
            pass
