"""Several registries side by side."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd

from ghostnb.agent_feed import AgentFeed
from ghostnb.asking import ask_all, parted
from ghostnb.client import RegistryClient
from ghostnb.errors import ConfigError
from ghostnb.frames import LayersTable, RegistryRecord, registries_frame, search_frame
from ghostnb.inventory import as_patterns, attach_failures, failures_of, gather_layers
from ghostnb.loop import hop, schedule
from ghostnb.progress_bar import ProgressBar, ProgressOption
from ghostnb.registries import config_saving as saving
from ghostnb.registries.agents import agent_configs
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import config_path, load_configs
from ghostnb.registries.records import SearchRecord
from ghostnb.registries.walk import Failure, Tally
from ghostnb.search import check_search, find_images

__all__ = ["Fleet"]

_SEARCH_LIMIT = 25


class Fleet(Mapping[str, RegistryClient]):
    """Registries by name, asked together.

    Parameters
    ----------
    configs : iterable of RegistryConfig

    Attributes
    ----------
    feed : AgentFeed or None
        What happens in the registries, as the agent tells it that they are reached through.

    Raises
    ------
    ConfigError
        If two have the same name.

    Notes
    -----
    One registry that fails is a warning and an entry of ``.attrs["errors"]``
    of the frame, a list of dictionaries with ``registry``, ``repository``,
    ``tag``, ``error`` and ``message``; the others answer. Repository and tag
    are empty where the whole registry failed.

    Examples
    --------
    >>> fleet = Fleet([RegistryConfig("local", "http://localhost:5000")])
    >>> fleet["local"]
    <RegistryClient local at http://localhost:5000>
    """

    def __init__(self, configs: Iterable[RegistryConfig] = ()) -> None:
        self.feed: AgentFeed | None = None
        self._clients: dict[str, RegistryClient] = {}
        self._config_file: Path | None = None
        for config in configs:
            self.add(config)

    @classmethod
    def from_config(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Take the configured registries.

        Parameters
        ----------
        path : path, optional
            A ``registries.toml``; by default the user's, and without one
            ``local-drift`` and ``docker-hub``.

        Raises
        ------
        ConfigError
            Naming the file, line and key that are wrong.
        """
        fleet = cls(load_configs(path))
        fleet._config_file = config_path(path)
        return fleet

    @classmethod
    async def from_agent(
        cls,
        url: str,
        token: str | None = None,
        *,
        ca_file: str | None = None,
        insecure: bool = False,
    ) -> Self:
        """Take the registries that an agent has: their credentials stay with it.

        Parameters
        ----------
        url : str
            Where it is: ``https://agent.example.com``; a Jupyter Server's address with its path,
            where it is part of one.
        token : str, optional
            ``env:NAME`` reads the environment variable whenever it is needed. By default it is
            that of ``GHOSTNB_AGENT_TOKEN``.
        ca_file : str, optional
            PEM file of an authority that signs the agent's certificate.
        insecure : bool, optional
            Allow plain HTTP, and HTTPS with a certificate that cannot be verified.

        Returns
        -------
        Fleet
            Each registry can do what it can do from here, within the role of the token. Its kind
            is ``agent:`` and what it is to the agent. What the agent is given later is not in it.

        Raises
        ------
        ConfigError
            If the address cannot be right, is not encrypted, or there is no token.
        TransportError
            If no agent answers.
        UnauthorizedError
            If it does not know the token.

        Notes
        -----
        The token goes to the agent alone, and is written nowhere: `remember` refuses it, unless
        it is ``env:NAME``.
        """
        fleet = cls(await hop(agent_configs(url, token, ca_file=ca_file, insecure=insecure)))
        fleet.feed = AgentFeed(url, token, ca_file=ca_file, insecure=insecure)
        return fleet

    def __getitem__(self, name: str) -> RegistryClient:
        try:
            return self._clients[name]
        except KeyError:
            known = ", ".join(self._clients) or "none yet"
            raise KeyError(f"no registry is called {name!r}; there are: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    def __repr__(self) -> str:
        return f"<Fleet of {', '.join(self._clients) or 'no registries'}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def add(self, config: RegistryConfig) -> RegistryClient:
        """Add a registry, for as long as the fleet lives; see `remember`. Nothing is contacted.

        Raises
        ------
        ConfigError
            If the name is taken.
        """
        if not isinstance(config, RegistryConfig):
            raise TypeError(f"A fleet is made of RegistryConfig, not {config!r}.")
        if config.name in self._clients:
            raise ConfigError(
                f"There is a registry of the name {config.name!r} already.",
                hint="Choose another name, or remove that one first.",
            )
        client = self._clients[config.name] = RegistryClient(config)
        return client

    def remove(self, name: str) -> None:
        """Take a registry out; nothing is deleted in it.

        Raises
        ------
        KeyError
            If there is no such registry.
        """
        client = self[name]
        del self._clients[name]
        schedule(client.aclose())

    @property
    def config_file(self) -> Path:
        """Where `remember` writes: the file that the fleet came from, or the user's."""
        return self._config_file or config_path()

    def remembered(self) -> tuple[str, ...]:
        """List the names that `from_config` will find there the next time.

        Raises
        ------
        ConfigError
            If the file is invalid.
        """
        return saving.remembered(self.config_file)

    async def remember(self, name: str) -> None:
        """Save a registry: in `config_file`, its password in the system keyring.

        Parameters
        ----------
        name : str
            If the file has a registry of that name, it is changed.

        Raises
        ------
        KeyError
            If there is no such registry.
        ConfigError
            If it cannot be saved; then nothing is, and the file is as it was. A
            password needs a keyring (``pip install 'ghostnb[keyring]'``) unless it
            is ``env:NAME``: never is one written into the file.

        Notes
        -----
        Comments in the file, and all that is not about this registry, stay. A
        file that is not there yet is made with `local-drift` and `docker-hub`,
        which are there without one. An earlier password of the registry that nothing
        in the file uses any more is deleted from the keyring.
        """
        await hop(saving.remember(self[name].config, self.config_file))

    async def forget(self, name: str) -> None:
        """Undo `remember`: take a registry out of `config_file`, its password out of the keyring.

        Entries of the keyring that `remember` has not made are left alone. The
        fleet itself has the registry until it is removed.

        Raises
        ------
        ConfigError
            If the file has no such registry, or file or keyring cannot be changed; then
            both are as they were.
        """
        await hop(saving.forget(name, self.config_file))

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    def registries(self) -> pd.DataFrame:
        """Tabulate the registries as they are configured; contacts none.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.registries_frame`; ``status`` is <NA>. No credentials.
        """
        return registries_frame(self.records())

    def records(self) -> list[RegistryRecord]:
        """Describe the registries as `registries` does, for who wants no DataFrame."""
        return [RegistryRecord.of(client.config, client.kind) for client in self.values()]

    async def status(self) -> pd.DataFrame:
        """Ping every registry.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.registries_frame`; ``status`` is ``ok``, or what is wrong.

        Warns
        -----
        UserWarning
            If a registry failed.
        """
        records, failures = await self.ping()
        return attach_failures(registries_frame(records), failures, "The status")

    async def ping(self, registry: str | None = None) -> tuple[list[RegistryRecord], list[Failure]]:
        """Ping as `status` does, for who wants no DataFrame: all, or this one.

        Returns
        -------
        list of RegistryRecord
            In the order of the frame's rows.
        list of Failure
            Of those that failed.

        Raises
        ------
        KeyError
            If there is no registry of that name.
        """
        clients = list(self.values()) if registry is None else [self[registry]]
        outcomes = await hop(ask_all(clients, lambda client: client.ping()))
        records = [RegistryRecord.of(one.config, one.kind, answer) for one, answer in outcomes]
        return records, parted(outcomes)[1]

    async def search(
        self, query: str, registry: str | None = None, *, limit: int = _SEARCH_LIMIT
    ) -> pd.DataFrame:
        """Search every registry at once.

        Parameters
        ----------
        query : str
        registry : str, optional
            Only this one.
        limit : int
            At most so many results from each.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.search_frame`, registries in the fleet's order;
            what failed or could not be read stands in ``.attrs["errors"]``.

        Warns
        -----
        UserWarning
            If a registry failed, or something that it found could not be read.

        Raises
        ------
        KeyError
            If there is no registry of that name.
        ValueError
            If the query is empty, or the limit negative.
        """
        found, failures = await self.find(query, registry, limit=limit)
        return attach_failures(search_frame(found), failures, "The search")

    async def find(
        self, query: str, registry: str | None = None, *, limit: int = _SEARCH_LIMIT
    ) -> tuple[list[SearchRecord], list[Failure]]:
        """Search as `search` does, for who wants no DataFrame.

        Returns
        -------
        list of SearchRecord
            In the order of the frame's rows.
        list of Failure
            What failed or could not be read.
        """
        check_search(query, limit)
        clients = list(self.values()) if registry is None else [self[registry]]
        outcomes = await hop(
            ask_all(clients, lambda client: find_images(client.registry, query, limit))
        )
        answers, failures = parted(outcomes)
        found = [record for answer in answers for record in answer]
        return found, failures + failures_of(found)

    async def inventory(
        self,
        repositories: str | Iterable[str] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        progress: ProgressOption = None,
    ) -> pd.DataFrame:
        """Tabulate every layer of every image of every registry.

        Parameters
        ----------
        repositories, tags, progress
            As for `RegistryClient.inventory`.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.layers_frame`, registries in the fleet's order;
            what could not be read stands in ``.attrs["errors"]``.

        Warns
        -----
        UserWarning
            If something could not be read.
        """
        tally = Tally()
        wanted = as_patterns(repositories), as_patterns(tags)

        async def gather(client: RegistryClient) -> LayersTable:
            return await gather_layers(client.registry, tally, *wanted)

        with ProgressBar(tally, "inventory", progress) as bar:
            outcomes = await hop(
                ask_all(self.values(), gather, is_patient=True), on_tick=bar.refresh
            )
        tables, failures = parted(outcomes)
        whole = LayersTable()
        for table in tables:
            whole.extend(table)
        return attach_failures(whole.frame(), tally.failures + failures, "The inventory")
