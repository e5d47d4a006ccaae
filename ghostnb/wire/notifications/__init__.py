"""Webhooks of registries, read into events: pure functions of what came.

Notes
-----
Every source has a module of its own, which names the document that it follows. What is read is
checked and bounded, so that an `Event` can be shown and logged as it is: names are names that
there can be, texts are short and on one line.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ghostnb.wire.notifications.delivery import (
    MAX_BODY_BYTES,
    MAX_EVENTS,
    Delivery,
    NotificationError,
)
from ghostnb.wire.notifications.distribution import DISTRIBUTION
from ghostnb.wire.notifications.docker_hub import DOCKER_HUB
from ghostnb.wire.notifications.github import GITHUB
from ghostnb.wire.notifications.gitlab import GITLAB
from ghostnb.wire.notifications.harbor import HARBOR
from ghostnb.wire.notifications.quay import QUAY
from ghostnb.wire.notifications.source import Source

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_EVENTS",
    "SOURCES",
    "Delivery",
    "NotificationError",
    "Source",
]

SOURCES: Mapping[str, Source] = MappingProxyType(
    {source.name: source for source in (DISTRIBUTION, HARBOR, DOCKER_HUB, QUAY, GITHUB, GITLAB)}
)
"""Every kind of sender, by the name that stands in its webhook's URL."""
