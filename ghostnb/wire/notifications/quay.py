"""Repository notifications of Quay.

Notes
-----
Source: Red Hat, "Repository notifications" in "Use Red Hat Quay"
(https://docs.redhat.com/en/documentation/red_hat_quay/3/html/use_red_hat_quay/), which also holds
for quay.io. Bodies do not say what kind they are: that is seen by what is in them. A build that
is queued, started or cancelled looks alike, and changes nothing in the registry: it gives no
event, nor does what the document does not describe.

Only builds have an id. Two pushes of a tag are the same bytes, and no time is in them; so an id is
made with the second when the notification came. What Quay sends again is then another event, which
costs a needless look; otherwise the second push of a tag would be lost.

A webhook is given a URL and a template for its body, neither a header nor a secret: it has to
stand in the URL's query.
"""

from typing import Any

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery
from ghostnb.wire.notifications.proofs import query_token
from ghostnb.wire.notifications.reading import (
    decode,
    few,
    host_of,
    identity,
    repository_of,
    tag_of,
    text_of,
    time_of,
)
from ghostnb.wire.notifications.source import Source

__all__ = ["QUAY"]


class _Vulnerability(msgspec.Struct):
    id: str | None = None
    priority: str | None = None


class _Body(msgspec.Struct):
    repository: str
    docker_url: str | None = None
    # Until 2015 or so: an object of tags to images.
    updated_tags: list[str] | dict[str, Any] | None = None
    tags: list[str] | None = None
    vulnerability: _Vulnerability | None = None
    vulnerabilities: list[_Vulnerability] | None = None
    build_id: str | None = None
    image_id: str | None = None
    manifest_digests: list[str] | None = None
    error_message: str | None = None


def _decode(delivery: Delivery) -> list[Event]:
    """Read a push, a scan or a build: an event for each tag, where there are tags."""
    body = decode(delivery.body, _Body)
    repository_of(body.repository, "$.repository")
    if body.updated_tags is not None:
        return _events(delivery, body, "push", list(body.updated_tags), "$.updated_tags")
    found = body.vulnerabilities or ([body.vulnerability] if body.vulnerability else [])
    if found:
        return _events(delivery, body, "scan", body.tags or [None], "$.tags", _told(found))
    return _build(delivery, body)


def _events(
    delivery: Delivery,
    body: _Body,
    action: str,
    tags: list[str] | list[None],
    path: str,
    message: str = "",
) -> list[Event]:
    checked = [tag_of(tag, f"{path}[{n}]") for n, tag in enumerate(few(tags, path))]
    second = delivery.received.replace(microsecond=0)
    parts = ("quay", body.docker_url, body.repository, action, second, message)
    return [
        _event(delivery, body, identity(*parts, tag), action, tag, message=message)
        for tag in checked
    ]


def _build(delivery: Delivery, body: _Body) -> list[Event]:
    failed = body.error_message is not None
    if not body.build_id or not (failed or body.image_id or body.manifest_digests):
        return []
    outcome = "failure" if failed else "success"
    found = identity("quay", body.docker_url, body.repository, body.build_id, outcome)
    message = text_of(body.error_message)
    return [_event(delivery, body, found, "build", None, outcome=outcome, message=message)]


def _event(
    delivery: Delivery,
    body: _Body,
    found: str,
    action: str,
    tag: str | None,
    *,
    outcome: str = "success",
    message: str = "",
) -> Event:
    return Event(
        id=found,
        time=time_of(delivery.received.isoformat(timespec="seconds"), "$"),
        source="quay",
        action=action,
        host=host_of((body.docker_url or "").partition("/")[0]),
        repository=body.repository,
        tag=tag,
        outcome=outcome,
        message=message,
    )


def _told(found: list[_Vulnerability]) -> str:
    first = found[0]
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    return f"{text_of(first.id, 60)} ({text_of(first.priority, 30) or 'Unknown'}){more}"


QUAY = Source(
    "quay",
    "Quay",
    (query_token,),
    _decode,
    "Append it to the webhook's URL, as ?token=SECRET: Quay sends neither a header "
    "nor a signature.",
)
