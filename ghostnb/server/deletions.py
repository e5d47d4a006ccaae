"""Deletions, as the agent does them: a plan, told or applied as a job."""

import asyncio
from typing import Any

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.deleting import plan_delete
from ghostnb.plans import Plan
from ghostnb.server.agent import Agent
from ghostnb.server.answers import Deletion, PlanRow
from ghostnb.server.jobs.job import Job

__all__ = ["delete_tag"]


async def delete_tag(
    agent: Agent, client: RegistryClient, reference: str, *, actor: str | None, dry_run: bool
) -> Deletion:
    """Delete a tag with what nothing else needs, or only work that out.

    Parameters
    ----------
    agent : Agent
    client : RegistryClient
    reference : str
        ``repository:tag``.
    actor : str or None
    dry_run : bool

    Raises
    ------
    GhostnbError
        If it is not there, or the registry deletes nothing; `IncompleteError` if a part failed.
    """
    parsed = client.registry.reference(reference)
    about = {"registry": client.name, "repository": parsed.repository, "tag": parsed.tag}
    plan = await plan_delete(client, [reference], progress=False, what_if=dry_run)
    if dry_run:
        return await asyncio.to_thread(_told, plan, f"{reference} would go.", dry_run=True)

    async def work(job: Job) -> dict[str, Any]:
        await plan.apply(progress=job.take)
        return {"message": f"{reference} was deleted.", **about}

    title = f"Delete {reference} in {client.name}"
    job = agent.jobs.begin("delete", title, work, actor=actor, about=about)
    done = await job.wait()
    return await asyncio.to_thread(_told, plan, done.message, dry_run=False)


def _told(plan: Plan, message: str, *, dry_run: bool) -> Deletion:
    # Both have the plan's rows, in its order.
    rows = plan.frame.assign(outcome=plan.results["outcome"].to_numpy())
    return Deletion(
        message=message,
        dry_run=dry_run,
        bytes_freed=plan.bytes_freed,
        notes=list(plan.notes),
        plan=[_row(row) for row in rows.to_dict("records")],
    )


def _row(row: dict[Any, Any]) -> PlanRow:
    def text(name: str) -> str | None:
        return None if pd.isna(row[name]) else str(row[name])

    return PlanRow(
        action=str(row["action"]),
        tag=text("tag"),
        digest=text("digest"),
        reason=text("reason"),
        bytes_freed=0 if pd.isna(row["bytes_freed"]) else int(row["bytes_freed"]),
        outcome=str(row["outcome"]),
    )
