import json

import pytest

from ghostnb.server.subscriptions.message import Message
from ghostnb.wire.events import Event
from tests.server.subscriptions.receiving import PUSH


def test_a_message_has_the_events_type_time_and_fields():
    body = json.loads(Message.of(PUSH).body)

    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == "registry.push"
    assert body["timestamp"] == "2026-01-02T03:04:05Z"
    assert body["data"] == {
        "id": "1", "time": "2026-01-02T03:04:05Z", "source": "agent", "action": "push",
        "registry": "team", "host": None, "repository": "app", "tag": None, "digest": None,
        "media_type": None, "size_bytes": None, "actor": None, "outcome": "success", "message": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "action", "registry", "expected"),
    [
        ("agent", "push", "team", "registry.push"),
        ("harbor", "scan-completed", None, "registry.scan_completed"),
        ("agent", "container-start", None, "agent.container_start"),
        ("quay", "a.b c", "team", "registry.a_b_c"),
    ],
)
def test_a_type_has_letters_digits_and_underscores_between_full_stops(
    source, action, registry, expected
):
    message = Message.of(Event("1", "now", source, action, registry))

    assert json.loads(message.body)["type"] == expected


def test_the_same_event_has_the_same_id_and_another_another():
    first, again, other = (Message.of(Event(n, "t", "agent", "push")) for n in ("1", "1", "2"))

    assert first.id == again.id != other.id


@pytest.mark.parametrize("event_id", ["", "1.1614265330.x", "a\r\nhost: evil", "ü" * 999, "\ud800"])
def test_an_id_of_others_cannot_change_what_is_signed_or_the_headers(event_id):
    found = Message.of(Event(event_id, "t", "harbor", "push")).id

    assert found.startswith("msg_")
    assert found.removeprefix("msg_").isalnum()
    assert found.isascii()
    assert len(found) == 36


def test_half_a_surrogate_pair_is_no_reason_to_lose_an_event():
    message = Message.of(Event("1", "t", "harbor", "push", repository="\ud800"))

    assert b'"repository":"\\ud800"' in message.body
