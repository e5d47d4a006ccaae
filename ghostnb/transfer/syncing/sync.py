"""A registry made like another: what would move, and then its moving."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cached_property

from ghostnb.errors import NotFoundError, TagMovedError
from ghostnb.frames.plans import COPIES
from ghostnb.oci import Platform, Reference
from ghostnb.oci.media_types import INDEXES
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.walk import Failure, Tally
from ghostnb.transfer.copying import Copier, Expected
from ghostnb.transfer.known import Known
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.jobs import Rename, SyncJobs
from ghostnb.transfer.syncing.steps import (
    SyncPlanner,
    SyncStep,
    dropping,
    lists_attached,
    unselected,
)
from ghostnb.transfer.syncing.survey import Finding, Job
from ghostnb.transfer.tally import TransferTally

__all__ = ["Rename", "SyncDraft", "SyncPlan", "SyncStep", "draft_copy", "draft_sync"]

# What deletions follow.
_COPIED, _UNLISTED = "copied", "unlisted"


@dataclass(frozen=True, slots=True)
class SyncDraft:
    """What was found out for a plan. Made by `draft_sync` or `draft_copy`.

    Attributes
    ----------
    source : Registry
    target : WritableRegistry
    platforms : sequence of Platform
        Of indexes, only these.
    repair : bool
        Whether what the target has is to be made whole.
    steps : list of SyncStep
    findings : list of Finding
        All that is wanted, also what the target has already.
    failures : list of Failure
        What could not be listed.
    notes : list of str
    known : Known
        What the target was seen to have.
    """

    source: Registry
    target: WritableRegistry
    platforms: Sequence[Platform]
    repair: bool
    steps: list[SyncStep]
    findings: list[Finding]
    failures: list[Failure]
    notes: list[str]
    known: Known


class SyncPlan(Plan[SyncStep]):
    """What a target lacks of a source, or should not have any more.

    Its bytes are exact, but for the tags that list what is attached: a
    registry without a list of its own gets them with what they list.

    Applied, it sends each blob once, mounts those that the target has in other repositories, and
    skips tags that are as they should be by now, or that lead elsewhere than the plan saw.

    Parameters
    ----------
    draft : SyncDraft
        Made by `draft_sync` or `draft_copy`.
    notes : iterable of str, optional
        More than the draft's.
    """

    schema = COPIES
    key = ("action", "target_repository", "target_tag", "digest")
    title = "Sync"
    done_status = "Copied"

    def __init__(self, draft: SyncDraft, notes: Iterable[str] = ()) -> None:
        moved = sum(step.bytes_moved or 0 for step in draft.steps)
        super().__init__(
            draft.steps,
            notes=[*draft.notes, *notes],
            failures=draft.failures,
            bytes_moved=moved,
            workers=8,
        )
        self._source, self._target = draft.source, draft.target
        self._platforms = draft.platforms
        self._repair = draft.repair
        self._known: Known | None = draft.known
        self._copier = Copier(self._source, self._target)
        # Copies for which somebody else's tag was in the way.
        self._moved: set[str] = set()

    def begin(self) -> None:
        """Begin with what the plan saw just now; later, or again, everything is asked anew."""
        known = self._known if self._known is not None and self._known.is_fresh else None
        self._copier = Copier(self._source, self._target, known=known, repair=self._repair)
        self._known = None
        self._moved.clear()

    def needs(self, position: int) -> Collection[int]:
        """Let a tag that lists what is attached wait for all else of its repository."""
        step = self.steps[position]
        if not lists_attached(step.target_tag) or step.action == "delete":
            return ()
        others = self._others[step.target_repository]
        return [number for number in others if number < position]

    def group(self, position: int) -> Hashable:
        """Tell copies of a repository from deletions of its indexes, and of all else."""
        step = self.steps[position]
        if step.action != "delete":
            return _COPIED, step.target_repository
        return (_UNLISTED, step.target_repository) if _is_index(step) else None

    def follows(self, position: int) -> Collection[Hashable]:
        """Let a deletion come after what is copied to its repository: it may be the same image.

        What does not come may be there under the old tag only. And where a registry deletes
        images with their last tags, an index goes before what it holds.
        """
        step = self.steps[position]
        if step.action != "delete":
            return ()
        copies = (_COPIED, step.target_repository)
        if _is_index(step) or dropping(self._target) is None:
            return (copies,)
        return copies, (_UNLISTED, step.target_repository)

    def is_well(self, position: int) -> bool:
        """Tell whether what was to be copied is there; what was not deleted is in nobody's way."""
        step = self.steps[position]
        if step.action == "delete":
            return True
        return super().is_well(position) and self.label(step) not in self._moved

    @cached_property
    def _others(self) -> defaultdict[str, list[int]]:
        """Positions of the steps of each repository that are no lists."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number, step in enumerate(self.steps):
            if not lists_attached(step.target_tag):
                found[step.target_repository].append(number)
        return found

    def label(self, step: SyncStep) -> str:
        """Name what the step makes or deletes."""
        end = f":{step.target_tag}" if step.target_tag else f"@{step.digest}"
        return f"{step.target_repository}{end}"

    async def perform(self, step: SyncStep, tally: TransferTally) -> str:
        """Copy, or delete."""
        try:
            if step.action == "delete":
                return await self._delete(step)
            return await self._copy(step, tally)
        except TagMovedError as e:
            self._moved.add(self.label(step))
            return f"It moved since the plan was made: now {e.digest}."

    async def _copy(self, step: SyncStep, tally: TransferTally) -> str:
        self._copier.tally = tally
        # By digest where it is known: what was planned is what comes, wherever the tag is now.
        tag = "" if step.source_digest else step.tag or ""
        reference = Reference("", step.repository, tag, step.source_digest)
        is_known = step.source_digest is not None and step.target_tag is not None
        # Pushing what it lists made it, where the target does not list that itself.
        is_known = is_known and not lists_attached(step.target_tag)
        copied = await self._copier.copy(
            reference,
            step.target_repository,
            step.target_tag or "",
            platforms=self._platforms,
            expected=Expected(step.target_digest) if is_known else None,
        )
        return "" if copied.is_changed else "It was there already."

    async def _delete(self, step: SyncStep) -> str:
        name, tag = step.target_repository, step.target_tag or ""
        target, digest = self._target, step.target_digest
        try:
            if digest is not None and (keeper := dropping(target)) is not None:
                # What elsewhere stays until it is collected goes at once there.
                await keeper.delete_with_image(name, tag, expected=digest)
            else:
                await target.delete_tag(name, tag, expected=digest)
        except NotFoundError:
            return "It was gone already."
        return ""


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
    repair: bool = False,
    tally: Tally | None = None,
) -> SyncDraft:
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
    untagged : bool, optional
        Also what nothing leads to, in repositories that are selected as a whole; as far as the
        source lists it.
    prune : bool, optional
        Delete tags of the target that the selection means by name, in repositories that are
        synced, and that are not among those selected in the source.
    repair : bool, optional
        Look also for content that the target has lost of images that it should have: it is
        asked for each blob of them. Always so for a directory, where that costs next to nothing.
    tally : Tally, optional
        Of the tags: kept up to date.

    Raises
    ------
    ConfigError
        If two repositories would become one.
    UnsupportedError
        If the source does not list its repositories, or the target deletes nothing and is to
        be pruned.
    RegistryError
        If the target does not answer, or not to these credentials.
    """
    tally = tally or Tally()
    # A directory that is not there yet is made; a registry that does not answer is no target.
    with suppress(NotFoundError):
        await target.ping()
    jobs = SyncJobs(source, target, selection, rename, tally)
    planner = SyncPlanner(
        source, target, jobs, platforms, tally.failures, is_pruning=prune, repair=repair
    )
    findings = []
    async with aclosing(planner.survey.look(jobs.of_tags())) as found:
        async for finding in found:
            findings.append(finding)
            tally.done += 1
    others = await jobs.of_attached(findings) if referrers else []
    others += await jobs.of_untagged() if untagged else []
    findings = await _with_others(planner, findings, others)
    steps = planner.steps(findings)
    pruned = await planner.pruned(findings, selection) if prune else []
    notes = [*jobs.idle(), *unselected(pruned), *([_of_pruned(pruned, target)] if pruned else [])]
    return _drafted(planner, findings, steps + pruned, notes)


