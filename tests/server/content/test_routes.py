"""The distribution protocol over the agent's registries: what goes through, and who may."""

from __future__ import annotations

import subprocess

import pytest

from ghostnb import audit_frame
from ghostnb.oci import Digest
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.faults import faulty_server
from tests.parts.processes import find_program
from tests.parts.replies import error, reply
from tests.server.content.conftest import IMAGE, added, put, state_files, upload

KINDS = ["local", "layout", "archive"]
LAYER = IMAGE.layers[0]


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_registry_holds_is_read(agent: RunningAgent, kind: str):
    base = f"/registries/{kind}/v2"
    manifest = agent.ask("GET", f"{base}/app/manifests/1")

    assert (manifest.content, manifest.headers["content-type"]) == (IMAGE.raw, IMAGE.media_type)
    assert agent.ask("GET", f"{base}/app/manifests/{IMAGE.digest}").content == IMAGE.raw
    assert agent.ask("GET", f"{base}/app/blobs/{LAYER.digest}").content == LAYER.data
    assert agent.ask("GET", f"{base}/app/tags/list").json() == {"name": "app", "tags": ["1"]}
    assert "app" in agent.ask("GET", f"{base}/_catalog").json()["repositories"]
    assert agent.ask("GET", f"{base}/app/referrers/{IMAGE.digest}").json()["manifests"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_who_asks_by_head_gets_the_headers_alone(agent: RunningAgent, kind: str):
    base = f"/registries/{kind}/v2/app"
    manifest = agent.ask("HEAD", f"{base}/manifests/1")
    blob = agent.ask("HEAD", f"{base}/blobs/{LAYER.digest}")

    assert (manifest.headers["docker-content-digest"], manifest.content) == (IMAGE.digest, b"")
    assert manifest.headers["content-length"] == str(len(IMAGE.raw))
    assert manifest.headers["content-type"] == IMAGE.media_type
    assert (blob.headers["content-length"], blob.content) == (str(len(LAYER.data)), b"")


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_blob_is_given(agent: RunningAgent, kind: str):
    path = f"/registries/{kind}/v2/app/blobs/{LAYER.digest}"
    answer = agent.ask("GET", path, headers={"Range": "bytes=5-9"})

    assert (answer.status_code, answer.content) == (206, LAYER.data[5:10])


@pytest.mark.parametrize("kind", ["local", "layout"])
def test_what_is_pushed_is_there_and_what_is_deleted_is_not(agent, kind, repository):
    base = f"/registries/{kind}/v2/{repository}"
    for blob in IMAGE.blobs:
        assert upload(agent, base, blob.data).status_code == 201
    put(agent, f"{base}/manifests/1")
    put(agent, f"{base}/manifests/2")

    assert agent.ask("DELETE", f"{base}/manifests/1").status_code == 202
    assert agent.ask("GET", f"{base}/tags/list").json()["tags"] == ["2"]
    assert agent.ask("DELETE", f"{base}/manifests/{IMAGE.digest}").status_code == 202
    assert agent.ask("GET", f"{base}/manifests/2").status_code == 404
    assert state_files(agent) == []


@pytest.mark.parametrize("kind", ["local", "layout"])
def test_a_blob_may_come_in_pieces(agent: RunningAgent, kind: str, repository: str):
    base, data = f"/registries/{kind}/v2/{repository}", b"0123456789" * 1000
    begun = agent.ask("POST", f"{base}/blobs/uploads/")
    place = begun.headers["location"].partition("/api/v1")[2]

    first = agent.ask("PATCH", place, content=data[:4000], headers={"Content-Range": "0-3999"})
    wrong = agent.ask("PATCH", place, content=b"x", headers={"Content-Range": "9-9"})
    state = agent.ask("GET", place)
    rest = agent.ask("PATCH", place, content=data[4000:])
    done = agent.ask("PUT", f"{place}?digest={Digest.of(data)}")

    assert (first.status_code, first.headers["range"]) == (202, "0-3999")
    assert (wrong.status_code, state.headers["range"]) == (416, "0-3999")
    assert (rest.status_code, done.status_code) == (202, 201)
    assert agent.ask("GET", f"{base}/blobs/{Digest.of(data)}").content == data
    assert agent.ask("GET", place).status_code == 404


@pytest.mark.parametrize("kind", ["local", "layout"])
@pytest.mark.parametrize("length", [1, 3_000_000])
def test_what_is_not_what_its_digest_says_is_not_stored(agent, kind, repository, length):
    base, wanted = f"/registries/{kind}/v2/{repository}", Digest.of(b"x" * length)
    answer = upload(agent, base, b"y" * length, wanted)

    assert code_of(answer) == (400, "DIGEST_INVALID")
    assert agent.ask("GET", f"{base}/blobs/{wanted}").status_code == 404


def test_a_blob_may_have_another_algorithm(agent: RunningAgent, repository: str):
    data = b"long" * 100_000
    digest = Digest.of(data, "sha512")

    assert upload(agent, f"/registries/layout/v2/{repository}", data, digest).status_code == 201
    assert code_of(upload(agent, f"/registries/local/v2/{repository}", b"other", digest)) == (
        400,
        "DIGEST_INVALID",
    )


def test_a_blob_of_another_repository_is_mounted(agent: RunningAgent, repository: str):
    for kind in ("local", "layout"):
        base = f"/registries/{kind}/v2/{repository}/blobs"
        query = f"mount={LAYER.digest}&from=app"
        assert agent.ask("POST", f"{base}/uploads/?{query}").status_code == 201
        assert agent.ask("GET", f"{base}/{LAYER.digest}").content == LAYER.data
    absent = Digest.of(b"absent")
    begun = agent.ask("POST", f"/registries/local/v2/x/blobs/uploads/?mount={absent}&from=app")
    assert begun.status_code == 202


def test_an_archive_is_only_read(agent: RunningAgent):
    for method, path in (
        ("POST", "app/blobs/uploads/"),
        ("PUT", "app/manifests/1"),
        ("DELETE", "app/manifests/1"),
    ):
        answer = agent.ask(method, f"/registries/archive/v2/{path}")
        assert code_of(answer) == (405, "UNSUPPORTED")


def test_places_are_below_the_agents_own(tmp_path):
    registries = {"lay.out": f"oci:{tmp_path / 'layout'}"}
    with running_agent(tmp_path / "agent", registries, "--base-url", "/hub/x") as agent:
        assert upload(agent, "/registries/lay.out/v2/a", b"data").status_code == 201
        assert upload(agent, "/registries/lay.out/v2/b", b"data").status_code == 201
        base = "/hub/x/api/v1/registries/lay.out/v2"
        begun = agent.ask("POST", "/registries/lay.out/v2/a/blobs/uploads/")
        for name in "ab":
            document = b'{"schemaVersion":2,"manifests":[]}'
            kind = "application/vnd.oci.image.index.v1+json"
            path = f"/registries/lay.out/v2/{name}/manifests/1"
            put = agent.ask("PUT", path, content=document, headers={"Content-Type": kind})
            assert put.headers["location"] == f"{base}/{name}/manifests/{Digest.of(document)}"
        page = agent.ask("GET", "/registries/lay.out/v2/_catalog?n=1&token=not-to-be-seen")

    assert begun.headers["location"].startswith(f"{base}/a/blobs/uploads/")
    assert page.headers["link"] == f'<{base}/_catalog?n=1&last=a>; rel="next"'


@pytest.mark.parametrize("dots", ["..", "%2e%2e"])
@pytest.mark.parametrize("path", ["metrics", "admin/gc", "v1/profiles", "", "health"])
def test_nothing_but_the_protocol_is_let_through(agent: RunningAgent, path: str, dots: str):
    for method in ("GET", "POST"):
        answer = agent.ask_as_written(method, f"/registries/layout/v2/{dots}/{path}")
        assert code_of(answer) == (404, "NOT_FOUND")
        said = answer.json()["errors"][0]["message"]
        assert said == f"There is no {method} /v2/../{path} here."


def test_what_the_protocol_does_not_have_is_not_there(agent: RunningAgent):
    assert code_of(agent.ask("GET", "/registries/layout/v2/app/other")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "name",
    ["../etc", "%2e%2e/etc", "app/../app", "UPPER", "a%00b", "%F0%9F%90%8B", "a%2f%2fb"],
)
def test_names_that_lead_elsewhere_are_refused(agent: RunningAgent, name: str):
    for kind in ("local", "layout"):
        answer = agent.ask_as_written("GET", f"/registries/{kind}/v2/{name}/tags/list")
        assert code_of(answer) == (400, "NAME_INVALID")
    assert agent.ask("GET", "/registries/local/v2/%ff%fe/tags/list").status_code == 400


def test_a_registry_that_is_not_there_is_said(agent: RunningAgent):
    answer = agent.ask("GET", "/registries/none/v2/")

    assert code_of(answer) == (404, "NAME_UNKNOWN")
    assert "there are: local, layout" in answer.json()["errors"][0]["message"]


def test_a_registry_that_is_down_is_no_failure_of_who_asks(agent: RunningAgent):
    for path in ("", "app/tags/list", "app/manifests/1"):
        answer = agent.ask("GET", f"/registries/down/v2/{path}")
        assert code_of(answer) == (424, "REGISTRY_UNREACHABLE")
        assert "Cannot reach down" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "UNAUTHORIZED", (424, "REGISTRY_WANTS_CREDENTIALS")),
        (403, "DENIED", (424, "REGISTRY_FORBIDS")),
        (404, "NAME_UNKNOWN", (404, "NAME_UNKNOWN")),
        (405, "UNSUPPORTED", (405, "UNSUPPORTED")),
        (400, "TAG_INVALID", (400, "TAG_INVALID")),
    ],
)
def test_what_a_registry_answers_the_agent_is_told(agent, status, code, expected):
    with faulty_server({"/v2/*": error(status, code, "as it says")}) as server:
        with added(agent, server.url):
            answer = agent.ask("GET", "/registries/odd/v2/app/tags/list")

    assert code_of(answer) == expected
    assert "as it says" in answer.text
    assert "www-authenticate" not in answer.headers


