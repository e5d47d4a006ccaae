"""Tags and manifests that are deleted: what goes with them, and what that frees."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from ghostnb.errors import NotFoundError, TagMovedError, UnsupportedError
from ghostnb.frames.plans import DELETIONS
from ghostnb.oci import Digest
from ghostnb.registries.abilities import KeepsAttachedTags
from ghostnb.registries.patterns import Names, as_patterns, exact_names, shown
from ghostnb.registries.protocol import ListsManifests, Registry, WritableRegistry
from ghostnb.registries.storing import writable
from ghostnb.registries.walk import Tally
from ghostnb.transfer.deleting.census import Census, CensusReader
from ghostnb.transfer.deleting.now import Now
from ghostnb.transfer.deleting.picks import Choice, Pick, Protection, picks_of, protection_of
from ghostnb.transfer.deleting.steps import Deletion, DeletionRow, Planner
from ghostnb.transfer.plans import Plan
from ghostnb.transfer.selection import Selection, selected_repositories
from ghostnb.transfer.tally import TransferTally

__all__ = ["Deletion", "DeletionPlan", "DeletionRow", "plan_deletion"]


class DeletionPlan(Plan[Deletion]):
    """What is to be deleted from a registry; made by `plan_deletion`.

    Its frame has one row a tag of each manifest that goes (one without a tag for a manifest that
    has none), then one for what was asked for and is kept:

    action : string, ``delete`` (the manifest goes, with its tags), ``untag`` or ``keep``
    registry, repository : string
    tag : string; <NA> for a manifest that has none
    digest, media_type : string; <NA> if unknown
    reason : string
    siblings : string, the manifest's other tags, joined by ", "; <NA> if there are none
    parents, referrers : string, digests joined by ", ": the indexes that hold the manifest, and
    what is attached to it; <NA> if there are none
    bytes_freed : Int64, what garbage collection frees by this row after those above it
    """

    schema = DELETIONS
    key = ("action", "registry", "repository", "tag", "digest")
    title = "Deletion"
    done_status = "Deleted"

    def __init__(
        self,
        registry: Registry,
        steps: Sequence[Deletion],
        kept: Sequence[DeletionRow],
        notes: Iterable[str],
        *,
        what_if: bool = False,
    ) -> None:
        rows = [row for step in steps for row in step.rows]
        super().__init__(
            steps,
            notes=notes,
            bytes_freed=sum(row.bytes_freed for row in rows),
            workers=registry.concurrency,
        )
        self.registry = registry
        self.what_if = what_if
        self._rows = (*rows, *kept)
        self._going = {(step.repository, step.digest) for step in steps if step.is_whole}
        self._now = Now(registry)
        self._rewrites_lists = isinstance(registry, KeepsAttachedTags)

    def rows(self) -> Sequence[DeletionRow]:
        """Give what goes, then what is kept."""
        return self._rows

    def rows_of(self, step: Deletion) -> Sequence[DeletionRow]:
        """Give a row for each tag that a step takes away."""
        return step.rows

    def needs(self, position: int) -> Collection[int]:
        """Give the steps of the indexes that hold a manifest, and of what it is attached to."""
        return self.steps[position].needs

    def label(self, step: Deletion) -> str:
        """Name a step by what it deletes."""
        where = step.repository
        return f"{where}@{step.digest}" if step.is_whole else f"{where}:{step.tags[0]}"

    def begin(self) -> None:
        """Forget what the repositories were like when the plan was last applied.

        Raises
        ------
        UnsupportedError
            If it only counts.
        """
        if self.what_if:
            raise UnsupportedError(
                f"This plan only says what would be freed in {self.registry.name}: what_if=True.",
                hint="Plan it anew without what_if to delete anything.",
                registry=self.registry.name,
            )
        self._now.forget()

    async def perform(self, step: Deletion, tally: TransferTally) -> str:
        """Delete, unless something has changed since the plan was made."""
        try:
            if not step.is_whole:
                await self._untag(step)
            elif reason := await self._needed(step):
                return reason
            else:
                await writable(self.registry).delete_manifest(step.repository, step.digest)
        except TagMovedError as e:
            return _moved(step.tags[0], e.digest)
        except NotFoundError:
            # Somebody else was faster, or an earlier try of ours that was cancelled.
            return ""
        return ""

    async def _untag(self, step: Deletion) -> None:
        # What the tag leads to is looked at by the registry, so that nothing comes in between.
        registry = writable(self.registry)
        await registry.delete_tag(step.repository, step.tags[0], expected=step.digest)

    async def _needed(self, step: Deletion) -> str:
        """Say what has changed since the plan was made, so that a manifest must stay."""
        now = await self._now.holdings(step.repository)
        for tag in step.tags:
            if now.tags.get(tag, step.digest) != step.digest:
                return _moved(tag, now.tags[tag])
        if tags := sorted(set(now.tags_of(step.digest)) - set(step.tags)):
            return f"it has new tags since the plan was made: {', '.join(tags)}"
        for index in now.parents_of(step.digest):
            if (step.repository, index) not in self._going and not (
                self._rewrites_lists and now.lists(index, step.digest)
            ):
                return f"an index holds it since the plan was made: {index}"
        for error in now.unread.values():
            # It may lead there: the next try may read it.
            raise error
        unread = [one for one in now.unknown if (step.repository, one) not in self._going]
        return f"{unread[0]} can no longer be read, and may hold it" if unread else ""


def _moved(tag: str, now: str) -> str:
    return f"{tag} moved since the plan was made: now {now}"


async def plan_deletion(
    registry: Registry,
    what: Choice = (),
    *,
    repositories: Names = (),
    untagged: bool = False,
    referrers: bool = True,
    protect: Choice = (),
    what_if: bool = False,
    tally: Tally | None = None,
) -> DeletionPlan:
    """Work out what deleting something means. Nothing is deleted before the plan is applied.

    A tag goes alone where its manifest has other tags, or an index that holds it; else its
    manifest goes, and with it what an index alone held, and what is attached to what goes:
    signatures, SBOMs, and the tags ``sha256-…`` that name them. What is attached and has a tag
    of its own stays. A digest goes with all of its tags, unless an index needs it.

    Parameters
    ----------
    registry : Registry
    what : str, Reference, DataFrame, or iterable of str or Reference, optional
        ``repository:tag``, ``repository@digest``, or a frame with the columns repository, tag
        and perhaps digest, such as that of `tags`.
    repositories : str, re.Pattern, or iterable of these, optional
        All of these: names, patterns such as ``team/old-*``, or regular expressions.
    untagged : bool, optional
        Also every manifest that no tag leads to.
    referrers : bool, optional
        False leaves what is attached.
    protect : str, Reference, DataFrame, or iterable of str or Reference, optional
        What must stay, with all that it holds and that is attached to it. Texts may be
        patterns: ``*:latest``, ``team/app:v*``, a repository, or a digest. A frame's digests
        stay under whatever name they are found.
    what_if : bool, optional
        Only count: also where nothing may be deleted. Such a plan cannot be applied.
    tally : Tally, optional
        Of the reading: kept up to date.

    Returns
    -------
    DeletionPlan

    Raises
    ------
    NotFoundError
        If something is not there; all of it is named.
    UnsupportedError
        If the registry does not delete, or does not list what is untagged.
    ForbiddenError
        If the credentials do not allow it.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Content Management": a manifest that is deleted takes
    its tags along, and its blobs are free when the registry collects its garbage.
    `bytes_freed` is in bytes as stored (compressed), each blob and manifest once; content that
    another manifest of the registry names is not in it. Repositories that are not named are read
    only if manifests go, or with `untagged`.
    """
    picks = picks_of(registry, what)
    guard = None if what_if else _Guard(writable(registry))
    _check(registry, untagged)
    whole = await _whole(registry, repositories)
    named: dict[str, set[Digest]] = {name: set() for name in whole}
    for pick in picks:
        named.setdefault(pick.repository, set())
        if pick.digest and not pick.tag:
            named[pick.repository].add(pick.digest)
    protection = protection_of(registry, protect)
    if not (named or untagged):
        return DeletionPlan(registry, (), (), (), what_if=what_if)
    if guard:
        await guard.check(named)
    reader = CensusReader(registry, tally or Tally(), named)
    await reader.read_named()
    _check_presence(reader.census, picks, _named(whole, repositories))
    planner = Planner(
        reader.census,
        protection,
        untagged=untagged,
        referrers=referrers,
        rewrites_lists=isinstance(registry, KeepsAttachedTags),
    )
    steps, kept = await _planned(reader, planner, picks, whole, untagged)
    if guard:
        await guard.check({step.repository for step in steps})
    is_whole = untagged or any(step.is_whole for step in steps)
    notes = (*reader.census.notes, *_idle(protection, reader.census, is_whole))
    return DeletionPlan(registry, steps, kept, notes, what_if=what_if)


async def _planned(
    reader: CensusReader,
    planner: Planner,
    picks: Iterable[Pick],
    whole: Iterable[str],
    untagged: bool,
) -> tuple[list[Deletion], list[DeletionRow]]:
    """Work out the steps, and read no more of the registry than they need."""
    if untagged:
        await reader.read_others()
    planner.add(picks, whole)
    if planner.decide() and not untagged:
        await reader.read_others()
    return planner.plan()


class _Guard:
    """Asks of each repository once whether anything may be deleted there."""

    def __init__(self, registry: WritableRegistry) -> None:
        self._registry = registry
        self._asked: set[str] = set()

    async def check(self, repositories: Iterable[str]) -> None:
        for name in sorted(set(repositories) - self._asked):
            self._asked.add(name)
            try:
                await self._registry.check_deletable(name)
            except NotFoundError:
                # The census says everything that is not there at once.
                continue


def _check(registry: Registry, untagged: bool) -> None:
    if untagged and not isinstance(registry, ListsManifests):
        raise UnsupportedError(
            f"{registry.name} does not list manifests without a tag.",
            hint="Name them by digest, or let the registry collect its garbage.",
            registry=registry.name,
        )


def _named(whole: list[str], repositories: Names) -> list[str]:
    """Give those that were named: catalogs list, for patterns, also what is empty by now."""
    patterns = as_patterns(repositories) or ()
    return whole if exact_names(patterns) else [name for name in whole if name in patterns]


def _check_presence(census: Census, picks: Iterable[Pick], whole: Iterable[str]) -> None:
    """Raise if something that was named is not there, or cannot be looked for."""
    absent: defaultdict[str, list[str]] = defaultdict(list)
    for pick in picks:
        holdings = census.repositories[pick.repository]
        known = {*holdings.tags, *holdings.unread} if pick.tag else holdings.manifests
        if (pick.tag or pick.digest) not in known:
            absent[pick.repository].append(str(pick))
    for name in whole:
        holdings = census.repositories[name]
        if not (holdings.manifests or holdings.tags or holdings.unread):
            absent[name].append(name)
    for failure in census.failures:
        if failure.repository in absent and not failure.tag:
            raise failure.error
    if absent:
        names = [name for found in absent.values() for name in found]
        raise NotFoundError(
            f"{census.registry} has no {', '.join(names)}; nothing was deleted.",
            hint="Leave out what is gone, and plan again.",
            registry=census.registry,
        )


def _idle(protection: Protection, census: Census, is_whole: bool) -> Iterator[str]:
    """Say which names protect nothing: they may be misspelt.

    Of patterns and other repositories, that is known only if the whole registry was read.
    """
    for (repository, tag), name in protection.tags.items():
        holdings = census.repositories.get(repository)
        if holdings is None:
            is_idle = is_whole and census.unlisted is None
        else:
            is_idle = tag not in {"*", *holdings.tags, *holdings.unread}
        if is_idle:
            yield f"{census.registry} has no {name}, which was to be protected."
    held = census.repositories.values() if is_whole else ()
    names = [(one.repository, tag) for one in held for tag in (*one.tags, *one.unread)]
    for name in protection.idle(names) if names else ():
        yield f"{census.registry} has nothing that fits {name}, which was to be protected."


async def _whole(registry: Registry, repositories: Names) -> list[str]:
    """List the repositories that go, by name or pattern."""
    patterns = as_patterns(repositories)
    if not patterns:
        return []
    found = [name async for name in selected_repositories(registry, Selection(patterns))]
    if not found:
        raise NotFoundError(
            f"{registry.name} has no repository that fits {', '.join(map(shown, patterns))}; "
            "nothing was deleted.",
            hint="See what there is: registry.repositories().",
            registry=registry.name,
        )
    return found
