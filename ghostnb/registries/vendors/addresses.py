"""Addresses with a path: what is no part of a registry's address is a namespace."""

from urllib.parse import urlsplit

import tomli_w

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors.plain import Vendor

__all__ = ["advice", "wrong_address"]

# Of the protocols: nobody's namespace.
_VERSIONS = ("v1", "v2")


def wrong_address(config: RegistryConfig, vendor: type[Vendor]) -> ConfigError:
    """Make the error for a path at a vendor's own host, where the registry is at the root.

    Parameters
    ----------
    config : RegistryConfig
    vendor : type of Vendor
        Whose host it is.
    """
    address = vendor.needs.url if vendor.needs.has_one_address else _root(config)
    path, namespace = config.path, _namespace(config, vendor)
    problem = f"The URL of {config.name}, {config.url}, has a path: {vendor.title} is at {address}"
    if not namespace:
        return ConfigError(f"{problem}, and {path} is no part of that.", hint=_lines(address, ""))
    return ConfigError(
        f"{problem}, and {namespace} is its namespace.",
        hint=_lines(address, "" if config.namespace else namespace),
    )


def advice(config: RegistryConfig) -> str:
    """Say where a registry may be instead of at its address with a path; empty without one."""
    namespace = _namespace(config, Vendor)
    if not namespace:
        return ""
    lines = _lines(_root(config), "" if config.namespace else namespace)
    return f"If {namespace} is a project or a group in the registry, it is a namespace. {lines}"


def _root(config: RegistryConfig) -> str:
    parts = urlsplit(config.url)
    return f"{parts.scheme}://{parts.netloc}"


def _namespace(config: RegistryConfig, vendor: type[Vendor]) -> str:
    """Give what a path names; of a path that goes on to a repository, as far as it is one."""
    steps = [step for step in config.path.split("/") if step]
    if steps and steps[0] in (*_VERSIONS, *vendor.pages):
        del steps[0]
    if steps and any(mark in steps[-1] for mark in ":@"):
        del steps[-1]  # an image, with its tag or digest
    return "/".join(steps if vendor.nests_namespaces else steps[:1])


def _lines(address: str, namespace: str) -> str:
    """Give the lines of a configuration file."""
    wanted = {"url": address} | ({"namespace": namespace} if namespace else {})
    return f"Write: {', '.join(tomli_w.dumps(wanted).splitlines())}"
