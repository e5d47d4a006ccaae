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
from ghostnb.registries.records import UsageRecord
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
        ("agent:harbor", ("repositories", "tag details", "search", "tag deletion", "usage")),
        ("agent:docker-hub", ("repositories", "tag details", "search", "pull limit")),
        ("agent:ghcr", ("repositories", "tag deletion")),
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


HUB = {"name": "hub", "kind": "harbor", "status": "ok", "rights": "The user ada.", "doubt": ""}
STORED = {
    "registry": "hub",
    "namespace": "team",
    "repository_count": 3,
    "stored_bytes": 7,
    "quota_bytes": None,
}
# As the agent answered before it had these routes: of its own, and below Jupyter Server.
NO_METHOD = failure(405, "method_not_allowed", "There is no GET here.")
NO_ROUTE = failure(404, "not_found", f"There is no {PLACE}/usage here.")
NO_PAGE = reply(404, body=b"<html>404</html>", headers={"Content-Type": "text/html"})


def greeted(server, kind: str = "agent:auto"):
    """Ping, and give what was answered and what the registry is taken for from then on."""

    async def work(registry):
        ping = await registry.ping()
        assert ping.kind == registry.kind
        return ping

    server.routes[f"{PLACE}/v2/"] = reply(json={})
    return ask(behind(server, kind), work)


@pytest.mark.parametrize("kind", ["agent", "agent:auto"])
def test_what_the_agent_finds_out_is_known_here_too(kind):
    with faulty_server({PLACE: reply(json=HUB)}) as server:
        ping = greeted(server, kind)

        assert (ping.kind, ping.offers) == ("agent:harbor", offers_of("agent:harbor"))
        assert ping.rights == "the agent's, within your role there: The user ada."
        assert [one.target for one in server.seen(PLACE)] == [f"{PLACE}?ping=true"]
        assert server.count(f"{API}/registries") == 0


def test_names_are_completed_as_soon_as_it_is_known_where_they_lead():
    async def names(registry):
        before = registry.repository("nginx")
        await registry.ping()
        return before, registry.repository("nginx")

    routes = {PLACE: reply(json=HUB | {"kind": "docker-hub"}), f"{PLACE}/v2/": reply(json={})}
    with faulty_server(routes) as server:
        assert ask(behind(server, "agent:auto"), names) == ("nginx", "library/nginx")


@pytest.mark.parametrize("told", ["auto", ""])
def test_what_the_agent_does_not_know_either_stays_open(told):
    with faulty_server({PLACE: reply(json=HUB | {"kind": told, "rights": ""})}) as server:
        ping = greeted(server)

        assert (ping.kind.removesuffix(":auto"), ping.offers, ping.rights) == ("agent", (), "")


def test_a_kind_that_was_known_stays():
    with faulty_server({PLACE: reply(json=HUB)}) as server:
        assert greeted(server, "agent:zot").kind == "agent:zot"


def test_what_the_agent_doubts_is_said_to_be_its_doubt():
    with faulty_server({PLACE: reply(json=HUB | {"doubt": "is the kind right?"})}) as server:
        assert greeted(server).doubt == "the agent says: is the kind right?"
        server.routes[PLACE] = reply(json=HUB)
        assert greeted(server).doubt == ""


def test_a_doubt_goes_with_the_answer_that_told_it():
    async def work(registry):
        first = await registry.ping()
        server.routes[PLACE] = failure(502, "failed", "Something broke.")
        return first.doubt, (await registry.ping()).doubt

    routes = {PLACE: reply(json=HUB | {"doubt": "is it?"}), f"{PLACE}/v2/": reply(json={})}
    with faulty_server(routes) as server:
        assert ask(behind(server), work) == ("the agent says: is it?", "")


def test_what_an_agent_says_is_one_line_of_letters_and_no_longer_than_is_read():
    hostile = "\x1b[2J\u202eadmin\n" + "x" * 100_000
    told = HUB | {"kind": hostile, "rights": hostile, "doubt": hostile}
    with faulty_server({PLACE: reply(json=told)}) as server:
        ping = greeted(server)
        server.routes[PLACE] = reply(json=told | {"status": hostile})
        failed = greeted(server)

    assert ping.kind == "agent"
    for text in (ping.rights, ping.doubt, failed.rights):
        assert text.isprintable()
        assert len(text) < 5000


def test_rights_that_the_agent_could_not_ask_for_are_not_told():
    with faulty_server({PLACE: reply(json=HUB | {"status": "Cannot reach hub."})}) as server:
        assert greeted(server).rights == "not told (Cannot reach hub.)"


@pytest.mark.parametrize("answer", [NO_METHOD, NO_PAGE])
def test_an_older_agent_tells_no_rights_and_answers_all_the_same(answer):
    with faulty_server({PLACE: answer}) as server:
        ping = greeted(server)

        assert (ping.kind, ping.rights, ping.doubt) == ("agent:auto", "", "")


def test_what_else_keeps_the_agent_from_telling_is_said():
    with faulty_server({PLACE: failure(404, "not_found", "No registry is called 'hub'")}) as server:
        assert "No registry is called 'hub'" in greeted(server).rights


def usage(namespace: str | None = None):
    return lambda registry: listed(registry.usage_records(namespace))


@pytest.mark.parametrize("kind", ["agent:harbor", "agent:ghcr", "agent:auto"])
@pytest.mark.parametrize(("namespace", "query"), [(None, {}), ("a/b", {"namespace": "a/b"})])
def test_usage_is_what_the_agent_tells(kind, namespace, query):
    """It is asked of whatever kind: a newer one may know more of it."""
    with faulty_server({f"{PLACE}/usage": reply(json={"usage": [STORED]})}) as server:
        found = ask(behind(server, kind), usage(namespace))

        assert found == [UsageRecord("mine", "team", 3, 7, None)]
        assert [one.query for one in server.requests] == [query]


@pytest.mark.parametrize("route", [NO_ROUTE, NO_PAGE])
@pytest.mark.parametrize("item", [NO_METHOD, NO_PAGE])
def test_an_older_agent_that_tells_no_usage_is_said_to_be_older(route, item):
    with faulty_server({f"{PLACE}/usage": route, PLACE: item}) as server:
        with pytest.raises(UnsupportedError, match="mine is behind an agent that is older") as e:
            ask(behind(server), usage())

    assert "Update ghostnb where the agent runs" in e.value.hint


def test_a_namespace_that_is_not_there_is_no_older_agent():
    absent = failure(404, "not_found", "there is no project nowhere")
    with faulty_server({f"{PLACE}/usage": absent, PLACE: reply(json=HUB)}) as server:
        with pytest.raises(NotFoundError, match="there is no project nowhere"):
            ask(behind(server), usage("nowhere"))
        assert server.seen(PLACE)[0].query == {}


def test_a_vendor_that_does_not_tell_is_told_by_the_agent():
    told = failure(422, "unsupported", "hub (Drift) does not tell what is stored.")
    with faulty_server({f"{PLACE}/usage": told}) as server:
        with pytest.raises(UnsupportedError, match=r"hub \(Drift\) does not tell what is stored"):
            ask(behind(server), usage())
