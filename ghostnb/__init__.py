"""Container image registries in Jupyter: async clients that answer with DataFrames."""

import importlib
from typing import TYPE_CHECKING, Any

from ghostnb.client import RegistryClient
from ghostnb.errors import (
    ArchiveError,
    ConfigError,
    EngineError,
    EngineUnreachableError,
    ForbiddenError,
    GhostnbError,
    IncompleteError,
    IntegrityError,
    InvalidContainerError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsafeRedirectError,
    UnsupportedError,
)
from ghostnb.fleet import Fleet
from ghostnb.loop import run
from ghostnb.nested import enable_nested_asyncio
from ghostnb.oci import Digest, Platform, Reference
from ghostnb.progress import Progress
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.images import Image

if TYPE_CHECKING:
    from ghostnb.engine import Container, ContainerSpec, Engine, Port, Volume
    from ghostnb.widgets import Dashboard

__version__ = "0.1.0.dev0"

__all__ = [
    "ArchiveError",
    "ConfigError",
    "Container",
    "ContainerSpec",
    "Dashboard",
    "Digest",
    "Engine",
    "EngineError",
    "EngineUnreachableError",
    "Fleet",
    "ForbiddenError",
    "GhostnbError",
    "Image",
    "IncompleteError",
    "IntegrityError",
    "InvalidContainerError",
    "InvalidReferenceError",
    "NotFoundError",
    "Platform",
    "Port",
    "Progress",
    "ProtocolError",
    "RateLimitedError",
    "Reference",
    "RegistryClient",
    "RegistryConfig",
    "RegistryError",
    "RejectedError",
    "ServerError",
    "TransportError",
    "TransportTimeoutError",
    "UnauthorizedError",
    "UnsafeRedirectError",
    "UnsupportedError",
    "Volume",
    "enable_nested_asyncio",
    "run",
]


# Few scripts need a daemon or a browser, so they do not pay for them at import.
_LATER = {
    "ghostnb.engine": ("Container", "ContainerSpec", "Engine", "Port", "Volume"),
    "ghostnb.widgets": ("Dashboard",),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'ghostnb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
