"""Notifications of GitLab's container registry.

Notes
-----
Source: GitLab, "GitLab container registry administration", section "Configure container registry
notifications" (https://docs.gitlab.com/administration/packages/container_registry/): whoever runs
GitLab lists endpoints in ``registry['notifications']``, and the registry posts distribution's
envelope there, with the headers that are configured.

Webhooks of projects and groups, and system hooks, come with ``X-Gitlab-Token``. "Webhook events"
(https://docs.gitlab.com/user/project/integrations/webhook_events/) lists none for the container
registry, and GitLab.com has no other: they are taken, and give no events.
"""

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery, NotificationError
from ghostnb.wire.notifications.distribution import decode_envelope
from ghostnb.wire.notifications.proofs import authorization, gitlab_token
from ghostnb.wire.notifications.reading import decode
from ghostnb.wire.notifications.source import Source

__all__ = ["GITLAB"]


class _Hook(msgspec.Struct):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    object_kind: str | None = None
    event_name: str | None = None


def _decode(delivery: Delivery) -> list[Event]:
    hook = decode(delivery.body, _Hook)
    if hook.events is not msgspec.UNSET:
        return decode_envelope(delivery, "gitlab")
    if hook.object_kind is None and hook.event_name is None:
        raise NotificationError("$", "Neither events nor object_kind is there, as GitLab has them.")
    return []


GITLAB = Source(
    "gitlab",
    "GitLab",
    (authorization, gitlab_token),
    _decode,
    "Write it into gitlab.rb, in registry['notifications']: "
    "'headers' => {'Authorization' => ['Bearer SECRET']}.",
)
