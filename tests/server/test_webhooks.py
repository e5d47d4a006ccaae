"""What registries tell the agent: by their own secrets alone, heard at once and once."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest

from tests.parts.agent import RunningAgent, running_agent
from tests.parts.images import plain_image
from tests.parts.processes import PartError
from tests.parts.pushes import Pusher
from tests.parts.registries import docker_registry
from tests.serving import wait_until
from tests.wire.notifications.test_github import package

SECRETS = {"distribution": "the-registrys-secret", "github": "githubs-secret"}
SETTINGS = f"c.AgentExtension.webhook_secrets = {SECRETS}"


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent that two sources have secrets for."""
    with running_agent(tmp_path_factory.mktemp("hooked"), {}, settings=SETTINGS) as running:
        yield running


def events_of(agent: RunningAgent, registry: str) -> list[dict]:
    events = agent.ask("GET", "/events").json()["events"]
    return [event for event in events if event["registry"] == registry]


def test_a_real_registry_tells_what_is_pushed_and_deleted(hooked: RunningAgent):
    url = f"{hooked.url}/api/v1/webhooks/distribution"
    secret = {"Authorization": f"Bearer {SECRETS['distribution']}"}
    with docker_registry(delete=True, notifications={url: secret}) as registry:
        hooked.ask("POST", "/registries", json={"name": "telling", "url": registry.url})
        before = hooked.ask("GET", "/registries/telling/repositories").json()["repositories"]
        with Pusher(registry.url) as pusher:
            digest = pusher.push("team/told", "1.0", plain_image("told"))
            wait_until(lambda: len(events_of(hooked, "telling")) > 1)
            after = hooked.ask("GET", "/registries/telling/repositories").json()["repositories"]
            pusher.delete_manifest("team/told", digest)
            wait_until(lambda: len(events_of(hooked, "telling")) > 3)

        told = events_of(hooked, "telling")[::-1]
        assert (before, after) == ([], ["team/told"])
        # The registry tells of the manifest and of its tag.
        assert [event["action"] for event in told] == ["registry-add", "push", "delete", "delete"]
        assert {event["source"] for event in told[1:]} == {"distribution"}
        assert {event["repository"] for event in told[1:]} == {"team/told"}
        assert [event["tag"] for event in told[1:]] == ["1.0", None, "1.0"]
        assert told[1]["digest"] == told[2]["digest"] == digest
    hooked.ask("DELETE", "/registries/telling")


def post(agent: RunningAgent, source: str, body: bytes, **headers: str) -> httpx2.Response:
    return agent.ask(
        "POST",
        f"/webhooks/{source}?registry=told",
        token=None,
        content=body,
        headers={"Content-Type": "application/json", **headers},
    )


def signed(body: bytes) -> dict[str, str]:
    mark = hmac.new(SECRETS["github"].encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={mark}", "X-GitHub-Event": "package"}


def test_the_same_told_twice_counts_once(hooked: RunningAgent):
    moment = datetime.now(UTC).isoformat()
    body = json.dumps(package(package_type="CONTAINER", updated_at=moment)).encode()

    answers = [post(hooked, "github", body, **signed(body)) for _ in range(2)]

    assert [answer.json() for answer in answers] == [
        {"success": True, "new": 1},
        {"success": True, "new": 0},
    ]
    wait_until(lambda: events_of(hooked, "told"))
    assert [event["source"] for event in events_of(hooked, "told")] == ["github"]


@pytest.mark.parametrize(
    ("source", "headers", "status"),
    [
        ("github", {}, 401),
        ("github", signed(b"something else"), 401),
        ("distribution", {"Authorization": "Bearer wrong"}, 401),
        ("distribution", {"Authorization": "Bearer the-owners-token"}, 401),
        ("harbor", {"Authorization": "Bearer the-registrys-secret"}, 401),
        ("nobody", {}, 404),
        ("distribution", {"Authorization": "Bearer the-registrys-secret"}, 422),
    ],
)
def test_who_does_not_know_the_secret_is_not_heard(hooked, source, headers, status):
    answer = post(hooked, source, b"{}" if status != 422 else b"[1", **headers)

    assert answer.status_code == status
    assert answer.json()["success"] is False


def test_too_much_at_once_is_refused(hooked: RunningAgent):
    secret = {"Authorization": f"Bearer {SECRETS['distribution']}"}

    assert post(hooked, "distribution", b" " * (2**21 + 1), **secret).status_code == 413


def test_a_sources_secret_opens_nothing_else(hooked: RunningAgent):
    assert hooked.ask("GET", "/registries", token=SECRETS["distribution"]).status_code == 401


def test_no_secret_is_in_the_logs(hooked: RunningAgent):
    post(hooked, "quay?token=in-the-url", b"{}")

    wait_until(lambda: "/webhooks/quay" in hooked.log_file.read_text())
    assert "in-the-url" not in hooked.log_file.read_text() + hooked.audit_file.read_text()


@pytest.mark.parametrize("secrets", [{"dockerhub": "x"}, {"harbor": "env:ABSENT"}])
def test_an_agent_with_a_secret_that_cannot_be_one_does_not_start(tmp_path, secrets):
    settings = f"c.AgentExtension.webhook_secrets = {secrets}"

    with pytest.raises(PartError, match=r"webhooks of 'dockerhub'|variable ABSENT, which is not"):
        with running_agent(tmp_path, {}, settings=settings):
            pass
