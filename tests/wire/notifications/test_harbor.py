"""Harbor's webhooks, in its own format and as CloudEvents: "Configure Webhook Notifications".

https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
"""

import pytest

from ghostnb.wire.events import Event
from tests.wire.notifications.deliveries import events_of, refusal

ALPINE = "sha256:954b378c375d852eb3c63ab88978f640b4348b01c1b3456a024a81536dafbbf4"
REPOSITORY = {
    "date_created": 1680501893,
    "name": "alpine",
    "namespace": "harbor",
    "repo_full_name": "harbor/alpine",
    "repo_type": "private",
}
BY_DIGEST = {
    "digest": ALPINE,
    "tag": ALPINE,
    "resource_url": f"localhost/harbor/alpine@{ALPINE}",
}
BY_TAG = {
    "digest": "sha256:2bb501e6173d9d006e56de5bce2720eb06396803300fe1687b58a7ff32bf4c14",
    "tag": "3.8",
    "resource_url": "localhost/harbor/alpine:3.8",
}
# "Artifact pushed", Default
PUSHED = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1680501893,
    "operator": "harbor-jobservice",
    "event_data": {"resources": [BY_DIGEST], "repository": REPOSITORY},
}
# "Artifact deleted", Default and CloudEvents
DELETED = {
    "type": "DELETE_ARTIFACT",
    "occur_at": 1680502598,
    "operator": "harbor-jobservice",
    "event_data": {"resources": [BY_TAG], "repository": REPOSITORY},
}
DELETED_CLOUD = {
    "specversion": "1.0",
    "id": "343f1623-7cba-487c-88f1-c5ebf55e93aa",
    "requestid": "ca0f3ceb-810f-4598-a268-a2291ad4de49",
    "source": "/projects/2/webhook/policies/15",
    "type": "harbor.artifact.deleted",
    "datacontenttype": "application/json",
    "time": "2023-04-03T06:16:38Z",
    "data": {"resources": [BY_TAG], "repository": REPOSITORY},
    "operator": "harbor-jobservice",
}
# "Scanning completed", Default
REPORT = {
    "report_id": "af0546c1-67dc-4e9d-927e-372900ead0df",
    "scan_status": "Success",
    "severity": "None",
    "duration": 8,
    "summary": {"total": 0, "fixable": 0, "summary": {}},
    "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.37.2"},
    "complete_percent": 100,
}
SCANNED = {
    "type": "SCANNING_COMPLETED",
    "occur_at": 1680502375,
    "operator": "auto",
    "event_data": {
        "resources": [
            {
                "digest": ALPINE,
                "resource_url": f"localhost/harbor/alpine@{ALPINE}",
                "scan_overview": {
                    "application/vnd.security.vulnerability.report; version=1.1": REPORT
                },
            }
        ],
        "repository": REPOSITORY,
    },
}
# "Quota exceeded", Default
QUOTA = {
    "type": "QUOTA_EXCEED",
    "occur_at": 1680505484,
    "operator": "",
    "event_data": {
        "resources": [{"digest": ALPINE}],
        "repository": REPOSITORY,
        "custom_attributes": {
            "Details": "adding 2.1 MiB of storage resource, which when updated to current usage of "
            "8.3 MiB will exceed the configured upper limit of 10.0 MiB."
        },
    },
}
# "Replication status changed", Default
REPLICATED = {
    "type": "REPLICATION",
    "occur_at": 1680501904,
    "operator": "MANUAL",
    "event_data": {
        "replication": {
            "harbor_hostname": "localhost",
            "job_status": "Success",
            "artifact_type": "image",
            "override_mode": True,
            "policy_creator": "admin",
            "dest_resource": {"registry_type": "harbor", "namespace": "harbor"},
            "successful_artifact": [
                {"type": "image", "status": "Success", "name_tag": "alpine [1 item(s) in total]"}
            ],
        }
    },
}
# "Tag retention finished", CloudEvents
RETAINED = {
    "specversion": "1.0",
    "id": "a8618595-6fa0-4cf4-afdc-870459b1d7f6",
    "type": "harbor.tag_retention.finished",
    "time": "2023-04-03T06:16:38Z",
    "data": {
        "retention": {
            "total": 1,
            "retained": 0,
            "harbor_hostname": "localhost",
            "project_name": "harbor",
            "retention_policy_id": 2,
            "result": "SUCCESS",
            "deleted_artifact": [
                {"type": "image", "status": "SUCCESS", "name_tag": "alpine:3.8"},
                {"type": "image", "status": "FAILED", "name_tag": "alpine:3.9"},
            ],
        }
    },
    "operator": "MANUAL",
}


def data(document, **changed):
    return document | {"event_data": document["event_data"] | changed}


def test_a_push_is_read_and_a_digest_in_place_of_a_tag_is_none():
    [event] = events_of("harbor", PUSHED)

    expected = Event(
        id=event.id,
        time="2023-04-03T06:04:53Z",
        source="harbor",
        action="push",
        host="localhost",
        repository="harbor/alpine",
        digest=ALPINE,
        actor="harbor-jobservice",
    )
    assert expected == event


def test_both_formats_say_the_same():
    [own], [cloud] = events_of("harbor", DELETED), events_of("harbor", DELETED_CLOUD)

    assert ("delete", "3.8", "2023-04-03T06:16:38Z") == (own.action, own.tag, own.time)
    assert "343f1623-7cba-487c-88f1-c5ebf55e93aa" == cloud.id
    assert own == events_of("harbor", DELETED_CLOUD | {"id": None, "type": own_type(own)})[0]


