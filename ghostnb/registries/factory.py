"""From a configuration to the registry that it describes."""

import os

from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.protocol import Registry
from ghostnb.registries.session import Transport

__all__ = ["open_registry"]


def open_registry(config: RegistryConfig, *, transport: Transport | None = None) -> Registry:
    """Make the registry of a configuration; nothing is contacted or read yet.

    What ``oci:PATH`` is depends on what is there: a file is an archive, all else is
    a directory, or may become one.
    """
    path = config.layout_path
    if path is not None and os.path.isfile(path):
        return ArchiveRegistry(path, name=config.name)
    if path is not None:
        return LayoutRegistry(path, name=config.name)
    return HTTPRegistry(config, transport=transport)
