"""Quay's repository notifications: Red Hat, "Use Red Hat Quay", "Repository notifications".

https://docs.redhat.com/en/documentation/red_hat_quay/3/html/use_red_hat_quay/
"""

from datetime import timedelta

import pytest

from ghostnb.wire.events import Event
from tests.wire.notifications.deliveries import RECEIVED, events_of, refusal

# "Repository Push"
PUSH = {
    "name": "repository",
    "repository": "dgangaia/test",
    "namespace": "dgangaia",
    "docker_url": "quay.io/dgangaia/test",
    "homepage": "https://quay.io/repository/dgangaia/repository",
    "updated_tags": ["latest"],
}
# "Dockerfile Build Queued", the parts that the kinds of builds share
BUILD = {
    "build_id": "296ec063-5f86-4706-a469-f0a400bf9df2",
    "trigger_kind": "github",
    "name": "test",
    "repository": "dgangaia/test",
    "namespace": "dgangaia",
    "docker_url": "quay.io/dgangaia/test",
    "trigger_id": "38b6e180-9521-4ff7-9844-acf371340b9e",
    "docker_tags": ["master", "latest"],
    "trigger_metadata": {"commit": "b7f7d2b948aacbe844ee465122a85a9368b2b735"},
    "homepage": "https://quay.io/repository/dgangaia/test/build/296ec063-5f86-4706-a469-f0a4",
}
# "Dockerfile Build successfully completed"
BUILT = BUILD | {
    "image_id": "sha256:0339f178f26ae24930e9ad32751d6839015109eabdf1c25b3b0f2abf8934f6cb",
    "manifest_digests": [
        "quay.io/dgangaia/test@sha256:2a7af5265344cc3704d5d47c4604b1efcbd227a7a6a6ff73d6e4e08a27fd7d99"
    ],
}
# "Dockerfile Build failed"
FAILED = BUILD | {
    "error_message": "Could not find or parse Dockerfile: unknown instruction: GIT",
}
# "Vulnerability detected"
VULNERABLE = {
    "repository": "dgangaia/repository",
    "namespace": "dgangaia",
    "name": "repository",
    "docker_url": "quay.io/dgangaia/repository",
    "homepage": "https://quay.io/repository/dgangaia/repository",
    "tags": ["latest", "othertag"],
    "vulnerability": {
        "id": "CVE-1234-5678",
        "description": "This is a bad vulnerability",
        "link": "http://url/to/vuln/info",
        "priority": "Critical",
        "has_fix": True,
    },
}


def test_a_push_is_read_with_the_time_when_it_came():
    [event] = events_of("quay", PUSH)

    expected = Event(
        id=event.id,
        time="2026-05-04T03:02:01Z",
        source="quay",
        action="push",
        host="quay.io",
        repository="dgangaia/test",
        tag="latest",
    )
    assert expected == event


def test_a_push_of_several_tags_is_an_event_each():
    events = events_of("quay", PUSH | {"updated_tags": ["1.0", "latest"]})

    assert ["1.0", "latest"] == [event.tag for event in events]
    assert 2 == len({event.id for event in events})


def test_tags_may_also_be_the_names_of_an_object():
    # https://gist.github.com/jakedt/7533338, by one of Quay's makers
    [event] = events_of("quay", PUSH | {"updated_tags": {"latest": "b750fe79269d"}})

    assert "latest" == event.tag


def test_a_later_push_of_the_same_tag_is_another_event():
    later = RECEIVED + timedelta(seconds=1)

    assert events_of("quay", PUSH)[0].id != events_of("quay", PUSH, received=later)[0].id
    assert events_of("quay", PUSH) == events_of("quay", PUSH)


def test_a_vulnerability_is_a_scan_of_each_tag():
    latest, other = events_of("quay", VULNERABLE)

    assert ("scan", "latest", "othertag") == (latest.action, latest.tag, other.tag)
    assert "CVE-1234-5678 (Critical)" == latest.message


def test_of_several_vulnerabilities_the_first_is_named():
    # quay/quay, notifications/notificationevent.py, VulnerabilityFoundEvent
    several = [{"id": "CVE-1", "priority": "High"}, {"id": "CVE-2"}, {"id": "CVE-3"}]
    [event] = events_of("quay", PUSH | {"updated_tags": None, "vulnerabilities": several})

    assert ("CVE-1 (High) and 2 more", None) == (event.message, event.tag)


def test_a_build_has_an_id_of_its_own_whenever_it_is_told():
    later = RECEIVED + timedelta(days=1)
    [done] = events_of("quay", BUILT)
    [failed] = events_of("quay", FAILED)

    assert ("build", "success") == (done.action, done.outcome)
    assert ("failure", FAILED["error_message"]) == (failed.outcome, failed.message)
    assert done.id == events_of("quay", BUILT, received=later)[0].id != failed.id


@pytest.mark.parametrize(
    "document",
    [
        BUILD,
        PUSH | {"updated_tags": []},
        # quay/quay, notifications/notificationevent.py, RepoMirrorSyncStartedEvent
        {"repository": "a/b", "docker_url": "quay.io/a/b", "message": "TEST NOTIFICATION"},
    ],
)
def test_what_changes_nothing_in_the_registry_says_nothing(document):
    assert [] == events_of("quay", document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "$"),
        ({"text": "a template of the user's own"}, "$"),
        (PUSH | {"repository": "a b"}, "$.repository"),
        (PUSH | {"updated_tags": ["a b"]}, "$.updated_tags[0]"),
        (PUSH | {"updated_tags": ["x"] * 1_001}, "$.updated_tags"),
        (PUSH | {"updated_tags": [1]}, "$.updated_tags[0]"),
        (VULNERABLE | {"tags": [""] * 1_001}, "$.tags"),
    ],
)
def test_what_quay_does_not_send_is_refused_with_the_place(document, path):
    assert path == refusal("quay", document).path