async def draft_copy(
    source: Registry,
    target: WritableRegistry,
    reference: Reference,
    repository: str,
    tag: str = "",
    *,
    platforms: Sequence[Platform] = (),
    referrers: bool = False,
    repair: bool = False,
) -> SyncDraft:
    """Find out what is to be done for a target to have one image, under any name.

    Parameters
    ----------
    source, target, platforms, referrers, repair
        As for `draft_sync`.
    reference : Reference
        Within the source. What a tag leads to now is what will be copied.
    repository, tag : str
        Within the target; without a tag it is found there by digest.

    Raises
    ------
    NotFoundError
        If it is not there, or not for these platforms.
    RegistryError
    """
    digest = (await source.resolve(reference.repository, reference.locator)).digest
    job = Job(reference.repository, reference.tag, repository, tag, digest=digest)
    tally = Tally()
    # No tag comes along but those of signatures.
    jobs = SyncJobs(source, target, Selection(reference.repository, tags=()), None, tally)
    planner = SyncPlanner(
        source, target, jobs, platforms, tally.failures, is_pruning=False, repair=repair
    )
    async with aclosing(planner.survey.look([job])) as found:
        findings = [finding async for finding in found]
    if why := findings[0].error or findings[0].left_out:
        raise why
    others = await jobs.of_attached(findings) if referrers else []
    findings = await _with_others(planner, findings, others)
    return _drafted(planner, findings, planner.steps(findings))


async def _with_others(
    planner: SyncPlanner, findings: Sequence[Finding], others: Iterable[Job]
) -> list[Finding]:
    """Look at what else is wanted; what is there already, or comes anyway, is left out."""
    distinct = {(job.repository, job.tag or job.locator): job for job in others}
    for finding in findings:
        distinct.pop((finding.job.repository, finding.job.tag), None)
    async with aclosing(planner.survey.look(distinct.values())) as found:
        return _without_parts([*findings, *[finding async for finding in found]])


def _drafted(
    planner: SyncPlanner,
    findings: list[Finding],
    steps: list[SyncStep],
    notes: Iterable[str] = (),
) -> SyncDraft:
    return SyncDraft(
        source=planner.source,
        target=planner.target,
        platforms=planner.platforms,
        repair=planner.repair,
        steps=steps,
        findings=findings,
        failures=list(planner.failures),
        notes=[*notes, *planner.notes(findings)],
        known=planner.survey.known,
    )


def _of_pruned(steps: Sequence[SyncStep], target: Registry) -> str:
    which = "1 tag is" if len(steps) == 1 else f"{len(steps):,} tags are"
    if dropping(target) is not None:
        return (
            f"{which} deleted, and images with their last tags: {target.name} keeps none without."
        )
    return (
        f"{which} deleted, and no manifest: {target.name} frees their space when its "
        "garbage collection also takes untagged manifests. plan_delete deletes both."
    )


def _is_index(step: SyncStep) -> bool:
    return step.media_type in INDEXES


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
