"""Vendors: what a registry's own API adds to the distribution protocol."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.addresses import advice, wrong_address
from ghostnb.registries.vendors.agent import Agent, place_at_agent
from ghostnb.registries.vendors.plain import Needs, Vendor

__all__ = [
    "KINDS",
    "Needs",
    "Vendor",
    "check_address",
    "check_kind",
    "doubt_of",
    "find_vendor",
    "is_open",
    "offers_of",
    "recognised",
    "title_of",
    "vendor_at",
    "vendor_title",
    "whereabouts",
]

KINDS = (
    "auto",
    "distribution",
    "docker-hub",
    "drift",
    "acr",
    "artifact-registry",
    "ecr",
    "ecr-public",
    "ghcr",
    "gitlab",
    "harbor",
    "quay",
    "zot",
)
"""Of a registry that is asked itself; one behind an agent has the kind ``agent``."""
# Of a registry behind an agent it may be known what it is: agent:docker-hub.
_BEHIND = ":"
_TITLES = {"auto": "A registry of a kind that is not known yet", "agent": "A registry"}


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
        near = get_close_matches(config.kind.lower(), KINDS, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            f"kind {config.kind!r} of {config.name} is not known.",
            hint=f"{guess}Kinds are: {', '.join((*KINDS, Agent.kind))}.",
        )


def check_address(config: RegistryConfig) -> None:
    """Raise if a URL has a path at a host where a vendor's registries are, which have none.

    Elsewhere it may be right: behind a proxy with a prefix, and at an agent.

    Raises
    ------
    ConfigError
        With what to write instead.
    """
    if not config.path or _is_behind_agent(config):
        return
    vendor = vendor_at("auto", config.host)  # a configured kind moves no host's registry
    if vendor is not Vendor:
        raise wrong_address(config, vendor)


def whereabouts(config: RegistryConfig) -> str:
    """Say where a registry may be that is not found at an address with a path; empty if nowhere."""
    return "" if _is_behind_agent(config) else advice(config)


def find_vendor(config: RegistryConfig, session: Session) -> Vendor:
    """Choose the vendor by the configured kind, or by the host.

    Raises
    ------
    ConfigError
        If the configured kind is none, or cannot be that of the URL; or the URL has a path
        where registries have none.
    """
    check_kind(config)
    check_address(config)
    kind, _, behind = config.kind.partition(_BEHIND)
    if kind == Agent.kind:
        return _chosen(Agent(config, session, behind, _known()), session)
    return _chosen(vendor_at(kind, config.host)(config, session), session)


def vendor_at(kind: str, host: str) -> type[Vendor]:
    """Choose the vendor of a registry that is not behind an agent, as far as that is known.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    host : str
        With its port, if it has one.
    """
    name = host.partition(":")[0].lower()
    return _known().get(kind) or _first(lambda one: one.is_at(name))


def is_open(vendor: Vendor, config: RegistryConfig) -> bool:
    """Tell whether it is not known yet whose registry it is: it may say so when it answers."""
    return config.kind == "auto" and type(vendor) is Vendor


def recognised(vendor: Vendor, session: Session, headers: Mapping[str, str]) -> Vendor:
    """Choose again when the registry has answered to a ping; what is configured stays."""
    if not is_open(vendor, session.config):
        return vendor
    found = _first(lambda one: one.has_answered(headers, session.challenges))
    return vendor if found is Vendor else _chosen(found(session.config, session), session)


def doubt_of(vendor: Vendor, session: Session, headers: Mapping[str, str]) -> str:
    """Say what speaks against a configured kind; empty if nothing does, or it was found out."""
    kind, config = type(vendor), session.config
    if config.kind == "auto" or kind in (Vendor, Agent):
        return ""
    host = config.host.partition(":")[0].lower()
    if kind.is_at(host) or kind.has_answered(headers, session.challenges):
        return ""
    return f"nothing in its answer says that it is {kind.title}: is the kind right?"


def offers_of(kind: str) -> tuple[str, ...]:
    """Name what a kind's own API does better; empty for one that is none of these."""
    agent, _, behind = kind.rpartition(_BEHIND)
    found = _known().get(behind)
    offered = found.offers() if found is not None else ()
    # What an agent does not pass on, it does not offer.
    return tuple(one for one in offered if not agent or one in Agent.offers())


def title_of(kind: str) -> str:
    """Give what people call a kind; a kind that is none of these is called what it is."""
    agent, _, behind = kind.rpartition(_BEHIND)
    found = _known().get(behind)
    title = found.title if found is not None else _TITLES.get(behind, behind)
    return f"{title}, by an agent" if agent else title


def vendor_title(kind: str) -> str | None:
    """Give what people call a kind's vendor; None where there is none, or nobody knows yet."""
    found = _known().get(kind.rpartition(_BEHIND)[2], Vendor)
    return None if found is Vendor else title_of(kind)


def _is_behind_agent(config: RegistryConfig) -> bool:
    return config.kind.partition(_BEHIND)[0] == Agent.kind


def _chosen(vendor: Vendor, session: Session) -> Vendor:
    """Let the one vendor that is chosen say what the session's refusals and scopes mean."""
    session.refine, session.rewrite = vendor.refined, vendor.rewritten
    session.auth.spell = vendor.scopes
    return vendor


def _first(fits: Callable[[type[Vendor]], bool]) -> type[Vendor]:
    return next(filter(fits, _known().values()), Vendor)


def _known() -> dict[str, type[Vendor]]:
    # Nobody needs them before the first registry is opened, and they are many.
    from ghostnb.registries.vendors.known import VENDORS

    return VENDORS
