"""docker-registry itself verifies the token server's tokens."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.parts.pushes import Pusher, RefusedError, skopeo
from tests.parts.registries import docker_registry
from tests.parts.standard import STANDARD_IMAGES
from tests.parts.storage import write_storage
from tests.parts.token_server import changed, token_server

ALPINE = "repository:library/alpine:pull"
API = "repository:team/app/api:pull"


def ask(server, body=None, headers=None, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    data = body and urllib.parse.urlencode(body).encode()
    request = urllib.request.Request(f"{server.url}/token?{query}", data, headers or {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def test_the_registry_challenges_with_realm_service_and_scope(token_registry, token_server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{token_registry.url}/v2/team/app/api/tags/list")
    with caught.value as answer:
        challenge = answer.headers["WWW-Authenticate"]
    realm = f'realm="{token_server.url}/token",service="{token_server.service}"'
    assert challenge == f'Bearer {realm},scope="{API}"'


def test_the_registry_takes_a_token_for_what_it_grants(token_registry, token_server):
    token = token_server.token(API, username="ghost")
    with Pusher(token_registry.url, token=token) as pusher:
        assert set(pusher.get("/v2/team/app/api/tags/list")["tags"]) == {"1.0", "1.1", "signature"}
        with pytest.raises(RefusedError, match="401"):
            pusher.get("/v2/library/alpine/tags/list")


def test_the_registry_refuses_another_signer(token_registry):
    with token_server() as stranger:
        token = stranger.token(ALPINE, username="ghost")
    with (
        Pusher(token_registry.url, token=token) as pusher,
        pytest.raises(RefusedError, match="401"),
    ):
        pusher.get("/v2/library/alpine/tags/list")


def test_the_registry_refuses_a_token_past_its_leeway(token_registry, token_server):
    with changed(token_server, lifetime_seconds=-61):
        token = token_server.token(ALPINE)
    with (
        Pusher(token_registry.url, token=token) as pusher,
        pytest.raises(RefusedError, match="401"),
    ):
        pusher.get("/v2/library/alpine/tags/list")


def test_skopeo_follows_the_challenge(token_registry, token_server):
    place = f"docker://{token_registry.host}/team/app/api:1.0"
    user = f"{token_registry.username}:{token_registry.password}"
    with changed(token_server):
        raw = skopeo("inspect", "--raw", "--tls-verify=false", "--creds", user, place)
        assert raw.encode() == STANDARD_IMAGES["team/app/api:1.0"].raw
        assert token_server.count(API) == 1
        assert token_server.requests[0].username == "ghost"


def test_who_may_what(token_registry, token_server):
    grants = [
        ("ghost", "registry:catalog:*", ["*"]),
        ("ghost", "repository:x/y:pull,push,delete", ["pull", "push", "delete"]),
        ("reader", "repository:library/alpine:pull,push", ["pull"]),
        ("reader", "repository:team/app/api:pull", []),
        ("reader", "registry:catalog:*", []),
        (None, ALPINE, ["pull"]),
        (None, API, []),
    ]
    assert [g[2] for g in grants] == [
        token_server._granted(scope, name)["actions"] for name, scope, _ in grants
    ]


@pytest.mark.parametrize("fields", [("token",), ("access_token",), ("token", "access_token")])
def test_fields_and_expiry_are_as_told(fields):
    with token_server(fields=fields, expires_in=2) as server:
        body = ask(server, scope=[ALPINE, API], service=server.service)
        server.expires_in = None
        silent = ask(server, scope=f"{ALPINE} {API}")
    assert set(body) == {*fields, "issued_at", "expires_in"}
    assert set(silent) == {*fields, "issued_at"}
    assert [request.scopes for request in server.requests] == [(ALPINE, API)] * 2
    assert server.count(ALPINE) == 0


def test_oauth_gives_and_takes_refresh_tokens():
    form = {"service": "x", "client_id": "tests", "scope": API}
    login = {"grant_type": "password", "username": "ghost", "password": "nb-s3cret"}
    with token_server() as server:
        first = ask(server, {**form, **login, "access_type": "offline"})
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = ask(server, {**form, **again})
        assert second["access_token"]
        assert [request.grant_type for request in server.requests] == ["password", "refresh_token"]
        for body in (
            {**form, **login, "password": "wrong"},
            {**form, **again, "refresh_token": "x"},
        ):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                ask(server, body)
        server.oauth = False
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(server, {**form, **again})


def test_a_wrong_password_is_401():
    with token_server() as server:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(server, headers={"Authorization": "Basic Z2hvc3Q6d3Jvbmc="}, scope=ALPINE)
        server.refuse = 503
        with pytest.raises(urllib.error.HTTPError, match="503"):
            ask(server, scope=ALPINE)


def test_realm_on_another_host_over_tls(certificates, tmp_path):
    write_storage(tmp_path, {"library/alpine": {"1": STANDARD_IMAGES["library/alpine:3.19"]}})
    context = certificates.server_context()
    with (
        token_server(host="127.0.0.2", tls=context) as server,
        docker_registry(auth=server.auth(), storage_dir=tmp_path) as running,
    ):
        url = f"{server.url}/token?scope={ALPINE}"
        trusting = certificates.client_context()
        with urllib.request.urlopen(url, context=trusting, timeout=5) as answer:
            token = json.load(answer)["token"]
        with Pusher(running.url, token=token) as pusher:
            assert pusher.get("/v2/library/alpine/tags/list")["tags"] == ["1"]
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE"):
            urllib.request.urlopen(url, context=ssl.create_default_context(), timeout=5)
