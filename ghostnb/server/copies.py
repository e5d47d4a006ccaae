"""Images from one registry to another, as jobs: a single one, or all that is selected."""

import asyncio
from typing import Any

import msgspec
import pandas as pd

from ghostnb.arguments import parsed_platforms
from ghostnb.client import RegistryClient
from ghostnb.copying import copy, plan_sync
from ghostnb.errors import IncompleteError, InvalidReferenceError
from ghostnb.plans import Plan
from ghostnb.registries.storing import writable
from ghostnb.server.agent import Agent
from ghostnb.server.answers import CopyRow, RegistryFailure, SyncPlanned
from ghostnb.server.asks import Copy, Sync
from ghostnb.server.failures import FailureError
from ghostnb.server.jobs.job import Job
from ghostnb.transfer.selection import Selection

__all__ = ["begin_copy", "begin_sync", "draft_sync"]

_SELECTION = (
    "repositories",
    "tags",
    "exclude_repositories",
    "exclude_tags",
    "versions",
    "newest",
)


def begin_copy(agent: Agent, asked: Copy, *, actor: str | None) -> Job:
    """Begin to copy an image; who asks for what is being copied gets that job.

    Raises
    ------
    GhostnbError
        If there cannot be such an image, or the target is only read.
    FailureError
        404 for no such registry, 422 for names that do not fit together, 429 if too many jobs
        are under way.
    """
    source, target = _clients(agent, asked)
    reference, to = _names(asked)
    parsed = source.registry.reference(reference)
    there = target.registry.reference(to) if to else parsed
    if to and there.digest is not None:
        raise InvalidReferenceError(f"{to!r} has a digest, which a copy keeps.", hint="Give a tag.")
    platforms = asked.platforms
    parsed_platforms(platforms)
    about = {"registry": target.name, "repository": there.repository}
    about |= {"tag": there.tag} if there.tag else {"digest": there.locator}

    async def work(job: Job) -> dict[str, Any]:
        copied = await copy(
            source,
            target,
            reference,
            to=to,
            platforms=platforms,
            referrers=asked.referrers,
            progress=job.take,
        )
        done = "was copied" if copied.is_changed else "was there already"
        return {
            "message": f"{reference} of {source.name} {done}: {there} in {target.name}.",
            "source": source.name,
            "tag": None,
            **about,
            "digest": str(copied.digest),
            "bytes_moved": copied.bytes_moved,
        }

    title = f"Copy {reference} of {source.name} to {target.name}"
    key = _key("copy", asked)
    return agent.jobs.begin("copy", title, work, actor=actor, key=key, about=about)


def begin_sync(agent: Agent, asked: Sync, *, actor: str | None) -> Job:
    """Begin to let a registry have what another has; see `begin_copy`."""
    source, target = _clients(agent, asked)
    _check(asked)

    async def work(job: Job) -> dict[str, Any]:
        plan = await _plan(source, target, asked, job)
        await plan.apply(progress=job.take)
        if plan.errors:
            raise IncompleteError(_unread(plan), hint="The rest is done.")
        outcomes = plan.results["outcome"].value_counts().to_dict()
        return {
            "message": f"{target.name} has what is selected of {source.name}.",
            "source": source.name,
            "registry": target.name,
            "steps": outcomes,
            "bytes_moved": plan.bytes_moved,
            "notes": list(plan.notes),
        }

    title = f"Sync {target.name} with {source.name}"
    about = {"registry": target.name}
    key = _key("sync", asked)
    return agent.jobs.begin("sync", title, work, actor=actor, key=key, about=about)


async def draft_sync(agent: Agent, asked: Sync) -> SyncPlanned:
    """Work out what a sync would do.

    Raises
    ------
    GhostnbError
    FailureError
        As for `begin_sync`.
    """
    source, target = _clients(agent, asked)
    _check(asked)
    plan = await _plan(source, target, asked)
    rows = await asyncio.to_thread(_rows, plan)
    return SyncPlanned(
        message=f"{len(rows)} of {target.name} would change.",
        bytes_moved=plan.bytes_moved,
        notes=list(plan.notes),
        rows=rows,
        errors=[
            RegistryFailure(**{name: one[name] for name in RegistryFailure.__struct_fields__})
            for one in plan.errors
        ],
    )


async def _plan(
    source: RegistryClient, target: RegistryClient, asked: Sync, job: Job | None = None
) -> Plan:
    return await plan_sync(
        source,
        target,
        **{name: getattr(asked, name) for name in _SELECTION},
        platforms=asked.platforms,
        rename=asked.rename or None,
        referrers=asked.referrers,
        prune=asked.prune,
        progress=job.count if job else False,
    )


def _clients(agent: Agent, asked: Copy | Sync) -> tuple[RegistryClient, RegistryClient]:
    source, target = agent.client(asked.source), agent.client(asked.target)
    writable(target.registry)
    return source, target


def _names(asked: Copy) -> tuple[str, str | None]:
    """Give what is copied, and what it is to be called if that is something else."""
    if asked.tag is not None and asked.reference is not None:
        raise _invalid("Give a tag, or a reference in its place, and not both.")
    named = asked.reference or asked.tag or "latest"
    is_digest = ":" in named
    reference = f"{asked.repository}{'@' if is_digest else ':'}{named}"
    if asked.to_repository is None and asked.to_tag is None:
        return reference, None
    if asked.to_tag is None and is_digest:
        raise _invalid("A digest has no tag that could be the same there: give to_tag, too.")
    return reference, f"{asked.to_repository or asked.repository}:{asked.to_tag or named}"


def _check(asked: Sync) -> None:
    """Find out what cannot be meant before anything is begun."""
    parsed_platforms(asked.platforms)
    try:
        Selection(**{name: getattr(asked, name) for name in _SELECTION})
    except (TypeError, ValueError) as e:
        raise _invalid(f"{e}") from e


def _invalid(message: str) -> FailureError:
    return FailureError(422, "invalid_body", message)


def _key(kind: str, asked: Copy | Sync) -> str:
    return f"{kind} {msgspec.json.encode(asked).decode()}"


def _unread(plan: Plan) -> str:
    count, first = len(plan.errors), plan.errors[0]
    return f"{count} could not be read; the first was {first['repository']}: {first['message']}"


def _rows(plan: Plan) -> list[CopyRow]:
    return [_row(row) for row in plan.frame.to_dict("records")]


def _row(row: dict[Any, Any]) -> CopyRow:
    known: dict[str, Any] = {
        name: None if pd.isna(row[name]) else row[name] for name in CopyRow.__struct_fields__
    }
    return CopyRow(**known)
