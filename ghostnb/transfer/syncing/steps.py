"""The steps of a sync: made of what was found out, and what each of them moves."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from ghostnb.errors import NotFoundError
from ghostnb.oci import Digest, Platform
from ghostnb.oci.media_types import INDEXES
from ghostnb.registries.abilities import DropsUntagged
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.referrers import fallback_tag
from ghostnb.registries.walk import Failure
from ghostnb.transfer.holdings import subject_of_tag
from ghostnb.transfer.known import digest_at
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.jobs import SyncJobs
from ghostnb.transfer.syncing.survey import Finding, Survey

__all__ = ["SyncPlanner", "SyncStep", "dropping", "lists_attached", "unselected"]

_SHOWN = 3
_UNSELECTED = "in the source, but not selected"


@dataclass(frozen=True, slots=True)
class SyncStep:
    """A row of the plan: a tag or manifest to be copied, or a tag to be deleted.

    Attributes
    ----------
    action : str
        ``copy`` for what the target lacks, ``update`` for a tag that points elsewhere there,
        ``repair`` for what it has without some of its content, ``delete`` for a tag that the
        source has no more.
    registry, repository : str
        The source's.
    tag, digest, media_type : str or None
    target_registry, target_repository : str
    target_tag, target_digest : str or None
        The digest is what the tag points to now.
    bytes_moved : int or None
        After what the target has, and what rows before bring; None if that is not known.
    reason : str or None
    source_digest : Digest or None
        What is copied of; another than `digest` where only some platforms are wanted.
    """

    action: str
    registry: str
    repository: str
    tag: str | None
    digest: Digest | None
    media_type: str | None
    target_registry: str
    target_repository: str
    target_tag: str | None
    target_digest: Digest | None
    bytes_moved: int | None
    reason: str | None = None
    source_digest: Digest | None = None


class SyncPlanner:
    """Makes steps of what a survey found.

    Attributes
    ----------
    source, target : Registry
    platforms : sequence of Platform
    repair : bool
    failures : sequence of Failure
        What could not be listed, so far.
    survey : Survey
    """

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        jobs: SyncJobs,
        platforms: Sequence[Platform],
        failures: Sequence[Failure],
        *,
        is_pruning: bool,
        repair: bool,
    ) -> None:
        self._is_pruning = is_pruning
        self.failures = failures
        self._jobs = jobs
        self.survey = Survey(source, target, platforms, repair=repair)
        self.source, self.target = source, target
        self.platforms, self.repair = platforms, repair
        self._coming: set[str] = set()
        # Tags that stay, since their images are wanted without one.
        self._kept = 0

    def steps(self, findings: Iterable[Finding]) -> list[SyncStep]:
        """Make a step of each finding that is not as it should be."""
        lacking = [finding for finding in findings if not finding.is_there]
        # Last, what pushing others may make, too: the tags that list what is attached.
        lacking.sort(key=lambda finding: lists_attached(finding.job.target_tag))
        return [self._step(finding) for finding in lacking]

    def notes(self, findings: Iterable[Finding]) -> list[str]:
        """Say what could not be looked at."""
        said = [
            f"{failure.repository} could not be listed: {failure.error}"
            for failure in self.failures
        ]
        if self._is_pruning:
            said += [f"{name} has no tags: nothing is pruned of it." for name in self._jobs.empty]
        if self._kept:
            said.append(
                f"{self._kept:,} of the tags stay that would be deleted: {self.target.name} keeps "
                "no image without a tag, and theirs are wanted."
            )
        findings = list(findings)
        said += _left_out(findings)
        unread = sum(finding.error is not None for finding in findings)
        if unread:
            said.append(
                f"{unread:,} of the images could not be looked at: "
                "what they would move is not counted."
            )
        return said

    async def pruned(self, findings: Sequence[Finding], selection: Selection) -> list[SyncStep]:
        """Make a step of each tag that the target should not have any more."""
        kept = self._untagged(findings)
        wanted = {(one.job.target_repository, one.job.target_tag) for one in findings}
        named = replace(selection, newest=None)
        failed = {failure.repository for failure in self.failures}
        steps: list[SyncStep] = []
        for repository, name in self._jobs.targets.items():
            # What could not be listed, or seems to be empty, has not lost its tags: registries
            # say so, too, of what one may not see.
            if repository not in failed and repository not in self._jobs.empty:
                tags = named.pick_tags(await self._tags(name))
                extra = [tag for tag in tags if (name, tag) not in wanted]
                extra = [tag for tag in extra if not await self._is_attached(name, tag)]
                looking = ordered_map(
                    partial(self._deletion, repository, name),
                    extra,
                    workers=max(2, self.target.concurrency),
                )
                async with aclosing(looking) as found:
                    going = [step async for step in found if step is not None]
                # Before what they hold.
                going.sort(key=lambda step: step.media_type not in INDEXES)
                steps += [step for step in going if (name, step.target_digest) not in kept]
                self._kept += sum((name, step.target_digest) in kept for step in going)
        for name in dict.fromkeys(step.target_repository for step in steps):
            await self.target.check_deletable(name)
        return steps

    def _untagged(self, findings: Iterable[Finding]) -> set[tuple[str, Digest | None]]:
        """Give what is wanted without a tag where it would go with its last one."""
        if dropping(self.target) is None:
            return set()
        return {
            (finding.job.target_repository, finding.digest)
            for finding in findings
            if not finding.job.target_tag
        }

    async def _is_attached(self, repository: str, tag: str) -> bool:
        """Tell whether a tag stands for what is attached to something that is there."""
        subject = subject_of_tag(tag)
        return subject is not None and await digest_at(self.target, repository, subject) is not None

    async def _tags(self, repository: str) -> list[str]:
        try:
            return [tag async for tag in self.target.tags(repository)]
        except NotFoundError:
            return []

    async def _deletion(self, repository: str, target: str, tag: str) -> SyncStep | None:
        try:
            now = await self.target.resolve(target, tag)
        except NotFoundError:
            # Gone since it was listed.
            return None
        is_unselected = tag in self._jobs.unselected[repository]
        return SyncStep(
            action="delete",
            registry=self.source.name,
            repository=repository,
            tag=None,
            digest=None,
            media_type=now.media_type,
            target_registry=self.target.name,
            target_repository=target,
            target_tag=tag,
            target_digest=now.digest,
            bytes_moved=0,
            reason=_UNSELECTED if is_unselected else "not in the source",
        )

    def _step(self, finding: Finding) -> SyncStep:
        job = finding.job
        reason = job.reason or None
        action = "update" if finding.now else "copy"
        if finding.is_damaged:
            action, reason = "repair", "the target lacks some of its content, or has it damaged"
        if finding.error is not None:
            reason = f"could not be looked at: {finding.error}"
        return SyncStep(
            action=action,
            registry=self.source.name,
            repository=job.repository,
            tag=job.tag or None,
            digest=finding.digest,
            media_type=finding.media_type or None,
            target_registry=self.target.name,
            target_repository=job.target_repository,
            target_tag=job.target_tag or None,
            target_digest=finding.now,
            bytes_moved=None if finding.error else self._moved(finding),
            reason=reason,
            source_digest=finding.source_digest,
        )

    def _moved(self, finding: Finding) -> int:
        """Count what neither the target has nor a row before brings."""
        job, count = finding.job, 0
        for digest, size in finding.manifests.items():
            place = f"{job.target_repository}@{digest}"
            count += 0 if place in self._coming else size
            self._coming.add(place)
        for digest, blob in finding.blobs.items():
            if digest not in self._coming and not self.survey.known.blobs.get(digest):
                count += blob.size_bytes
            self._coming.add(digest)
        return count


def lists_attached(tag: str | None) -> bool:
    """Tell whether a tag stands for the referrers of a manifest."""
    subject = subject_of_tag(tag) if tag else None
    return subject is not None and fallback_tag(subject) == tag


def unselected(steps: Iterable[SyncStep]) -> Iterator[str]:
    """Say which tags are to be deleted although the source has them: that may not be meant."""
    names = [
        f"{step.target_repository}:{step.target_tag}"
        for step in steps
        if step.reason == _UNSELECTED
    ]
    if names:
        which, them = ("is", "it") if len(names) == 1 else ("are", "them")
        yield f"{_some(names)} {which} not selected, and deleted, while the source has {them}."


def _left_out(findings: Iterable[Finding]) -> Iterator[str]:
    """Say which images are for none of the platforms that are wanted."""
    jobs = [one.job for one in findings if one.left_out is not None]
    names = [f"{job.repository}:{job.tag}" if job.tag else str(job.digest) for job in jobs]
    if names:
        which = "is" if len(names) == 1 else "are"
        yield f"{_some(names)} {which} for none of the platforms, and left out."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def dropping(target: Registry) -> DropsUntagged | None:
    """Give a target that deletes images with their last tags; None if it does not."""
    return target if isinstance(target, DropsUntagged) and target.drops_untagged else None
