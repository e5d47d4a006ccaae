"""A registry made like another: what would move, and then its moving."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ghostnb.errors import NotFoundError
from ghostnb.frames.plans import COPIES
from ghostnb.oci import Digest, Platform, Reference
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.walk import Failure, Tally
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.known import Known
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.survey import Finding, Survey
from ghostnb.transfer.sync_jobs import Rename, SyncJobs
from ghostnb.transfer.tally import TransferTally

__all__ = ["Rename", "SyncDraft", "SyncPlan", "SyncStep", "draft_sync", "plan_sync"]


@dataclass(frozen=True, slots=True)
class SyncStep:
    """A row of the plan: a tag or manifest to be copied, or a tag to be deleted.

    Attributes
    ----------
    action : str
        ``copy`` for what the target lacks, ``update`` for a tag that points elsewhere there,
        ``delete`` for one that the source has no more.
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


class SyncPlan(Plan[SyncStep]):
    """What a target lacks of a source, or should not have any more.

    Made by `plan_sync`. Applied, it sends each blob once, mounts those that the target has in
    other repositories, and skips tags that meanwhile are as they should be.
    """

    schema = COPIES
    key = ("action", "target_repository", "target_tag", "digest")
    title = "Sync"
    done_status = "Copied"

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        steps: Iterable[SyncStep],
        *,
        notes: Iterable[str] = (),
        known: Known | None = None,
        platforms: Sequence[Platform] = (),
    ) -> None:
        steps = tuple(steps)
        moved = sum(step.bytes_moved or 0 for step in steps)
        super().__init__(steps, notes=notes, bytes_moved=moved, workers=8)
        self._source, self._target = source, target
        self._platforms = platforms
        self._known = known
        self._copier = Copier(source, target)

    def begin(self) -> None:
        """Begin with what the plan saw; a second time, everything is asked anew."""
        self._copier = Copier(self._source, self._target, known=self._known)
        self._known = None

    def label(self, step: SyncStep) -> str:
        """Name what the step makes or deletes."""
        end = f":{step.target_tag}" if step.target_tag else f"@{step.digest}"
        return f"{step.target_repository}{end}"

    async def perform(self, step: SyncStep, tally: TransferTally) -> str:
        """Copy, or delete."""
        if step.action == "delete":
            return await self._delete(step)
        self._copier.tally = tally
        # By digest where it is known: what was planned is what comes, wherever the tag is now.
        tag = "" if step.source_digest else step.tag or ""
        reference = Reference("", step.repository, tag, step.source_digest)
        copied = await self._copier.copy(
            reference, step.target_repository, step.target_tag or "", platforms=self._platforms
        )
        return "" if copied.is_changed else "It was there already."

    async def _delete(self, step: SyncStep) -> str:
        name, tag = step.target_repository, step.target_tag or ""
        try:
            now = (await self._target.resolve(name, tag)).digest
            if now != step.target_digest:
                return f"It moved since the plan was made: now {now}."
            await self._target.delete_tag(name, tag)
        except NotFoundError:
            return "It was gone already."
        return ""


@dataclass(frozen=True, slots=True)
class SyncDraft:
    """What was found out for a plan.

    Attributes
    ----------
    steps : list of SyncStep
    findings : list of Finding
        All that is wanted, also what the target has already.
    failures : list of Failure
        What could not be listed.
    notes : list of str
    known : Known
    """

    steps: list[SyncStep]
    findings: list[Finding]
    failures: list[Failure]
    notes: list[str]
    known: Known


async def plan_sync(
    source: Registry,
    target: WritableRegistry,
    selection: Selection,
    *,
    platforms: Sequence[Platform] = (),
    rename: Rename = None,
    referrers: bool = False,
    prune: bool = False,
    tally: Tally | None = None,
) -> SyncPlan:
    """Find out what is to be done for a target to have what is selected of a source.

    Parameters
    ----------
    source : Registry
    target : WritableRegistry
    selection : Selection
    platforms : sequence of Platform, optional
        Of indexes, only these; see `for_platforms`.
    rename : mapping of str to str, or callable, optional
        Beginnings of the source's repositories, and what stands there in the target (the
        longest counts); or a function of a repository's name.
    referrers : bool, optional
        Also what is attached: signatures, SBOMs and other artifacts.
    prune : bool, optional
        Delete tags of the target that the selection means by name, in repositories that are
        synced, and that are not among those selected in the source.
    tally : Tally, optional
        Of the tags: kept up to date.

    Raises
    ------
    ConfigError
        If two repositories would become one.
    UnsupportedError
        If the source does not list its repositories, or the target deletes nothing and is to
        be pruned.
    """
    draft = await draft_sync(
        source,
        target,
        selection,
        platforms=platforms,
        rename=rename,
        referrers=referrers,
        prune=prune,
        tally=tally,
    )
    return SyncPlan(
        source, target, draft.steps, notes=draft.notes, known=draft.known, platforms=platforms
    )


