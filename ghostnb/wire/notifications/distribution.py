"""Notifications of distribution, the registry that Docker calls ``registry``.

Notes
-----
Source: distribution, "Work with notifications"
(https://distribution.github.io/distribution/about/notifications/). The document names the media
type ``…events.v2+json``, its registries ``…events.v1+json``; the envelope is the same, and the
header is not looked at.

An event that is refused is sent again, and holds up all behind it, for as long as the registry
runs: hence what is wrong with a single one leaves it out, and nothing is refused.
"""

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery, NotificationError
from ghostnb.wire.notifications.proofs import authorization
from ghostnb.wire.notifications.reading import (
    count_of,
    decode,
    digest_of,
    few,
    host_of,
    media_type_of,
    own_id,
    repository_of,
    tag_of,
    text_of,
    time_of,
)
from ghostnb.wire.notifications.source import Source

__all__ = ["DISTRIBUTION", "decode_envelope"]

_ACTIONS = frozenset({"pull", "push", "mount", "delete"})


class _Target(msgspec.Struct):
    mediaType: str | None = None  # noqa: N815 (as it is written there)
    size: int | None = None
    digest: str | None = None
    repository: str | None = None
    tag: str | None = None


class _Request(msgspec.Struct):
    host: str | None = None


class _Actor(msgspec.Struct):
    name: str | None = None


class _Event(msgspec.Struct):
    id: str
    timestamp: str
    action: str
    target: _Target | None = None
    request: _Request | None = None
    actor: _Actor | None = None


class _Envelope(msgspec.Struct):
    events: list[_Event] | None


def decode_envelope(delivery: Delivery, source: str = "distribution") -> list[Event]:
    """Read an envelope of events.

    Parameters
    ----------
    delivery : Delivery
    source : str
        Whose registry it is; GitLab's sends the same.

    Returns
    -------
    list of Event
        Of manifests and of blobs, as their media types say. What is about no repository, tag or
        digest that there can be is left out.

    Raises
    ------
    NotificationError
        If the body is no envelope, or of more than a thousand events.
    """
    envelope = decode(delivery.body, _Envelope)
    events = []
    for number, told in enumerate(few(envelope.events, "$.events")):
        if told.action not in _ACTIONS or told.target is None or not told.target.repository:
            continue
        try:
            events.append(_event(told, told.target, source, f"$.events[{number}]"))
        except NotificationError:
            continue  # to refuse it would bring it back for ever, and all behind it never
    return events


def _event(told: _Event, target: _Target, source: str, path: str) -> Event:
    return Event(
        id=own_id(told.id),
        time=time_of(told.timestamp, f"{path}.timestamp"),
        source=source,
        action=told.action,
        host=host_of((told.request or _Request()).host),
        repository=repository_of(target.repository or "", f"{path}.target.repository"),
        tag=tag_of(target.tag, f"{path}.target.tag"),
        digest=digest_of(target.digest, f"{path}.target.digest"),
        media_type=media_type_of(target.mediaType),
        size_bytes=count_of(target.size),
        actor=text_of((told.actor or _Actor()).name) or None,
    )


DISTRIBUTION = Source(
    "distribution",
    "distribution",
    (authorization,),
    decode_envelope,
    "Write it into the registry's configuration, in notifications, endpoints: "
    "headers: {Authorization: [Bearer SECRET]}.",
)
