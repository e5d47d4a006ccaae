"""One registry's credentials: its own, else those that Docker and Podman were given."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.docker_config import find_credentials
from ghostnb.wire.tokens import Credentials

__all__ = ["CredentialSource", "Supply"]

Supply = Callable[[], Awaitable[Credentials | None]]

# Docker asks helpers with every command. To wait for a 401 would not do: Amazon ECR,
# whose tokens last 12 hours, answers 403 to one that is over (AWS, "Troubleshooting
# Docker commands and issues when using Amazon ECR").
_KEEP_SECONDS = 60.0
# When many requests are refused at once, a helper is not run for each of them.
_PAUSE_SECONDS = 2.0


class CredentialSource:
    """Finds one registry's credentials when they are wanted, and anew when they may have changed.

    Parameters
    ----------
    config : RegistryConfig
        Its own credentials come first.
    supply : callable
        Gives what the vendor's own software has, if it is installed; they come next, before
        Docker's and Podman's for the host.

    Notes
    -----
    A kernel lives for days: helpers' tokens expire in it, and people log in
    after an error has told them to.
    """

    def __init__(self, config: RegistryConfig, supply: Supply) -> None:
        self._config = config
        self._supply = supply
        self._lock = asyncio.Lock()
        self._found: Credentials | None = None
        self._looked_at: float | None = None

    @property
    def found(self) -> Credentials | None:
        """What was found when it was last wanted."""
        return self._found

    async def current(self) -> Credentials | None:
        """Give the credentials, looked up at first and again after a minute.

        Raises
        ------
        ConfigError
            As `find_credentials` and `RegistryConfig.credentials`.
        """
        if self._is_old():
            async with self._lock:
                if self._is_old():
                    # A helper that fails once takes nothing away that may still be good.
                    self._found = await self._look_up() or self._found
        return self._found

    async def renewed(self, refused: Credentials | None) -> Credentials | None:
        """Give what is to be used instead of what was refused; the same if there is nothing new.

        Parameters
        ----------
        refused : Credentials or None
            None where the registry was used anonymously.

        Raises
        ------
        ConfigError
            As `current`.
        """
        async with self._lock:
            is_settled = self._age_seconds() < _PAUSE_SECONDS
            if self._found == refused and not is_settled:
                self._found = await self._look_up()
        return self._found

    def _is_old(self) -> bool:
        # What is configured stays as it was read until it is refused.
        is_kept = self._looked_at is not None and self._config.has_auth
        return not is_kept and self._age_seconds() >= _KEEP_SECONDS

    def _age_seconds(self) -> float:
        return float("inf") if self._looked_at is None else time.monotonic() - self._looked_at

    async def _look_up(self) -> Credentials | None:
        found = await self._config.credentials()
        if found is None and self._config.stored_credentials:
            found = await self._supply() or await find_credentials(self._config.host)
        self._looked_at = time.monotonic()
        return found
