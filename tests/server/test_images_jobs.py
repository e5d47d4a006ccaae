"""Images pushed, copied and synced by the agent, as jobs."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import psutil
import pytest

from ghostnb import audit_frame
from ghostnb.oci.media_types import ACCEPTED_MANIFESTS
from tests.engine import images
from tests.parts.agent import TOKEN
from tests.parts.processes import PLAIN
from tests.parts.registries import RunningRegistry
from tests.server.working import DEVELOPER, VIEWER, Working
from tests.serving import hanging_server, wait_until

APP = images.REPOSITORIES["team/app"]
MULTI = images.MULTI


KINDS = ", ".join(ACCEPTED_MANIFESTS)


def asked(registry: RunningRegistry, repository: str, reference: str) -> httpx2.Response:
    """Ask a registry itself for a manifest."""
    auth = (registry.username, registry.password) if registry.username else None
    with httpx2.Client(verify=PLAIN, trust_env=False, auth=auth) as client:
        url = f"{registry.url}/v2/{repository}/manifests/{reference}"
        return client.get(url, headers={"Accept": KINDS})


def manifest_of(registry: RunningRegistry, repository: str, reference: str) -> dict[str, Any]:
    return asked(registry, repository, reference).json()


def digest_of(registry: RunningRegistry, repository: str, reference: str) -> str | None:
    answer = asked(registry, repository, reference)
    return answer.headers["docker-content-digest"] if answer.status_code == 200 else None


def copy_of(repository: str = "team/app", **more: Any) -> dict[str, Any]:
    return {"source": "origin", "target": "target", "repository": repository, **more}


def test_an_image_is_copied_with_its_digest_and_its_bytes(working: Working):
    result = working.done("copy", **copy_of(tag="1.0", to_repository="copies/app"))

    assert digest_of(working.target, "copies/app", "1.0") == APP["1.0"].digest
    assert {name: result[name] for name in ("source", "registry", "repository", "tag")} == {
        "source": "origin",
        "registry": "target",
        "repository": "copies/app",
        "tag": "1.0",
    }
    assert result["digest"] == APP["1.0"].digest
    assert result["bytes_moved"] == sum(len(blob.data) for blob in APP["1.0"].blobs) + len(
        APP["1.0"].raw
    )


def test_what_is_there_already_moves_nothing(working: Working):
    for _ in range(2):
        result = working.done("copy", **copy_of(tag="2.0", to_repository="copies/twice"))

    assert result["bytes_moved"] == 0
    assert "was there already" in result["message"]


def test_a_copy_gets_another_tag_or_none(working: Working):
    digest = APP["1.0"].digest
    working.done("copy", **copy_of(reference="1.0", to_tag="stable"))
    plain = working.done("copy", **copy_of(reference=digest))
    named = working.done("copy", **copy_of(reference=digest, to_tag="fixed"))
    latest = working.done("copy", **copy_of())

    assert digest_of(working.target, "team/app", "stable") == digest
    assert (plain["tag"], plain["digest"]) == (None, digest)
    assert (named["tag"], named["digest"]) == ("fixed", digest)
    assert (latest["tag"], latest["digest"]) == ("latest", APP["latest"].digest)


def test_a_copy_is_of_the_platforms_that_are_wanted(working: Working):
    one = working.done(
        "copy", **copy_of("team/multi", tag="1.0", platforms=["linux/amd64"], to_tag="one")
    )
    whole = working.done("copy", **copy_of("team/multi", tag="1.0", referrers=True))

    assert one["digest"] == MULTI.children[0].digest
    assert whole["digest"] == MULTI.digest


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"source": "nowhere"}, 404, "not_found"),
        ({"target": "nowhere"}, 404, "not_found"),
        ({"repository": "../x"}, 422, "invalid_reference"),
        ({"tag": "a b"}, 422, "invalid_reference"),
        ({"reference": "sha256:abc"}, 422, "invalid_reference"),
        ({"to_repository": "UPPER"}, 422, "invalid_reference"),
        ({"to_tag": "1.0@sha256:" + "a" * 64}, 422, "invalid_reference"),
        ({"platforms": ["not a platform"]}, 422, "invalid_reference"),
        ({"tag": "1.0", "reference": "1.0"}, 422, "invalid_body"),
        ({"reference": "sha256:" + "a" * 64, "to_repository": "x"}, 422, "invalid_body"),
        ({"platforms": "linux/amd64"}, 422, "invalid_body"),
        ({"tags": "1.0"}, 422, "invalid_body"),
        ({"referrers": "yes"}, 422, "invalid_body"),
    ],
)
def test_a_copy_that_cannot_be_is_refused_before_it_begins(working: Working, more, status, code):
    answer = working.ask("POST", "/images/copy", json=copy_of(**more))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_is_not_there_is_told_by_the_job(working: Working):
    job = working.ended(working.begin("copy", **copy_of(tag="9.9")))

    assert (job["state"], job["code"]) == ("failed", "not_found")
    assert job["result"] is None
    assert "9.9" in job["message"]


def test_a_sync_is_worked_out_and_then_done(working: Working):
    body = {
        "source": "origin",
        "target": "target",
        "repositories": ["team/*"],
        "tags": ["*.0"],
        "exclude_repositories": ["team/box", "team/multi"],
        "rename": {"team/": "synced/"},
    }
    planned = working.ask("POST", "/images/sync", json={**body, "dry_run": True})
    assert planned.status_code == 200
    assert digest_of(working.target, "synced/app", "1.0") is None

    result = working.done("sync", **body)
    again = working.ask("POST", "/images/sync", json={**body, "dry_run": True}).json()

    rows = {(row["target_repository"], row["target_tag"]): row for row in planned.json()["rows"]}
    assert set(rows) == {("synced/app", "1.0"), ("synced/app", "2.0"), ("synced/other", "1.0")}
    assert rows["synced/app", "1.0"]["digest"] == APP["1.0"].digest
    assert {row["action"] for row in rows.values()} == {"copy"}
    assert planned.json()["bytes_moved"] == sum(row["bytes_moved"] for row in rows.values())
    assert result["steps"] == {"done": 3}
    assert result["bytes_moved"] == planned.json()["bytes_moved"]
    assert digest_of(working.target, "synced/app", "1.0") == APP["1.0"].digest
    assert (again["rows"], again["bytes_moved"]) == ([], 0)


def test_only_who_may_delete_prunes(working: Working):
    working.done("copy", **copy_of(tag="1.0", to_repository="pruned/app", to_tag="stale"))
    body = {
        "source": "origin",
        "target": "target",
        "repositories": ["team/app"],
        "rename": {"team/app": "pruned/app"},
        "prune": True,
    }
    planned = working.ask("POST", "/images/sync", json={**body, "dry_run": True}).json()
    refused = working.ask(
        "POST", "/images/sync", token=DEVELOPER, json=body, headers={"X-Request-Id": "pruning"}
    )
    assert {row["action"] for row in planned["rows"]} == {"copy", "delete"}
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert digest_of(working.target, "pruned/app", "stale") is not None
    frame = audit_frame(working.agent.audit_file)
    noted = frame[frame["request_id"] == "pruning"].iloc[0]
    assert (noted["outcome"], noted["resource"]) == ("denied", "ghostnb.deletions")

    working.done("sync", **body)
    assert digest_of(working.target, "pruned/app", "stale") is None
    assert digest_of(working.target, "pruned/app", "1.0") == APP["1.0"].digest


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"versions": "newish"}, "invalid_body"),
        ({"tags": [">=1.0"]}, "invalid_body"),
        ({"repositories": [""]}, "invalid_body"),
        ({"newest": 0}, "invalid_body"),
        ({"rename": {"a": 1}}, "invalid_body"),
        ({"platforms": ["?"]}, "invalid_reference"),
    ],
)
def test_a_sync_that_cannot_be_meant_is_refused(working: Working, more, code):
    for is_dry in (False, True):
        body = {"source": "origin", "target": "target", "dry_run": is_dry, **more}
        answer = working.ask("POST", "/images/sync", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_who_leaves_while_a_sync_is_worked_out_ends_that(working: Working):
    def connections() -> int:
        found = psutil.Process(working.agent.process.pid).net_connections("tcp")
        return sum(bool(one.raddr) and one.raddr.port == hanging.port for one in found)

    with hanging_server() as hanging:
        working.ask("POST", "/registries", json={"name": "hanging", "url": hanging.url})
        body = {"source": "hanging", "target": "target", "dry_run": True}
        try:
            with (
                pytest.raises(httpx2.ReadTimeout),
                httpx2.Client(verify=PLAIN, trust_env=False) as client,
            ):
                client.post(
                    f"{working.agent.url}/api/v1/images/sync",
                    json=body,
                    headers={"Authorization": f"Bearer {TOKEN}"},
                    timeout=httpx2.Timeout(20, read=2),
                )
            assert hanging.requests
            wait_until(lambda: connections() == 0, seconds=10)
        finally:
            working.ask("DELETE", "/registries/hanging")


def test_an_image_of_the_daemon_is_pushed_with_the_agents_credentials(working: Working):
    body = {
        "name": "with-password",
        "url": working.private.url,
        "username": working.private.username,
        "password": working.private.password,
    }
    assert working.ask("POST", "/registries", json=body).status_code == 201
    try:
        first = working.done("push", image=working.box, registry="with-password", repository="a/b")
        image_id = first["message"].split()[0]
        again = working.done(
            "push", image=working.box, registry="with-password", repository="a/b", tag="latest"
        )
    finally:
        working.ask("DELETE", "/registries/with-password")

    assert image_id == working.box
    assert (first["registry"], first["repository"], first["tag"]) == (
        "with-password",
        "a/b",
        "latest",
    )
    assert first["bytes_moved"] > 100_000
    assert first["digest"] == digest_of(working.private, "a/b", "latest")
    assert (again["digest"], again["bytes_moved"]) == (first["digest"], 0)
    said = working.agent.audit_file.read_text() + working.agent.log_file.read_text()
    assert working.private.password not in said


def test_an_image_is_pushed_by_its_id_too(working: Working):
    result = working.done("push", image=working.box, registry="target", repository="by/name")
    job = working.ask("GET", "/jobs?limit=1").json()["jobs"][0]
    pulled = working.ask("GET", "/registries/target/repositories/by/name/tags/latest").json()

    assert job["kind"] == "push"
    assert pulled["digest"] == result["digest"]
    image_id = manifest_of(working.target, "by/name", "latest")["config"]["digest"]
    for name in (image_id, image_id.removeprefix("sha256:")[:12]):
        again = working.done("push", image=name, registry="target", repository="by/name")
        assert again["digest"] == result["digest"]


def test_a_registry_that_wants_a_password_says_so_by_the_job(working: Working):
    job = working.ended(
        working.begin("push", image=working.box, registry="private", repository="a/b")
    )

    assert (job["state"], job["code"]) == ("failed", "registry_wants_credentials")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"image": "nowhere:1.0"}, 404, "not_found"),
        ({"image": "sha256:"}, 404, "not_found"),
        ({"image": "0" * 64}, 404, "not_found"),
        ({"image": ""}, 422, "invalid_body"),
        ({"image": "../../x"}, 404, "not_found"),
        ({"registry": "nowhere"}, 404, "not_found"),
        ({"repository": "A"}, 422, "invalid_reference"),
        ({"tag": "x@sha256:" + "a" * 64}, 422, "invalid_reference"),
        ({"digest": "x"}, 422, "invalid_body"),
    ],
)
def test_a_push_that_cannot_be_is_refused_before_it_begins(working: Working, more, status, code):
    body = {"image": working.box, "registry": "target", "repository": "a/b", **more}
    answer = working.ask("POST", "/images/push", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_without_a_daemon_nothing_is_pushed(agent):
    body = {"image": "app", "registry": "local", "repository": "a/b"}
    answer = agent.ask("POST", "/images/push", json=body)

    assert (answer.status_code, answer.json()["code"]) == (503, "no_daemon")


@pytest.mark.parametrize("path", ["push", "copy", "sync"])
def test_who_only_views_moves_nothing(working: Working, path: str):
    answer = working.ask("POST", f"/images/{path}", token=VIEWER, json={})

    assert answer.status_code == 403


def test_what_was_moved_is_told_and_remembered_without_secrets(working: Working):
    result = working.done("copy", **copy_of(tag="1.0", to_repository="told/app"))

    event = working.ask("GET", "/events?limit=1").json()["events"][0]
    frame = audit_frame(working.agent.audit_file)
    ended = frame[frame["action"] == "copy.end"].iloc[-1]
    assert (event["action"], event["repository"], event["digest"]) == (
        "copy",
        "told/app",
        result["digest"],
    )
    assert (ended["repository"], ended["digest"]) == ("told/app", result["digest"])
    assert ended["actor"] == "owner"
    assert TOKEN not in working.agent.audit_file.read_text()
    assert re.fullmatch(r"[0-9a-f]{16}", ended["job"])
