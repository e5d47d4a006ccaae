"""Container image registries in Jupyter: async clients that answer with DataFrames."""

import importlib
from typing import TYPE_CHECKING, Any

from ghostnb.errors import (
    ArchiveError,
    AuditError,
    ConfigError,
    EngineError,
    EngineUnreachableError,
    ForbiddenError,
    GhostnbError,
    IncompleteError,
    IntegrityError,
    InvalidContainerError,
    InvalidReferenceError,
    LastTagError,
    NotFoundError,
    PathError,
    PictureError,
    PlatformNotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    SnapshotError,
    TagMovedError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsafeRedirectError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from ghostnb.auditing import audit_frame
    from ghostnb.backups import catalogue, plan_backup, plan_restore, verify
    from ghostnb.client import RegistryClient
    from ghostnb.copying import copy, plan_copy, plan_sync
    from ghostnb.deleting import plan_delete, plan_retention
    from ghostnb.engine import Container, ContainerSpec, Engine, Port, Volume
    from ghostnb.fleet import Fleet
    from ghostnb.loop import run
    from ghostnb.nested import enable_nested_asyncio
    from ghostnb.oci import Digest, Platform, Reference
    from ghostnb.plans import Plan
    from ghostnb.progress import Progress
    from ghostnb.registries.config import RegistryConfig
    from ghostnb.registries.images import Image
    from ghostnb.transfer.retention.decisions import (
        KeepDigests,
        KeepMatching,
        KeepNewest,
        KeepYounger,
    )
    from ghostnb.widgets import Dashboard

__version__ = "0.1.0.dev0"

__all__ = [
    "ArchiveError",
    "AuditError",
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
    "KeepDigests",
    "KeepMatching",
    "KeepNewest",
    "KeepYounger",
    "LastTagError",
    "NotFoundError",
    "PathError",
    "PictureError",
    "Plan",
    "Platform",
    "PlatformNotFoundError",
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
    "SnapshotError",
    "TagMovedError",
    "TransportError",
    "TransportTimeoutError",
    "UnauthorizedError",
    "UnsafeRedirectError",
    "UnsupportedError",
    "Volume",
    "audit_frame",
    "catalogue",
    "copy",
    "enable_nested_asyncio",
    "plan_backup",
    "plan_copy",
    "plan_delete",
    "plan_restore",
    "plan_retention",
    "plan_sync",
    "run",
    "verify",
]


# Each is imported when it is asked for: `ghostnb drift` needs no pandas, and few scripts a
# daemon, a browser or plans.
_LATER = {
    "ghostnb.auditing": ("audit_frame",),
    "ghostnb.backups": ("catalogue", "plan_backup", "plan_restore", "verify"),
    "ghostnb.client": ("RegistryClient",),
    "ghostnb.copying": ("copy", "plan_copy", "plan_sync"),
    "ghostnb.deleting": ("plan_delete", "plan_retention"),
    "ghostnb.engine": ("Container", "ContainerSpec", "Engine", "Port", "Volume"),
    "ghostnb.fleet": ("Fleet",),
    "ghostnb.loop": ("run",),
    "ghostnb.nested": ("enable_nested_asyncio",),
    "ghostnb.oci": ("Digest", "Platform", "Reference"),
    "ghostnb.plans": ("Plan",),
    "ghostnb.progress": ("Progress",),
    "ghostnb.registries.config": ("RegistryConfig",),
    "ghostnb.registries.images": ("Image",),
    "ghostnb.transfer.retention.decisions": (
        "KeepDigests",
        "KeepMatching",
        "KeepNewest",
        "KeepYounger",
    ),
    "ghostnb.widgets": ("Dashboard",),
}
# Packages that are for users, too.
_PACKAGES = ("analysis", "frames", "pictures")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"ghostnb.{name}")
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'ghostnb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
