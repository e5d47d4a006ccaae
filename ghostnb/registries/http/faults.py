"""What is wrong on this machine with how a registry is reached, whether it answers or not."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from ghostnb.errors import ConfigError, GhostnbError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.certificates import certificate_faults
from ghostnb.registries.threads import answered
from ghostnb.registries.vendors import Vendor

__all__ = ["local_faults"]

_PATIENCE_SECONDS = 20.0


async def local_faults(config: RegistryConfig, vendor: Vendor) -> list[GhostnbError]:
    """Look at all that is configured of this machine; nothing is sent.

    Parameters
    ----------
    config : RegistryConfig
    vendor : Vendor
        Whose own software the configuration may name something of.

    Returns
    -------
    list of GhostnbError
        What would fail sooner or later, each by itself: a variable that is not set, a keyring
        without the password, a certificate or a profile that is not there.
    """
    found = await asyncio.gather(
        _credentials(config),
        _read("certificates", config, partial(certificate_faults, config)),
        _read("profile", config, vendor.profile_faults),
    )
    return [fault for faults in found for fault in faults]


async def _credentials(config: RegistryConfig) -> Sequence[GhostnbError]:
    try:
        await config.credentials()  # a keyring is waited for with a limit of its own
    except GhostnbError as e:
        return [e]
    return []


async def _read(
    what: str, config: RegistryConfig, look: Callable[[], Sequence[GhostnbError]]
) -> Sequence[GhostnbError]:
    """Read files, which may be on a disk that does not answer."""
    try:
        return await answered(look, name="ghostnb-faults", seconds=_PATIENCE_SECONDS)
    except TimeoutError:
        fault = ConfigError(
            f"The {what} of {config.name} could not be read within {_PATIENCE_SECONDS:g} s.",
            hint="Does the disk answer on which the files are?",
        )
        return [fault]
