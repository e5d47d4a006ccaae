"""Pulls by the server's daemon, as jobs."""

from typing import Any

from ghostnb.oci import Platform
from ghostnb.pull_commands import pull_name
from ghostnb.server.agent import Agent
from ghostnb.server.asks import Pull
from ghostnb.server.jobs.job import Job

__all__ = ["begin_pull"]


def begin_pull(agent: Agent, asked: Pull, *, actor: str | None) -> Job:
    """Begin to pull; who asks for what is being pulled gets that job.

    Raises
    ------
    GhostnbError
        If no daemon can pull from there, or there cannot be such an image.
    FailureError
        404 for no such registry, 429 if too many jobs are under way.
    """
    client = agent.client(asked.registry)
    reference = client.registry.reference(f"{asked.repository}:{asked.tag}")
    platform = Platform.parse(asked.platform) if asked.platform else None
    name = pull_name(client.config, str(reference))
    about = {"registry": client.name, "repository": reference.repository, "tag": reference.tag}

    async def work(job: Job) -> dict[str, Any]:
        credentials = await client.config.credentials()
        async for step in agent.engine.pull(name, platform=platform, credentials=credentials):
            job.take(step)
        return {
            "message": f"Successfully pulled {reference.repository}:{reference.tag}",
            "image": name,
            **about,
        }

    key = f"pull {name} {platform or ''}"
    return agent.jobs.begin("pull", f"Pull {name}", work, actor=actor, key=key, about=about)
