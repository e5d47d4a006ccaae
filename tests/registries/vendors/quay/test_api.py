"""Refusals of Quay's API, and where the registry is asked instead."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    RateLimitedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.vendors.quay import api
from tests.parts.images import plain_image
from tests.registries.vendors.quay.replay import TOKEN, too_many
from tests.registries.vendors.quay.runs import (
    TAGS,
    by_robot,
    by_token,
    listed,
    many_tags,
    of_api,
    run,
)
from tests.registries.vendors.quay.writing import document
from tests.registries.vendors.replaying import answer
from tests.warned import told

LISTING = "quay.io/api/v1/repository"
PAGE = {"content-type": "text/html"}
# What is there in place of the API, or what it may have become.
OFF = [
    answer(404, b"<html>Not Found</html>", PAGE),
    answer(404, {"message": "The requested URL was not found on the server."}),
    answer(403, b"<html>Forbidden</html>", PAGE),
    answer(401, b"", PAGE),
    answer(405, b"<html>Not allowed</html>", PAGE),
    answer(400, document("namespace_required")),
    answer(503, b"<html>Maintenance</html>", PAGE),
    answer(520, {"message": "downstream"}),
    answer(200, b"<html>Sign in</html>", PAGE),
    answer(200, b"", PAGE),
    answer(200, {"tags": {"1.2": {}}, "repositories": "none"}),
    answer(200, {"tags": [{"size": 3}], "repositories": [{"name": "web"}]}),
    answer(200, {"tags": [{"name": "1", "size": "3"}], "repositories": [{"name": 7}]}),
    answer(200, {"page": 1}),
]


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("login", [{}, by_token()])
def test_where_the_api_is_off_or_changed_the_registry_tells_with_one_warning(quay, off, login):
    quay.tags["acme/web"] = []
    quay.held.add("acme/web:1", plain_image("web"))
    quay.planned[TAGS] = [off] * 4

    async def work(registry):
        with pytest.warns(UserWarning, match="the registry itself was asked") as warned:
            found = [await listed("tag_details", "acme/web")(registry) for _ in range(2)]
        assert len(told(warned)) == 1
        return found

    first, second = run(quay, work, **login)

    assert [(one.tag, one.size_bytes is not None) for one in first] == [("1", True)]
    assert first == second


@pytest.mark.parametrize("off", OFF)
def test_where_the_api_is_off_the_catalog_is_asked_with_a_token(quay, off):
    quay.planned[LISTING] = [off] * 2

    with pytest.warns(UserWarning, match="no help with repositories"):
        found = run(quay, listed("repositories", "acme"), **by_token())

    assert [one.repository for one in found] == ["acme/web", "acme/team/api"]


def test_a_token_that_does_not_tell_whose_it_is_is_shown_the_catalog(quay):
    quay.oauth[TOKEN].discard("user:read")

    with pytest.warns(UserWarning, match="does not tell whose the OAuth access token is"):
        found = run(quay, listed("repositories"), **by_token())

    assert [one.repository for one in found] == quay.catalog


def test_pages_that_came_before_the_api_went_off_come_once(quay):
    quay.tags["acme/web"] = many_tags(100)
    for n in range(150):
        quay.held.add(f"acme/web:1.{n}", plain_image("web"))
    quay.planned[TAGS] = [
        answer(200, {"tags": many_tags(100), "page": 1, "has_additional": True}),
        answer(200, b"<html>?</html>"),
    ]
    quay.tags["acme/web"] = many_tags(150)

    with pytest.warns(UserWarning, match="no help with tag details"):
        found = run(quay, listed("tag_details", "acme/web"))

    assert [one.tag for one in found] == [f"1.{n}" for n in range(150)]
    assert [one.platforms for one in found[99:101]] == [None, ("linux/amd64",)]


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (answer(401, document("invalid_token")), UnauthorizedError, "Requires authentication"),
        (answer(403, document("insufficient_scope")), ForbiddenError, "Unauthorized"),
        (answer(403, document("csrf")), UnauthorizedError, "wrong or has expired"),
    ],
)
def test_what_is_refused_to_a_token_is_the_last_word(quay, reply, kind, words):
    quay.planned[TAGS] = [reply]

    with pytest.raises(kind, match=words) as raised:
        run(quay, listed("tag_details", "acme/web"), **by_token())

    assert raised.value.registry == "quay"
    assert "the tags of acme/web" in str(raised.value)
    assert len(quay.asked) == 1


def test_what_is_refused_to_nobody_may_be_the_registrys_to_give(quay):
    quay.tags["acme/web"] = []
    quay.held.add("acme/web:1", plain_image("web"))
    quay.planned[TAGS] = [answer(401, {"error": "Anonymous access is not allowed"})]

    with pytest.warns(UserWarning, match="Anonymous access is not allowed"):
        (found,) = run(quay, listed("tag_details", "acme/web"))

    assert found.tag == "1"


def test_what_the_registry_refuses_to_nobody_as_well_is_an_error(quay):
    with pytest.raises(UnauthorizedError, match="does not exist"):
        run(quay, listed("tag_details", "acme/team/api"))


# Limits


def test_a_request_that_came_too_early_is_sent_again(quay):
    quay.planned[TAGS] = [too_many()]

    assert len(run(quay, listed("tag_details", "acme/web"))) == 3
    assert len(of_api(quay)) == 2


def test_requests_that_always_come_too_early_are_an_error_and_no_warning(quay):
    quay.planned[TAGS] = [too_many() for _ in range(9)]

    with pytest.raises(RateLimitedError, match="Wait a few seconds") as raised:
        run(quay, listed("tag_details", "acme/web"))

    assert raised.value.retry_after_seconds is None
    assert len(quay.asked) == 2  # as often as the tests' policy allows


def test_a_time_that_is_told_is_waited_for_once(quay, monkeypatch):
    waits: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr(api.asyncio, "sleep", sleep)
    quay.planned[TAGS] = [too_many(**{"retry-after": "7"}) for _ in range(9)]

    with pytest.raises(RateLimitedError) as raised:
        run(quay, listed("tag_details", "acme/web"))

    assert raised.value.retry_after_seconds == 7
    assert len(quay.asked) == 2
    assert 7 in waits


# Tokens


@pytest.mark.parametrize("secret", ["t0ken\n", "t0 ken", "t0kén"])
def test_a_token_that_can_be_none_is_said_and_not_shown(quay, secret):
    with pytest.raises(ConfigError, match="Copy it again") as raised:
        run(quay, listed("tag_details", "acme/web"), **by_token(secret))

    assert secret not in str(raised.value)
    assert quay.asked == []


def test_a_robots_password_is_not_sent_to_the_api(quay):
    # The replay refuses an Authorization there that is no Bearer's, and any with the password.
    assert len(run(quay, listed("tag_details", "acme/web"), **by_robot())) == 3


def test_an_error_names_no_secret(quay):
    quay.planned[TAGS] = [answer(403, document("csrf"))]

    with pytest.raises(UnauthorizedError) as raised:
        run(quay, listed("tag_details", "acme/web"), **by_token())

    assert TOKEN not in str(raised.value) + repr(raised.value) + repr(vars(raised.value))


def test_a_search_refused_to_nobody_says_what_opens_the_api(quay):
    quay.planned["quay.io/api/v1/find/repositories"] = [answer(401, document("invalid_token"))]

    async def work(registry):
        found = registry._vendor.search("web", limit=3)
        with pytest.raises(UnsupportedError, match=r"OAuth access token alone"):
            await anext(found)

    run(quay, work, **by_robot())
