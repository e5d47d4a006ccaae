"""An agent, as it is reached, and its registries, as they are reached through it."""

from dataclasses import replace
from urllib.parse import quote

from ghostnb.errors import ConfigError, NotFoundError, RegistryError
from ghostnb.registries.config import LAYOUT_SCHEME, RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.agent import Agent
from ghostnb.registries.vendors.agent.api import AgentAPI
from ghostnb.registries.vendors.agent.refusals import agent_error, as_registries_do

__all__ = [
    "AGENT_VARIABLE",
    "ROUTES",
    "TOKEN_VARIABLE",
    "agent_config",
    "agent_configs",
    "agent_session",
]

AGENT_VARIABLE = "GHOSTNB_AGENT"
"""Names the agent whose registries a dashboard shows, where it is not told which to show."""
TOKEN_VARIABLE = "GHOSTNB_AGENT_TOKEN"  # noqa: S105 (its name)
ROUTES = "/api/v1"
"""Where an agent's routes are, below its address."""


def agent_config(
    url: str, token: str | None = None, *, ca_file: str | None = None, insecure: bool = False
) -> RegistryConfig:
    """Say how an agent itself is reached.

    Parameters
    ----------
    url, token, ca_file, insecure
        As of `agent_configs`.

    Returns
    -------
    RegistryConfig
        Its URL is that of the agent's routes.

    Raises
    ------
    ConfigError
        If the address or the token cannot be right.
    """
    place = url.strip().rstrip("/").removesuffix(ROUTES)
    if place.startswith(LAYOUT_SCHEME):
        raise ConfigError("An agent is no image layout.", hint="Write https://HOST of an agent.")
    token = token or f"env:{TOKEN_VARIABLE}"
    return RegistryConfig(
        "agent", f"{place}{ROUTES}", token=token, ca_file=ca_file, insecure=insecure
    )


def agent_session(agent: RegistryConfig) -> Session:
    """Make a session with an agent itself, which says what its refusals mean.

    Parameters
    ----------
    agent : RegistryConfig
        As `agent_config` gives it.
    """

    def refined(error: RegistryError) -> RegistryError:
        error = agent_error(error, agent.host)
        if isinstance(error, NotFoundError):
            error.hint = "Something answers there, but no agent does: is the address right?"
        return error

    session = Session(agent)
    session.refine, session.rewrite = refined, as_registries_do
    return session


async def agent_configs(
    url: str, token: str | None = None, *, ca_file: str | None = None, insecure: bool = False
) -> list[RegistryConfig]:
    """Ask an agent which registries it has.

    Parameters
    ----------
    url : str
        Where it is: ``http://localhost:8000``, or below a path; that of its routes will do.
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
    agent = agent_config(url, token, ca_file=ca_file, insecure=insecure)
    session = agent_session(agent)
    try:
        entries = await AgentAPI(session, agent.url).registries()
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