def own_type(event):
    return {"delete": "DELETE_ARTIFACT"}[event.action]


@pytest.mark.parametrize(
    ("own", "cloud", "action", "outcome"),
    [
        ("PUSH_ARTIFACT", "harbor.artifact.pushed", "push", "success"),
        ("PULL_ARTIFACT", "harbor.artifact.pulled", "pull", "success"),
        ("DELETE_ARTIFACT", "harbor.artifact.deleted", "delete", "success"),
        ("SCANNING_COMPLETED", "harbor.scan.completed", "scan", "success"),
        ("SCANNING_STOPPED", "harbor.scan.stopped", "scan", "failure"),
        ("SCANNING_FAILED", "harbor.scan.failed", "scan", "failure"),
        ("QUOTA_EXCEED", "harbor.quota.exceeded", "quota", "denied"),
        ("QUOTA_WARNING", "harbor.quota.warned", "quota", "success"),
    ],
)
def test_every_documented_kind_is_known_in_both_formats(own, cloud, action, outcome):
    for document in (PUSHED | {"type": own}, DELETED_CLOUD | {"type": cloud}):
        [event] = events_of("harbor", document)
        assert (action, outcome) == (event.action, event.outcome)


def test_several_resources_are_an_event_each():
    for document in (
        data(PUSHED, resources=[BY_TAG, BY_DIGEST]),
        DELETED_CLOUD | {"data": {"resources": [BY_TAG, BY_TAG], "repository": REPOSITORY}},
    ):
        events = events_of("harbor", document)
        assert 2 == len(events) == len({event.id for event in events})


def test_what_is_told_again_has_the_same_id_and_what_happens_later_has_not():
    [first], [again] = events_of("harbor", PUSHED), events_of("harbor", PUSHED)
    others = [
        PUSHED | {"occur_at": 1680501894},
        PUSHED | {"type": "PULL_ARTIFACT"},
        PUSHED | {"operator": "admin"},
        data(PUSHED, resources=[BY_TAG]),
        data(PUSHED, repository=REPOSITORY | {"repo_full_name": "harbor/other"}),
        data(PUSHED, resources=[BY_DIGEST | {"resource_url": "elsewhere/harbor/alpine"}]),
    ]

    assert first.id == again.id
    assert first.id not in {events_of("harbor", document)[0].id for document in others}


def test_a_scan_tells_how_bad_it_is():
    [event] = events_of("harbor", SCANNED)

    assert ("scan", "Severity: None", None) == (event.action, event.message, event.tag)


def test_a_push_that_the_quota_forbids_says_why():
    [event] = events_of("harbor", QUOTA)

    assert ("quota", "denied", None) == (event.action, event.outcome, event.actor)
    assert event.message.startswith("adding 2.1 MiB of storage resource")


@pytest.mark.parametrize(
    ("status", "outcomes"),
    [("Success", ["success"]), ("Failed", ["failure"]), ("Running", []), (None, [])],
)
def test_a_replication_is_told_when_it_is_over(status, outcomes):
    replication = REPLICATED["event_data"]["replication"] | {"job_status": status}
    events = events_of("harbor", data(REPLICATED, replication=replication))

    assert [("copy", "localhost", outcome) for outcome in outcomes] == [
        (event.action, event.host, event.outcome) for event in events
    ]


def test_what_a_retention_policy_deleted_is_an_event_each():
    gone, kept = events_of("harbor", RETAINED)

    assert ("delete", "harbor/alpine", "3.8", "success") == (
        gone.action,
        gone.repository,
        gone.tag,
        gone.outcome,
    )
    assert ("3.9", "failure") == (kept.tag, kept.outcome)
    assert gone.id != kept.id


@pytest.mark.parametrize(
    "document",
    [
        {"type": "UPLOAD_CHART", "occur_at": 1, "operator": "admin"},
        {"type": "harbor.something.new", "specversion": "1.0", "data": {}},
    ],
)
def test_unknown_kinds_say_nothing(document):
    assert [] == events_of("harbor", document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "$"),
        ({"type": "PUSH_ARTIFACT", "occur_at": 1}, "$"),
        ({"type": "PUSH_ARTIFACT", "event_data": {}}, "$"),
        (PUSHED | {"occur_at": "now"}, "$.occur_at"),
        (PUSHED | {"occur_at": 10**18}, "$.occur_at"),
        (DELETED_CLOUD | {"time": "0001-01-01T00:00:00+05:00"}, "$.time"),
        (data(PUSHED, repository=None), "$.event_data"),
        (
            data(PUSHED, repository={"repo_full_name": "A"}),
            "$.event_data.repository.repo_full_name",
        ),
        (data(PUSHED, resources=[{"tag": "a b"}]), "$.event_data.resources[0].tag"),
        (data(PUSHED, resources=[{"digest": "md5"}]), "$.event_data.resources[0].digest"),
        (data(PUSHED, resources=[{}] * 1_001), "$.event_data.resources"),
        (RETAINED | {"data": {"retention": {}}}, "$.data.retention"),
    ],
)
def test_what_harbor_does_not_send_is_refused_with_the_place(document, path):
    assert path == refusal("harbor", document).path
