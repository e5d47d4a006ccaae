"""Docker Hub's webhook: https://docs.docker.com/docker-hub/repos/manage/webhooks/."""

import pytest

from ghostnb.wire.events import Event
from tests.wire.notifications.deliveries import events_of, refusal

# "Example webhook payload", the Dockerfile shortened.
PUSH = {
    "callback_url": "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "latest"},
    "repository": {
        "comment_count": 0,
        "date_created": 1417494799,
        "description": "",
        "dockerfile": "#\n# BUILD\t\tdocker build -t svendowideit/apt-cacher .\n",
        "full_description": "Docker Hub based automated build from a GitHub repo",
        "is_official": False,
        "is_private": True,
        "is_trusted": True,
        "name": "testhook",
        "namespace": "svendowideit",
        "owner": "svendowideit",
        "repo_name": "svendowideit/testhook",
        "repo_url": "https://registry.hub.docker.com/u/svendowideit/testhook/",
        "star_count": 0,
        "status": "Active",
    },
}


def pushed(**push):
    return PUSH | {"push_data": PUSH["push_data"] | push}


def named(name):
    return PUSH | {"repository": {"repo_name": name}}


def test_a_push_is_read():
    [event] = events_of("docker-hub", PUSH)

    expected = Event(
        id=event.id,
        time="2014-12-03T00:22:41Z",
        source="docker-hub",
        action="push",
        host="registry-1.docker.io",
        repository="svendowideit/testhook",
        tag="latest",
        actor="trustedbuilder",
    )
    assert expected == event


def test_older_bodies_have_fractions_of_seconds_and_no_tag():
    document = pushed(pushed_at=1.417566161e9)
    del document["push_data"]["tag"]
    [event] = events_of("docker-hub", document)

    assert ("2014-12-03T00:22:41Z", None) == (event.time, event.tag)


def test_an_official_image_has_its_namespace():
    assert "library/nginx" == events_of("docker-hub", named("nginx"))[0].repository


def test_a_push_that_is_told_again_has_the_same_id_and_another_push_has_not():
    ids = [
        events_of("docker-hub", document)[0].id
        for document in (
            PUSH,
            PUSH | {"callback_url": "elsewhere"},
            pushed(pushed_at=1417566162),
            pushed(tag="1.0"),
            named("svendowideit/other"),
        )
    ]

    assert ids[0] == ids[1]
    assert 4 == len(set(ids))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "$"),
        (PUSH | {"push_data": {}}, "$.push_data"),
        (PUSH | {"repository": {"name": "x"}}, "$.repository"),
        (named("Not A Name"), "$.repository.repo_name"),
        (named("a/" + "b" * 5_000), "$.repository.repo_name"),
        (pushed(tag="no tag"), "$.push_data.tag"),
        (pushed(pushed_at="now"), "$.push_data.pushed_at"),
        (pushed(pushed_at=-1), "$.push_data.pushed_at"),
        (pushed(pushed_at=1e300), "$.push_data.pushed_at"),
    ],
)
def test_what_docker_hub_does_not_send_is_refused_with_the_place(document, path):
    error = refusal("docker-hub", document)

    assert path == error.path
    assert len(str(error)) < 500
