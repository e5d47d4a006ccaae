"""GitLab's container registry, and its webhooks of projects, which say nothing of it.

"GitLab container registry administration", "Configure container registry notifications"
(https://docs.gitlab.com/administration/packages/container_registry/) sends distribution's
envelope; "Webhook events" (https://docs.gitlab.com/user/project/integrations/webhook_events/).
"""

import pytest

from tests.wire.notifications.deliveries import events_of, refusal
from tests.wire.notifications.test_distribution import PULL, PUSH

USER = {"name": "administrator", "user_type": "personal_access_token"}


def test_the_registry_sends_the_envelope_of_distribution():
    pushed, pulled = events_of("gitlab", {"events": [PUSH | {"actor": USER}, PULL]})

    assert ("gitlab", "push", "library/test") == (pushed.source, pushed.action, pushed.repository)
    assert "administrator" == pushed.actor
    assert ("gitlab", "latest") == (pulled.source, pulled.tag)


@pytest.mark.parametrize(
    "document",
    [
        {"object_kind": "push", "event_name": "push", "ref": "refs/heads/master"},
        {"object_kind": "tag_push", "ref": "refs/tags/v1.0.0"},
        {"event_name": "project_create", "name": "StoreCloud"},
    ],
)
def test_webhooks_of_projects_and_the_system_say_nothing_of_the_registry(document):
    assert [] == events_of("gitlab", document)


@pytest.mark.parametrize("document", [{}, [], {"events": 1}, {"object_kind": 1}])
def test_anything_else_is_not_from_gitlab(document):
    assert refusal("gitlab", document).path in ("$", "$.events", "$.object_kind")
