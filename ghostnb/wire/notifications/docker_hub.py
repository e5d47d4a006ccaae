"""Webhooks of Docker Hub.

Notes
-----
Source: Docker, "Webhooks" (https://docs.docker.com/docker-hub/repos/manage/webhooks/). A push is
all that is told, without an id: one is made of repository, tag, time and pusher. A webhook is
given a name and a URL and nothing else, neither a header nor a secret: it has to stand in the
URL's query.
"""

from typing import Annotated

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery
from ghostnb.wire.notifications.proofs import query_token
from ghostnb.wire.notifications.reading import (
    decode,
    identity,
    repository_of,
    tag_of,
    text_of,
    unix_time_of,
)
from ghostnb.wire.notifications.source import Source

__all__ = ["DOCKER_HUB"]

# As registries are configured: Docker Hub itself tells only where its web pages are.
_HOST = "registry-1.docker.io"


class _Push(msgspec.Struct):
    pushed_at: Annotated[float, msgspec.Meta(ge=0)]
    pusher: str | None = None
    tag: str | None = None


class _Repository(msgspec.Struct):
    repo_name: str


class _Body(msgspec.Struct):
    push_data: _Push
    repository: _Repository


def _decode(delivery: Delivery) -> list[Event]:
    body = decode(delivery.body, _Body)
    push, name = body.push_data, body.repository.repo_name
    repository = repository_of(name if "/" in name else f"library/{name}", "$.repository.repo_name")
    tag = tag_of(push.tag, "$.push_data.tag")
    time = unix_time_of(push.pushed_at, "$.push_data.pushed_at")
    actor = text_of(push.pusher) or None
    found = identity("docker-hub", repository, tag, time, actor)
    return [Event(found, time, "docker-hub", "push", None, _HOST, repository, tag, actor=actor)]


DOCKER_HUB = Source(
    "docker-hub",
    "Docker Hub",
    (query_token,),
    _decode,
    "Append it to the webhook's URL, as ?token=SECRET: Docker Hub sends neither a header "
    "nor a signature.",
)
