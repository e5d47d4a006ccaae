"""Logins to Docker Hub's API, and its refusals."""

from __future__ import annotations

import asyncio
import time

import pytest

from ghostnb.errors import (
    ForbiddenError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.vendors.docker_hub import api
from tests.registries.vendors.docker_hub.replay import answer, document, too_many
from tests.registries.vendors.docker_hub.runs import (
    API,
    REPOSITORIES,
    SECRET,
    TAGS,
    listed,
    logged_in,
    many_tags,
    run,
)


def test_there_is_one_login_for_many_requests(hub):
    hub.tags["library/nginx"] = many_tags(1000)

    async def work(registry):
        reads = [listed("tag_details", "nginx"), listed("repositories", "acme")]
        return await asyncio.gather(*(read(registry) for read in reads))

    run(hub, work, **logged_in())

    assert hub.count(f"POST {API}/auth/token") == 1
    assert hub.count("GET https://auth.docker.io") == 0


def test_a_login_is_renewed_before_its_ten_minutes_are_over(hub, monkeypatch):
    elapsed = [0.0]
    real = time.monotonic
    monkeypatch.setattr(api.time, "monotonic", lambda: real() + elapsed[0])

    async def work(registry):
        for seconds in (0, 500, 599):
            elapsed[0] = seconds
            await listed("repositories", "acme")(registry)

    run(hub, work, **logged_in())

    assert hub.logins == 2


def test_a_login_that_holds_no_longer_is_renewed_once(hub):
    async def work(registry):
        await listed("repositories", "acme")(registry)
        hub.revoke()
        return await listed("repositories", "acme")(registry)

    assert len(run(hub, work, **logged_in())) == 2
    assert hub.logins == 2


def test_a_wrong_secret_is_said_and_not_shown(hub):
    with pytest.raises(UnauthorizedError) as raised:
        run(hub, listed("repositories", "acme"), **logged_in("wr0ng"))

    assert "a login as 'ada'" in str(raised.value)
    assert "Incorrect authentication credentials" in str(raised.value)
    assert "access token" in raised.value.hint
    assert "wr0ng" not in repr(raised.value) + str(raised.value) + str(vars(raised.value))
    assert hub.asked == [f"POST {API}/auth/token"]


def test_a_login_without_a_token_is_an_error(hub):
    hub.planned["hub.docker.com/v2/auth/token"] = [answer(200, {"token": SECRET})]

    with pytest.raises(ProtocolError) as raised:
        run(hub, listed("repositories", "acme"), **logged_in())

    assert SECRET not in str(raised.value)


def test_no_secret_shows(hub):
    async def work(registry):
        await listed("repositories", "acme")(registry)
        return repr(registry) + repr(registry._vendor) + repr(registry._vendor._api)

    shown = run(hub, work, **logged_in())

    assert SECRET not in shown
    assert "jwt" not in shown


def test_a_mirrors_credentials_stay_with_the_mirror(hub):
    # Its own URL, the kind of Docker Hub: the API is asked, but anonymously.
    options = {"url": "https://mirror.example.com", "kind": "docker-hub", **logged_in()}

    assert len(run(hub, listed("repositories", "acme"), **options)) == 2
    assert hub.logins == 0
    with pytest.raises(UnsupportedError):
        run(hub, listed("repositories"), **options)


def test_each_host_sees_only_what_is_its_own(hub):
    # The replay refuses a registry token at the API, and a login at the registry.
    async def work(registry):
        for _ in range(2):
            await registry.ping()
            await listed("tag_details", "nginx")(registry)
            await listed("tags", "nginx")(registry)
            await listed("search", "nginx", limit=3)(registry)

    for options in ({}, logged_in()):
        run(hub, work, **options)


def test_a_short_limit_of_the_api_is_waited_for(hub):
    hub.planned[TAGS] = [too_many(1), too_many(1)]

    with pytest.raises(RateLimitedError) as raised:
        run(hub, listed("tag_details", "nginx"))

    assert hub.count("GET") == 2
    assert 0 <= raised.value.retry_after_seconds <= 1
    assert len(run(hub, listed("tag_details", "nginx"))) == 4


def test_a_whole_minute_is_waited_for(hub, monkeypatch):
    waits: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr(api.asyncio, "sleep", sleep)
    hub.planned[TAGS] = [too_many(60)]

    assert len(run(hub, listed("tag_details", "nginx"))) == 4
    assert 58 <= max(waits) <= 60


@pytest.mark.parametrize("header", ["x-retry-after", "retry-after", "x-ratelimit-reset"])
def test_a_long_limit_of_the_api_is_an_error_that_says_how_long(hub, header):
    hub.planned[TAGS] = [too_many(3600, header=header)]

    with pytest.raises(RateLimitedError, match=r"Rate limit exceeded.*logging in") as raised:
        run(hub, listed("tag_details", "nginx"))

    assert 3590 < raised.value.retry_after_seconds <= 3600
    assert len(hub.asked) == 1


def test_a_limit_in_seconds_is_understood(hub):
    hub.planned[TAGS] = [answer(429, headers={"retry-after": "900"})]

    with pytest.raises(RateLimitedError) as raised:
        run(hub, listed("tag_details", "nginx"))

    assert raised.value.retry_after_seconds == 900


def test_a_limit_without_a_time_is_an_error(hub):
    hub.planned[TAGS] = [answer(429, document("too_many"))]

    with pytest.raises(RateLimitedError) as raised:
        run(hub, listed("tag_details", "nginx"))

    assert raised.value.retry_after_seconds is None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(401, document("login_refused")), UnauthorizedError),
        (answer(403, document("forbidden")), ForbiddenError),
        (answer(405, {"message": "method not allowed"}), UnsupportedError),
        (answer(502, b"<html>Bad gateway</html>"), ServerError),
        (answer(200, b'{"count": 3, "results": ['), ProtocolError),
        (answer(200, {"count": "many", "results": {}}), ProtocolError),
    ],
)
def test_refusals_of_the_api_are_of_the_tree(hub, reply, kind):
    # As often as it is asked for: a failure that may pass is tried again.
    hub.planned[REPOSITORIES] = [reply, reply]

    with pytest.raises(kind) as raised:
        run(hub, listed("repositories", "acme"))

    assert raised.value.registry == "docker-hub"
    assert raised.value.hint


