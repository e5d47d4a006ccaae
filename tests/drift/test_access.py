"""Who may do what: each role on each kind of route, tokens within their scopes."""

from __future__ import annotations

import asyncio
import re

import httpx2
import pytest
from starlette.routing import Route

from ghostnb.drift import create_app
from ghostnb.drift.auth.access import address_of
from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.wire.challenges import parse_challenges
from tests.drift.asking import asked
from tests.drift.logins import (
    IMAGE,
    PASSWORDS,
    basic,
    bearer,
    filled_registry,
    locked_drift,
)
from tests.parts.drift import IN_PROCESS_URL

PROFILE = {
    "profile": {"name": "mine", "version": "1"},
    "metadata": {"author_email": "ada@example.com"},
}
LAYER = IMAGE.layers[0].digest
MANIFEST = "/v2/team/app/manifests"
ROUTES = [
    ("none", "GET", "/v2/", {}),
    ("none", "GET", "/whoami", {}),
    ("none", "GET", "/metrics", {}),
    ("pull", "GET", "/", {}),
    ("pull", "GET", "/v2/_catalog", {}),
    ("pull", "GET", "/v2/team/app/tags/list", {}),
    ("pull", "GET", f"{MANIFEST}/1", {}),
    ("pull", "HEAD", f"{MANIFEST}/1", {}),
    ("pull", "GET", f"/v2/team/app/blobs/{LAYER}", {}),
    ("pull", "HEAD", f"/v2/team/app/blobs/{LAYER}", {}),
    ("pull", "GET", f"/v2/team/app/referrers/{IMAGE.digest}", {}),
    ("push", "POST", "/v2/team/app/blobs/uploads/", {}),
    (
        "push",
        "PUT",
        f"{MANIFEST}/2",
        {"content": IMAGE.raw, "headers": {"content-type": IMAGE.media_type}},
    ),
    ("delete", "DELETE", f"{MANIFEST}/1", {}),
    ("delete", "DELETE", f"{MANIFEST}/{IMAGE.digest}", {}),
    ("pull", "GET", "/v1/profiles", {}),
    ("pull", "POST", "/v1/profiles/search", {}),
    ("pull", "GET", "/v1/metrics", {}),
    ("pull", "GET", "/v1/metrics/plugins", {}),
    ("pull", "GET", "/v1/profiles/mine", {}),
    ("pull", "GET", "/v1/profiles/mine/download", {}),
    ("push", "POST", "/v1/profiles/upload", {"json": PROFILE}),
    ("delete", "DELETE", "/v1/profiles/mine", {}),
    ("admin", "POST", "/admin/gc", {}),
    ("admin", "GET", "/admin/gc/status", {}),
]
ALLOWED = {
    "vic": {"none", "pull"},
    "dev": {"none", "pull", "push"},
    "ada": {"none", "pull", "push", "delete", "admin"},
}
every_route = pytest.mark.parametrize(
    ("action", "method", "path", "options"),
    ROUTES,
    ids=[f"{method} {path[:30]}" for _, method, path, _ in ROUTES],
)
# Whoever watches over Drift need not log in, and who logs in has not yet.
SCOPED = ("/v1/", "/v2/")
OPEN = {"/health", "/readyz", "/login", "/token"}


@pytest.fixture
def locked(tmp_path):
    return locked_drift(tmp_path)


def with_profile():
    """Make a registry that also has a profile, which is of another version than `PROFILE`."""
    registry = filled_registry()
    older = {**PROFILE, "profile": {"name": "mine", "version": "0"}}
    assert asked(create_app(registry), "POST", "/v1/profiles/upload", json=older).is_success
    return registry


def ways_in(locked, user):
    """Give each kind of header that a user can send."""
    scopes = ("repository:team/app:*", "repository:bolt/profiles/mine:*", "registry:catalog:*")
    return {
        "basic": basic(user),
        "login": bearer(locked.login(user)),
        "token": bearer(locked.token(user, *scopes)),
    }


@every_route
@pytest.mark.parametrize("user", PASSWORDS)
def test_each_role_does_what_it_may(locked, user, action, method, path, options):
    for kind, header in ways_in(locked, user).items():
        fresh = create_app(with_profile(), access=locked.access)
        headers = {**options.get("headers", {}), **header}
        reply = asked(fresh, method, path, **{**options, "headers": headers})

        if action not in ALLOWED[user]:
            assert reply.status_code == 403, kind
            assert reply.json()["errors"][0]["code"] == "DENIED"
            assert "www-authenticate" not in reply.headers
        elif kind == "token" and not path.startswith(SCOPED):
            # A token for repositories opens nothing that is not about them.
            assert reply.status_code == 401
            assert reply.headers["www-authenticate"] == 'Basic realm="drift"'
        else:
            assert reply.status_code < 400, (kind, reply.text)


