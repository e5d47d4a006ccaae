"""A wrong password is tried once, not once a repository: directories lock accounts."""

import asyncio
import time

import pytest

from ghostnb.errors import TransportTimeoutError, UnauthorizedError
from ghostnb.registries.session import credentials, trials
from ghostnb.wire.retries import RetryPolicy
from tests.parts.faults import faulty_server
from tests.parts.replies import error, hang, reply
from tests.parts.token_server import User, changed
from tests.registries.asking import ask, checked, tags_of

GHOST = {"username": "ghost", "password": "nb-s3cret"}
WRONG = {"username": "ghost", "password": "wr0ng-secret"}
NAMES = [f"team/app-{number}" for number in range(100)]
WORDS = (
    "The token server of reg gives no token to the user 'ghost'",
    "UNAUTHORIZED: incorrect username or password",
    "docker login",
)


async def tried(registry, name):
    """Ask for one repository's tags; give the error instead of raising it."""
    try:
        return await tags_of(name)(registry)
    except (UnauthorizedError, TransportTimeoutError) as e:
        return e


async def at_once(registry):
    return await asyncio.gather(*(tried(registry, name) for name in NAMES))


async def one_by_one(registry):
    return [await tried(registry, name) for name in NAMES]


def protect(server, token_route):
    """Let a scripted registry want a token of this route."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="s"'}

    def answer(request):
        if request.headers.get("authorization") == "Bearer t":
            return reply(json={"name": "app", "tags": ["1"]})
        return error(401, "UNAUTHORIZED", headers=challenge)

    server.routes |= {"/v2/*": answer, "/token": token_route}


@pytest.mark.parametrize("walk", [one_by_one, at_once])
def test_a_wrong_password_is_tried_once_by_basic(walk):
    closed = error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="r"'})
    with faulty_server({"/v2/*": closed}) as server:
        errors = ask(server.url, walk, **WRONG)
        assert [one.path for one in server.requests if "authorization" in one.headers] == ["/v2/"]
    assert len({id(e) for e in errors}) == 100
    for caught in errors:
        checked(caught, UnauthorizedError, "reg at", "does not take the password of", "'ghost'")


def test_what_good_credentials_may_not_see_by_basic_is_no_refused_password():
    """Some registries answer 401, too, where others answer 403."""
    closed = error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="r"'})

    def answer(request):
        if "authorization" not in request.headers or "app-7/" in request.path:
            return closed
        return reply(json={"name": "app", "tags": ["1"]})

    with faulty_server({"/v2/*": answer}) as server:
        answers = ask(server.url, one_by_one, **GHOST)
    closed = [name for name, answer in zip(NAMES, answers, strict=True) if answer != ["1"]]
    assert closed == ["team/app-7"]


@pytest.mark.parametrize("walk", [one_by_one, at_once])
def test_a_wrong_password_is_tried_once_for_all_repositories(token_registry, token_server, walk):
    with changed(token_server):
        errors = ask(token_registry.url, walk, **WRONG)
        assert token_server.count() == 1
    assert len({id(e) for e in errors}) == 100
    for caught in errors:
        checked(caught, UnauthorizedError, *WORDS)
        assert caught.status == 401


def test_once_it_is_refused_the_registry_is_not_asked_either():
    with faulty_server() as server:
        protect(server, error(401, "UNAUTHORIZED"))
        ask(server.url, one_by_one, **WRONG)
        assert server.count() == 2


def test_after_a_while_the_password_is_tried_again(token_registry, token_server, monkeypatch):
    monkeypatch.setattr(trials, "_REFUSED_SECONDS", 0.05)
    users = {}

    async def again(registry):
        first = await tried(registry, "library/alpine")
        users["ghost"] = User("nb-s3cret")
        await asyncio.sleep(0.1)
        return first, await tried(registry, "library/alpine")

    with changed(token_server, users=users):
        first, second = ask(token_registry.url, again, **GHOST)
    checked(first, UnauthorizedError, *WORDS)
    assert second == ["3.19", "3.20", "latest"]


def test_other_credentials_are_tried_at_once(token_registry, token_server, monkeypatch):
    monkeypatch.setattr(credentials, "_PAUSE_SECONDS", 0)
    monkeypatch.setenv("GHOST_PASSWORD", "wr0ng-secret")
    settings = {"username": "ghost", "password": "env:GHOST_PASSWORD"}

    async def mended(registry):
        first = await tried(registry, "library/alpine")
        monkeypatch.setenv("GHOST_PASSWORD", "nb-s3cret")
        return first, await tried(registry, "library/alpine")

    with changed(token_server):
        first, second = ask(token_registry.url, mended, **settings)
        assert [request.status for request in token_server.requests] == [401, 200]
    checked(first, UnauthorizedError, *WORDS)
    assert second == ["3.19", "3.20", "latest"]


def test_a_refused_scope_is_no_refused_password():
    """Some token servers answer 401, too, to good credentials that may not see a repository."""

    def token(request):
        is_secret = "app-7" in request.query["scope"]
        return error(401, "UNAUTHORIZED") if is_secret else reply(json={"token": "t"})

    with faulty_server() as server:
        protect(server, token)
        answers = ask(server.url, one_by_one, **GHOST)
    closed = [name for name, answer in zip(NAMES, answers, strict=True) if answer != ["1"]]
    assert closed == [name for name in NAMES if "app-7" in name]


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_with_another_status_is_no_refused_password(status):
    tokens = [error(status, "DENIED"), reply(json={"token": "t"})]
    with faulty_server() as server:
        protect(server, tokens)
        first, second, *_ = ask(server.url, one_by_one, **GHOST)
    checked(first, UnauthorizedError, "gives no token to the user 'ghost'", "DENIED")
    assert second == ["1"]


def test_nobody_is_refused_for_being_nobody():
    with faulty_server() as server:
        protect(server, [error(401, "UNAUTHORIZED"), reply(json={"token": "t"})])
        first, second, *_ = ask(server.url, one_by_one)
    checked(first, UnauthorizedError, "gives no token without a login")
    assert second == ["1"]


def test_a_silent_token_server_is_waited_for_together():
    """The first request goes ahead; the others follow at once, and not one after the other."""
    settings = GHOST | {"timeout_seconds": 0.5, "max_connections": 16}
    policy = RetryPolicy(total_seconds=10, max_attempts=1, first_wait_seconds=0.01)

    async def some(registry):
        return await asyncio.gather(*(tried(registry, name) for name in NAMES[:16]))

    with faulty_server() as server:
        protect(server, hang())
        started = time.monotonic()
        answers = ask(server.url, some, policy=policy, **settings)
    assert {type(answer) for answer in answers} == {TransportTimeoutError}
    assert time.monotonic() - started < 5


def test_who_was_let_in_waits_for_nobody():
    """Tokens for several repositories are asked for side by side."""
    under_way = []

    def token(request):
        under_way.append(time.monotonic())
        return reply(json={"token": "t"}, delay_seconds=0.2)

    async def later(registry):
        await tags_of("team/first")(registry)
        await asyncio.gather(*(tags_of(name)(registry) for name in NAMES[:8]))

    with faulty_server() as server:
        protect(server, token)
        ask(server.url, later, **GHOST)
    assert len(under_way) == 9
    assert under_way[-1] - under_way[1] < 0.2
