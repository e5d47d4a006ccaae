"""What is done between registries, and to one: copied, synced, deleted, cleaned up."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pandas as pd

from ghostnb.arguments import checked_text, parsed_platform
from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.loop import hop
from ghostnb.oci import Platform, Reference
from ghostnb.plans import Plan
from ghostnb.progress_bar import ProgressBar, ProgressOption, StepProgress, transfer_bar
from ghostnb.registries.patterns import Names
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.storing import writable
from ghostnb.registries.walk import Tally
from ghostnb.transfer import Copied, Copier, TransferTally, plan_deletion
from ghostnb.transfer.picks import Choice
from ghostnb.transfer.retention_plan import Rules
from ghostnb.transfer.retention_plan import plan_retention as plan_kept
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.sync_jobs import Rename
from ghostnb.transfer.syncing import SyncPlan, draft_copy, draft_sync
from ghostnb.transfer.versions import VersionRange

__all__ = ["copy", "plan_copy", "plan_delete", "plan_retention", "plan_sync"]

Protect = Choice | Engine | Iterable[str | Reference | Engine]


async def copy(
    source: RegistryClient,
    target: RegistryClient,
    reference: str,
    *,
    to: str | None = None,
    platforms: str | Iterable[str] = (),
    referrers: bool = False,
    repair: bool = False,
    progress: StepProgress = None,
) -> Copied:
    """Copy an image from one registry to another, or give it another name within one.

    Blobs that the target has are not sent, those of its other repositories are mounted. What
    is sent is held against its digest on the way. If it breaks off, calling it again sends
    only what is missing.

    Parameters
    ----------
    source, target : RegistryClient
        They may be the same: ``await copy(reg, reg, "team/app:1.0", to="team/app:stable")``.
    reference : str
        ``repository[:tag][@digest]`` in the source.
    to : str, optional
        Its name in the target; by default the same repository and tag.
    platforms : str or iterable of str, optional
        Only these of an index: one is the image itself, with its own digest; several are a
        smaller index. By default all, with the digest unchanged.
    referrers : bool, optional
        Also what is attached: signatures, SBOMs and other artifacts.
    repair : bool, optional
        If the target has it already, see that it also has each blob of it, and send what it
        lost. Always so for a directory (``oci:…``), where that costs next to nothing.
    progress : bool or callable, optional
        As for `Plan.apply`.

    Returns
    -------
    Copied
        ``digest``, ``bytes_moved``, and whether the target ``is_changed``.

    Raises
    ------
    NotFoundError
        If it is not there, or not for these platforms, or not all of it.
    IntegrityError
        If the source gave something else than its digest says; the target has no image then.
    UnsupportedError
        If the target is only read, or this is a Docker schema 1 image.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Pushing" and "Mounting a blob from another repository".
    """
    here, there = _clients(source, target)
    parsed, named = _names(here, there, reference, to)
    tally = TransferTally()
    copying = Copier(here, there, tally, repair=repair).copy(
        parsed,
        there.repository(named.repository),
        named.tag,
        platforms=_platforms(platforms),
        referrers=referrers,
    )
    with transfer_bar(tally, target.name, progress) as bar:
        return await hop(tally.watch(copying), on_tick=bar.refresh)


async def plan_copy(
    source: RegistryClient,
    target: RegistryClient,
    reference: str,
    *,
    to: str | None = None,
    platforms: str | Iterable[str] = (),
    referrers: bool = False,
    repair: bool = False,
) -> Plan:
    """Find out what copying one image would do: `copy`, looked at first.

    Applied, it copies the digest that was planned, also if its tag has moved since. A tag of
    the target that leads elsewhere by then is left alone, and `Plan.results` says so.

    Parameters
    ----------
    source, target, reference, to, platforms, referrers, repair
        As for `copy`.

    Returns
    -------
    Plan
        As of `plan_sync`: one row, and one for each attached manifest.

    Raises
    ------
    NotFoundError
        If it is not there, or not for these platforms.
    UnsupportedError
        If the target is only read, or this is a Docker schema 1 image.
    """
    here, there = _clients(source, target)
    parsed, named = _names(here, there, reference, to)
    drafting = draft_copy(
        here,
        there,
        parsed,
        there.repository(named.repository),
        named.tag,
        platforms=_platforms(platforms),
        referrers=referrers,
        repair=repair,
    )
    return Plan(SyncPlan(await hop(drafting)))


async def plan_sync(
    source: RegistryClient,
    target: RegistryClient,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    exclude_repositories: Names | None = None,
    exclude_tags: Names | None = None,
    versions: str | VersionRange | None = None,
    newest: int | None = None,
    platforms: str | Iterable[str] = (),
    rename: Rename = None,
    referrers: bool = False,
    prune: bool = False,
    repair: bool = False,
    progress: ProgressOption = None,
) -> Plan:
    """Find out what a registry lacks of another, tag by tag and byte by byte.

    Parameters
    ----------
    source, target : RegistryClient
    repositories, tags, exclude_repositories, exclude_tags : str, re.Pattern, iterable, optional
        Names, patterns such as ``team/*``, or regular expressions; by default all.
    versions : str, optional
        Only tags in this range of versions: ``>=1.2,<2``.
    newest : int, optional
        Only so many of the newest versions of a repository, for each variant (``-alpine``).
    platforms : str or iterable of str, optional
        As for `copy`.
    rename : mapping of str to str, or callable, optional
        Beginnings of repositories, and what stands there in the target:
        ``{"library/": "mirror/"}``; or a function of a name.
    referrers : bool, optional
        Also what is attached: signatures, SBOMs and other artifacts.
    prune : bool, optional
        Delete tags of the target, in repositories that are synced, that the patterns name and
        that are not selected in the source.
    repair : bool, optional
        Look also for blobs that the target has lost of images that are as they should be, one
        question each. Always so for a directory (``oci:…``), where that costs next to nothing.
    progress : bool or callable, optional
        As for `RegistryClient.inventory`.

    Returns
    -------
    Plan
        Its frame has one row a tag (or attached manifest) that is not as it should be:
        action : string, ``copy``, ``update`` (the tag points elsewhere now), ``repair`` (some
        of its content is lost there) or ``delete``
        registry, repository, tag, digest, media_type : string, the source's
        target_registry, target_repository, target_tag : string
        target_digest : string, what the tag points to now; <NA> if it is not there
        bytes_moved : Int64, after what the target has and what rows before bring
        reason : string; <NA> where the selection is all

    Raises
    ------
    UnsupportedError
        If the source does not list its repositories (name them), the target is only read, or
        deletes nothing and is to be pruned.
    ConfigError
        If two repositories would get one name.
    ValueError, TypeError
        If something of the selection cannot be meant.
    """
    here, there = _clients(source, target)
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags, versions, newest)
    tally = Tally()
    drafting = draft_sync(
        here,
        there,
        wanted,
        platforms=_platforms(platforms),
        rename=rename,
        referrers=referrers,
        prune=prune,
        repair=repair,
        tally=tally,
    )
    with ProgressBar(tally, source.name, progress) as bar:
        return Plan(SyncPlan(await hop(drafting, on_tick=bar.refresh)))


async def plan_delete(
    registry: RegistryClient,
    what: Choice = (),
    *,
    repositories: str | Iterable[str] = (),
    untagged: bool = False,
    referrers: bool = True,
    protect: Protect = (),
    progress: ProgressOption = None,
) -> Plan:
    """Work out what deleting something means, and the exact bytes that it frees.

    A tag goes alone where its manifest has other tags, or an index that holds it; else its
    manifest goes, and with it what an index alone held, and what is attached to what goes. A
    digest goes with all of its tags, unless an index needs it.

    Parameters
    ----------
    registry : RegistryClient
    what : str, DataFrame, or iterable of str, optional
        ``repository:tag``, ``repository@digest``, or a frame such as that of `tags`, filtered.
    repositories : str or iterable of str, optional
        All of these.
    untagged : bool, optional
        Also every manifest that no tag leads to, where the registry lists them.
    referrers : bool, optional
        False leaves signatures, SBOMs and other artifacts that are attached to what goes.
    protect : str, DataFrame, Engine, or iterable of these, optional
        What must stay: references, patterns (``*:latest``, ``team/app:v*``), digests, a tags
        frame; of an `Engine`, the images of its containers.
    progress : bool or callable, optional
        As for `RegistryClient.inventory`.

    Returns
    -------
    Plan
        Its frame has one row a tag of each manifest that goes (one without a tag for a manifest
        that has none), then one for each that was asked for and is kept:
        action : string, ``delete``, ``untag`` (the manifest stays) or ``keep``
        registry, repository, tag, digest, media_type, reason : string
        siblings, parents, referrers : string, joined by ", ": other tags of the manifest, the
        indexes that hold it, what is attached to it; <NA> for none
        bytes_freed : Int64, what garbage collection frees by this row after those above it

    Raises
    ------
    NotFoundError
        If something is not there; all of it is named.
    UnsupportedError
        If the registry deletes nothing, or does not list what is untagged.
    ForbiddenError
        If the credentials do not allow it.

    Notes
    -----
    The registry is read as a whole, since its repositories share blobs. Applied, each tag is
    looked at again: one that moved since is skipped. Space is free when the registry has
    collected its garbage.
    """
    here = _client(registry).registry
    kept = await _protected(protect)
    tally = Tally()
    planning = plan_deletion(
        here,
        what,
        repositories=[repositories] if isinstance(repositories, str) else repositories,
        untagged=untagged,
        referrers=referrers,
        protect=kept,
        tally=tally,
    )
    with ProgressBar(tally, registry.name, progress) as bar:
        return Plan(await hop(planning, on_tick=bar.refresh))


async def plan_retention(
    registry: RegistryClient,
    rules: Rules,
    *,
    repositories: Names | None = None,
    referrers: bool = True,
    protect: Protect = (),
    progress: ProgressOption = None,
) -> Plan:
    """Decide by rules which tags stay, and work out what deleting the others means.

    A tag stays if any rule keeps it, or if none speaks of it.

    Parameters
    ----------
    registry : RegistryClient
    rules : rule, or iterable of rules
        `KeepNewest`, `KeepYounger`, `KeepMatching`, `KeepDigests`; functions that take the
        frame of tags and give a boolean Series; or the same as data: ``{"keep_newest": 10}``,
        ``{"keep_younger_days": 30, "repositories": "ci/*"}``, ``{"keep_matching": "v*"}``.
    repositories : str, re.Pattern, or iterable of these, optional
        Only these are looked at.
    referrers, protect, progress
        As for `plan_delete`.

    Returns
    -------
    Plan
        As `plan_delete`, and with one row for each tag that stays: ``keep``, and why.

    Raises
    ------
    ConfigError, ValueError, TypeError
        If something is no rule; the message says which.
    UnsupportedError, ForbiddenError
        As for `plan_delete`.
    """
    here = _client(registry).registry
    kept = await _protected(protect)
    tally = Tally()
    planning = plan_kept(
        here,
        rules,
        repositories=repositories,
        now=datetime.now(UTC),
        referrers=referrers,
        protect=kept,
        tally=tally,
    )
    with ProgressBar(tally, registry.name, progress) as bar:
        return Plan(await hop(planning, on_tick=bar.refresh))


def _clients(source: RegistryClient, target: RegistryClient) -> tuple[Registry, WritableRegistry]:
    return _client(source).registry, writable(_client(target).registry)


def _names(
    source: Registry, target: Registry, reference: str, to: str | None
) -> tuple[Reference, Reference]:
    """Read what an image is called, and what it is to be called."""
    parsed = source.reference(checked_text(reference, "A reference", "team/app:1.0"))
    if to is None:
        return parsed, parsed
    return parsed, target.reference(checked_text(to, "to", "mirror/app:1.0"))


def _client(client: RegistryClient) -> RegistryClient:
    if not isinstance(client, RegistryClient):
        raise TypeError(
            f"A RegistryClient is wanted, such as fleet['local-drift'], not {client!r}."
        )
    return client


def _platforms(texts: str | Iterable[str]) -> Sequence[Platform]:
    names = [texts] if isinstance(texts, str) else list(texts)
    return [one for text in names if (one := parsed_platform(text)) is not None]


async def _protected(protect: Protect) -> Choice:
    """Give what must stay as a choice; an engine stands for what its containers run."""
    if isinstance(protect, (str, Reference, pd.DataFrame)):
        return protect
    names: list[str | Reference] = []
    for one in [protect] if isinstance(protect, Engine) else protect:
        if isinstance(one, Engine):
            names += await one.digests_in_use()
        else:
            names.append(one)
    return names