@every_route
def test_nobody_does_anything_without_a_login(locked, action, method, path, options):
    wrong = [
        {},
        basic("ada", "wrong"),
        basic("nobody", "wrong"),
        bearer("nonsense"),
        {"authorization": "Basic !!!"},
        {"authorization": "Basic bm9jb2xvbg=="},
        {"authorization": "Basic"},
        {"authorization": "Digest username=ada"},
        {"authorization": "Bearer"},
    ]
    for header in wrong:
        headers = {**options.get("headers", {}), **header}
        reply = locked.ask(method, path, **{**options, "headers": headers})

        assert reply.status_code == 401
        scheme = parse_challenges(reply.headers["www-authenticate"])[0].scheme
        assert scheme == ("bearer" if path.startswith(SCOPED) else "basic")


@every_route
def test_without_users_everybody_does_everything(action, method, path, options):
    assert asked(create_app(with_profile()), method, path, **options).status_code < 400


def test_no_route_forgets_to_ask(locked):
    """Find routes that somebody added since, too."""
    parameters = {"name:path": "team/app", "digest": LAYER}
    routes = [r for r in locked.app.routes if isinstance(r, Route) and r.path not in OPEN]
    assert len(routes) >= len(ROUTES)
    for route in routes:
        path = re.sub(r"\{([^}]*)\}", lambda found: parameters.get(found[1], "x"), route.path)
        for method in route.methods or ():
            assert locked.ask(method, path).status_code == 401, (method, path)


def test_the_challenge_names_the_place_the_service_and_the_scope(locked):
    def challenge(method, path, **headers):
        reply = locked.ask(method, path, headers=headers)
        assert reply.status_code == 401
        return reply.headers["www-authenticate"]

    begin = 'Bearer realm="http://localhost:5000/token",service="drift"'
    assert challenge("GET", "/v2/") == begin
    assert challenge("GET", "/v2/_catalog") == f'{begin},scope="registry:catalog:*"'
    assert challenge("GET", f"{MANIFEST}/1") == f'{begin},scope="repository:team/app:pull"'
    pushing = f'{begin},scope="repository:team/app:pull,push"'
    assert challenge("PUT", f"{MANIFEST}/1") == pushing
    assert challenge("DELETE", f"{MANIFEST}/1") == f'{begin},scope="repository:team/app:delete"'
    assert challenge("GET", "/v2/", host="box:81").startswith('Bearer realm="http://box:81/token"')
    assert challenge("GET", "/whoami") == 'Basic realm="drift"'


def test_the_401_is_in_the_form_that_docker_reads(locked):
    reply = locked.ask("GET", "/v2/")

    assert reply.headers["docker-distribution-api-version"] == "registry/2.0"
    assert reply.json() == {"errors": [{"code": "UNAUTHORIZED", "message": "Log in, please."}]}


def test_the_public_url_is_named_where_it_is_known(tmp_path):
    locked = locked_drift(tmp_path, public_url="https://registry.example.com")
    header = locked.ask("GET", "/v2/").headers["www-authenticate"]

    assert parse_challenges(header)[0].realm == "https://registry.example.com/token"


@pytest.mark.parametrize(("user", "status"), [("", 401), ("vic", 403)])
def test_who_may_not_push_sends_no_upload(tmp_path, user, status):
    """It would be held in memory, and keep out those who may."""
    locked = locked_drift(tmp_path, anonymous_pull=True)
    taken = []

    async def pieces():
        for _ in range(10):
            taken.append(1)
            yield bytes(2**20)

    reply = locked.ask("POST", "/v1/plugins/upload", user, content=pieces())

    assert reply.status_code == status
    assert taken == []


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/profiles", "registry:catalog:*"),
        ("POST", "/v1/plugins/search", "registry:catalog:*"),
        ("GET", "/v1/metrics", "registry:catalog:*"),
        ("GET", "/v1/profiles/mine", "repository:bolt/profiles/mine:pull"),
        ("DELETE", "/v1/templates/web", "repository:bolt/templates/web:delete"),
    ],
)
def test_bolts_routes_name_the_scope_and_take_basic_too(locked, method, path, scope):
    challenge = locked.ask(method, path).headers["www-authenticate"]

    bearer_, basic_ = parse_challenges(challenge)
    assert (bearer_.scheme, bearer_.scopes) == ("bearer", (scope,))
    assert basic_.scheme == "basic"
    # What it asks for is enough.
    reply = locked.ask(method, path, headers=bearer(locked.token("ada", scope)))
    assert reply.status_code in (200, 404)


