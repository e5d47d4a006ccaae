"""Who asks: basic and bearer against docker-registry, odd challenges against a scripted server."""

import asyncio
import base64

import pytest

from ghostnb.errors import NotFoundError, ProtocolError, ServerError, UnauthorizedError
from tests.parts.faults import faulty_server
from tests.parts.replies import error, hang, html, redirect, reply
from tests.parts.token_server import changed
from tests.registries.asking import (
    ask,
    checked,
    manifest_of,
    open_registry,
    ping,
    refused,
    repositories,
    tags_of,
)

GHOST = {"username": "ghost", "password": "nb-s3cret"}
WRONG = {"username": "ghost", "password": "wr0ng-secret"}
ALPINE = ["3.19", "3.20", "latest"]
PULL = "repository:library/alpine:pull"
TAGS = reply(json={"name": "app", "tags": ["1"]})


def basic(username="ghost", password="nb-s3cret"):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def challenging(*challenges, accepts):
    """Answer 401 with these challenges until an Authorization is among the accepted."""

    def answer(request):
        if request.headers.get("authorization") in accepts:
            return TAGS
        return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": ", ".join(challenges)})

    return answer


def protect(server, *, realm=None):
    """Let a scripted registry want a token; by default of a token server beside it."""
    bearer = f'Bearer realm="{realm or server.url + "/token"}",service="s"'
    server.routes["/v2/*"] = challenging(bearer, accepts=("Bearer t1", "Bearer t2"))


def test_basic_credentials_open_a_registry(htpasswd_registry):
    assert ask(htpasswd_registry.url, tags_of("library/alpine"), **GHOST) == ALPINE
    assert ask(htpasswd_registry.url, ping, **GHOST) is True


def test_without_a_password_basic_says_what_to_do(htpasswd_registry):
    url = htpasswd_registry.url
    words = (
        f"reg at {url}/v2/library/alpine/tags/list",
        "refused the tags of library/alpine (UNAUTHORIZED: authentication required)",
        f"docker login {htpasswd_registry.host}",
    )
    found = refused(UnauthorizedError, *words, url=url, question=tags_of("library/alpine"))
    assert found.status == 401


def test_with_a_wrong_password_basic_says_whose(htpasswd_registry):
    words = (
        f"reg at {htpasswd_registry.url} does not take the password of the user 'ghost'",
        "(UNAUTHORIZED: authentication required)",
        f"docker login {htpasswd_registry.host}",
    )
    question = tags_of("library/alpine")
    url = htpasswd_registry.url
    found = refused(UnauthorizedError, *words, url=url, question=question, **WRONG)
    assert found.status == 401


def test_a_wrong_password_is_sent_once_and_not_again():
    with faulty_server() as server:
        server.routes["/v2/*"] = challenging('Basic realm="x"', accepts=[basic()])
        refused(UnauthorizedError, url=server.url, question=tags_of("app"), **WRONG)
        assert [basic("ghost", "wr0ng-secret")] == server.authorizations


def test_basic_is_challenged_once_and_then_sent_with_every_request():
    async def three(registry):
        return [await tags_of(name)(registry) for name in ("a", "b", "c")]

    with faulty_server() as server:
        server.routes["/v2/*"] = challenging('Basic realm="x"', accepts=[basic()])
        assert ask(server.url, three, **GHOST) == [["1"]] * 3
        # Once without, once to try the password, and then the three.
        assert server.count() == 5


def test_bearer_tokens_open_a_registry(token_registry, token_server):
    with changed(token_server):
        assert ask(token_registry.url, tags_of("library/alpine"), **GHOST) == ALPINE
        assert [(r.method, r.scopes, r.username, r.status) for r in token_server.requests] == [
            ("GET", (PULL,), "ghost", 200)
        ]


def test_anonymous_tokens_are_asked_for_without_credentials(token_registry, token_server):
    with changed(token_server):
        assert ask(token_registry.url, tags_of("library/alpine")) == ALPINE
        assert [request.username for request in token_server.requests] == [None]
        assert "authorization" not in token_server.requests[0].headers


def test_a_token_server_that_refuses_the_password_is_named(token_registry, token_server):
    with changed(token_server):
        words = (
            "The token server of reg gives no token to the user 'ghost'",
            "UNAUTHORIZED: incorrect username or password",
            f"docker login {token_registry.host}",
        )
        refused(UnauthorizedError, *words, url=token_registry.url, **WRONG)
        assert token_server.count() == 1


