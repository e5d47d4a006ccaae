"""Images copied from one registry to another, each piece of content once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from weakref import WeakValueDictionary

from ghostnb.errors import RegistryError
from ghostnb.oci import Descriptor, Digest, Index, Manifest, Platform, Reference
from ghostnb.registries.concurrency import for_each
from ghostnb.registries.content import blob_pieces, content_read_by
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.storing import size_of_blob, still_damaged, tag_moved
from ghostnb.transfer.contents import (
    MAX_NESTING,
    blobs_of,
    named_manifest,
    readable,
    too_deep,
)
from ghostnb.transfer.known import (
    Known,
    has_repository,
    intact_digest_at,
    is_costly_to_ask,
    is_intact,
    is_same_place,
)
from ghostnb.transfer.platforms import for_platforms
from ghostnb.transfer.seen import seen_in
from ghostnb.transfer.signatures import signature_tags
from ghostnb.transfer.tally import TransferTally

__all__ = ["Copied", "Copier", "Expected"]

# More would only share the same lines, and memory grows with each.
_BLOBS_AT_ONCE = 6
_MANIFESTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a copy.

    Attributes
    ----------
    digest : Digest
        What the target now has under the tag.
    bytes_moved : int
        Sent to the target: blobs and manifests that it did not have.
    is_changed : bool
        False if the target had it under that tag already.
    """

    digest: Digest
    bytes_moved: int
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """What a tag of the target is to be replaced of: a digest, or None if it is not there."""

    digest: Digest | None

    def check(
        self, registry: Registry, repository: str, tag: str, now: Digest | None, coming: Digest
    ) -> None:
        """Raise `TagMovedError` if a tag leads neither there nor to what is coming."""
        if now not in (None, coming, self.digest):
            raise tag_moved(registry.name, repository, tag, now, self.digest, done="replaced")


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
        What the target has, if that was looked at just now. Of a directory, only what was read
        of it counts.
    repair : bool, optional
        See also that what the target has is whole, and send what it lost. A directory is looked
        at in any case; with this, its blobs are also read, and held against their digests.

    Attributes
    ----------
    bytes_moved : int
        Sent to the target by all copies.
    """

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        tally: TransferTally | None = None,
        *,
        known: Known | None = None,
        repair: bool = False,
    ) -> None:
        self.source = source
        self.target = target
        self.tally = tally or TransferTally()
        self.bytes_moved = 0
        self.places = asyncio.Semaphore(_BLOBS_AT_ONCE)
        self.is_same = is_same_place(source, target)
        self.is_remembering = is_costly_to_ask(target)
        # All repositories of a directory have the same blobs: nothing is to be mounted.
        self.can_mount = self.is_remembering
        known = known or Known()
        self.known = known if self.is_remembering else Known(intact=known.intact)
        self.seen = seen_in(target)
        self.is_repairing = repair or not self.is_remembering
        self.is_reading = repair and not self.is_remembering
        # Blobs that a repository keeps as they are, by the size that it has of them.
        self.kept: dict[tuple[str, Digest], int] = {}
        # By digest: of a repository that was not there at first, this is all there is.
        self.pushed: dict[tuple[str, str], Digest] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def copy(
        self,
        reference: Reference,
        repository: str,
        tag: str = "",
        *,
        platforms: Sequence[Platform] = (),
        referrers: bool = False,
        expected: Expected | None = None,
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
        expected : Expected, optional
            If the target's tag leads elsewhere by now, it is left alone. That is looked at
            before anything is sent, and once more before the tag is set.

        Raises
        ------
        TagMovedError
            If the target's tag leads elsewhere than was expected.
        NotFoundError
            If it is not there, or not all of it.
        IntegrityError
            If the source gave something else than its digest says; the target has nothing of it.
            Or if the target keeps a damaged blob, whatever it is sent.
        RegistryError
        """
        name, is_changed = reference.repository, False
        work = _ImageCopy(self, name, repository, expected)
        # Asked even if nothing changed: a digest that was read before may be gone by now.
        digest = (await self.source.resolve(name, reference.locator)).digest
        now = await self.digest_now(repository, tag or digest)
        if platforms or referrers or self.is_repairing or now != digest:
            found = readable(await self.source.manifest(name, digest), self.source, name)
            top = await for_platforms(self.source, name, found, platforms)
            digest = top.digest
            if expected:
                expected.check(self.target, repository, tag, now, digest)
            if self.is_repairing or now != digest:
                await work.copy(top, "" if now == digest else tag)
            is_changed = work.is_changed
            if referrers:
                await work.copy_attached(top)
        return Copied(digest, work.bytes_moved, is_changed)

    def turn(self, digest: str) -> asyncio.Lock:
        """Give what lets in one at a time, for a digest or a repository."""
        return self._turns.setdefault(digest, asyncio.Lock())

    async def digest_now(self, repository: str, locator: str) -> Digest | None:
        """Say what a tag or digest leads to in the target; None if to nothing."""
        # A tag may have been pushed by somebody else meanwhile: it is asked for.
        if ":" in locator and self.is_remembering and not await self._is_there(repository):
            return self.pushed.get((repository, locator))
        return await intact_digest_at(self.target, repository, locator)

    async def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Tell whether the target has a manifest."""
        if not self.is_remembering or (repository, digest) not in self.known.manifests:
            if await self.digest_now(repository, digest) is None:
                return False
            self.known.manifests.add((repository, digest))
        return True

    async def _is_there(self, repository: str) -> bool:
        """Tell whether the target had a repository at first: what came since is known."""
        known = self.known.repositories
        async with self.turn(repository):
            if repository not in known:
                known[repository] = await has_repository(self.target, repository)
        return known[repository]


class _ImageCopy:
    """One image on its way, with what it names and what is attached to it."""

    def __init__(
        self, shared: Copier, name: str, repository: str, expected: Expected | None = None
    ) -> None:
        self.bytes_moved, self.is_changed = 0, False
        self._whole: set[Digest] = set()
        self._shared = shared
        self._source, self._target = shared.source, shared.target
        self._name, self._repository = name, repository
        self._expected = expected

    async def copy(self, top: Manifest | Index, tag: str, depth: int = 0) -> None:
        """Copy a manifest after what it names."""
        if depth > MAX_NESTING:
            raise too_deep(self._source, self._name)
        # One at a time: an index may name the same one often, two tags may lead to it, and
        # docker-registry 2.8 writes its links in place, for others to find empty.
        async with self._shared.turn(top.digest):
            is_there = await self._shared.has_manifest(self._repository, top.digest)
            if not is_there or self._is_doubtful(top.digest):
                await self._copy_contents(top, depth)
                self._whole.add(top.digest)
                await self._check_expected(tag, top.digest)
            if is_there and not tag:
                return
            self._count(0 if is_there else len(top.raw))
            # What is there gets one more tag.
            await self._push(top, tag)
            self._shared.known.manifests.add((self._repository, top.digest))
        self._shared.pushed[self._repository, top.digest] = top.digest

    async def copy_attached(
        self, subject: Manifest | Index, seen: set[Digest] | None = None, depth: int = 0
    ) -> None:
        """Copy what is attached to a manifest, to its children, and to that in turn."""
        if depth > MAX_NESTING:
            raise too_deep(self._source, self._name)
        seen = set() if seen is None else seen
        seen.add(subject.digest)
        entries = await self._source.referrers(self._name, subject.digest)
        entries += subject.manifests if isinstance(subject, Index) else ()
        for entry in entries:
            if entry.digest not in seen:
                found = await self._copy_child(entry, depth)
                await self.copy_attached(found, seen, depth + 1)
        for tag in await signature_tags(self._source, self._name, subject.digest):
            signature = Reference("", self._name, tag)
            copied = await self._shared.copy(signature, self._repository, tag)
            self.bytes_moved += copied.bytes_moved

    async def _check_expected(self, tag: str, coming: Digest) -> None:
        """See that nobody else has set the tag meanwhile: what came before it took its time."""
        if tag and self._expected:
            now = await self._shared.digest_now(self._repository, tag)
            self._expected.check(self._target, self._repository, tag, now, coming)

    def _is_doubtful(self, digest: Digest) -> bool:
        """Tell whether a manifest that is there may lack what it names."""
        return self._shared.is_repairing and digest not in self._whole

    async def _push(self, top: Manifest | Index, tag: str) -> None:
        try:
            await self._target.push_manifest(
                self._repository, top.raw, top.media_type, tag=tag, digest=top.digest
            )
        except RegistryError:
            # Something of it may be gone by now: another attempt is to look again.
            self._shared.known.forget(self._repository, top)
            raise

    async def _copy_contents(self, top: Manifest | Index, depth: int) -> None:
        if isinstance(top, Index):
            children = {entry.digest: entry for entry in top.manifests}
            await for_each(
                lambda entry: self._copy_child(entry, depth + 1),
                children.values(),
                workers=_MANIFESTS_AT_ONCE,
            )
        else:
            blobs = {blob.digest: blob for blob in blobs_of(top)}
            await for_each(self._copy_blob, blobs.values(), workers=_BLOBS_AT_ONCE)

    async def _copy_child(self, entry: Descriptor, depth: int) -> Manifest | Index:
        found = await named_manifest(self._source, self._name, entry)
        is_there = await self._shared.has_manifest(self._repository, entry.digest)
        if not is_there or self._is_doubtful(entry.digest):
            await self.copy(found, "", depth)
        return found

    async def _copy_blob(self, blob: Descriptor) -> None:
        # One at a time: whoever comes second finds it there, and need only mount it.
        async with self._shared.turn(blob.digest):
            places = self._shared.known.blobs[blob.digest]
            if not self._shared.is_remembering:
                # Collected as garbage meanwhile, perhaps: nothing names it yet.
                places.clear()
            if self._repository not in places:
                async with self._shared.places:
                    await self._provide(blob, next(iter(places), ""))
                places.add(self._repository)
                self._shared.seen.note(blob.digest, self._repository)

    async def _provide(self, blob: Descriptor, known: str) -> None:
        """See that the target's repository has a blob, which another one may be known to have."""
        if (kept := self._shared.kept.get((self._repository, blob.digest))) is not None:
            raise still_damaged(self._target.name, self._repository, blob, kept)
        # A copy that broke off leaves blobs in a repository that is not there yet.
        is_absent = (self._repository, blob.digest) in self._shared.known.absent
        if not known and not is_absent and await self._has_blob(blob):
            return
        elsewhere = known or (self._name if self._shared.is_same else "")
        elsewhere = elsewhere or self._shared.seen.elsewhere(blob.digest, self._repository)
        if not await self._is_mounted(blob, elsewhere):
            if known and await self._has_blob(blob):
                return
            await self._send(blob)
        if blob.digest in self._shared.known.mismatched:
            await self._check_mended(blob)

    async def _is_mounted(self, blob: Descriptor, elsewhere: str) -> bool:
        """Let the target take a blob from another of its repositories, if it does that."""
        if not elsewhere or not self._shared.can_mount:
            return False
        if await self._target.mount_blob(self._repository, blob, elsewhere):
            return True
        # One that is refused leaves an upload behind: once is enough to know.
        self._shared.can_mount = False
        return False

    async def _has_blob(self, blob: Descriptor) -> bool:
        """Ask whether the target has a blob, and as it should be: as far as that is looked at."""
        known = self._shared.known
        size = await size_of_blob(self._target, self._repository, blob.digest)
        if size != blob.size_bytes:
            if size is not None:
                known.mismatched.add(blob.digest)
            return False
        if self._shared.is_reading and blob.digest not in known.intact:
            if not await is_intact(self._target, self._repository, blob):
                return False
            known.intact.add(blob.digest)
        return True

    async def _check_mended(self, blob: Descriptor) -> None:
        """Ask once more for what had another size: some registries keep the file that they have."""
        size = await size_of_blob(self._target, self._repository, blob.digest)
        if size is not None and size != blob.size_bytes:
            self._shared.kept[self._repository, blob.digest] = size
            raise still_damaged(self._target.name, self._repository, blob, size)
        self._shared.known.mismatched.discard(blob.digest)

    async def _send(self, blob: Descriptor) -> None:
        tally = self._shared.tally

        async def read() -> AsyncGenerator[bytes, None]:
            done = 0
            async with aclosing(blob_pieces(self._source, self._name, blob)) as pieces:
                async for piece in pieces:
                    done += len(piece)
                    tally.reach(blob.digest, done)
                    yield piece

        with tally.moving(blob.digest, blob.size_bytes, "Copied"):
            await self._target.push_blob(self._repository, blob, content_read_by(read))
        self._shared.known.intact.add(blob.digest)
        self._count(blob.size_bytes)

    def _count(self, size_bytes: int) -> None:
        self.is_changed = True
        self.bytes_moved += size_bytes
        self._shared.bytes_moved += size_bytes
