"""A registry behind an agent: its credentials stay there, and what its vendor does better, too."""

import re
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from urllib.parse import unquote

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    RegistryError,
    UnsupportedError,
)
from ghostnb.oci import Reference
from ghostnb.registries.bolt import Bolt
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.agent.api import AgentAPI
from ghostnb.registries.vendors.agent.refusals import agent_error, as_registries_do
from ghostnb.registries.vendors.plain import ABILITIES, Vendor
from ghostnb.wire.messages import Reply
from ghostnb.wire.notifications.reading import text_of

__all__ = ["Agent", "place_at_agent"]

_PLACE = "/registries/"
# Beside what this class does: what comes by the protocol, as the agent gives or does it.
_BY_PROTOCOL = ("delete_tag", "rate_limit")
# What says nothing of the vendor behind; a kind that is known stays.
_UNKNOWN = ("", "auto")
_KIND = re.compile("[a-z][a-z0-9-]{0,39}")


def place_at_agent(config: RegistryConfig) -> tuple[str, str]:
    """Give the address of an agent's routes, and what the agent calls a registry.

    Raises
    ------
    ConfigError
        If the configuration's URL is not that of a registry at an agent.
    """
    url, _, name = config.url.rpartition(_PLACE)
    if not (url and name) or "/" in name:
        raise ConfigError(
            f"The URL of {config.name}, {config.url}, is that of no registry behind an agent, "
            f"which its kind {config.kind!r} says it is.",
            hint="Fleet.from_agent(url, token) gives all registries of an agent; the address of "
            "one ends in /api/v1/registries/NAME.",
        )
    return url, unquote(name)


class Agent(Vendor):
    """A registry that an agent has: it is asked by the agent's routes.

    Parameters
    ----------
    config : RegistryConfig
        Its kind is ``agent``, or ``agent:KIND`` where it is known what the registry is.
    session : Session
    behind : str, optional
        That kind: names are completed as there.
    kinds : mapping of str to type of Vendor, optional
        Of vendors that may be behind it.

    Notes
    -----
    Lists and searches are the agent's (``/api/v1``), which asks the registry by its vendor's own
    API where it has one. Content comes by the distribution protocol, which the agent serves
    below each registry's address. What the registry is, where the agent did not know it yet, is
    known here once its `rights` were asked for.
    """

    kind = "agent"
    title = "ghostnb agent"
    # It falls back by itself, and its word on what it may give is the last.
    falls_back_on = ()

    def __init__(
        self,
        config: RegistryConfig,
        session: Session,
        behind: str = "",
        kinds: Mapping[str, type[Vendor]] = MappingProxyType({}),
    ) -> None:
        super().__init__(config, session)
        self._kinds = kinds
        self._take(behind)
        url, self._name = place_at_agent(config)
        self._api = AgentAPI(session, url)

    @classmethod
    def offers(cls) -> tuple[str, ...]:
        """Name what it passes on; what it has to say of Bolt is that there is none."""
        own = super().offers()
        passed = [words for method, words in ABILITIES.items() if method in _BY_PROTOCOL]
        return tuple(one for one in (*own, *passed) if one != ABILITIES["bolt"])

    async def rights(self) -> str:
        """Say who the agent's credentials are and what they may do; empty if that is not told.

        The agent asks this registry alone; what the registry is, and what is doubted of it, is
        known then, too.
        """
        self.doubt = ""
        entry = await self._api.registry(self._name, ping=True)
        if entry is None:
            return ""
        doubt, status, rights = map(text_of, (entry.doubt, entry.status, entry.rights))
        self.doubt = f"the agent says: {doubt}" if doubt else ""
        if self._is_open:
            # A newer one may know vendors that are not known here.
            self._take(entry.kind if _KIND.fullmatch(entry.kind) else "")
        if status not in ("", "ok"):
            return f"not told ({status})"
        return f"the agent's, within your role there: {rights}" if rights else ""

    @property
    def _is_open(self) -> bool:
        return self.kind.partition(":")[2] in _UNKNOWN

    def _take(self, behind: str) -> None:
        """Take the registry for one of a kind, as far as that is known."""
        kind = self._kinds.get(behind, Vendor)
        self._behind = kind(self._config, self._session)
        self.kind = f"{Agent.kind}:{behind}" if behind else Agent.kind
        self.prefers_head = kind.prefers_head

    def repository(self, name: str) -> str:
        """Complete a name as the registry's own vendor does."""
        return self._behind.repository(name)

    def reference(self, text: str) -> Reference:
        """Read a reference as the registry's own vendor does."""
        return self._behind.reference(text)

    def rewritten(self, reply: Reply) -> Reply:
        """Give what the agent's own routes refuse as registries do."""
        return as_registries_do(reply)

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error for what went wrong: at the agent, or between it and the registry."""
        return agent_error(error, self._config.host)

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused, unless the agent itself refused it."""
        return "" if isinstance(error, ForbiddenError) else super().how_to_delete(error)

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, with what the registry's vendor knows of each."""
        async for record in self._api.repositories(self._name, self._config.name, namespace):
            yield record

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over tags as the registry's vendor describes them, if it does."""
        if type(self._behind).tag_details is Vendor.tag_details:
            return None
        return self._api.tags(self._name, self._config.name, repository)

    async def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what the agent finds in the registry, a hundred at most."""
        words = query.strip()
        if words and limit > 0:
            for record in await self._api.search(self._name, self._config.name, words, limit):
                yield record

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what is stored, as the registry's vendor tells the agent.

        Raises
        ------
        UnsupportedError
            If it does not tell, or the agent is too old to ask it.
        """
        for record in await self._api.usage(self._name, self._config.name, namespace):
            yield record

    def bolt(self) -> Bolt | None:
        """Offer none.

        Raises
        ------
        UnsupportedError
        """
        raise UnsupportedError(
            f"{self._config.name} is behind an agent, which passes on images, and no Bolt "
            "profiles, plugins or templates.",
            hint="Ask the registry itself for them.",
            registry=self._config.name,
            url=self._config.url,
        )
