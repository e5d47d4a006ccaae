"""Registries and what is in them, over the agent's routes."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from ghostnb.server.asks import NewRegistry
from ghostnb.server.handlers.registries import _config
from tests.parts.agent import RunningAgent
from tests.parts.registries import RunningRegistry
from tests.parts.standard import STANDARD_IMAGES


def test_registries_are_listed_from_the_configuration(agent: RunningAgent):
    answer = agent.ask("GET", "/registries").json()["registries"]

    assert [one["name"] for one in answer[:2]] == ["local", "down"]
    assert [one["status"] for one in answer[:2]] == [None, None]


def test_each_registry_says_how_it_is(agent: RunningAgent):
    answer = agent.ask("GET", "/registries?ping=true").json()["registries"]

    assert answer[0]["status"] == "ok"
    assert "Cannot reach down" in answer[1]["status"]


def test_a_registry_is_added_used_and_removed(agent: RunningAgent, registry: RunningRegistry):
    body = {"name": "second", "url": registry.url, "username": "u", "password": "hush-hush"}
    body["namespace"] = "library"

    added = agent.ask("POST", "/registries", json=body)
    listed = agent.ask("GET", "/registries")
    again = agent.ask("GET", "/registries/second/repositories")
    removed = agent.ask("DELETE", "/registries/second")

    assert (added.status_code, added.json()["success"]) == (201, True)
    assert "hush-hush" not in listed.text + added.text
    assert listed.json()["registries"][-1]["has_auth"] is True
    assert {name.partition("/")[0] for name in again.json()["repositories"]} == {"library"}
    assert removed.json()["success"] is True
    assert agent.ask("DELETE", "/registries/second").status_code == 404


AT_HOME = {"name": "x", "url": "http://localhost:1", "username": "u"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "local", "url": "http://localhost:1"}, 409, "name_taken"),
        ({"name": "x", "url": "ftp://x"}, 422, "invalid_configuration"),
        ({"name": "../x", "url": "http://localhost:1"}, 422, "invalid_configuration"),
        ({"name": "x", "url": "http://example.com"}, 422, "invalid_configuration"),
        ({"name": "x", "url": "oci:/etc"}, 422, "invalid_configuration"),
        ({**AT_HOME, "password": "env:HOME"}, 422, "invalid_configuration"),
        ({**AT_HOME, "password": "keyring:a"}, 422, "invalid_configuration"),
        ({"name": "x", "url": 1}, 422, "invalid_body"),
        ({"name": "x"}, 422, "invalid_body"),
        ({"name": "x", "url": "http://localhost:1", "pasword": "p"}, 422, "invalid_body"),
        ([], 422, "invalid_body"),
    ],
)
def test_a_registry_that_cannot_be_is_refused(agent, body, status, code):
    answer = agent.ask("POST", "/registries", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["success"] is False


def test_repositories_come_in_pages_with_a_link(agent: RunningAgent):
    whole = agent.ask("GET", "/registries/local/repositories").json()["repositories"]
    page = agent.ask("GET", "/registries/local/repositories?n=2")

    following = page.headers["link"].partition(">")[0].removeprefix("</api/v1")
    assert whole == sorted(whole)
    assert page.json()["repositories"] == whole[:2]
    assert agent.ask("GET", following).json()["repositories"] == whole[2:4]


def test_tags_are_described_where_that_is_asked_for(agent: RunningAgent):
    path = "/registries/local/repositories/library/alpine/tags"
    plain = agent.ask("GET", path).json()
    page = agent.ask("GET", f"{path}?details=true&n=1")
    following = page.headers["link"].partition(">")[0].removeprefix("</api/v1")
    rest = agent.ask("GET", following).json()["details"]

    assert plain["details"] == []
    assert [one["tag"] for one in page.json()["details"] + rest] == plain["tags"][:2]
    document = STANDARD_IMAGES["library/alpine:3.19"]
    (first,) = page.json()["details"]
    assert (first["digest"], first["platforms"]) == (document.digest, ["linux/amd64"])
    assert (first["size"], first["error"]) == (document.total_bytes, None)


def test_a_search_says_which_registry_failed_and_how(agent: RunningAgent):
    answer = agent.ask("GET", "/images/search?q=alpine").json()

    assert [one["repository"] for one in answer["images"]] == ["library/alpine"]
    (failed,) = answer["errors"]
    assert (failed["registry"], failed["code"]) == ("down", "registry_unreachable")


def test_what_a_registry_does_wrong_is_no_failure_of_the_agents(agent: RunningAgent):
    answer = agent.ask("GET", "/registries/down/repositories")

    assert (answer.status_code, answer.json()["code"]) == (502, "registry_unreachable")


def first_image(agent: RunningAgent) -> tuple[str, str]:
    """Give a repository with a slash in its name, and a tag of it."""
    names = agent.ask("GET", "/registries/local/repositories").json()["repositories"]
    for name in (name for name in names if "/" in name):
        if tags := agent.ask("GET", f"/registries/local/repositories/{name}/tags").json()["tags"]:
            return name, tags[0]
    raise AssertionError(names)


def test_an_image_is_described_also_where_slashes_are_escaped(agent: RunningAgent):
    name, tag = first_image(agent)

    plain = agent.ask("GET", f"/registries/local/repositories/{name}/tags/{tag}")
    escaped = agent.ask(
        "GET", f"/registries/local/repositories/{name.replace('/', '%2F')}/tags/{tag}"
    )

    assert plain.json() == escaped.json()
    assert plain.json()["size"] == sum(layer["size"] for layer in plain.json()["layers"])
    assert plain.json()["digest"].startswith("sha256:")


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fetc",
        "a/../b",
        "a/%2e%2e/b",
        # As the path is written, this is library/alpine.
        "library/x/../alpine",
        "a%00b",
        "%F0%9F%90%8B",
        "UPPER",
    ],
)
def test_names_that_lead_elsewhere_are_refused(agent: RunningAgent, name: str):
    answer = agent.ask_as_written("GET", f"/registries/local/repositories/{name}/tags")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_reference")
    assert f"{unquote(name)!r} is not a repository's name" in answer.json()["message"]


def test_what_is_added_is_used_with_nothing_that_is_stored_on_the_agents_machine():
    asked = NewRegistry(name="cloud", url="https://1.dkr.ecr.eu-west-1.amazonaws.com")

    assert _config(asked).stored_credentials is False
