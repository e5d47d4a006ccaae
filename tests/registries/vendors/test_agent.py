"""A registry behind an agent: its lists, its searches, and what it says when something fails."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
    RejectedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.vendors import offers_of
from tests.parts.faults import faulty_server
from tests.parts.replies import error, reply
from tests.registries.conftest import ask, listed

API = "/api/v1"
PLACE = f"{API}/registries/hub"
FOUND = {"repository": "library/nginx", "star_count": 7, "official": True, "size": 5}
ENTRY = {
    "registry": "hub",
    "repository": "library/nginx",
    "description": None,
    "tag_count": 3,
    "pull_count": 9,
    "star_count": None,
    "official": True,
    "updated": None,
}


def behind(server, kind: str = "agent:docker-hub") -> HTTPRegistry:
    return HTTPRegistry(RegistryConfig("mine", f"{server.url}{PLACE}", token="t", kind=kind))


def failure(status: int, code: str, message: str = "as it says"):
    return reply(status, json={"success": False, "message": message, "code": code})


def test_lists_are_the_agents_page_by_page():
    link = f'<{PLACE}/repositories?n=1000&last=library%2Fnginx>; rel="next"'
    first = reply(json={"repositories": [], "details": [ENTRY]}, headers={"Link": link})
    last = reply(json={"repositories": [], "details": [ENTRY | {"repository": "library/z"}]})
    with faulty_server({f"{PLACE}/repositories": [first, last]}) as server:
        found = ask(behind(server), lambda registry: listed(registry.repositories("library")))

        assert [one.repository for one in found] == ["library/nginx", "library/z"]
        assert (found[0].registry, found[0].pull_count) == ("mine", 9)
        assert server.requests[0].query == {"n": "1000", "namespace": "library"}
        assert server.requests[1].query == {"n": "1000", "last": "library/nginx"}


def test_a_list_that_leads_back_has_an_end():
    link = f'<{PLACE}/repositories?n=1000>; rel="next"'
    again = reply(json={"details": [ENTRY]}, headers={"Link": link})
    with faulty_server({f"{PLACE}/repositories": again}) as server:
        assert len(ask(behind(server), lambda registry: listed(registry.repositories()))) == 1


def test_a_list_leads_to_nobody_else():
    with faulty_server(host="127.0.0.2") as other:
        link = f'<{other.url}/x>; rel="next"'
        answer = reply(json={"details": [ENTRY]}, headers={"Link": link})
        with faulty_server({f"{PLACE}/repositories": answer}) as server:
            with pytest.raises(ProtocolError):
                ask(behind(server), lambda registry: listed(registry.repositories()))
        assert other.count() == 0


def test_a_search_is_the_agents():
    broken = {"registry": "hub", "repository": "a/b", "tag": "", "message": "no", "code": "x"}
    answer = reply(json={"images": [FOUND], "errors": [broken]})
    with faulty_server({f"{API}/images/search": answer}) as server:
        search = lambda registry: listed(registry.search(" nginx ", limit=500))  # noqa: E731
        found = ask(behind(server), search)

        assert server.requests[0].query == {"q": "nginx", "registry": "hub", "limit": "100"}
    assert (found[0].registry, found[0].repository, found[0].size_bytes) == (
        "mine",
        "library/nginx",
        5,
    )
    assert (found[1].repository, str(found[1].error)[:4]) == ("a/b", "mine")


def test_a_search_of_which_nothing_came_fails():
    broken = {
        "registry": "hub",
        "repository": "",
        "tag": "",
        "message": "Cannot reach hub.",
        "code": "registry_unreachable",
    }
    with faulty_server(
        {f"{API}/images/search": reply(json={"images": [], "errors": [broken]})}
    ) as s:
        with pytest.raises(TransportError, match="Cannot reach hub"):
            ask(behind(s), lambda registry: listed(registry.search("nginx", limit=5)))


def test_tags_are_described_by_the_agent_where_the_vendor_does_that():
    entry = {"tag": "1", "digest": "sha256:x", "size": 3, "platforms": ["linux/amd64"]}
    routes = {
        f"{PLACE}/repositories/library/nginx/tags": reply(json={"details": [entry]}),
        f"{PLACE}/v2/nginx/tags/list": reply(json={"name": "nginx", "tags": []}),
    }
    with faulty_server(routes) as server:
        details = lambda registry: listed(registry.tag_details("nginx"))  # noqa: E731
        (found,) = ask(behind(server), details)
        assert (found.tag, found.size_bytes, found.platforms) == ("1", 3, ("linux/amd64",))
        assert ask(behind(server, "agent:distribution"), details) == []


@pytest.mark.parametrize("kind", ["agent", "agent:distribution", "agent:something-new"])
def test_names_of_what_is_not_known_stay_as_they_are(kind):
    with faulty_server() as server:
        registry = behind(server, kind)
        assert (registry.repository("nginx"), registry.kind) == ("nginx", kind)
        assert behind(server).repository("nginx") == "library/nginx"


@pytest.mark.parametrize("kind", ["docker-hub:agent", "auto:x", "agents"])
def test_what_is_no_kind_is_refused(kind):
    with pytest.raises(ConfigError, match="is not known"):
        HTTPRegistry(RegistryConfig("mine", "http://localhost:1", kind=kind))


@pytest.mark.parametrize("path", ["", API, f"{API}/registries", f"{PLACE}/repositories"])
@pytest.mark.parametrize("kind", ["agent", "agent:docker-hub"])
def test_what_is_no_registrys_address_at_an_agent_is_refused(path, kind):
    config = RegistryConfig("mine", f"http://localhost:1{path}", kind=kind)
    with pytest.raises(ConfigError, match=r"The URL of mine, \S+, is that of no registry") as e:
        HTTPRegistry(config)
    assert "Fleet.from_agent(url, token)" in e.value.hint


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (502, "registry_wants_credentials", UnauthorizedError),
        (502, "registry_forbids", ForbiddenError),
        (502, "registry_unreachable", TransportError),
        (504, "registry_timeout", TransportTimeoutError),
        (502, "registry_damaged", IntegrityError),
        (502, "registry_unreadable", ProtocolError),
        (502, "registry_failed", ServerError),
        (422, "unsupported", UnsupportedError),
        (422, "invalid_configuration", ServerError),
        (404, "not_found", NotFoundError),
        (409, "registry_rejects", RejectedError),
        (401, "unauthenticated", UnauthorizedError),
        (403, "forbidden", ForbiddenError),
    ],
)
def test_what_failed_is_of_the_class_that_fits_and_asked_once(status, code, kind):
    with faulty_server({f"{PLACE}/repositories": failure(status, code)}) as server:
        with pytest.raises(kind) as caught:
            ask(behind(server), lambda registry: listed(registry.repositories()))

        assert type(caught.value) is kind
        assert "as it says" in str(caught.value)
        assert server.count() == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("REGISTRY_WANTS_CREDENTIALS", UnauthorizedError),
        ("REGISTRY_FORBIDS", ForbiddenError),
        ("REGISTRY_UNREACHABLE", TransportError),
        ("REGISTRY_DAMAGED", IntegrityError),
        ("REGISTRY_FAILED", ServerError),
    ],
)
def test_what_a_registry_did_to_the_agent_is_told_of_content_too(code, kind):
    with faulty_server({f"{PLACE}/v2/*": error(424, code, "as it says")}) as server:
        with pytest.raises(kind, match=r"as it says So says the agent at ") as caught:
            ask(behind(server), lambda registry: listed(registry.tags("app")))

        assert (type(caught.value), caught.value.status) == (kind, 424)
        assert server.count() == 1


def test_the_agents_own_refusals_say_what_to_do_there():
    for status, code, kind, words in (
        (401, "UNAUTHORIZED", UnauthorizedError, "Give the agent's token"),
        (403, "DENIED", ForbiddenError, "developers push, admins delete"),
    ):
        with faulty_server({f"{PLACE}/v2/*": error(status, code)}) as server:
            with pytest.raises(kind, match=words):
                ask(behind(server), lambda registry: listed(registry.tags("app")))


def test_too_much_at_once_is_waited_for():
    answers = [
        reply(429, json={"message": "later", "code": "x"}, headers={"Retry-After": "0"}),
        reply(json={"details": [ENTRY]}),
    ]
    with faulty_server({f"{PLACE}/repositories": answers}) as server:
        assert len(ask(behind(server), lambda registry: listed(registry.repositories()))) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"details": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_answer_is_told(body):
    with faulty_server({f"{PLACE}/repositories": reply(body=body)}) as server:
        with pytest.raises(ProtocolError, match="cannot be read"):
            ask(behind(server), lambda registry: listed(registry.repositories()))


@pytest.mark.parametrize(
    ("kind", "offers"),
    [
        ("agent:harbor", ("repositories", "tag details", "search")),
        ("agent:drift", ()),
        ("agent", ()),
    ],
)
def test_what_an_agent_does_not_pass_on_is_not_offered(kind, offers):
    """The kind alone says the same as the greeting: nothing of Bolt, whatever is behind it."""
    with faulty_server({f"{PLACE}/v2/": reply(json={})}) as server:
        registry = behind(server, kind)
        assert offers_of(registry.kind) == offers
        assert ask(registry, lambda one: one.ping()).offers == offers