async def draft_sync(
    source: Registry,
    target: WritableRegistry,
    selection: Selection,
    *,
    platforms: Sequence[Platform] = (),
    rename: Rename = None,
    referrers: bool = False,
    untagged: bool = False,
    prune: bool = False,
    tally: Tally | None = None,
) -> SyncDraft:
    """Find out what `plan_sync` plans, for a plan that does more.

    Parameters
    ----------
    source, target, selection, platforms, rename, referrers, prune, tally
        See `plan_sync`.
    untagged : bool, optional
        Also what nothing leads to, in repositories that are selected as a whole; as far as the
        source lists it.
    """
    tally = tally or Tally()
    jobs = SyncJobs(source, target, selection, rename, tally)
    planner = _Planner(source, target, jobs, platforms, tally.failures)
    findings = []
    async for finding in planner.survey.look(jobs.of_tags()):
        findings.append(finding)
        tally.done += 1
    others = await jobs.of_attached(findings) if referrers else []
    others += await jobs.of_untagged() if untagged else []
    distinct = {(job.repository, job.tag or job.locator): job for job in others}
    for finding in findings:
        distinct.pop((finding.job.repository, finding.job.tag), None)
    findings += [finding async for finding in planner.survey.look(distinct.values())]
    findings = _without_parts(findings)
    steps = planner.steps(findings)
    if prune:
        steps += await planner.pruned(findings, selection)
    return SyncDraft(steps, findings, tally.failures, planner.notes(findings), planner.survey.known)


def _without_parts(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what comes by digest with an index anyway."""
    parts = {
        (one.job.target_repository, digest)
        for one in findings
        for digest in one.manifests
        if digest != one.digest
    }
    return [
        one
        for one in findings
        if one.job.target_tag or (one.job.target_repository, one.digest) not in parts
    ]


class _Planner:
    """Makes steps of what a survey found."""

    def __init__(
        self,
        source: Registry,
        target: WritableRegistry,
        jobs: SyncJobs,
        platforms: Sequence[Platform],
        failures: Sequence[Failure],
    ) -> None:
        self.failures = failures
        self._jobs = jobs
        self.survey = Survey(source, target, platforms)
        self._source, self._target = source, target
        self._coming: set[str] = set()

    def steps(self, findings: Iterable[Finding]) -> list[SyncStep]:
        """Make a step of each finding that is not as it should be."""
        return [self._step(finding) for finding in findings if not finding.is_there]

    def notes(self, findings: Iterable[Finding]) -> list[str]:
        """Say what could not be looked at."""
        said = [
            f"{failure.repository} could not be listed: {failure.error}"
            for failure in self.failures
        ]
        unread = sum(finding.error is not None for finding in findings)
        if unread:
            said.append(
                f"{unread:,} of the images could not be looked at: "
                "what they would move is not counted."
            )
        return said

    async def pruned(self, findings: Iterable[Finding], selection: Selection) -> list[SyncStep]:
        """Make a step of each tag that the target should not have any more."""
        wanted = {(one.job.target_repository, one.job.target_tag) for one in findings}
        named = replace(selection, newest=None)
        failed = {failure.repository for failure in self.failures}
        steps: list[SyncStep] = []
        for repository, name in self._jobs.targets.items():
            # What could not be listed has not lost its tags.
            if repository not in failed:
                tags = named.pick_tags(await self._tags(name))
                extra = [tag for tag in tags if (name, tag) not in wanted]
                steps += [await self._deletion(repository, name, tag) for tag in extra]
        for name in dict.fromkeys(step.target_repository for step in steps):
            await self._target.check_deletable(name)
        return steps

    async def _tags(self, repository: str) -> list[str]:
        try:
            return [tag async for tag in self._target.tags(repository)]
        except NotFoundError:
            return []

    async def _deletion(self, repository: str, target: str, tag: str) -> SyncStep:
        now = await self._target.resolve(target, tag)
        return SyncStep(
            action="delete",
            registry=self._source.name,
            repository=repository,
            tag=None,
            digest=None,
            media_type=now.media_type,
            target_registry=self._target.name,
            target_repository=target,
            target_tag=tag,
            target_digest=now.digest,
            bytes_moved=0,
            reason="not selected in the source",
        )

    def _step(self, finding: Finding) -> SyncStep:
        job = finding.job
        reason = job.reason or None
        if finding.error is not None:
            reason = f"could not be looked at: {finding.error}"
        return SyncStep(
            action="update" if finding.now else "copy",
            registry=self._source.name,
            repository=job.repository,
            tag=job.tag or None,
            digest=finding.digest,
            media_type=finding.media_type or None,
            target_registry=self._target.name,
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
