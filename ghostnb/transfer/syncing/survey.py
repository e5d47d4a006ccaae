"""What of an image a target lacks, found out before anything is sent."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from ghostnb.errors import GhostnbError, IntegrityError, NotFoundError, PlatformNotFoundError
from ghostnb.oci import Descriptor, Digest, Index, Manifest, Platform
from ghostnb.registries.concurrency import both, ordered_map
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.storing import size_of_blob
from ghostnb.transfer.contents import blobs_of, manifests_of, readable
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

__all__ = ["Finding", "Job", "Survey"]

_BLOBS_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Job:
    """One image that is to be in the target.

    Attributes
    ----------
    repository, tag : str
        In the source; without a tag the digest counts.
    digest : Digest or None
    target_repository, target_tag : str
    reason : str
        Why it is wanted, if no filter but another image brought it.
    """

    repository: str
    tag: str
    target_repository: str
    target_tag: str
    digest: Digest | None = None
    reason: str = ""

    @property
    def locator(self) -> str:
        """What the source is asked for."""
        return self.digest or self.tag


@dataclass(slots=True)
class Finding:
    """What was found out about a job.

    Attributes
    ----------
    job : Job
    digest : Digest or None
        What the target is to have; None if it could not be found out.
    source_digest : Digest or None
        What the source has, which is more where only some platforms are wanted.
    media_type : str
    now : Digest or None
        What the target has now.
    manifests : dict of Digest to int
        Those to be sent, with their sizes.
    blobs : dict of Digest to Descriptor
        All that the image needs.
    is_damaged : bool
        True if the target has it, and lacks some of what it names.
    left_out : PlatformNotFoundError or None
        Why it is not to be there: it is for none of the platforms.
    error : GhostnbError or None
        Why it could not be found out.
    """

    job: Job
    digest: Digest | None = None
    source_digest: Digest | None = None
    media_type: str = ""
    now: Digest | None = None
    manifests: dict[Digest, int] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    is_damaged: bool = False
    left_out: PlatformNotFoundError | None = None
    error: GhostnbError | None = None

    @property
    def is_there(self) -> bool:
        """True if nothing is to be done."""
        if self.left_out is not None:
            return True
        return self.error is None and self.now == self.digest and not self.is_damaged


class Survey:
    """Compares a source with a target, some images at once.

    Parameters
    ----------
    source : Registry
    target : WritableRegistry
    platforms : sequence of Platform, optional
        Of indexes, only these.
    repair : bool, optional
        Look also whether what the target has is whole. A directory is looked at in any case;
        with this, its blobs are also read, and held against their digests.

    Attributes
    ----------
    known : Known
        What the target was seen to have.
    """

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        platforms: Sequence[Platform] = (),
        *,
        repair: bool = False,
    ) -> None:
        self.known = Known()
        self._source, self._target = source, target
        self._platforms = platforms
        self._is_same = is_same_place(source, target)
        self._is_repairing = repair or not is_costly_to_ask(target)
        self._is_reading = repair and not is_costly_to_ask(target)
        self._reads = asyncio.Semaphore(_BLOBS_AT_ONCE)
        # Each question to the target is asked once, however many images need the answer.
        self._answers: dict[tuple[str, str], bool | GhostnbError] = {}
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def look(self, jobs: AsyncIterator[Job] | Iterable[Job]) -> AsyncGenerator[Finding]:
        """Iterate over what is found out, in the order of the jobs."""
        workers = max(2, min(self._source.concurrency, self._target.concurrency))
        async with aclosing(ordered_map(self._look, jobs, workers=workers)) as findings:
            async for finding in findings:
                yield finding

    async def _look(self, job: Job) -> Finding:
        finding = Finding(job)
        try:
            await self._compare(finding)
        except PlatformNotFoundError as e:
            finding.left_out = e
        except GhostnbError as e:
            finding.error = e
        return finding

    async def _compare(self, finding: Finding) -> None:
        job = finding.job
        locator = job.target_tag or job.digest or ""
        there, finding.now = await both(
            self._source.resolve(job.repository, job.locator),
            intact_digest_at(self._target, job.target_repository, locator),
        )
        finding.digest = finding.source_digest = there.digest
        finding.media_type = there.media_type
        if not self._platforms and await self._is_there(finding):
            return
        found = await self._source.manifest(job.repository, there.digest)
        top = readable(found, self._source, job.repository)
        top = await for_platforms(self._source, job.repository, top, self._platforms)
        finding.digest, finding.media_type = top.digest, top.media_type
        if not self._platforms or not await self._is_there(finding):
            await self._take_stock(finding, top)

    async def _is_there(self, finding: Finding) -> bool:
        if finding.now is None or finding.now != finding.digest:
            return False
        repository = finding.job.target_repository
        finding.is_damaged = self._is_repairing and not await self._is_whole(
            repository, finding.now
        )
        return not finding.is_damaged

    async def _is_whole(self, repository: str, digest: Digest) -> bool:
        """Tell whether the target has all that a manifest leads to, as its own copy says."""
        try:
            found = await self._target.manifest(repository, digest)
            top = readable(found, self._target, repository)
            async with aclosing(manifests_of(self._target, repository, top)) as manifests:
                async for manifest in manifests:
                    # Of a registry over HTTP, the cache may have answered.
                    is_there = manifest is top or await self._has_manifest(
                        repository, manifest.digest
                    )
                    if not is_there or not await self._has_blobs(repository, blobs_of(manifest)):
                        return False
        except (NotFoundError, IntegrityError):
            return False
        return True

    async def _take_stock(self, finding: Finding, top: Manifest | Index) -> None:
        """Find out which manifests and blobs the target lacks."""
        job = finding.job
        async with aclosing(manifests_of(self._source, job.repository, top)) as manifests:
            async for manifest in manifests:
                is_there = await self._has_manifest(job.target_repository, manifest.digest)
                if is_there and not self._is_repairing:
                    if manifest is top:
                        return
                    continue
                if not is_there:
                    finding.manifests[manifest.digest] = len(manifest.raw)
                blobs = {blob.digest: blob for blob in blobs_of(manifest)}
                finding.blobs |= blobs
                await self._has_blobs(job.target_repository, blobs.values())
                if self._is_same:
                    for digest in blobs:
                        self.known.blobs[digest].add(job.repository)

    async def _has_manifest(self, repository: str, digest: Digest) -> bool:
        async def ask() -> bool:
            if not await self._is_repository(repository):
                return False
            if await intact_digest_at(self._target, repository, digest) is None:
                return False
            self.known.manifests.add((repository, digest))
            return True

        return await self._answer((repository, digest), ask)

    async def _has_blobs(self, repository: str, blobs: Iterable[Descriptor]) -> bool:
        """Tell whether the target has all of them; it is asked for each."""

        async def has(blob: Descriptor) -> bool:
            return await self._has_blob(repository, blob)

        async with aclosing(ordered_map(has, blobs, workers=_BLOBS_AT_ONCE)) as answers:
            return all([answer async for answer in answers])

    async def _has_blob(self, repository: str, blob: Descriptor) -> bool:
        async def ask() -> bool:
            size = await size_of_blob(self._target, repository, blob.digest)
            if size is None:
                self.known.absent.add((repository, blob.digest))
            elif size != blob.size_bytes:
                self.known.mismatched.add(blob.digest)
            elif not self._is_reading or await self._is_intact(repository, blob):
                self.known.blobs[blob.digest].add(repository)
                return True
            return False

        is_there = await self._answer((repository, blob.digest), ask)
        if not is_there:
            await self._look_elsewhere(repository, blob)
        return is_there

    async def _is_intact(self, repository: str, blob: Descriptor) -> bool:
        async def read() -> bool:
            async with self._reads:
                return await is_intact(self._target, repository, blob)

        # A directory's repositories share their blobs: each is read once.
        is_whole = await self._answer(("", blob.digest), read)
        if is_whole:
            self.known.intact.add(blob.digest)
        return is_whole

    async def _look_elsewhere(self, repository: str, blob: Descriptor) -> None:
        """See whether another repository, which had a blob before, still has it."""
        if place := seen_in(self._target).elsewhere(blob.digest, repository):
            await self._has_blob(place, blob)

    async def _is_repository(self, repository: str) -> bool:
        async def ask() -> bool:
            is_there = await has_repository(self._target, repository)
            self.known.repositories[repository] = is_there
            return is_there

        return await self._answer((repository, ""), ask)

    async def _answer(self, key: tuple[str, str], ask: Callable[[], Awaitable[bool]]) -> bool:
        # Whoever has the turn asks for all that wait; if that is cancelled, the next one does.
        async with self._turns[key]:
            if key not in self._answers:
                try:
                    self._answers[key] = await ask()
                except GhostnbError as e:
                    self._answers[key] = e
        answer = self._answers[key]
        if isinstance(answer, GhostnbError):
            raise answer
        return answer
