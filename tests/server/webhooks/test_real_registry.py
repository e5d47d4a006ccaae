"""What a real registry tells when an image is pushed, pulled and deleted."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import yaml

import ghostnb
from ghostnb.server.failures import failure_of
from ghostnb.server.webhooks import Inbox, NotAuthenticError
from tests.parts import media_types
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.pushes import Pusher
from tests.parts.registries import docker_registry
from tests.parts.replies import reply
from tests.server.webhooks.inboxes import ALL_SECRETS, SECRET, Handed
from tests.serving import wait_until

IMAGE = plain_image("notified")
DOCS = Path(__file__).parents[3] / "docs" / "rest.md"


class Told:
    """A registry, the server that it tells what happens, and an inbox for that.

    Attributes
    ----------
    counts : of each delivery how many events were new, or the status that refused it.
    handed : what the inbox handed on.
    """

    def __init__(self, answers):
        self.counts, self.handed = [], Handed()
        self._answers = answers
        self.box = Inbox(ALL_SECRETS, self.handed, find_registry=lambda host: f"at-{host}")

    def take(self, request):
        taken = self.box.take("distribution", request.headers, request.query, request.body)
        try:
            self.counts.append(ghostnb.run(taken))
        except NotAuthenticError as e:
            status = failure_of(e).status
            self.counts.append(status)
            return reply(status)
        return reply(self._answers.pop(0) if self._answers else 200)

    def wait(self, condition):
        wait_until(lambda: condition(list(self.handed.events)), seconds=30)
        return list(self.handed.events)


@contextlib.contextmanager
def telling(authorization=f"Bearer {SECRET}", answers=()):
    told = Told(list(answers))
    with faulty_server({"/hook": told.take}) as server:
        headers = {f"{server.url}/hook": {"Authorization": authorization}}
        with docker_registry(notifications=headers, delete=True) as told.registry:
            yield told
    ghostnb.run(told.box.close())


def push(told):
    with Pusher(told.registry.url) as pusher:
        return pusher.push("team/app", "1.0", IMAGE)


def pull_and_delete(told):
    with Pusher(told.registry.url) as pusher:
        pusher.get("/v2/team/app/manifests/1.0", Accept=media_types.OCI_MANIFEST)
        pusher.delete_manifest("team/app", IMAGE.digest)


def test_a_push_a_pull_and_a_deletion_are_told():
    with telling() as told:
        push(told)
        pull_and_delete(told)
        events = told.wait(lambda events: "delete" in {event.action for event in events})
        host = told.registry.host

    of_manifest = [event for event in events if event.digest == IMAGE.digest]
    pushed, pulled, deleted = of_manifest
    layers = {event.digest for event in events if event.action == "push"} - {IMAGE.digest}

    assert ["push", "pull", "delete"] == [event.action for event in of_manifest]
    assert {("team/app", host, f"at-{host}")} == {
        (event.repository, event.host, event.registry) for event in events
    }
    assert ("1.0", media_types.OCI_MANIFEST, len(IMAGE.raw)) == (
        pushed.tag,
        pushed.media_type,
        pushed.size_bytes,
    )
    assert "1.0" == pulled.tag
    assert (None, None) == (deleted.tag, deleted.size_bytes)
    assert {layer.digest for layer in IMAGE.layers} <= layers
    assert len(events) == len({event.id for event in events})


def test_what_the_documents_leave_out_is_not_told():
    text = re.search("```yaml\n(notifications:.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[1]
    told = Told([])
    with faulty_server({"/hook": told.take}) as server:
        text = re.sub("url: .*", f"url: {server.url}/hook", text).replace("hook-secret", SECRET)
        with docker_registry(config=yaml.safe_load(text), delete=True) as told.registry:
            push(told)
            pull_and_delete(told)
            events = told.wait(lambda events: "delete" in {event.action for event in events})
    ghostnb.run(told.box.close())

    assert ["push", "delete"] == list(dict.fromkeys(event.action for event in events))
    # A deletion also takes the tag along, which has no digest.
    assert {event.digest for event in events} <= {IMAGE.digest, None}


def test_what_is_told_again_because_the_answer_was_lost_is_not_new():
    # The first delivery is taken, and yet the registry hears that it failed.
    with telling(answers=[500]) as told:
        push(told)
        events = told.wait(lambda events: IMAGE.digest in {event.digest for event in events})

    assert [1, 0] == told.counts[:2]
    assert len(events) == len({event.id for event in events})


def test_a_registry_with_another_secret_is_refused_and_tries_again():
    with telling(authorization="Bearer another") as told:
        push(told)
        events = told.wait(lambda events: len(told.counts) >= 2)

    assert {401} == set(told.counts)
    assert [] == events


@pytest.mark.parametrize("authorization", [f"Bearer {SECRET}", SECRET])
def test_the_header_may_be_the_secret_alone(authorization):
    with telling(authorization) as told:
        push(told)
        told.wait(lambda events: IMAGE.digest in {event.digest for event in events})

    assert {1} == set(told.counts)
