"""Where replies lead: followed with care, and never with credentials to somebody else."""

import asyncio

import pytest

from ghostnb.errors import (
    ProtocolError,
    RejectedError,
    UnauthorizedError,
    UnsafeRedirectError,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.wire.messages import Request
from tests.parts.faults import faulty_server
from tests.parts.proxies import forward_proxy
from tests.parts.replies import error, redirect, reply
from tests.registries.asking import (
    ask,
    blob_of,
    blob_path,
    checked,
    manifest_of,
    pieces_of,
    ping,
    refused,
    tags_of,
)

GHOST = {"username": "ghost", "password": "nb-s3cret"}
CONTENT = b"some content" * 100
PATH = blob_path("app", CONTENT)


def wanting_basic(answer):
    """Answer only who shows a password, whatever the password."""

    def choose(request):
        if "authorization" in request.headers:
            return answer
        return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="r"'})

    return choose


@pytest.mark.parametrize("question", [blob_of("app", CONTENT), pieces_of("app", CONTENT)])
def test_a_blob_comes_from_another_host_without_authorization(question):
    with faulty_server({"/storage": reply(body=CONTENT)}, host="127.0.0.2") as storage:
        with faulty_server({PATH: wanting_basic(redirect(f"{storage.url}/storage"))}) as server:
            assert ask(server.url, question, **GHOST) == CONTENT
            assert len([one for one in server.seen(PATH) if "authorization" in one.headers]) == 1
        assert storage.count("/storage") == 1
        assert storage.authorizations == []


@pytest.mark.parametrize(
    "challenge", ['Bearer realm="https://cdn.example/token",service="s"', 'Basic realm="cdn"']
)
def test_another_host_asks_for_nothing_in_the_registrys_name(challenge):
    """Neither is it told who we are, nor does the registry's own way in change."""
    closed = error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})

    async def both(registry):
        with pytest.raises(UnauthorizedError) as caught:
            await blob_of("app", CONTENT)(registry)
        return caught.value, await tags_of("app")(registry)

    with faulty_server({"/storage": closed}, host="127.0.0.2") as storage, faulty_server() as own:
        token = {"WWW-Authenticate": f'Bearer realm="{own.url}/token",service="s"'}

        def tags(request):
            if request.headers.get("authorization") == "Bearer t":
                return reply(json={"name": "app", "tags": ["1"]})
            return error(401, "UNAUTHORIZED", headers=token)

        own.routes |= {PATH: redirect(f"{storage.url}/storage"), "/v2/app/tags/list": tags}
        own.routes["/token"] = reply(json={"token": "t"})
        caught, found = ask(own.url, both, **GHOST)
        assert found == ["1"]
        assert storage.authorizations == []
        assert [one for one in own.authorizations if one.startswith("Basic")] == [
            one.headers["authorization"] for one in own.seen("/token")
        ]
    checked(caught, UnauthorizedError, f"led to {storage.url}/storage, which refused")


def test_another_port_of_the_host_is_another_place():
    with faulty_server({"/storage": reply(body=CONTENT)}) as storage:
        with faulty_server({PATH: wanting_basic(redirect(f"{storage.url}/storage"))}) as server:
            assert ask(server.url, blob_of("app", CONTENT), **GHOST) == CONTENT
        assert storage.authorizations == []


def test_authorization_that_was_left_behind_does_not_come_back():
    with faulty_server(host="127.0.0.2") as other, faulty_server() as server:
        other.routes["/a"] = redirect(f"{server.url}/b")
        server.routes.update({PATH: wanting_basic(redirect(f"{other.url}/a"))})
        server.routes["/b"] = reply(body=CONTENT)
        assert ask(server.url, blob_of("app", CONTENT), **GHOST) == CONTENT
        assert "authorization" not in server.seen("/b")[0].headers


def test_within_the_host_authorization_goes_along():
    with faulty_server({"/b": wanting_basic(reply(body=CONTENT))}) as server:
        server.routes[PATH] = wanting_basic(redirect("/b", 302))
        assert ask(server.url, blob_of("app", CONTENT), **GHOST) == CONTENT


@pytest.mark.parametrize("body", [b"", b"<a href='/b'>Temporary Redirect</a>"])
def test_redirects_keep_the_connection(body):
    async def ten(registry):
        return [await ping(registry) for _ in range(10)]

    with faulty_server({"/v2/": redirect("/b", body=body), "/b": reply()}) as server:
        ask(server.url, ten)
        assert server.count() == 20
        assert server.connections == 1


def test_a_redirect_with_an_endless_body_is_followed_all_the_same():
    stuffed = redirect("/b", body=b"x" * 2**20)
    with faulty_server({"/v2/": stuffed, "/b": reply()}) as server:
        assert ask(server.url, ping) is False