def test_a_token_that_does_not_allow_enough_is_no_reason_to_ask_for_ever(
    token_registry, token_server
):
    with changed(token_server):
        words = ("refused the tags of team/multi", "UNAUTHORIZED")
        refused(UnauthorizedError, *words, url=token_registry.url, question=tags_of("team/multi"))
        assert token_server.count() == 1


def test_fifty_requests_at_once_ask_for_one_token_a_scope(token_registry, token_server):
    async def fifty(registry):
        names = ["library/alpine", "library/nginx"] * 25
        return await asyncio.gather(*(tags_of(name)(registry) for name in names))

    with changed(token_server):
        answers = ask(token_registry.url, fifty, **GHOST)
        assert answers == [ALPINE, ["1.27", "latest"]] * 25
        assert token_server.count() == 2
        assert token_server.count(PULL) == 1


def test_the_catalog_has_a_scope_of_its_own(token_registry, token_server):
    with changed(token_server):
        assert "library/alpine" in ask(token_registry.url, repositories, **GHOST)
        assert token_server.count("registry:catalog:*") == 1


def test_a_token_is_refreshed_before_its_end():
    routes = {"/token": [reply(json={"token": f"t{n}", "expires_in": 0.2}) for n in (1, 2)]}

    async def twice(registry):
        first = await tags_of("app")(registry)
        await asyncio.sleep(0.12)  # half of its life: it is still good, but will not be for long
        return first + await tags_of("app")(registry)

    with faulty_server(routes) as server:
        protect(server)
        assert ask(server.url, twice) == ["1", "1"]
        # the first is challenged, the second brings the new token at once
        assert server.authorizations == ["Bearer t1", "Bearer t2"]
        assert server.count("/token") == 2


def test_an_expired_token_is_renewed_once_on_401(token_registry, token_server):
    with changed(token_server, lifetime_seconds=-120):
        refused(UnauthorizedError, url=token_registry.url, question=tags_of("library/alpine"))
        assert token_server.count() == 1

        async def expiring(registry):
            with pytest.raises(UnauthorizedError):
                await tags_of("library/alpine")(registry)
            token_server.lifetime_seconds = 300
            return await tags_of("library/alpine")(registry)

        token_server.requests.clear()
        assert ask(token_registry.url, expiring) == ALPINE
        assert token_server.count() == 2


@pytest.mark.parametrize("fields", [("token",), ("access_token",), ("token", "access_token")])
def test_the_token_has_either_name(token_registry, token_server, fields):
    with changed(token_server, fields=fields):
        assert ask(token_registry.url, tags_of("library/alpine")) == ALPINE


def test_an_answer_without_a_token_is_an_error(token_registry, token_server):
    with changed(token_server, fields=()):
        words = ("The token server of reg at", f"{token_server.url}/token", "without a token")
        refused(ProtocolError, *words, url=token_registry.url)


def test_a_token_that_no_header_can_hold_is_not_sent():
    with faulty_server({"/token": reply(json={"token": "a\r\nX-Evil: 1"})}) as server:
        protect(server)
        refused(ProtocolError, "without a token", url=server.url)


def test_a_missing_expires_in_means_a_minute(token_registry, token_server):
    async def twice(registry):
        return await tags_of("library/alpine")(registry) + await tags_of("library/alpine")(registry)

    with changed(token_server, expires_in=None):
        assert ask(token_registry.url, twice) == ALPINE * 2
        assert token_server.count() == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_server_that_refuses_everybody(token_registry, token_server, status):
    with changed(token_server, refuse=status):
        words = (
            "The token server of reg gives no token without a login",
            "DENIED: refused by the test",
        )
        refused(UnauthorizedError, *words, url=token_registry.url)


def test_a_token_server_that_fails_is_tried_again_and_then_named(token_registry, token_server):
    with changed(token_server, refuse=500):
        words = (f"reg at {token_server.url}/token", "refused a token for", "DENIED")
        refused(ServerError, *words, url=token_registry.url, question=tags_of("a"), **GHOST)
        assert token_server.count() == 4


def test_a_token_server_that_fails_once_is_forgiven():
    answers = [error(503, "X"), error(429, "TOOMANYREQUESTS"), reply(json={"token": "t1"})]
    with faulty_server({"/token": answers}) as server:
        protect(server)
        assert ask(server.url, tags_of("app")) == ["1"]


