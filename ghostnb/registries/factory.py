"""From a configuration to the registry that it describes."""

from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.protocol import Registry
from ghostnb.registries.session import Transport

__all__ = ["open_registry"]


def open_registry(config: RegistryConfig, *, transport: Transport | None = None) -> Registry:
    """Make the registry of a configuration; nothing is contacted or read yet."""
    path = config.layout_path
    if path is not None:
        return LayoutRegistry(path, name=config.name)
    return HTTPRegistry(config, transport=transport)
