"""What rules let go of, as a plan of deletions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import pandas as pd

from ghostnb.errors import NotFoundError
from ghostnb.oci import Digest
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.patterns import Names, as_patterns, exact_names, matches, shown
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import TagRecord
from ghostnb.registries.walk import Tally
from ghostnb.transfer.deleting.deletion import DeletionPlan, DeletionRow, plan_deletion
from ghostnb.transfer.deleting.picks import Choice
from ghostnb.transfer.holdings import subject_of_tag
from ghostnb.transfer.retention.decisions import Decision, Rules, decide, rules_from
from ghostnb.transfer.selection import Selection, selected_repositories

__all__ = ["RetentionPlan", "Rules", "plan_retention"]

_LISTS_AT_ONCE = 4


class RetentionPlan(DeletionPlan):
    """A plan of deletions that also shows every tag that stays, and why."""

    title = "Retention"

    def __init__(
        self, plan: DeletionPlan, decisions: Sequence[Decision], notes: Iterable[str] = ()
    ) -> None:
        reasons = {(one.repository, one.tag): one.reason for one in decisions}
        kept = [row for row in plan.rows() if row.action == "keep"]
        shown = {(row.repository, row.tag) for row in plan.rows()}
        kept += [
            _kept(plan, one)
            for one in decisions
            if one.is_kept and (one.repository, one.tag) not in shown
        ]
        steps = [
            replace(step, rows=tuple(_with(row, reasons) for row in step.rows))
            for step in plan.steps
        ]
        notes = (*notes, *plan.notes)
        super().__init__(plan.registry, steps, kept, notes, what_if=plan.what_if)


async def plan_retention(
    registry: Registry,
    rules: Rules,
    *,
    repositories: Names | None = None,
    now: datetime,
    referrers: bool = True,
    protect: Choice = (),
    what_if: bool = False,
    tally: Tally | None = None,
) -> RetentionPlan:
    """Decide which tags stay, and work out what deleting the others means.

    Parameters
    ----------
    registry : Registry
    rules : rule, or iterable of rules
        As for `decide`.
    repositories : str, re.Pattern, or iterable of these, optional
        Only these are looked at.
    now : datetime
    referrers, protect, what_if, tally
        As for `plan_deletion`.

    Returns
    -------
    RetentionPlan

    Raises
    ------
    ConfigError, ValueError, TypeError
        If something is no rule.
    """
    # What is no rule is told before anything is asked.
    checked = rules_from(rules)
    wanted = Selection(repositories)
    tally = tally or Tally()
    records: list[TagRecord] = []
    # How many tags each repository has; None for one that is not there.
    tagged: dict[str, int | None] = {}

    async def details(name: str) -> list[TagRecord]:
        try:
            found = [record async for record in registry.tag_details(name)]
        except NotFoundError:
            # Catalogs name repositories that have nothing any more.
            tagged[name] = None
            return []
        tagged[name] = len(found)
        return found

    names = selected_repositories(registry, wanted)
    async with aclosing(ordered_map(details, names, workers=_LISTS_AT_ONCE)) as found:
        async for some in found:
            tally.total += len(some)
            tally.done += len(some)
            # What is attached to an image stays or goes with that.
            records += [one for one in some if subject_of_tag(one.tag) is None]
    decisions = decide(records, checked, now)
    # With the digests that were judged: a tag that has moved by now is kept.
    rows = [(one.repository, one.tag, one.digest) for one in decisions if not one.is_kept]
    going = pd.DataFrame(rows, columns=["repository", "tag", "digest"], dtype="string")
    plan = await plan_deletion(
        registry, going, referrers=referrers, protect=protect, what_if=what_if, tally=tally
    )
    return RetentionPlan(plan, decisions, _idle(registry, wanted, tagged))


def _idle(registry: Registry, wanted: Selection, tagged: Mapping[str, int | None]) -> Iterator[str]:
    """Say which names and patterns fit nothing: they may be misspelt."""
    names = as_patterns(wanted.repositories)
    if not names and not tagged:
        yield f"{registry.name} has no repository that is selected."
    is_exact = wanted.exact_repositories is not None
    for name in dict.fromkeys(names or ()):
        if not exact_names([name]):
            if not any(matches(one, [name]) for one in tagged):
                yield f"{registry.name} has no repository that fits {shown(name)}."
            continue
        # Only where all are named, the registry completes them.
        whole = registry.repository(shown(name)) if is_exact else shown(name)
        if tagged.get(whole) is None:
            yield f"{registry.name} has no repository {whole}."
        elif not tagged[whole]:
            yield f"The repository {whole} of {registry.name} has no tags."


def _with(row: DeletionRow, reasons: dict[tuple[str, str], str]) -> DeletionRow:
    decided = reasons.get((row.repository, row.tag or ""))
    if decided is None:
        return row
    # That its tags go is what was decided; why one stays after all is not.
    reason = decided if row.action == "delete" else f"{decided}; {row.reason}"
    return replace(row, reason=reason)


def _kept(plan: DeletionPlan, decision: Decision) -> DeletionRow:
    return DeletionRow(
        action="keep",
        registry=plan.registry.name,
        repository=decision.repository,
        tag=decision.tag,
        digest=Digest(decision.digest) if decision.digest else None,
        media_type=None,
        reason=decision.reason,
        siblings=None,
        parents=None,
        referrers=None,
    )
