"""Containers of a real daemon over the agent's routes: made, run, read and removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from ghostnb import audit_frame
from tests.server.working import DEVELOPER, VIEWER, Working

SECRET = "hush-hush-value"
BUSY = "while :; do :; done"


@pytest.fixture(autouse=True)
def client(working: Working) -> Iterator[docker.APIClient]:
    """Ask the daemon itself; whatever a test made goes with it."""
    with contextlib.closing(docker.APIClient(base_url=working.daemon.url, version="1.41")) as asks:
        yield asks
        for container in asks.containers(all=True):
            asks.remove_container(container["Id"], force=True, v=True)


def body_of(working: Working, script: str = "sleep 60", **more: Any) -> dict[str, Any]:
    return {"image": working.box, "command": ["sh", "-c", script], "networks": ["none"], **more}


def create(working: Working, script: str = "sleep 60", **more: Any) -> dict[str, Any]:
    body = body_of(working, script, **more)
    answer = working.ask("POST", "/containers", json=body, token=DEVELOPER)
    assert answer.status_code == 201, answer.text
    return answer.json()["container"]


def test_a_life(working: Working):
    made = create(
        working,
        "trap 'exit 3' TERM; echo begun; while :; do sleep 0.1; done",
        name="a-life",
        env={"TOKEN": SECRET},
        labels={"team": "a"},
    )
    listed = working.ask("GET", "/containers").json()["containers"]
    found = working.ask("GET", "/containers/a-life").json()["container"]
    assert (made["name"], made["image"], made["state"]) == ("a-life", working.box, "running")
    assert made["labels"] == {"team": "a"}
    assert (made["networks"], made["ports"]) == (["none"], [])
    assert found == made
    assert [(one["id"], one["state"]) for one in listed] == [(made["id"], "running")]
    assert listed[0]["status"].startswith("Up ")
    assert listed[0]["created"] == made["created"][:19] + "Z"

    stopped = working.ask("POST", "/containers/a-life/stop?timeout_seconds=5", token=DEVELOPER)
    assert stopped.json()["container"]["state"] == "exited"
    assert stopped.json()["container"]["exit_code"] == 3
    assert working.ask("GET", "/containers?all=false").json() == {"containers": []}
    started = working.ask("POST", f"/containers/{made['id'][:12]}/start", token=DEVELOPER)
    assert started.json()["container"]["state"] == "running"
    again = working.ask("POST", "/containers/a-life/restart?timeout_seconds=5", token=DEVELOPER)
    assert again.json()["container"]["started"] > started.json()["container"]["started"]

    refused = working.ask("DELETE", "/containers/a-life", token=DEVELOPER)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    removed = working.ask("DELETE", "/containers/a-life?force=true", token=DEVELOPER)
    assert removed.json()["success"] is True
    assert working.ask("GET", "/containers/a-life").status_code == 404


def test_what_is_not_started_tells_its_ports_as_they_were_asked_for(working: Working):
    made = create(
        working,
        networks=[],
        ports=[
            {"container_port": 80, "host_port": 18080, "host_ip": "127.0.0.1"},
            {"container_port": 53, "protocol": "udp"},
        ],
        volumes=[{"source": "some-data", "target": "/data", "read_only": True}],
        restart_policy="on-failure:2",
        start=False,
    )

    assert made["state"] == "created"
    assert sorted(made["ports"], key=lambda port: port["container_port"]) == [
        {"container_port": 53, "host_port": None, "protocol": "udp", "host_ip": None},
        {"container_port": 80, "host_port": 18080, "protocol": "tcp", "host_ip": "127.0.0.1"},
    ]


def test_what_a_container_is_to_be_like_reaches_the_daemon(
    working: Working, client: docker.APIClient
):
    made = create(
        working,
        command="sh -c 'exit 0'",
        volumes=[
            {"source": "some-data", "target": "/data", "read_only": True},
            {"target": "/memory", "volume_type": "tmpfs"},
        ],
        env={"A": "1"},
        restart_policy="unless-stopped",
        start=False,
    )
    found = client.inspect_container(made["id"])

    assert found["Config"]["Cmd"] == ["sh", "-c", "exit 0"]
    assert "A=1" in found["Config"]["Env"]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    mounts = {mount["Target"]: mount for mount in found["HostConfig"]["Mounts"]}
    assert mounts["/data"]["ReadOnly"] is True
    assert mounts["/memory"]["Type"] == "tmpfs"


def test_networks_are_joined(working: Working, client: docker.APIClient):
    made = [client.create_network(name)["Id"] for name in ("left", "right")]
    try:
        container = create(working, networks=["left", "right"])
        listed = working.ask("GET", "/containers").json()["containers"][0]
        client.remove_container(container["id"], force=True)
    finally:
        for network in made:
            client.remove_network(network)

    assert container["networks"] == listed["networks"] == ["left", "right"]


def test_all_that_is_wrong_is_told_by_field(working: Working):
    body = {
        "image": "UPPER",
        "name": "a b",
        "command": "'open",
        "ports": [{"container_port": 0}, {"container_port": 80, "protocol": "x"}],
        "volumes": [{"target": "data"}, {"target": "/a", "volume_type": "bind", "source": "b"}],
        "networks": ["host", "other"],
        "env": {"1A": SECRET, "A": "\0" + SECRET},
        "labels": {"": ""},
        "restart_policy": "maybe",
    }
    answer = working.ask("POST", "/containers", json=body)

    problems = answer.json()["problems"]
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_container")
    assert set(problems) == set(body)
    assert "Number 1" in problems["ports"]
    assert "Number 2" in problems["volumes"]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "more",
    [
        {"image": 1},
        {"image": ""},
        {"image": None},
        {"images": "x"},
        {"command": [1]},
        {"ports": [80]},
        {"ports": [{"container_port": "80"}]},
        {"ports": [{"container_port": 80, "hostport": 80}]},
        {"volumes": {"a": "b"}},
        {"networks": "none"},
        {"env": {"A": 1}},
        {"env": ["A=1"]},
        {"start": "no"},
    ],
)
def test_a_body_of_another_kind_is_refused(working: Working, more: dict[str, Any]):
    answer = working.ask("POST", "/containers", json=body_of(working, **more))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


def test_an_image_that_is_not_there_is_not_pulled(working: Working, client: docker.APIClient):
    image = f"{working.origin.host}/team/app:2.0"
    answer = working.ask("POST", "/containers", json=body_of(working, image=image))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "Pull it first" in answer.json()["message"]
    assert client.images(image) == []


def test_a_name_that_is_taken_is_a_conflict(working: Working):
    create(working, name="taken")
    answer = working.ask("POST", "/containers", json=body_of(working, name="taken"))

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_what_runs_is_not_started_again(working: Working):
    made = create(working)
    answer = working.ask("POST", f"/containers/{made['id']}/start")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert working.ask("POST", f"/containers/{made['id']}/stop?timeout_seconds=0").is_success
    assert working.ask("POST", f"/containers/{made['id']}/stop").is_success


def test_what_cannot_run_is_told_and_not_left_behind(working: Working):
    body = body_of(working, command=["/no/such/program"], env={"TOKEN": SECRET})
    answer = working.ask("POST", "/containers", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_run")
    assert working.ask("GET", "/containers").json() == {"containers": []}


def test_no_value_of_the_environment_comes_back(working: Working):
    env = {"TOKEN": SECRET, "OTHER": f"{SECRET}=2"}
    made = create(working, env=env, name="secretive")
    path = f"/containers/{made['id']}"
    said = [
        working.ask("GET", "/containers").text,
        working.ask("GET", path).text,
        working.ask("POST", f"{path}/restart?timeout_seconds=0").text,
        working.ask("POST", "/containers", json=body_of(working, env=env, name="secretive")).text,
        working.ask("POST", "/containers", json=body_of(working, env=env, image="nowhere")).text,
        working.ask("POST", "/containers", json=body_of(working, env=env, x=SECRET)).text,
        working.ask("GET", "/events").text,
        working.agent.audit_file.read_text(),
        working.agent.log_file.read_text(),
    ]

    assert [text for text in said if SECRET in text] == []


HOST = [
    {"volumes": [{"source": "/", "target": "/host", "volume_type": "bind"}]},
    {"networks": ["host"]},
    {"networks": ["container:other"]},
]


@pytest.mark.parametrize("more", HOST)
def test_what_belongs_to_the_host_only_admins_give(working: Working, more: dict[str, Any]):
    body = body_of(working, **more)
    refused = working.ask(
        "POST", "/containers", json=body, token=DEVELOPER, headers={"X-Request-Id": "host"}
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert working.ask("GET", "/containers").json() == {"containers": []}
    frame = audit_frame(working.agent.audit_file)
    noted = frame[frame["request_id"] == "host"].iloc[-1]
    assert (noted["outcome"], noted["resource"]) == ("denied", "ghostnb.host")


def test_admins_mount_what_is_the_hosts(working: Working, tmp_path: Path):
    (tmp_path / "file").write_text("from the host\n")
    volume = {"source": f"{tmp_path}", "target": "/host", "volume_type": "bind"}
    body = body_of(working, "cat /host/file", volumes=[volume], networks=["host"])
    made = working.ask("POST", "/containers", json=body)

    assert made.status_code == 201
    path = f"/containers/{made.json()['container']['id']}/logs?follow=true"
    assert working.ask("GET", path).text == "from the host\n"


def test_the_hosts_network_is_not_had_by_its_id_either(working: Working, client: docker.APIClient):
    (network,) = client.networks(names=["host"])
    for networks in ([network["Id"]], [network["Id"][:2]], ["none", network["Id"]]):
        body = body_of(working, networks=networks)
        answer = working.ask("POST", "/containers", json=body, token=DEVELOPER)
        # So few digits may be another network's, too.
        assert answer.status_code in (403, 409, 422), networks
    body = body_of(working, networks=["bridge", network["Id"][:12]])
    assert working.ask("POST", "/containers", json=body, token=DEVELOPER).status_code == 403
    assert working.ask("GET", "/containers").json() == {"containers": []}


def test_a_network_that_there_is_not_is_not_found(working: Working):
    body = body_of(working, networks=["nowhere"])
    answer = working.ask("POST", "/containers", json=body, token=DEVELOPER)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers"),
        ("DELETE", "/containers/a"),
        ("POST", "/containers/a/start"),
        ("POST", "/containers/a/stop"),
        ("POST", "/containers/a/restart"),
        ("GET", "/containers/a/logs"),
    ],
)
def test_who_only_views_changes_nothing_and_reads_no_logs(working: Working, method, path):
    assert working.ask(method, path, token=VIEWER, json={}).status_code == 403


NAMES = ["..%2Fimages%2Fx", "%2e%2e", "a%3Fforce=1", "a%23b", "a%00", "-a", "%C3%BC", "a%20b"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(working: Working, name: str):
    for method, end in (
        ("GET", ""),
        ("DELETE", "?force=true"),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/restart"),
        ("GET", "/logs"),
        ("GET", "/stats"),
        ("GET", "/stats?stream=true"),
    ):
        answer = working.ask(method, f"/containers/{name}{end}")
        assert answer.status_code in (404, 405, 422), (method, end)
        assert answer.json()["success"] is False


@pytest.mark.parametrize(
    ("method", "end"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/restart"),
        ("GET", "/logs"),
        ("GET", "/logs?follow=true"),
        ("GET", "/stats"),
        ("GET", "/stats?stream=true"),
    ],
)
def test_a_container_that_there_is_not_is_not_found(working: Working, method: str, end: str):
    answer = working.ask(method, f"/containers/absent{end}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query", ["logs?tail=-1", "logs?tail=some", "logs?follow=maybe", "logs?x=1", "stats?stream=2"]
)
def test_a_query_that_cannot_be_meant_is_refused(working: Working, query: str):
    answer = working.ask("GET", f"/containers/absent/{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")


def test_without_a_daemon_there_is_no_container(agent):
    for method, path in (
        ("GET", "/containers"),
        ("GET", "/containers/a"),
        ("DELETE", "/containers/a"),
    ):
        answer = agent.ask(method, path)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_daemon")


def test_who_made_what_is_remembered(working: Working):
    create(working, name="remembered")
    working.ask("DELETE", "/containers/remembered?force=true")

    frame = audit_frame(working.agent.audit_file)
    made = frame[frame["action"] == "containers.create"].iloc[-1]
    removed = frame[frame["action"] == "containers.remove"].iloc[-1]
    assert (made["actor"], made["outcome"], removed["actor"]) == ("dev", "success", "owner")
    assert "remembered" in made["target"]
    assert working.box in made["target"]
    assert removed["target"] == "remembered"