def test_a_registry_sees_nothing_of_who_asks_the_agent(agent: RunningAgent):
    tags = reply(json={"name": "app", "tags": ["1"]})
    with faulty_server({"/v2/*": tags}) as server, added(agent, server.url):
        headers = {"Cookie": "a=secret", "X-Other": "secret", "Referer": "http://secret/"}
        asked = agent.ask("GET", "/registries/odd/v2/app/tags/list?x=secret", headers=headers)

        assert asked.json()["tags"] == ["1"]
        assert server.authorizations == []
        seen = [f"{one.target} {one.headers}" for one in server.requests]
    assert seen
    assert not any("secret" in one or TOKEN in one for one in seen)


def test_a_registry_by_the_name_of_another_is_the_other(agent: RunningAgent):
    path, found = "/registries/odd/v2/app/tags/list", []
    for tag in ("one", "other"):
        with faulty_server({"/v2/*": reply(json={"name": "app", "tags": [tag]})}) as server:
            with added(agent, server.url):
                found += agent.ask("GET", path).json()["tags"]
            assert agent.ask("GET", path).status_code == 404

    assert found == ["one", "other"]


def test_curl_pushes_and_pulls(agent: RunningAgent, repository: str, tmp_path):
    file = tmp_path / "blob"
    file.write_bytes(b"by curl" * 500_000)
    digest = Digest.of(file.read_bytes())
    curl = [find_program("curl", "curl"), "--silent", "--show-error", "--fail", "--noproxy", "*"]
    curl += ["--header", f"Authorization: Bearer {TOKEN}"]
    base = f"{agent.url}/api/v1/registries/local/v2/{repository}/blobs"

    # In one piece, of which nobody knows the length before.
    chunked = ["--header", "Transfer-Encoding: chunked", "--request", "POST"]
    given = ["--data-binary", f"@{file}", "--header", "Content-Type: application/octet-stream"]
    subprocess.run([*curl, *chunked, *given, f"{base}/uploads/?digest={digest}"], check=True)
    pulled = subprocess.run([*curl, f"{base}/{digest}"], check=True, capture_output=True).stdout

    assert pulled == file.read_bytes()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "app/manifests/1", {"vic", "dev", "ada"}),
        ("HEAD", "app/manifests/1", {"vic", "dev", "ada"}),
        ("POST", "roles/blobs/uploads/", {"dev", "ada"}),
        ("PATCH", "roles/blobs/uploads/x", {"dev", "ada"}),
        ("PUT", "roles/manifests/1", {"dev", "ada"}),
        ("DELETE", "roles/blobs/uploads/x", {"dev", "ada"}),
        ("DELETE", "roles/manifests/none", {"ada"}),
        ("DELETE", f"roles/blobs/{Digest.of(b'absent')}", {"ada"}),
    ],
)
def test_each_role_may_what_it_is_for_and_no_more(agent, method, path, allowed):
    for user in ("vic", "dev", "ada"):
        answer = agent.ask(method, f"/registries/layout/v2/{path}", token=f"{user}-token")
        assert (answer.status_code != 403) == (user in allowed)
    for token in (None, "wrong"):
        answer = agent.ask(method, f"/registries/layout/v2/{path}", token=token)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_may_not_is_told_as_registries_tell_it(agent: RunningAgent):
    refused = agent.ask("PUT", "/registries/layout/v2/app/manifests/1", token="vic-token")

    assert code_of(refused) == (403, "DENIED")
    assert "vic's role does not allow it" in refused.json()["errors"][0]["message"]


