"""What is wrong on this machine with how a registry is reached, whether it answers or not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from ghostnb.errors import ConfigError, GhostnbError, TransportError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.session.certificates import certificate_faults
from ghostnb.registries.session.failures import is_tls_failure
from ghostnb.registries.threads import answered
from ghostnb.registries.vendors import Vendor
from ghostnb.wire.endpoints import Endpoint

__all__ = ["local_faults", "reach"]

# A little more than the keyring's own patience, which says what it waits for.
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
        _faults_of("password or token", config, _credentials(config)),
        _faults_of("certificates", config, _answered(partial(certificate_faults, config))),
        _faults_of("profile", config, _answered(vendor.profile_faults)),
    )
    return [fault for faults in found for fault in faults]


async def reach(config: RegistryConfig) -> None:
    """Ask whether anybody answers at a registry's address, and be content with any answer.

    It is shown no credentials, and believed nothing: so certificates do not matter.

    Raises
    ------
    TransportError
        If nobody answers.
    RegistryError
        If an answer leads nowhere.
    ConfigError
        If there is no way to ask.
    """
    bare = RegistryConfig(
        config.name,
        config.url,
        insecure=True,
        timeout_seconds=config.timeout_seconds,
        stored_credentials=False,
    )
    session = Session(bare)
    try:
        await session.send_plainly(Endpoint(config.url).ping())
    except TransportError as e:
        # Who hangs up for want of a certificate is there.
        if not (config.client_cert and is_tls_failure(e)):
            raise
    finally:
        await session.aclose()


async def _credentials(config: RegistryConfig) -> list[GhostnbError]:
    try:
        await config.credentials()
    except GhostnbError as e:
        return [e]
    return []


async def _answered(look: Callable[[], Sequence[GhostnbError]]) -> Sequence[GhostnbError]:
    """Read files, which may be on a disk that does not answer."""
    return await answered(look, name="ghostnb-faults", seconds=_PATIENCE_SECONDS)


async def _faults_of(
    what: str, config: RegistryConfig, look: Awaitable[Sequence[GhostnbError]]
) -> Sequence[GhostnbError]:
    try:
        return await asyncio.wait_for(look, _PATIENCE_SECONDS)
    except TimeoutError:
        fault = ConfigError(
            f"The {what} of {config.name} could not be read within {_PATIENCE_SECONDS:g} s.",
            hint="Does the disk answer on which the files are, and the keyring?",
        )
        return [fault]