def test_a_redirect_back_to_plain_http_is_refused(certificates):
    with faulty_server({"/b": reply()}) as plain:
        routes = {"/v2/": redirect(f"{plain.url}/b")}
        with faulty_server(routes, tls=certificates.server_context()) as server:
            words = (f"with a redirect to {plain.url}/b", "would give up encryption")
            settings = {"ca_file": str(certificates.ca_file)}
            refused(UnsafeRedirectError, *words, url=server.url, **settings)
        assert plain.count() == 0


@pytest.mark.parametrize("place", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]"])
def test_a_public_registry_does_not_lead_into_this_machine(monkeypatch, place):
    with faulty_server() as server:
        server.routes["/v2/"] = redirect(f"http://{place}:{server.port}/inside")
        with forward_proxy(hosts={"registry.example:80": server.host}) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            words = ("with a redirect to http://", "is inside this machine or network")
            settings = {"insecure": True}
            refused(UnsafeRedirectError, *words, url="http://registry.example", **settings)
        assert server.count("/inside") == 0


def test_a_public_registry_has_no_token_server_in_this_machine(monkeypatch):
    with faulty_server() as server:
        bearer = f'Bearer realm="{server.url}/token",service="s"'
        headers = {"WWW-Authenticate": bearer}
        server.routes["/v2/"] = error(401, "UNAUTHORIZED", headers=headers)
        with forward_proxy(hosts={"registry.example:80": server.host}) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            words = ("with a token realm to", "is inside this machine or network")
            settings = {"insecure": True, **GHOST}
            refused(UnsafeRedirectError, *words, url="http://registry.example", **settings)
        assert server.count("/token") == 0


@pytest.mark.parametrize(
    "location", ["ftp://x.example/a", "file:///etc/passwd", "//u:p@x.example/"]
)
def test_what_is_no_plain_address_is_refused(location):
    with faulty_server({"/v2/": redirect(location)}) as server:
        found = refused(UnsafeRedirectError, "is not a plain HTTP address", url=server.url)
    assert "u:p" not in str(found)


def test_signatures_in_a_refused_address_are_not_shown(certificates):
    routes = {"/v2/": redirect("http://s.example/x?X-Amz-Signature=nb-s3cret")}
    with faulty_server(routes, tls=certificates.server_context()) as server:
        settings = {"ca_file": str(certificates.ca_file)}
        refused(UnsafeRedirectError, "X-Amz-Signature=…", url=server.url, **settings)


def test_five_redirects_are_followed():
    routes = {f"/{n}": redirect(f"/{n + 1}") for n in range(5)}
    with faulty_server({**routes, "/v2/": redirect("/1"), "/5": reply()}) as server:
        ask(server.url, ping)
        assert server.count() == 6


def test_a_loop_ends_after_five_redirects():
    with faulty_server({"/v2/": redirect("/v2/")}) as server:
        words = ("reg redirected the ping more than 5 times", "proxy between")
        refused(ProtocolError, *words, url=server.url)
        assert server.count() == 6


def test_a_redirect_that_names_no_place_is_told():
    with faulty_server({"/v2/": reply(307)}) as server:
        refused(ProtocolError, "but did not say where to", url=server.url)
        assert server.count() == 1


def test_a_body_is_not_sent_on_to_another_host():
    request = Request("POST", "", "an upload", body=b"nb-s3cret")
    with faulty_server(host="127.0.0.2") as other:
        routes = {"/x": redirect(f"{other.url}/y")}
        with (
            faulty_server(routes) as server,
            pytest.raises(UnsafeRedirectError, match="it was not sent"),
        ):
            fetch(server, request)
        assert other.count() == 0


def test_a_body_goes_along_within_the_host():
    request = Request("PUT", "", "an upload", body=b"body")
    with faulty_server({"/x": redirect("/y"), "/y": reply(201)}) as server:
        fetch(server, request, expected=(201,))
        assert [(r.method, r.body) for r in server.requests] == [("PUT", b"body")] * 2


def fetch(server, request, **options):
    async def fetching():
        session = Session(RegistryConfig("reg", server.url))
        address = f"{server.url}/x"
        sent = Request(request.method, address, request.what, body=request.body)
        try:
            return await session.fetch(sent, **options)
        finally:
            await session.aclose()

    return asyncio.run(fetching())


def test_a_next_link_to_another_host_is_refused():
    with faulty_server(host="127.0.0.2") as other, faulty_server() as server:
        link = {"Link": f'<{other.url}/v2/app/tags/list?n=1>; rel="next"'}
        server.routes["/v2/app/tags/list"] = reply(json={"tags": ["a"]}, headers=link)
        words = ("its list goes on at another host", other.host)
        refused(UnsafeRedirectError, *words, url=server.url, question=tags_of("app"))
        assert other.count() == 0


def test_a_refusal_by_the_other_host_names_what_was_asked():
    with faulty_server({"/s": reply(418)}, host="127.0.0.2") as storage, faulty_server() as server:
        server.routes["/v2/app/manifests/1"] = redirect(f"{storage.url}/s")
        words = ("refused app:1 (HTTP 418)",)
        refused(RejectedError, *words, url=server.url, question=manifest_of("app", "1"))