def test_what_changes_something_is_remembered_and_told(agent: RunningAgent, repository: str):
    base = f"/registries/layout/v2/{repository}"
    for blob in IMAGE.blobs:
        upload(agent, base, blob.data, token="dev-token")
    listed = "/registries/layout/repositories"
    before = agent.ask("GET", listed).json()["repositories"]
    put(agent, f"{base}/manifests/1", token="dev-token")
    after = agent.ask("GET", listed).json()["repositories"]
    agent.ask("DELETE", f"{base}/manifests/1", token="vic-token")
    agent.ask("DELETE", f"{base}/manifests/1", token="ada-token")

    assert set(after) - set(before) == {repository}
    told = agent.ask("GET", "/events").json()["events"][:2]
    assert [(one["action"], one["actor"], one["tag"]) for one in told] == [
        ("delete", "ada", "1"),
        ("push", "dev", "1"),
    ]
    assert told[1]["digest"] == IMAGE.digest
    frame = audit_frame(agent.audit_file)
    mine = frame[frame["repository"] == repository].iloc[-3:]
    assert [tuple(row) for row in mine[["action", "actor", "tag", "outcome"]].to_numpy()] == [
        ("content.push", "dev", "1", "success"),
        ("content.delete", "vic", "1", "denied"),
        ("content.delete", "ada", "1", "success"),
    ]