@pytest.mark.parametrize("status", [403, 405, 410, 502])
def test_where_the_api_is_off_tags_come_by_name_and_use_no_pulls(hub, status):
    hub.tags["library/nginx"] = many_tags(3)
    hub.planned[TAGS] = [answer(status, b"<html>off</html>")] * 2

    with pytest.warns(UserWarning, match="by name"):
        found = run(hub, listed("tag_details", "nginx"))

    assert [(one.tag, one.size_bytes) for one in found] == [(f"1.{n}", None) for n in range(3)]
    assert not [line for line in hub.asked if "/manifests/" in line]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("page", [1, 2])
def test_a_failure_of_the_api_that_passes_costs_nothing(hub, status, page):
    tags = many_tags(250)
    hub.tags["library/nginx"] = tags
    first = answer(200, {"count": 250, "next": "more", "results": tags[:100]})
    failure = answer(status, b"<html>Bad gateway</html>")
    hub.planned[TAGS] = [failure] if page == 1 else [first, failure]

    found = run(hub, listed("tag_details", "nginx"))

    assert [record.tag for record in found] == [f"1.{n}" for n in range(250)]
    assert len(hub.pages()) == 4


@pytest.mark.parametrize(
    "end", [answer(404, {"message": "page not found"}), answer(200, {"count": 0, "results": []})]
)
def test_no_more_pages_are_asked_for_than_there_are(hub, end):
    """The count is not always right, and each request is one of few that are allowed."""
    first = answer(200, {"count": 100_000, "next": "more", "results": many_tags(100)})
    hub.planned[TAGS] = [first, *[end] * 999]

    assert len(run(hub, listed("tag_details", "nginx"))) == 100
    assert len(hub.pages()) <= 5  # the first, and as many as are asked for at once


def test_a_wrong_secret_is_not_tried_again_at_once(hub):
    async def work(registry):
        for _ in range(3):
            with pytest.raises(UnauthorizedError, match="Incorrect"):
                await listed("repositories", "acme")(registry)

    run(hub, work, **logged_in("wr0ng"))

    assert hub.asked == [f"POST {API}/auth/token"]
