"""Where the agent's operations stand."""

import re
from typing import Any

from ghostnb.server.content.handler import ContentHandler
from ghostnb.server.handler import PREFIX
from ghostnb.server.handlers.about import Description, HealthCheck, Nowhere
from ghostnb.server.handlers.containers import (
    ContainerItem,
    ContainerLogs,
    ContainerRestart,
    ContainerStart,
    ContainerStatistics,
    ContainerStop,
    ContainerTable,
)
from ghostnb.server.handlers.events import Events
from ghostnb.server.handlers.images import ImageSearch, Pulls
from ghostnb.server.handlers.jobs import Job, Jobs
from ghostnb.server.handlers.registries import (
    RegistryItem,
    RegistryList,
    RegistryUsage,
    RepositoryList,
    TagItem,
    TagList,
)
from ghostnb.server.handlers.subscriptions import SubscriptionItem, SubscriptionTable
from ghostnb.server.handlers.transfers import Copies, Pushes, Syncs
from ghostnb.server.handlers.webhooks import Webhook

__all__ = ["ROUTES", "handlers"]

# The first that fits: a tag's route before the tags', which before the registry's.
ROUTES: tuple[tuple[str, type], ...] = (
    ("/health", HealthCheck),
    ("/openapi.json", Description),
    ("/registries", RegistryList),
    ("/registries/{registry}/repositories", RepositoryList),
    ("/registries/{registry}/repositories/{repository}/tags/{tag}", TagItem),
    ("/registries/{registry}/repositories/{repository}/tags", TagList),
    ("/registries/{registry}/usage", RegistryUsage),
    ("/registries/{registry}", RegistryItem),
    ("/images/search", ImageSearch),
    ("/images/pull", Pulls),
    ("/images/push", Pushes),
    ("/images/copy", Copies),
    ("/images/sync", Syncs),
    ("/containers", ContainerTable),
    ("/containers/{container}", ContainerItem),
    ("/containers/{container}/start", ContainerStart),
    ("/containers/{container}/stop", ContainerStop),
    ("/containers/{container}/restart", ContainerRestart),
    ("/containers/{container}/logs", ContainerLogs),
    ("/containers/{container}/stats", ContainerStatistics),
    ("/jobs", Jobs),
    ("/jobs/{job}", Job),
    ("/events", Events),
    ("/webhooks/{source}", Webhook),
    ("/subscriptions", SubscriptionTable),
    ("/subscriptions/{subscription}", SubscriptionItem),
)
# A repository's name may hold slashes; as %2F they come through proxies, too.
_PARTS = {"repository": r"(?P<repository>.+)"}
# The distribution protocol, which is described elsewhere: below it each registry is one.
_CONTENT = r"/registries/(?P<registry>[^/]+)/v2/(?P<path>.*)"
_PART = re.compile(r"\{(\w+)\}")


def handlers(*, is_alone: bool) -> list[tuple[Any, ...]]:
    """Give what Tornado takes: patterns and handlers.

    Parameters
    ----------
    is_alone : bool
        Whether what is not there is told as everything else is; beside others, it may be theirs.
    """
    found: list[tuple[Any, ...]] = [
        *((f"{PREFIX}{_pattern(path)}", handler) for path, handler in ROUTES),
        (PREFIX + _CONTENT, ContentHandler),
    ]
    # Alone, no page of Jupyter's is answered with, either.
    return [*found, (r"/(?P<path>.*)", Nowhere)] if is_alone else found


def _pattern(path: str) -> str:
    return _PART.sub(lambda found: _PARTS.get(found[1], rf"(?P<{found[1]}>[^/]+)"), path)
