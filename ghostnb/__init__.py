"""Container image registries in Jupyter: async clients that answer with DataFrames."""

from typing import TYPE_CHECKING, Any

from ghostnb.client import RegistryClient
from ghostnb.errors import (
    ConfigError,
    EngineError,
    EngineUnreachableError,
    ForbiddenError,
    GhostnbError,
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

__version__ = "0.1.0.dev0"

__all__ = [
    "ConfigError",
    "Container",
    "ContainerSpec",
    "Digest",
    "Engine",
    "EngineError",
    "EngineUnreachableError",
    "Fleet",
    "ForbiddenError",
    "GhostnbError",
    "Image",
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


_OF_THE_ENGINE = ("Container", "ContainerSpec", "Engine", "Port", "Volume")


def __getattr__(name: str) -> Any:
    # Few notebooks need a daemon, so they do not pay for it at import.
    if name in _OF_THE_ENGINE:
        from ghostnb import engine

        return getattr(engine, name)
    raise AttributeError(f"module 'ghostnb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