def test_a_token_for_one_profile_is_for_no_other(tmp_path):
    locked = locked_drift(tmp_path, with_profile())
    own, others = (
        bearer(locked.token("ada", f"repository:bolt/{name}:*"))
        for name in ("profiles/mine", "plugins/mine")
    )
    for method, path, options in (
        ("GET", "/v1/profiles/mine", {}),
        ("GET", "/v1/profiles/mine/download", {}),
        ("POST", "/v1/profiles/upload", {"json": PROFILE}),
        ("DELETE", "/v1/profiles/mine", {}),
    ):
        refused = locked.ask(method, path, headers=others, **options)
        assert refused.status_code == 401
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        assert locked.ask(method, path, headers=own, **options).is_success
    for path in ("/v1/profiles", "/v1/metrics"):
        assert locked.ask("GET", path, headers=own).status_code == 401
    catalog = bearer(locked.token("ada", "registry:catalog:*"))
    refused = locked.ask("POST", "/v1/profiles/upload", headers=catalog, json=PROFILE)
    assert refused.status_code == 401
    # Of what has been read it is known what the token should have been for.
    [bearer_, _] = parse_challenges(refused.headers["www-authenticate"])
    assert bearer_.scopes == ("repository:bolt/profiles/mine:pull,push",)


def test_a_token_for_one_repository_does_not_touch_another(locked):
    token = bearer(locked.token("ada", "repository:team/app:*"))

    for method, path in (
        ("GET", "/v2/other/app/manifests/1"),
        ("GET", f"/v2/other/app/blobs/{LAYER}"),
        ("GET", "/v2/other/app/tags/list"),
        ("POST", "/v2/other/app/blobs/uploads/"),
        ("DELETE", "/v2/other/app/manifests/1"),
        ("GET", "/v2/team/app/more/tags/list"),
        ("GET", "/v2/team/tags/list"),
        ("GET", "/v2/_catalog"),
        ("POST", "/admin/gc"),
        ("GET", "/whoami"),
    ):
        reply = locked.ask(method, path, headers=token)
        assert reply.status_code == 401, path
        challenge = parse_challenges(reply.headers["www-authenticate"])[0]
        assert challenge.error == ("insufficient_scope" if path.startswith("/v2/") else "")
    assert locked.ask("GET", f"{MANIFEST}/1", headers=token).status_code == 200


def test_a_token_to_pull_does_not_push(locked):
    token = bearer(locked.token("dev", "repository:team/app:pull"))
    reply = locked.ask("POST", "/v2/team/app/blobs/uploads/", headers=token)

    assert reply.status_code == 401
    assert (
        'scope="repository:team/app:pull,push",error="insufficient_scope"'
        in (reply.headers["www-authenticate"])
    )


def test_a_token_for_one_repository_deletes_no_blob_that_all_share(tmp_path):
    locked = locked_drift(tmp_path, MemoryRegistry())
    path = f"/v2/team/app/blobs/{Digest.of(b'x')}"
    pushed = f"/v2/other/app/blobs/uploads/?digest={Digest.of(b'x')}"
    assert locked.ask("POST", pushed, "dev", content=b"x").status_code == 201

    own = bearer(locked.token("ada", "repository:team/app:*"))
    refused = locked.ask("DELETE", path, headers=own)
    assert refused.status_code == 401
    [challenge] = parse_challenges(refused.headers["www-authenticate"])
    assert challenge.scopes == ("registry:catalog:*",)
    assert locked.ask("GET", path, headers=own).content == b"x"
    for user, status in (("dev", 403), ("ada", 202)):
        wider = bearer(locked.token(user, *challenge.scopes))
        assert locked.ask("DELETE", path, headers=wider).status_code == status


