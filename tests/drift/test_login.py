"""Logging in: /login, /whoami, and the token server of the Docker protocol."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import aclosing

import httpx2
import pytest

from ghostnb.client import RegistryClient
from ghostnb.drift import Limits, create_app
from ghostnb.errors import UnauthorizedError
from ghostnb.loop import run
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.drift.logins import PASSWORDS, basic, bearer, locked_drift
from tests.parts.drift import IN_PROCESS_URL

MANIFEST = "/v2/team/app/manifests/1"


@pytest.fixture
def locked(tmp_path):
    return locked_drift(tmp_path)


def granted(locked, user: str, *scopes: str) -> str:
    pairs = [("service", "drift"), *(("scope", scope) for scope in scopes)]
    return locked.ask("GET", "/token", user, params=pairs).json()["scope"]


@pytest.mark.parametrize(
    ("user", "role"), [("vic", "viewer"), ("dev", "developer"), ("ada", "admin")]
)
def test_a_login_gives_a_token_and_says_who_one_is(locked, user, role):
    reply = locked.ask("POST", "/login", json={"username": user, "password": PASSWORDS[user]})

    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    answer = reply.json()
    token = answer.pop("token")
    assert answer == {"expires_in": 3600, "username": user, "role": role}
    for header in (bearer(token), basic(user)):
        whoami = locked.ask("GET", "/whoami", headers=header)
        assert whoami.json() == {"username": user, "role": role}


def test_who_is_not_logged_in_is_nobody_where_that_is_allowed(tmp_path):
    locked = locked_drift(tmp_path, anonymous_pull=True)
    assert locked.ask("GET", "/whoami").json() == {"username": None, "role": "viewer"}

    open_drift = create_app(MemoryRegistry())
    assert asked(open_drift, "GET", "/whoami").json() == {"username": None, "role": "admin"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"username": "vic"}',
        b'{"password": "x"}',
        b'{"username": "vic", "password": 5}',
        b'{"username": null, "password": "x"}',
        b'{"username": ["vic"], "password": "x"}',
        b'{"username": "vic", "password": "x"',
        b'{"username": "\xff", "password": "x"}',
        b'{"username": "\\ud800", "password": "x"}',
        b"username=vic&password=x",
    ],
)
def test_a_body_that_is_no_login_is_said_to_be_none(locked, body):
    reply = locked.ask("POST", "/login", content=body)

    assert reply.status_code == 400
    [error] = reply.json()["errors"]
    assert error["code"] == "UNSUPPORTED"
    assert 'The body must be like {"username"' in error["message"]


@pytest.mark.parametrize("pair", [("vic", "wrong"), ("nobody", "wrong"), ("", ""), ("vic", "")])
def test_a_wrong_login_is_refused_whoever_it_is_of(locked, pair):
    reply = locked.ask(
        "POST", "/login", json=dict(zip(("username", "password"), pair, strict=True))
    )

    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Basic realm="drift"'
    [error] = reply.json()["errors"]
    assert error == {"code": "UNAUTHORIZED", "message": "The name or the password is wrong."}


def test_a_login_that_is_too_big_is_not_read(locked):
    for path in ("/login", "/token"):
        assert locked.ask("POST", path, content=b" " * 70_000).status_code == 413


@pytest.mark.parametrize("path", ["/login", "/token"])
def test_a_login_that_never_comes_is_not_waited_for(locked, path):
    async def half():
        yield b"{"
        await asyncio.sleep(10)

    app = create_app(MemoryRegistry(), access=locked.access, limits=Limits(idle_seconds=0.1))
    reply = asked(app, "POST", path, content=half())

    assert reply.status_code == 408
    assert reply.headers["connection"] == "close"


def test_without_users_there_is_nothing_to_log_in_to():
    app = create_app(MemoryRegistry())
    reply = asked(app, "POST", "/login", json={"username": "vic", "password": "x"})

    assert reply.status_code == 404
    assert "No users are configured here" in reply.text
    assert asked(app, "GET", "/token").status_code == 404


def test_the_token_servers_answer_is_what_the_specification_says(locked):
    query = {"service": "drift", "scope": "repository:team/app:pull", "account": "vic"}
    reply = locked.ask("GET", "/token", "vic", params=query)

    answer = reply.json()
    assert reply.headers["cache-control"] == "no-store"
    assert answer.keys() == {"token", "access_token", "expires_in", "issued_at", "scope"}
    assert answer["token"] == answer["access_token"]
    assert answer["expires_in"] == 300
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(answer["issued_at"])
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)
    assert locked.ask("GET", MANIFEST, headers=bearer(answer["token"])).status_code == 200


def test_a_token_allows_what_is_asked_for_as_far_as_the_role_does(locked):
    everything = "repository:a:pull,push,delete"

    assert granted(locked, "vic", everything) == "repository:a:pull"
    assert granted(locked, "dev", everything) == "repository:a:pull,push"
    assert granted(locked, "ada", everything) == "repository:a:delete,pull,push"
    assert granted(locked, "dev", "repository:a:*") == "repository:a:pull,push"
    assert granted(locked, "ada", "repository:a:pull") == "repository:a:pull"
    assert granted(locked, "vic", "repository:a:push") == "repository:a:"
    assert granted(locked, "vic", "registry:catalog:*") == "registry:catalog:*"
    assert granted(locked, "ada") == ""


def test_several_scopes_come_as_several_or_with_blanks_between(locked):
    one, two = "repository:a:pull", "repository:b:pull"

    assert granted(locked, "vic", one, two) == granted(locked, "vic", f"{one} {two}")
    assert granted(locked, "vic", one, two) == f"{one} {two}"


def test_a_token_for_more_scopes_than_a_header_holds_is_refused(locked):
    scopes = [("scope", f"repository:{'x' * 200}{n}:pull,push") for n in range(51)]

    assert locked.ask("GET", "/token", "dev", params=scopes).status_code == 400
    token = locked.ask("GET", "/token", "dev", params=scopes[:50]).json()["token"]
    assert len(token) < 32_000


def test_a_token_is_given_for_a_password_alone(locked):
    for header in (
        {},
        basic("vic", "wrong"),
        basic("nobody", ""),
        bearer(locked.login("ada")),
        bearer(locked.token("ada", "repository:a:*")),
    ):
        reply = locked.ask("GET", "/token", headers=header, params={"scope": "repository:b:pull"})
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == 'Basic realm="drift"'


def test_nobody_gets_a_token_to_pull_where_that_is_allowed(tmp_path):
    locked = locked_drift(tmp_path, anonymous_pull=True)
    asked_for = ("repository:team/app:pull,push,delete", "registry:catalog:*")

    assert granted(locked, "", *asked_for) == "repository:team/app:pull registry:catalog:*"
    pairs = {"scope": "repository:team/app:pull", "offline_token": "true"}
    assert "refresh_token" not in locked.ask("GET", "/token", params=pairs).json()


def form_of(user: str, **more: str) -> dict[str, str]:
    pair = {"username": user, "password": PASSWORDS[user]}
    return {"grant_type": "password", "service": "drift", "client_id": "test", **pair, **more}


def test_a_token_comes_for_a_form_too(locked):
    scope = "repository:team/app:pull,push"
    reply = locked.ask("POST", "/token", data=form_of("vic", scope=scope))

    assert reply.status_code == 200
    assert reply.json()["scope"] == "repository:team/app:pull"
    assert "refresh_token" not in reply.json()
    token = bearer(reply.json()["access_token"])
    assert locked.ask("GET", MANIFEST, headers=token).status_code == 200


def test_a_refresh_token_gets_tokens_and_nothing_else(locked):
    by_form = locked.ask("POST", "/token", data=form_of("dev", access_type="offline")).json()
    by_query = locked.ask("GET", "/token", "dev", params={"offline_token": "true"}).json()
    for refresh in (by_form["refresh_token"], by_query["refresh_token"]):
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        form["scope"] = "repository:team/app:pull,push,delete registry:catalog:*"
        answer = locked.ask("POST", "/token", data=form).json()

        assert answer["scope"] == "repository:team/app:pull,push registry:catalog:*"
        assert "refresh_token" not in answer
        token = bearer(answer["access_token"])
        assert locked.ask("GET", "/v2/_catalog", headers=token).status_code == 200
        for path in ("/v2/", MANIFEST, "/whoami", "/token"):
            assert locked.ask("GET", path, headers=bearer(refresh)).status_code == 401


def test_scopes_of_a_form_may_be_repeated(locked):
    form = {**form_of("vic"), "scope": ["repository:a:pull", "repository:b:pull"]}

    answer = locked.ask("POST", "/token", data=form).json()
    assert answer["scope"] == "repository:a:pull repository:b:pull"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"grant_type": "authorization_code"}, 400),
        ({"grant_type": "password"}, 401),
        ({"grant_type": "password", "username": "vic", "password": "wrong"}, 401),
        ({"grant_type": "password", "username": "nobody", "password": "wrong"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, 401),
    ],
)
def test_a_form_that_is_not_right_is_refused(locked, form, status):
    reply = locked.ask("POST", "/token", data=form)

    assert reply.status_code == status
    assert reply.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"grant_type=%ff", b"\xff=1", b"&".join([b"a=1"] * 200)])
def test_a_form_that_cannot_be_read_is_refused(locked, body):
    assert locked.ask("POST", "/token", content=body).status_code == 400


def client(locked, user: str = "", password: str = "") -> HTTPRegistry:
    config = RegistryConfig("reg", IN_PROCESS_URL, user or None, password or None)
    return HTTPRegistry(config, transport=httpx2.ASGITransport(locked.app))


def test_our_own_client_reads_as_each_user(locked):
    async def work(user: str) -> list[str]:
        async with aclosing(client(locked, user, PASSWORDS[user])) as registry:
            assert (await registry.ping()).authenticated
            assert (await registry.manifest("team/app", "1")).layers
            return sorted([one.repository async for one in registry.repositories()])

    async def all_at_once():
        return await asyncio.gather(*map(work, PASSWORDS))

    assert asyncio.run(all_at_once()) == [["other/app", "team/app"]] * 3


def test_our_own_client_says_that_the_password_is_wrong(locked):
    async def work(*pair: str) -> None:
        async with aclosing(client(locked, *pair)) as registry:
            await registry.manifest("team/app", "1")

    for pair in (("vic", "wrong"), ("nobody", "x"), ()):
        with pytest.raises(UnauthorizedError):
            asyncio.run(work(*pair))


def test_our_own_client_reads_without_a_login_where_that_is_allowed(tmp_path):
    locked = locked_drift(tmp_path, anonymous_pull=True)

    async def work() -> int:
        async with aclosing(client(locked)) as registry:
            return len([tag async for tag in registry.tags("team/app")])

    assert asyncio.run(work()) == 1


def test_a_notebooks_client_gives_frames_behind_a_login(locked):
    config = RegistryConfig("reg", IN_PROCESS_URL, "vic", PASSWORDS["vic"])
    registry = RegistryClient(config, transport=httpx2.ASGITransport(locked.app))

    assert list(run(registry.tags("team/app", details=True))["tag"]) == ["1"]
    assert list(run(registry.inventory(progress=False))["repository"].unique()) == [
        "other/app",
        "team/app",
    ]
