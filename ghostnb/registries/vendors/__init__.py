"""Vendors: what a registry's own API adds to the distribution protocol."""

from collections.abc import Mapping

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.docker_hub import DockerHub
from ghostnb.registries.vendors.drift import Drift
from ghostnb.registries.vendors.plain import Vendor

__all__ = ["Vendor", "find_vendor", "recognised_vendor"]

_VENDORS: dict[str, type[Vendor]] = {vendor.kind: vendor for vendor in (Vendor, DockerHub, Drift)}


def find_vendor(config: RegistryConfig, session: Session) -> Vendor:
    """Choose the vendor by the configured kind, or by the host.

    Raises
    ------
    ConfigError
        If the configured kind is none.
    """
    if config.kind == "auto":
        kind = DockerHub if config.host in DockerHub.hosts else Vendor
        return kind(config, session)
    if config.kind not in _VENDORS:
        raise ConfigError(
            f"{config.name} is of the kind {config.kind!r}, which is not known.",
            hint=f"Kinds are: auto, {', '.join(_VENDORS)}.",
        )
    return _VENDORS[config.kind](config, session)


def recognised_vendor(vendor: Vendor, session: Session, headers: Mapping[str, str]) -> Vendor:
    """Choose again when the registry has answered to a ping; what is configured stays."""
    is_open = session.config.kind == "auto" and type(vendor) is Vendor
    return Drift(session.config, session) if is_open and Drift.has_answered(headers) else vendor
