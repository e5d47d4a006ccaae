"""An agent's registries, as they are reached through it."""

from dataclasses import replace
from urllib.parse import quote

from ghostnb.errors import NotFoundError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.agent import Agent
from ghostnb.registries.vendors.agent_api import AgentAPI
from ghostnb.registries.vendors.agent_refusals import agent_error

__all__ = ["AGENT_VARIABLE", "TOKEN_VARIABLE", "agent_configs"]

AGENT_VARIABLE = "GHOSTNB_AGENT"
"""Names the agent whose registries a dashboard shows, where it is not told which to show."""
TOKEN_VARIABLE = "GHOSTNB_AGENT_TOKEN"  # noqa: S105 (its name)
_ROUTES = "/api/v1"


async def agent_configs(
    url: str, token: str | None = None, *, ca_file: str | None = None, insecure: bool = False
) -> list[RegistryConfig]:
    """Ask an agent which registries it has.

    Parameters
    ----------
    url : str
        Where it is: ``http://localhost:8000``, or below a path.
    token : str, optional
        By default that of the variable `TOKEN_VARIABLE`.
    ca_file, insecure
        As of `RegistryConfig`.

    Returns
    -------
    list of RegistryConfig
        Of kind ``agent:…``, with the token: no credentials of the registries' own.

    Raises
    ------
    ConfigError
        If the address or the token cannot be right.
    RegistryError
        If the agent does not answer, or does not know the token.
    """
    place = url.strip().rstrip("/").removesuffix(_ROUTES)
    agent = RegistryConfig(
        "agent",
        place + _ROUTES,
        token=token or f"env:{TOKEN_VARIABLE}",
        kind=Agent.kind,
        ca_file=ca_file,
        insecure=insecure,
    )
    session = Session(agent)
    session.refine = lambda error: agent_error(error, agent.host)
    try:
        entries = await AgentAPI(session, agent.url).registries()
    except NotFoundError as e:
        e.hint = "Something answers there, but no agent does: is the address right?"
        raise
    finally:
        await session.aclose()
    return [
        replace(
            agent,
            name=entry.name,
            url=f"{agent.url}/registries/{quote(entry.name)}",
            kind=f"{Agent.kind}:{entry.kind}" if entry.kind else Agent.kind,
        )
        for entry in entries
    ]
