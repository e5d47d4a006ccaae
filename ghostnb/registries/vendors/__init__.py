"""Vendors: what a registry's own API adds to the distribution protocol."""

from collections.abc import Mapping

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.agent import Agent, place_at_agent
from ghostnb.registries.vendors.docker_hub import DockerHub
from ghostnb.registries.vendors.drift import Drift
from ghostnb.registries.vendors.plain import Vendor

__all__ = ["KINDS", "Vendor", "check_kind", "find_vendor", "recognised_vendor"]

_VENDORS: dict[str, type[Vendor]] = {vendor.kind: vendor for vendor in (Vendor, DockerHub, Drift)}
KINDS = ("auto", *_VENDORS)
"""Of a registry that is asked itself; one behind an agent has the kind ``agent``."""
# Of a registry behind an agent it may be known what it is: agent:docker-hub.
_BEHIND = ":"


def check_kind(config: RegistryConfig) -> None:
    """Raise if a configuration's kind is none, or cannot be that of its URL.

    Raises
    ------
    ConfigError
    """
    kind, _, behind = config.kind.partition(_BEHIND)
    if kind == Agent.kind:
        place_at_agent(config)
    elif kind not in KINDS or behind:
        raise ConfigError(
            f"kind {config.kind!r} of {config.name} is not known.",
            hint=f"Kinds are: {', '.join((*KINDS, Agent.kind))}.",
        )


def find_vendor(config: RegistryConfig, session: Session) -> Vendor:
    """Choose the vendor by the configured kind, or by the host.

    Raises
    ------
    ConfigError
        If the configured kind is none, or cannot be that of the URL.
    """
    check_kind(config)
    kind, _, behind = config.kind.partition(_BEHIND)
    if kind == Agent.kind:
        return _chosen(Agent(config, session, _VENDORS.get(behind, Vendor)), session)
    by_host = DockerHub if config.host in DockerHub.hosts else Vendor
    return _chosen(_VENDORS.get(kind, by_host)(config, session), session)


def recognised_vendor(vendor: Vendor, session: Session, headers: Mapping[str, str]) -> Vendor:
    """Choose again when the registry has answered to a ping; what is configured stays."""
    is_open = session.config.kind == "auto" and type(vendor) is Vendor
    if not (is_open and Drift.has_answered(headers)):
        return vendor
    return _chosen(Drift(session.config, session), session)


def _chosen(vendor: Vendor, session: Session) -> Vendor:
    """Let the one vendor that is chosen say what the session's refusals mean."""
    session.refine, session.rewrite = vendor.refined, vendor.rewritten
    return vendor
