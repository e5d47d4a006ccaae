"""Which images a sync is about: tags by a selection, and what is attached to them."""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing

from ghostnb.errors import ConfigError, GhostnbError, NotFoundError
from ghostnb.oci import Descriptor, Digest, Index
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.patterns import as_patterns, matches, shown
from ghostnb.registries.protocol import Registry
from ghostnb.registries.walk import Failure, Tally
from ghostnb.transfer.contents import MAX_NESTING, too_deep
from ghostnb.transfer.selection import Selection, selected_repositories
from ghostnb.transfer.signatures import signature_tags
from ghostnb.transfer.syncing.survey import Finding, Job
from ghostnb.transfer.untagged import untagged_manifests

__all__ = ["Rename", "SyncJobs"]

Rename = Mapping[str, str] | Callable[[str], str] | None

_LISTS_AT_ONCE = 4


class SyncJobs:
    """Lists what is selected of a source.

    Parameters
    ----------
    source : Registry
    target : Registry
        Completes the names that it gives to repositories.
    selection : Selection
    rename : mapping of str to str, or callable, optional
    tally : Tally
        Learns how many tags there are, and what could not be listed.

    Attributes
    ----------
    targets : dict of str to str
        The repositories that were listed, with what they are called in the target.
    empty : list of str
        Those of them that have no tags.
    unselected : dict of str to frozenset of str
        The tags of each that are not selected.
    """

    def __init__(
        self,
        source: Registry,
        target: Registry,
        selection: Selection,
        rename: Rename,
        tally: Tally,
    ) -> None:
        self.targets: dict[str, str] = {}
        self.empty: list[str] = []
        self.unselected: dict[str, frozenset[str]] = {}
        self._sources: dict[str, str] = {}
        self._tally = tally
        self._source, self._target = source, target
        self._selection, self._rename = selection, _checked_rename(rename)

    async def of_tags(self) -> AsyncGenerator[Job]:
        """Iterate over the tags that are selected, repository by repository."""
        names = selected_repositories(self._source, self._selection)
        lists = ordered_map(self._list, names, workers=_LISTS_AT_ONCE)
        async with aclosing(lists) as batches:
            async for batch in batches:
                for job in batch:
                    yield job

    async def of_attached(self, findings: Iterable[Finding]) -> list[Job]:
        """List what is attached to images, to their children, and to that in turn."""
        subjects = {
            (one.job.repository, one.digest): one.job
            for one in findings
            if one.digest is not None and one.left_out is None
        }
        jobs: dict[tuple[str, str], Job] = {}
        lists = ordered_map(
            self._all_attached, subjects.items(), workers=max(2, self._source.concurrency)
        )
        async with aclosing(lists) as found:
            async for some in found:
                jobs |= some
        return list(jobs.values())

    async def of_untagged(self) -> list[Job]:
        """List the manifests of the listed repositories that nothing leads to, where that is known.

        Nothing of a repository of which only some tags are selected.
        """
        jobs: list[Job] = []
        for repository, target in self.targets.items() if self._selection.has_all_tags else ():
            try:
                found = await untagged_manifests(self._source, repository)
            except NotFoundError:
                continue
            except GhostnbError as e:
                self._note(e, repository)
                continue
            jobs += [
                Job(repository, "", target, "", digest=one.digest, reason="no tag points to it")
                for one in found
            ]
        return jobs

    async def _list(self, repository: str) -> list[Job]:
        target = self._named(repository)
        try:
            found = [tag async for tag in self._source.tags(repository)]
        except NotFoundError as e:
            self.empty.append(repository)
            if self._selection.exact_repositories is not None:
                self._note(e, repository)
            return []
        except GhostnbError as e:
            self._note(e, repository)
            return []
        if not found:
            self.empty.append(repository)
        tags = self._selection.pick_tags(found)
        self.unselected[repository] = frozenset(found).difference(tags)
        self._tally.total += len(tags)
        return [Job(repository, tag, target, tag) for tag in tags]

    def idle(self) -> Iterator[str]:
        """Say what of the selection fits nothing: it may be misspelt."""
        if self._tally.failures:
            # What fits may be among what could not be listed.
            return
        for pattern in as_patterns(self._selection.repositories) or ():
            if self._selection.exact_repositories is None and not any(
                matches(name, [pattern]) for name in self.targets
            ):
                yield f"{self._source.name} has no repository that fits {shown(pattern)}."
        if self.targets and not self._tally.total and not self._selection.has_all_tags:
            count = len(self.targets)
            where = "1 repository" if count == 1 else f"{count:,} repositories"
            yield f"No tag is selected in {where}."

    def _note(self, error: GhostnbError, repository: str, tag: str = "") -> None:
        self._tally.failures.append(Failure(self._source.name, repository, tag, error))

    def _named(self, repository: str) -> str:
        target = self._target.repository(renamed(repository, self._rename))
        if target in self._sources:
            raise ConfigError(
                f"{self._sources[target]} and {repository} would both become {target}.",
                hint="Rename them so that each has a name of its own, or leave one out.",
            )
        self.targets[repository], self._sources[target] = target, repository
        return target

    async def _all_attached(
        self, subject: tuple[tuple[str, Digest], Job]
    ) -> dict[tuple[str, str], Job]:
        """List what is attached to one image; as much of it as can be read."""
        (_, digest), job = subject
        jobs: dict[tuple[str, str], Job] = {}
        try:
            await self._attached(job, digest, jobs, set())
        except GhostnbError as e:
            self._note(e, job.repository, job.tag)
        return jobs

    async def _attached(
        self,
        job: Job,
        subject: Digest,
        jobs: dict[tuple[str, str], Job],
        seen: set[Digest],
        depth: int = 0,
    ) -> None:
        if depth > MAX_NESTING:
            raise too_deep(self._source, job.repository)
        if subject in seen:
            return
        seen.add(subject)
        name = job.repository
        for entry in await self._source.referrers(name, subject):
            if (name, entry.digest) not in jobs:
                jobs[name, entry.digest] = _for_digest(job, entry, subject)
                await self._attached(job, entry.digest, jobs, seen, depth + 1)
        # Where all tags are listed anyway, nobody asks for these one by one.
        is_listed = self._selection.has_all_tags
        for tag in () if is_listed else await signature_tags(self._source, name, subject):
            jobs[name, tag] = Job(
                name, tag, job.target_repository, tag, reason=f"attached to {subject}"
            )
        try:
            top = await self._source.manifest(name, subject)
        except NotFoundError:
            # An index that was cut down is in no registry.
            return
        for child in top.manifests if isinstance(top, Index) else ():
            await self._attached(job, child.digest, jobs, seen, depth + 1)


