"""What a client holds: one registry, opened when it is made, and let go of when it is forgotten."""

import os
import weakref
from types import TracebackType
from typing import Self

from ghostnb.loop import hop, schedule_if_running
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.factory import open_registry
from ghostnb.registries.protocol import Registry
from ghostnb.registries.session import Transport
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["RegistryHandle"]


class RegistryHandle:
    """Opens one registry, and keeps it usable in forked children.

    Parameters
    ----------
    config_or_url : RegistryConfig or str
    transport : Transport, optional

    Attributes
    ----------
    config : RegistryConfig
    """

    def __init__(
        self, config_or_url: RegistryConfig | str, *, transport: Transport | None = None
    ) -> None:
        if isinstance(config_or_url, str):
            config_or_url = RegistryConfig.from_url(config_or_url)
        if not isinstance(config_or_url, RegistryConfig):
            raise TypeError(f"A registry is an address or a RegistryConfig, not {config_or_url!r}.")
        self.config = config_or_url
        self._transport = transport
        self._open()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self.config.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _open(self) -> None:
        self._registry: Registry = open_registry(self.config, transport=self._transport)
        self._process = os.getpid()
        # A client that is merely forgotten (its cell ran again) must not leave connections.
        finalizer = weakref.finalize(self, _let_go, self._registry, self._process)
        finalizer.atexit = False

    @property
    def registry(self) -> Registry:
        """What speaks to it; its methods belong to ghostnb's I/O loop."""
        if self._process != os.getpid():
            # Connections, locks and files of the cache cannot be used by a forked child.
            self._open()
        return self._registry

    @property
    def name(self) -> str:
        """What the configuration calls the registry."""
        return self.config.name

    @property
    def kind(self) -> str:
        """The vendor: ``docker-hub``, ``drift``, ``layout``, or ``distribution`` for no other.

        ``auto`` until a registry at an unknown host has answered.
        """
        return self.registry.kind

    @property
    def rate_limit(self) -> RateLimit | None:
        """The pull limit, as the registry last told it; None if it never did."""
        return self.registry.rate_limit

    async def aclose(self) -> None:
        """Close every connection."""
        await hop(self.registry.aclose())


def _let_go(registry: Registry, process: int) -> None:
    # What a child inherited is its parent's to close.
    if process == os.getpid():
        schedule_if_running(registry.aclose)
