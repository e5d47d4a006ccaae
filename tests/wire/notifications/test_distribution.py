"""Distribution's notifications: https://distribution.github.io/distribution/about/notifications/."""

import copy

import pytest

from ghostnb.wire.events import Event
from tests.wire.notifications.deliveries import DIGEST, events_of, refusal

# "Events": sent in response to the pull of a manifest.
PULL = {
    "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
    "timestamp": "2016-03-09T14:44:26.402973972-08:00",
    "action": "pull",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "digest": "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf",
        "size": 708,
        "length": 708,
        "repository": "hello-world",
        "url": "http://192.168.100.227:5000/v2/hello-world/manifests/sha256:fea8895f4509",
        "tag": "latest",
    },
    "request": {
        "id": "6df24a34-0959-4923-81ca-14f09767db19",
        "addr": "192.168.64.11:42961",
        "host": "192.168.100.227:5000",
        "method": "GET",
        "useragent": "curl/7.38.0",
    },
    "actor": {},
    "source": {"addr": "xtal.local:5000", "instanceID": "a53db899-3b4b-4a62-a067-8dd013beaca4"},
}
# "Envelope": of a push, the manifest's event and one of a layer.
PUSH = {
    "id": "asdf-asdf-asdf-asdf-0",
    "timestamp": "2006-01-02T15:04:05Z",
    "action": "push",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "digest": "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf",
        "length": 1,
        "repository": "library/test",
        "url": "https://example.com/v2/library/test/manifests/sha256:c3b3692957d4",
    },
    "request": {
        "id": "asdfasdf",
        "addr": "client.local",
        "host": "registrycluster.local",
        "method": "PUT",
        "useragent": "test/0.1",
    },
    "actor": {"name": "test-actor"},
    "source": {"addr": "hostname.local:port"},
}
LAYER_DIGEST = "sha256:3b3692957d439ac1928219a83fac91e7bf96c153725526874673ae1f2023f8d5"
LAYER = copy.deepcopy(PUSH) | {"id": "asdf-asdf-asdf-asdf-1"}
LAYER["target"] |= {
    "mediaType": "application/vnd.docker.container.image.rootfs.diff+x-gtar",
    "digest": LAYER_DIGEST,
}
# "Events": of what is deleted, only this is told.
DELETE = PUSH | {
    "id": "asdf-asdf-asdf-asdf-2",
    "action": "delete",
    "target": {
        "digest": "sha256:d89e1bee20d9cb344674e213b581f14fbd8e70274ecf9d10c514bab78a307845",
        "repository": "library/test",
    },
}


def told(*events):
    return events_of("distribution", {"events": list(events)})


def changed(**target):
    return PULL | {"target": PULL["target"] | target}


def test_a_pull_is_read():
    expected = Event(
        id="320678d8-ca14-430f-8bb6-4ca139cd83f7",
        time="2016-03-09T22:44:26.402973Z",
        source="distribution",
        action="pull",
        host="192.168.100.227:5000",
        repository="hello-world",
        tag="latest",
        digest="sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf",
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        size_bytes=708,
    )
    assert [expected] == told(PULL)


def test_an_envelope_holds_several_events_of_manifests_and_layers():
    manifest, layer, deleted = told(PUSH, LAYER, DELETE)

    assert ("push", "library/test", "test-actor") == (
        manifest.action,
        manifest.repository,
        manifest.actor,
    )
    assert ("application/vnd.docker.container.image.rootfs.diff+x-gtar", LAYER_DIGEST) == (
        layer.media_type,
        layer.digest,
    )
    assert ("delete", None, None) == (deleted.action, deleted.tag, deleted.media_type)
    assert DELETE["target"]["digest"] == deleted.digest
    assert len({manifest.id, layer.id, deleted.id}) == 3


@pytest.mark.parametrize("document", [{"events": []}, {"events": None}])
def test_an_empty_envelope_says_nothing(document):
    assert [] == events_of("distribution", document)


@pytest.mark.parametrize(
    "event",
    [
        PULL | {"action": "rename"},
        PULL | {"target": None},
        PULL | {"timestamp": "yesterday"},
        changed(repository=""),
        changed(repository="../../etc/passwd"),
        changed(repository="<img src=x onerror=alert(1)>"),
        changed(repository="a" * 300),
        changed(tag="../x"),
        changed(tag="t" * 200),
        changed(digest="sha256:abc"),
        changed(digest="x:" + "a" * 10_000),
    ],
    ids=str,
)
def test_what_cannot_be_is_left_out_and_holds_nothing_up(event):
    assert ["asdf-asdf-asdf-asdf-0"] == [found.id for found in told(event, PUSH)]


def test_what_is_only_for_people_is_made_harmless():
    [event] = told(
        changed(mediaType="text/html\r\n", size=-1)
        | {
            "id": "<b>\x1b[31m",
            "actor": {"name": "eve\u202e\n" + "x" * 500},
            "request": {"host": "a b"},
        }
    )

    assert event.id.isalnum()
    assert event.actor.startswith("eve\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}x")
    assert event.actor.isprintable()
    assert 200 == len(event.actor)
    assert (None, None, None) == (event.host, event.media_type, event.size_bytes)


def test_a_strange_id_is_the_same_when_it_is_told_again():
    assert told(PULL | {"id": "\n"})[0].id == told(PULL | {"id": "\n"})[0].id
    assert told(PULL | {"id": "\n"})[0].id != told(PULL | {"id": "\t"})[0].id


def test_a_thousand_events_are_read_and_no_more():
    event = {"id": "1", "timestamp": "2006-01-02T15:04:05Z", "action": "push"}
    event["target"] = {"repository": "a", "digest": DIGEST}

    assert 1_000 == len(told(*[event] * 1_000))
    assert "1,001 came, and 1,000 are read at once" in str(
        refusal("distribution", {"events": [event] * 1_001})
    )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$"),
        ({}, "$"),
        ({"events": {}}, "$.events"),
        ({"events": [1]}, "$.events[0]"),
        ({"events": [PULL | {"id": 7}]}, "$.events[0].id"),
        ({"events": [PULL | {"target": []}]}, "$.events[0].target"),
        ({"events": [changed(size="big")]}, "$.events[0].target.size"),
    ],
)
def test_what_is_no_envelope_is_refused_with_the_place(document, path):
    error = refusal("distribution", document)

    assert path == error.path
    assert f"cannot be read at {path}: " in str(error)
