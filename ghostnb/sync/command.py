"""``ghostnb sync``: plans, shows, applies, and perhaps again after a while."""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import humanize
import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.copying import plan_sync
from ghostnb.errors import ConfigError, GhostnbError, IncompleteError
from ghostnb.fleet import Fleet
from ghostnb.loop import run
from ghostnb.plans import Plan
from ghostnb.sync.plan_file import PlanFile, SyncEntry, parse_duration, read_plan

__all__ = ["run_sync"]

Say = Callable[[str], None]

_ROWS_SHOWN = 20
_FAILURES_SHOWN = 5
_WORDS = {"copy": "to copy", "update": "to update", "repair": "to repair", "delete": "to delete"}


def run_sync(options: argparse.Namespace, say: Say) -> int:
    """Do what a file says, once or until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        ``plan``, ``dry_run``, ``every``, ``config``.
    say : callable
        Shows a line to the user.

    Returns
    -------
    int
        0; 1 if something of the only round failed, or could not be listed.

    Raises
    ------
    ConfigError
        If the file, or what it names, is wrong.
    """
    plan = read_plan(options.plan)
    wait = plan.every_seconds
    if options.every is not None:
        wait = parse_duration(options.every, "--every")
    pairs = _pairs(plan, Fleet.from_config(options.config))
    try:
        while True:
            failed = sum(not _sync(*pair, options.dry_run, say) for pair in pairs)
            if wait is None or options.dry_run:
                return 1 if failed else 0
            say(f"Again in {humanize.precisedelta(wait)}; Ctrl-C ends it.")
            time.sleep(wait)
    except KeyboardInterrupt:
        if not options.dry_run:
            say("Stopped. The same command goes on from here: what has come is not sent again.")
        raise


def _pairs(plan: PlanFile, fleet: Fleet) -> list[tuple[SyncEntry, RegistryClient, RegistryClient]]:
    def client(name: str) -> RegistryClient:
        if name in fleet:
            return fleet[name]
        if not any(mark in name for mark in "./:"):
            raise ConfigError(
                f"No registry is called {name!r}.",
                hint=f"Configured are: {', '.join(fleet) or 'none'}; or give an address.",
            )
        return RegistryClient(name)

    return [(entry, client(entry.source), client(entry.target)) for entry in plan.entries]


def _sync(
    entry: SyncEntry, source: RegistryClient, target: RegistryClient, dry: bool, say: Say
) -> bool:
    """Do one table; what goes wrong is told, and False."""
    title = f"{source.name} → {target.name}"
    try:
        plan = run(_planned(entry, source, target))
        _show(title, plan, say, rows=None if dry else _ROWS_SHOWN)
        is_done = dry or _applied(title, plan, say)
    except GhostnbError as e:
        say(f"{title}: {e}")
        return False
    if plan.errors:
        say(f"{title}: not all could be read ({len(plan.errors):,} failed); see the notes above.")
    return is_done and not plan.errors


def _applied(title: str, plan: Plan, say: Say) -> bool:
    """Do what is planned; which of it failed is told, and False."""
    if plan.is_done:
        return True
    started = time.monotonic()
    try:
        run(plan.apply())
    except IncompleteError:
        _show_failed(title, plan.results, say)
        return False
    say(f"{title}: done in {humanize.precisedelta(time.monotonic() - started)}.")
    return True


async def _planned(entry: SyncEntry, source: RegistryClient, target: RegistryClient) -> Plan:
    chosen = entry.selection
    return await plan_sync(
        source,
        target,
        repositories=chosen.repositories,
        tags=chosen.tags,
        exclude_repositories=chosen.exclude_repositories,
        exclude_tags=chosen.exclude_tags,
        versions=chosen.versions,
        newest=chosen.newest,
        **entry.options,
    )


def _show(title: str, plan: Plan, say: Say, rows: int | None) -> None:
    frame = plan.frame
    counts = Counter(frame["action"])
    facts = [f"{counts[word]:,} {text}" for word, text in _WORDS.items() if counts[word]]
    say(f"{title}: {', '.join(facts) or 'nothing to do'}"
        + (f", {humanize.naturalsize(plan.bytes_moved)} to move" if plan.bytes_moved else "")
        + ".")  # fmt: skip
    for note in plan.notes:
        say(f"  note: {note}")
    shown = frame if rows is None else frame.head(rows)
    for row in shown.itertuples():
        say(f"  {_step(row)}")
    if len(frame) > len(shown):
        say(f"  … and {len(frame) - len(shown):,} more")


def _show_failed(title: str, results: pd.DataFrame, say: Say) -> None:
    failed = results[results["outcome"] == "failed"]
    say(f"{title}: {len(failed):,} of {len(results):,} failed:")
    for row in failed.head(_FAILURES_SHOWN).itertuples():
        say(f"  {_step(row)}: {row.error}")
    if len(failed) > _FAILURES_SHOWN:
        say(f"  … and {len(failed) - _FAILURES_SHOWN:,} more")
    say("  Run again, the same command tries what is not done.")


def _step(row: Any) -> str:
    """Name the step of a row of a plan's frame, or of its results."""
    tag = row.target_tag
    end = f":{tag}" if isinstance(tag, str) else f"@{row.digest}"
    return f"{row.action:6} {row.target_repository}{end}"
