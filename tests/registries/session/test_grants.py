"""Tokens and locks over 100,000 repositories: what is kept has a bound."""

import asyncio
import time

import pytest

from ghostnb.registries.session import grants
from ghostnb.registries.session.grants import Grant, Grants
from tests.parts.faults import faulty_server
from tests.parts.replies import error, reply
from tests.registries.asking import ask, tags_of


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(grants, "_MAX_GRANTS", 5)


@pytest.fixture
def server():
    """A registry that wants a token for each repository, and the token server beside it."""
    with faulty_server({"/token": reply(json={"token": "t", "expires_in": 300})}) as running:
        challenge = {"WWW-Authenticate": f'Bearer realm="{running.url}/token",service="s"'}

        def answer(request):
            if request.headers.get("authorization") == "Bearer t":
                return reply(json={"name": "app", "tags": ["1"]})
            return error(401, "UNAUTHORIZED", headers=challenge)

        running.routes["/v2/*"] = answer
        yield running


def grant(seconds=60.0, header="Bearer t"):
    return Grant(header, time.monotonic() + seconds)


def test_a_grant_is_given_until_its_end():
    kept = Grants()
    kept.keep(("a",), grant(60, "Bearer a"))
    kept.keep(("b",), grant(-1))
    assert kept.get(("a",)).header == "Bearer a"
    assert (kept.get(("b",)), kept.get(("c",))) == (None, None)


@pytest.mark.usefixtures("few")
def test_the_oldest_grants_are_dropped_first():
    kept = Grants()
    for number in range(5):
        kept.keep((f"{number}",), grant())
    kept.keep(("0",), grant())  # renewed: now the newest
    kept.keep(("5",), grant())
    kept.keep(("6",), grant())
    assert len(kept) == 5
    assert [number for number in range(7) if kept.get((f"{number}",))] == [0, 3, 4, 5, 6]


def test_grants_that_are_over_are_dropped():
    kept = Grants()
    for number in range(100):
        kept.keep((f"{number}",), grant(0.01))
    assert len(kept) > 0
    time.sleep(0.02)
    kept.keep(("new",), grant())
    assert len(kept) == 1


def test_a_grant_is_never_shown():
    assert "s3cret" not in repr(grant(header="Bearer s3cret"))


@pytest.mark.usefixtures("few")
def test_many_repositories_leave_few_grants_and_no_locks(server):
    async def walked(registry):
        names = [f"team/app-{number}" for number in range(60)]
        await asyncio.gather(*(tags_of(name)(registry) for name in names))
        auth = registry._session.auth
        return len(auth._grants), len(auth._locks)

    assert ask(server.url, walked) == (5, 0)
    assert server.count("/token") == 60


@pytest.mark.usefixtures("few")
def test_what_was_dropped_is_asked_for_again(server):
    async def twice(registry):
        for number in [*range(10), 0, 9]:
            await tags_of(f"team/app-{number}")(registry)

    ask(server.url, twice)
    assert server.count("/token") == 11