def _for_digest(job: Job, entry: Descriptor, subject: Digest) -> Job:
    return Job(
        job.repository,
        "",
        job.target_repository,
        "",
        digest=entry.digest,
        reason=f"attached to {subject}",
    )


def _checked_rename(rename: Rename) -> Rename:
    """Refuse what gives no names before anything is asked."""
    if isinstance(rename, Mapping):
        is_fit = all(isinstance(one, str) for pair in rename.items() for one in pair)
    else:
        is_fit = rename is None or callable(rename)
    if is_fit:
        return rename
    raise TypeError(
        "rename: a mapping such as {'library/': 'mirror/'}, or a function of a name, is wanted, "
        f"not {rename!r}."
    )


def renamed(repository: str, rename: Rename) -> str:
    """Give the name that a repository gets.

    Examples
    --------
    >>> renamed("library/nginx", {"library/": "mirror/hub/"})
    'mirror/hub/nginx'
    """
    if rename is None:
        return repository
    if not isinstance(rename, Mapping):
        name = rename(repository)
        if not isinstance(name, str):
            raise TypeError(
                "rename: a function gives the name in the target, such as "
                f"{f'mirror/{repository}'!r}, or the same name; for {repository!r}, this one gave "
                f"{name!r}."
            )
        return name
    begin = max((one for one in rename if repository.startswith(one)), key=len, default=None)
    return repository if begin is None else rename[begin] + repository[len(begin) :]