def test_an_absent_token_server_is_not_an_absent_repository():
    """Who lists tags leaves out those that are not found: the whole list would be empty."""
    with faulty_server({"/token": error(404, "NOT_FOUND")}) as server:
        protect(server)
        words = ("The token server of reg at", "/token", "NOT_FOUND")
        refused(ProtocolError, *words, url=server.url, question=tags_of("app"))


def test_a_token_server_that_answers_with_a_page_says_so():
    with faulty_server({"/token": html()}) as server:
        protect(server)
        words = ("The token server of reg", "text/html", "web page or proxy")
        refused(ProtocolError, *words, url=server.url)


def test_a_token_server_that_is_silent_is_given_up():
    with faulty_server({"/token": hang()}) as server:
        protect(server)
        with pytest.raises(TimeoutError, match="no answer in time"):
            ask(server.url, ping, timeout_seconds=0.1)


def test_credentials_are_not_sent_to_a_realm_on_another_host():
    with faulty_server(host="127.0.0.2") as other, faulty_server() as server:
        protect(server, realm=f"{other.url}/token")
        words = ("sends its users to 127.0.0.2 for a token", 'token_host = "127.0.0.2"')
        refused(UnauthorizedError, *words, url=server.url, **GHOST)
        assert other.count() == 0


def test_an_anonymous_token_may_come_from_another_host():
    with faulty_server({"/token": reply(json={"token": "t1"})}, host="127.0.0.2") as other:
        with faulty_server() as server:
            protect(server, realm=f"{other.url}/token")
            assert ask(server.url, tags_of("app")) == ["1"]
        assert other.authorizations == []


def test_token_host_allows_a_realm_on_another_host():
    with faulty_server({"/token": reply(json={"token": "t1"})}, host="127.0.0.2") as other:
        with faulty_server() as server:
            protect(server, realm=f"{other.url}/token")
            assert ask(server.url, tags_of("app"), token_host="127.0.0.2", **GHOST) == ["1"]
            assert {"Bearer t1"} == set(server.authorizations)
        assert [basic()] == other.authorizations


def test_a_token_server_that_redirects_elsewhere_takes_no_password_there():
    with faulty_server({"/t": reply(json={"token": "t1"})}, host="127.0.0.2") as other:
        with faulty_server({"/token": redirect(f"{other.url}/t")}) as server:
            protect(server)
            assert ask(server.url, tags_of("app"), **GHOST) == ["1"]
        assert other.authorizations == []
        assert other.count() == 1


@pytest.mark.parametrize("order", [0, 1])
def test_bearer_is_taken_before_basic_in_either_order(order):
    with faulty_server({"/token": reply(json={"token": "t1"})}) as server:
        bearer = f'Bearer realm="{server.url}/token",service="s"'
        challenges = [bearer, 'Basic realm="r"'][:: -1 if order else 1]
        server.routes["/v2/*"] = challenging(*challenges, accepts=["Bearer t1"])
        assert ask(server.url, tags_of("app"), **GHOST) == ["1"]
        assert [basic(), "Bearer t1"] == server.authorizations


def test_a_scheme_that_nobody_speaks_here_is_named():
    with faulty_server() as server:
        server.routes["/v2/*"] = challenging("Negotiate", "NTLM", accepts=[])
        words = ("wants negotiate or ntlm authentication for the tags of app", "Basic and Bearer")
        refused(UnauthorizedError, *words, url=server.url, question=tags_of("app"), **GHOST)
        assert server.authorizations == []


def test_a_401_without_a_challenge_is_a_refusal():
    with faulty_server({"/v2/*": error(401, "UNAUTHORIZED", "who?")}) as server:
        refused(UnauthorizedError, "(UNAUTHORIZED: who?)", url=server.url, **GHOST)
        assert server.authorizations == []


def test_nothing_of_the_secrets_is_in_what_a_client_shows(token_registry):
    registry = open_registry(token_registry.url, **GHOST)

    async def used():
        await ping(registry)
        await registry.aclose()

    asyncio.run(used())
    shown = repr(
        [registry, registry._session, registry._session.auth, vars(registry._session.auth)]
    )
    assert "nb-s3cret" not in shown
    assert "eyJ" not in shown


def test_a_manifest_that_is_absent_stays_absent_behind_tokens(token_registry):
    question = manifest_of("library/alpine", "nope")
    with pytest.raises(NotFoundError) as caught:
        ask(token_registry.url, question, **GHOST)
    checked(caught.value, NotFoundError, "library/alpine:nope", "MANIFEST_UNKNOWN")
