"""Who asks zot: everybody, a user by password or API key, somebody with a token."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import UnauthorizedError
from tests.parts.images import plain_image
from tests.registries.vendors.zot.replay import HOST, MGMT, SEARCH, TOKENS, answer, document
from tests.registries.vendors.zot.runs import SECRET, URL, listed, logged_in, run

NAMES = ["team/app", "tools"]


async def ping(registry):
    return await registry.ping()


async def names(registry):
    return [record.repository async for record in registry.repositories()]


@pytest.mark.parametrize("mode", ["basic", "anonymous", "bearer"])
def test_a_user_sees_what_is_his(zot, mode):
    zot.mode, zot.private = mode, {"team/app"}

    assert run(zot, names, **logged_in()) == NAMES


@pytest.mark.parametrize("kind", ["auto", "zot"])
def test_where_everybody_is_let_in_a_user_is_shown_more(zot, kind):
    """A 200 to the ping is no word on the credentials: its challenge asks for them."""
    zot.mode, zot.private = "anonymous", {"team/app"}

    assert run(zot, names, kind=kind) == ["tools"]
    assert run(zot, names, kind=kind, **logged_in()) == NAMES
    assert run(zot, listed("tag_details", "team/app"), kind=kind, **logged_in())[0].tag == "1.3"


@pytest.mark.parametrize("kind", ["auto", "zot"])
@pytest.mark.parametrize("mode", ["basic", "anonymous", "bearer"])
def test_a_wrong_password_is_no_anonymous_user(zot, mode, kind):
    zot.mode, zot.private = mode, {"team/app"}

    for work in (ping, names, listed("tag_details", "team/app"), listed("usage_records")):
        with pytest.raises(UnauthorizedError, match="'ada'") as raised:
            run(zot, work, kind=kind, **logged_in("wr0ng"))
        assert "wr0ng" not in repr(raised.value) + str(raised.value) + str(vars(raised.value))


@pytest.mark.parametrize("mode", ["basic", "anonymous", "bearer"])
def test_a_ping_tells_whether_the_credentials_were_taken(zot, mode):
    zot.mode = mode

    assert run(zot, ping, **logged_in()).authenticated
    if mode == "anonymous":
        assert not run(zot, ping).authenticated


def test_credentials_are_not_sent_where_nobody_asks_for_them(zot):
    # The replay refuses an Authorization that nobody wanted.
    zot.mode = "open"

    assert run(zot, names, **logged_in()) == NAMES
    assert not run(zot, ping, **logged_in()).authenticated


def test_one_login_is_tried_for_many_requests(zot):
    zot.mode = "anonymous"

    async def work(registry):
        return await asyncio.gather(*(names(registry) for _ in range(5)))

    run(zot, work, **logged_in())

    # As everybody, and once with the password.
    assert zot.count(f"GET {URL}/v2/") - zot.count(f"GET {URL}/v2/_") == 2


def test_a_token_is_asked_for_the_empty_repository(zot):
    """Not for a push, which a POST of the query would need."""
    zot.mode = "bearer"

    run(zot, listed("tag_details", "team/app"), **logged_in())

    asked = [line for line in zot.asked if TOKENS in line]
    assert any("scope=repository%3A%3Apull" in line for line in asked)
    assert not any("push" in line for line in asked)
    # The ping's, the extension's, the repository's.
    assert len(asked) == 3
    # Nothing is sent without the token that is known to be wanted.
    assert zot.count(f"GET {URL}{SEARCH}") == 1


def test_a_token_that_does_not_hold_for_lists_is_no_end_of_it(zot):
    zot.mode = "bearer"
    zot.held.add("team/app:1.3", plain_image("a"))
    zot.names["team/app"] = ["1.3"]
    refusal = answer(
        401,
        document("unauthorized"),
        {"www-authenticate": f'Bearer realm="https://{TOKENS}/token",service="zot",scope=""'},
    )
    zot.planned[HOST + SEARCH] = [refusal] * 3

    with pytest.warns(UserWarning, match="no help with tag details"):
        (found,) = run(zot, listed("tag_details", "team/app"), **logged_in())

    assert found.tag == "1.3"


def test_who_must_log_in_and_does_not_is_told_so_in_its_own_words(zot):
    zot.mode = "basic"

    with pytest.raises(UnauthorizedError, match=r"UNAUTHORIZED.*authentication required"):
        run(zot, ping, kind="zot")
    with pytest.raises(UnauthorizedError):
        run(zot, names)


def test_what_everybody_may_not_read_is_refused_and_not_missing(zot):
    zot.mode, zot.private = "anonymous", {"team/app"}

    with pytest.raises(UnauthorizedError):
        run(zot, listed("tag_details", "team/app"))
    with pytest.raises(UnauthorizedError):
        run(zot, listed("tags", "team/app"))


def test_no_secret_shows(zot):
    zot.mode = "basic"

    async def work(registry):
        await registry.ping()
        return repr(registry) + repr(registry._vendor) + repr(registry._vendor._api)

    assert SECRET not in run(zot, work, **logged_in())
    assert not any(SECRET in line for line in zot.asked)


def test_the_rights_of_a_user(zot):
    zot.mode, zot.private = "anonymous", {"team/app"}

    assert run(zot, ping, **logged_in()).rights == "ada: may read 2 repositories"
    assert zot.count(f"GET {URL}{MGMT}") == 0
    assert [asked.arguments["requestedPage"]["limit"] for asked in zot.queries] == [1]


def test_the_rights_of_everybody_and_how_to_log_in(zot):
    zot.mode, zot.private = "anonymous", {"team/app"}

    assert run(zot, ping).rights == (
        "anonymous: may read 1 repository; one logs in by a user name and a password or an API key "
        "or OpenID in a browser"
    )


def test_the_rights_where_there_are_no_users(zot):
    assert run(zot, ping).rights == "anonymous: may read 2 repositories"


def test_the_rights_where_the_extension_of_logins_is_off(zot):
    zot.planned[HOST + MGMT] = [answer(404)]

    assert run(zot, ping).rights == "anonymous: may read 2 repositories"


def test_rights_that_are_not_told_spoil_no_ping(zot):
    zot.extension = False

    found = run(zot, ping)

    assert found.kind == "zot"
    assert found.rights.startswith("not told (")


def test_the_rights_of_a_token(zot):
    zot.mode = "bearer"
    zot._scopes["mine"] = "repository::pull"

    assert run(zot, ping, token="mine").rights == "the owner of the token: may read 2 repositories"
