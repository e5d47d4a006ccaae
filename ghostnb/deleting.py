"""What is deleted of a registry: what is named, or what rules let go of."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pandas as pd

from ghostnb.arguments import checked_several
from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.loop import hop
from ghostnb.oci import Reference
from ghostnb.places import checked_client
from ghostnb.plans import Plan
from ghostnb.progress_bar import ProgressBar, ProgressOption
from ghostnb.registries.patterns import Names
from ghostnb.registries.walk import Tally
from ghostnb.transfer import plan_deletion
from ghostnb.transfer.deleting.picks import Choice
from ghostnb.transfer.retention.plan import Rules
from ghostnb.transfer.retention.plan import plan_retention as plan_kept
from ghostnb.transfer.selection import checked_names

__all__ = ["plan_delete", "plan_retention"]

Protect = Choice | Engine | Iterable[str | Reference | Engine]


async def plan_delete(
    registry: RegistryClient,
    what: Choice = (),
    *,
    repositories: Names = (),
    untagged: bool = False,
    referrers: bool = True,
    protect: Protect = (),
    what_if: bool = False,
    progress: ProgressOption = None,
) -> Plan:
    """Work out what deleting something means, and the exact bytes that it frees.

    A tag goes alone where its manifest has other tags, or an index that holds it; else its
    manifest goes, and with it what an index alone held, and what is attached to what goes. A
    digest goes with all of its tags, unless an index needs it.

    Parameters
    ----------
    registry : RegistryClient
        It is read as a whole if manifests go, since its repositories share blobs.
    what : str, DataFrame, or iterable of str, optional
        ``repository:tag``, ``repository@digest``, or a frame such as that of `tags`, filtered.
    repositories : str, re.Pattern, or iterable of these, optional
        All that is in these: names, patterns such as ``team/old-*``, or regular expressions.
    untagged : bool, optional
        Also every manifest that no tag leads to, where the registry lists them.
    referrers : bool, optional
        False leaves signatures, SBOMs and other artifacts that are attached to what goes.
    protect : str, DataFrame, Engine, or iterable of these, optional
        What must stay: references, patterns (``*:latest``, ``team/app:v*``), digests, a tags
        frame, whose digests stay in every repository; of an `Engine`, the images of its
        containers.
    what_if : bool, optional
        Only count what would be freed: also in a registry that deletes nothing, or that these
        credentials may only read. Such a plan cannot be applied.
    progress : bool or callable, optional
        By default a bar of tags and manifests that are looked at, where there is someone to
        see it, for what takes over a second; False for none; or a function that takes how many
        are done and how many there are, as far as known, some times a second.

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
        ``plan.bytes_freed`` is their sum, ``plan.notes`` says what else is to be known, and
        ``await plan.apply()`` does it.

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
    Applied, each tag is looked at again: one that moved since is skipped. Space is free when
    the registry has collected its garbage.
    """
    here = checked_client(registry).registry
    chosen, whole = _chosen(what), checked_names("repositories", repositories)
    kept = await _protected(protect)
    tally = Tally()
    with ProgressBar(tally, registry.name, progress, unit="manifest") as bar:
        planning = plan_deletion(
            here,
            chosen,
            repositories=whole,
            untagged=untagged,
            referrers=referrers,
            protect=kept,
            what_if=what_if,
            tally=tally,
        )
        return Plan(await hop(planning, on_tick=bar.refresh))


async def plan_retention(
    registry: RegistryClient,
    rules: Rules,
    *,
    repositories: Names | None = None,
    referrers: bool = True,
    protect: Protect = (),
    what_if: bool = False,
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
        Only of these anything is deleted: names, patterns such as ``ci/*``, or regular
        expressions; by default of all.
    referrers : bool, optional
        False leaves signatures, SBOMs and other artifacts that are attached to what goes.
    protect : str, DataFrame, Engine, or iterable of these, optional
        What must stay, whatever the rules say: references, patterns (``*:latest``), digests, a
        tags frame; of an `Engine`, the images of its containers.
    what_if : bool, optional
        Only count what would be freed: also in a registry that deletes nothing, or that these
        credentials may only read. Such a plan cannot be applied.
    progress : bool or callable, optional
        By default a bar of tags and manifests that are looked at, where there is someone to
        see it, for what takes over a second; False for none; or a function that takes how many
        are done and how many there are, as far as known, some times a second.

    Returns
    -------
    Plan
        Its frame has the columns of `plan_delete`'s, and also one row for each tag that stays:
        ``keep``, and why. ``plan.bytes_freed`` is what garbage collection frees by all of it.

    Raises
    ------
    ConfigError, ValueError, TypeError
        If something is no rule; the message says which.
    UnsupportedError
        If the registry deletes nothing.
    ForbiddenError
        If the credentials do not allow it.
    """
    here = checked_client(registry).registry
    kept = await _protected(protect)
    tally = Tally()
    with ProgressBar(tally, registry.name, progress, unit="manifest") as bar:
        planning = plan_kept(
            here,
            rules,
            repositories=repositories,
            now=datetime.now(UTC),
            referrers=referrers,
            protect=kept,
            what_if=what_if,
            tally=tally,
        )
        return Plan(await hop(planning, on_tick=bar.refresh))


def _chosen(what: Choice) -> Choice:
    if isinstance(what, pd.DataFrame):
        return what
    wanted = "a reference such as 'team/app:1.0', several of them, or a frame of tags"
    return checked_several(what, (str, Reference), "what", wanted)


async def _protected(protect: Protect) -> Choice:
    """Give what must stay as a choice; an engine stands for what its containers run."""
    if isinstance(protect, pd.DataFrame):
        return protect
    wanted = "a reference or pattern such as '*:latest', a frame of tags, an Engine, or several"
    names: list[str | Reference] = []
    for one in checked_several(protect, (str, Reference, Engine), "protect", wanted):
        if isinstance(one, Engine):
            names += await one.digests_in_use()
        else:
            names.append(one)
    return names