def test_a_mount_asks_for_both_repositories(locked):
    one = bearer(locked.token("dev", "repository:team/app:pull,push"))
    path = f"/v2/team/app/blobs/uploads/?mount={LAYER}&from=other/app"
    reply = locked.ask("POST", path, headers=one)

    assert reply.status_code == 401
    scopes = parse_challenges(reply.headers["www-authenticate"])[0].scopes
    assert scopes == ("repository:team/app:pull,push", "repository:other/app:pull")
    assert locked.ask("POST", path, headers=bearer(locked.token("dev", *scopes))).status_code == 201
    assert locked.ask("POST", path, "dev").status_code == 201


@pytest.mark.parametrize("path", ["/v2/", f"{MANIFEST}/1"])
def test_a_token_that_is_over_is_said_to_be_so(tmp_path, path):
    now = [1_700_000_000.0]
    locked = locked_drift(tmp_path, clock=lambda: now[0])
    token = bearer(locked.token("vic", "repository:team/app:pull"))
    assert locked.ask("GET", path, headers=token).status_code == 200
    now[0] += 300

    reply = locked.ask("GET", path, headers=token)

    assert reply.status_code == 401
    assert parse_challenges(reply.headers["www-authenticate"])[0].error == "invalid_token"


def test_pulls_need_no_login_where_that_is_said(tmp_path):
    locked = locked_drift(tmp_path, anonymous_pull=True)
    for action, method, path, options in ROUTES:
        reply = locked.ask(method, path, **options)
        may = action in ("none", "pull") and path != "/v2/"
        assert (reply.status_code == 401) != may, (method, path)

    scopes = ("repository:team/app:*", "repository:bolt/profiles/mine:*", "registry:catalog:*")
    token = bearer(locked.token("", *scopes))
    for action, method, path, options in ROUTES:
        headers = {**options.get("headers", {}), **token}
        reply = locked.ask(method, path, **{**options, "headers": headers})
        may = action in ("none", "pull") and path.startswith(SCOPED)
        assert (reply.status_code == 401) != may, (method, path)


def test_a_wrong_password_is_wrong_also_where_no_login_is_needed(tmp_path):
    locked = locked_drift(tmp_path, anonymous_pull=True)

    for path in (f"{MANIFEST}/1", "/token", "/whoami"):
        assert locked.ask("GET", path, headers=basic("vic", "wrong")).status_code == 401
    assert locked.ask("GET", f"{MANIFEST}/1", headers=bearer("nonsense")).status_code == 401


def test_nobodys_token_ends_when_a_login_is_needed_again(tmp_path):
    token = locked_drift(tmp_path, anonymous_pull=True).token("", "repository:team/app:pull")
    locked = locked_drift(tmp_path)

    assert locked.ask("GET", f"{MANIFEST}/1", headers=bearer(token)).status_code == 401


def test_two_users_over_one_connection_stay_two(locked):
    ways = {user: ways_in(locked, user) for user in PASSWORDS}
    headers = [(user, ways[user][kind]) for user in PASSWORDS for kind in ("basic", "login")]

    async def work():
        transport = httpx2.ASGITransport(locked.app)
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            replies = [client.get("/whoami", headers=header) for _, header in headers * 20]
            return [reply.json()["username"] for reply in await asyncio.gather(*replies)]

    assert asyncio.run(work()) == [user for user, _ in headers * 20]


def test_no_error_shows_a_credential(locked, caplog):
    caplog.set_level("DEBUG")
    secret = "hunter2-s3cret"
    headers = [basic("vic", secret), bearer(f"{secret}.{secret}"), {"authorization": secret}]
    replies = [locked.ask("GET", path, headers=h) for h in headers for path in ("/v2/", "/token")]
    replies.append(locked.ask("POST", "/login", json={"username": "vic", "password": secret}))
    replies.append(locked.ask("POST", "/login", content=f'{{"password": {secret}}}'))
    replies.append(locked.ask("POST", "/login", json={"username": [secret], "password": 1}))
    form = {"grant_type": "password", "username": "vic", "password": secret}
    replies.append(locked.ask("POST", "/token", data=form))
    form = {"grant_type": "refresh_token", "refresh_token": secret}
    replies.append(locked.ask("POST", "/token", data=form))

    assert {reply.status_code for reply in replies} == {400, 401}
    for reply in replies:
        assert secret not in reply.text + str(reply.headers)
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("/run/socket", "/run/socket"),
        (None, ""),
    ],
)
def test_where_a_request_comes_from(host, address):
    from starlette.requests import Request

    scope = {"type": "http", "client": (host, 1) if host else None}
    assert address_of(Request(scope)) == address
