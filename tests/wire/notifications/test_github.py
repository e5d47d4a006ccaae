"""GitHub's package events, as octokit/webhooks replays them.

payload-examples/api.github.com/{package,registry_package}/published.docker.payload.json in
https://github.com/octokit/webhooks; "Webhook events and payloads"
(https://docs.github.com/en/webhooks/webhook-events-and-payloads#package).
"""

import json
from urllib.parse import urlencode

import pytest

from ghostnb.wire.events import Event
from tests.wire.notifications.deliveries import events_of, refusal

DIGEST = "sha256:3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498"
# What is left out are descriptions and addresses of web pages.
VERSION = {
    "id": 57755790,
    "version": DIGEST,
    "name": DIGEST,
    "description": "Hello-World in a docker container",
    "manifest": "",
    "created_at": "0001-01-01T00:00:00Z",
    "updated_at": "0001-01-01T00:00:00Z",
    "metadata": [],
    "container_metadata": {
        "tag": {"name": "", "digest": "sha256:6c62fb45fe66bfb1ea9a66abc38f6a0cc974292b"},
        "labels": {"description": "Hello-World in a docker container"},
        "manifest": {
            "digest": "sha256:6c62fb45fe66bfb1ea9a66abc38f6a0cc974292b",
            "media_type": "application/vnd.docker.distribution.manifest.v2+json",
            "size": 1782,
        },
    },
    "package_files": [],
    "package_url": "ghcr.io/Codertocat/hello-world:",
}
PACKAGE = {
    "id": 10696,
    "name": "hello-world-npm",
    "namespace": "Codertocat/hello-world",
    "description": None,
    "ecosystem": "docker",
    "package_type": "npm",
    "created_at": "2019-05-09T23:28:29Z",
    "updated_at": "2019-05-09T23:28:29Z",
    "owner": {"login": "Codertocat", "id": 21031067},
    "package_version": VERSION,
    "registry": {"name": "GitHub CONTAINER registry", "type": "CONTAINER"},
}
PUBLISHED = {"action": "published", "package": PACKAGE, "sender": {"login": "Codertocat"}}


def package(**changed):
    return PUBLISHED | {"package": PACKAGE | changed}


def version(**changed):
    return package(package_version=VERSION | changed)


def tagged(name):
    return version(container_metadata={"tag": {"name": name}})


def test_a_published_image_is_read():
    [event] = events_of("github", PUBLISHED)

    expected = Event(
        id=event.id,
        time="2019-05-09T23:28:29Z",
        source="github",
        action="push",
        host="ghcr.io",
        repository="codertocat/hello-world",
        digest=DIGEST,
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        size_bytes=1782,
        actor="Codertocat",
    )
    assert expected == event


def test_a_registry_package_is_the_same_happening():
    registry_package = {"action": "published", "registry_package": PACKAGE}

    assert events_of("github", registry_package)[0].id == events_of("github", PUBLISHED)[0].id


def test_a_tag_is_read_and_is_another_happening():
    [event] = events_of("github", tagged("nightly"))

    assert "nightly" == event.tag
    assert event.id != events_of("github", PUBLISHED)[0].id


def test_ids_are_made_of_what_is_signed_and_not_of_headers():
    first, again = (
        events_of("github", PUBLISHED, headers={"x-github-delivery": name})[0] for name in "ab"
    )
    later = events_of("github", package(updated_at="2019-05-10T00:00:00Z"))[0]

    assert first.id == again.id != later.id


def test_an_update_is_no_push():
    assert "update" == events_of("github", PUBLISHED | {"action": "updated"})[0].action


def test_names_are_used_where_no_package_url_is():
    [event] = events_of("github", version(package_url=""))

    assert ("ghcr.io", "codertocat/hello-world-npm") == (event.host, event.repository)


def test_a_package_without_version_or_time_is_read_with_the_time_when_it_came():
    [event] = events_of("github", package(package_version=None, updated_at=None))

    assert ("2026-05-04T03:02:01.987654Z", None) == (event.time, event.digest)


def test_a_version_that_is_no_digest_is_of_the_older_registry():
    document = version(version="1.0", package_url="docker.pkg.github.com/Octo/Hello/app:1.0")
    [event] = events_of("github", document)

    assert ("docker.pkg.github.com", "octo/hello/app", None) == (
        event.host,
        event.repository,
        event.digest,
    )


def test_a_form_is_read_too():
    # "Creating webhooks": the content type application/x-www-form-urlencoded
    body = urlencode({"payload": json.dumps(PUBLISHED)}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}

    assert events_of("github", PUBLISHED) == events_of("github", body, headers=headers)


@pytest.mark.parametrize(
    "document",
    [
        {"zen": "Approachable is better than simple.", "hook_id": 1, "hook": {}},
        {"ref": "refs/heads/main", "repository": {"full_name": "Codertocat/Hello-World"}},
        {"action": "opened", "issue": {}},
        PUBLISHED | {"action": "deleted"},
        package(ecosystem="npm"),
        package(ecosystem=None, package_type="rubygems"),
    ],
)
def test_what_says_nothing_of_images_gives_no_events(document):
    assert [] == events_of("github", document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$"),
        (PUBLISHED | {"package": {}}, "$.package"),
        (package(id="x"), "$.package.id"),
        (version(package_url="ghcr.io/a b"), "$.package.name"),
        (version(version="sha256:abc"), "$.package.package_version.version"),
        (tagged("a b"), "$.package.package_version.container_metadata.tag.name"),
        (package(updated_at="then"), "$.package.updated_at"),
    ],
)
def test_what_github_does_not_send_is_refused_with_the_place(document, path):
    assert path == refusal("github", document).path


def test_a_form_that_cannot_be_read_is_refused():
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"\xff", b"payload", b"payload=%7B", b"&".join([b"a=b"] * 100)):
        with pytest.raises(ValueError, match=r"cannot be read at \$: "):
            events_of("github", body, headers=headers)
