"""GitHub's API of packages: its token, its limits and refusals."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.vendors import json_api
from ghostnb.registries.vendors.ghcr import api
from tests.parts.images import plain_image
from tests.registries.vendors.ghcr.replay import (
    REPLIES,
    GHCRReplay,
    answer,
    document,
    limits,
    primary_limit,
)
from tests.registries.vendors.ghcr.runs import API, GHCR_URL, SECRET, listed, logged_in, run

PACKAGES = "api.github.com/orgs/acme/packages"
WRONG = "ghp_wr0ng"
REPOSITORIES = listed("repositories", "acme")


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """Let a wait for a limit be over at once."""
    found: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        found.append(seconds)
        await real(0)

    monkeypatch.setattr(json_api.asyncio, "sleep", sleep)
    return found


@pytest.mark.parametrize("status", [403, 429])
def test_the_hours_limit_is_an_error_that_says_how_long(github, status):
    github.planned[PACKAGES] = [primary_limit(1800, status=status)]

    with pytest.raises(RateLimitedError, match=r"API rate limit exceeded.*an hour") as raised:
        run(github, REPOSITORIES, **logged_in())

    assert 1790 < raised.value.retry_after_seconds <= 1800
    assert len(github.pages()) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_says_its_seconds(github, status):
    headers = {**limits(), "retry-after": "120"}
    github.planned[PACKAGES] = [answer(status, document("secondary_limit"), headers)]

    with pytest.raises(RateLimitedError, match="secondary rate limit") as raised:
        run(github, REPOSITORIES, **logged_in())

    assert raised.value.retry_after_seconds == 120


def test_a_short_limit_is_waited_for_once(github, waits):
    headers = {**limits(), "retry-after": "7"}
    github.planned[PACKAGES] = [answer(403, document("secondary_limit"), headers)]

    assert len(run(github, REPOSITORIES, **logged_in())) == 2
    assert 7 in waits


def test_a_secondary_limit_without_seconds_is_a_minute(github, waits):
    # The hour's reset is on every reply, and is another limit's.
    reply = answer(403, document("secondary_limit"), limits())
    github.planned[PACKAGES] = [reply, reply]

    with pytest.raises(RateLimitedError) as raised:
        run(github, REPOSITORIES, **logged_in())

    assert raised.value.retry_after_seconds == 60
    assert 60 in waits


def test_a_limit_is_no_reason_to_ask_the_registry_for_each_tag(github):
    github.push("acme/app", plain_image("app"), "1")
    github.planned["api.github.com/orgs/acme/packages/container/app/versions"] = [primary_limit(99)]

    with pytest.raises(RateLimitedError):
        run(github, listed("tag_details", "acme/app"), **logged_in())

    assert github.count(f"GET {GHCR_URL}/v2/acme") == 0


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (answer(400, document("invalid_argument")), RejectedError, "token of a workflow"),
        (answer(401, document("bad_credentials")), UnauthorizedError, "make a new one"),
        (answer(403, document("needs_scope")), ForbiddenError, "read:packages"),
        (answer(403, document("not_accessible")), ForbiddenError, "personal access token"),
        (answer(403, document("saml")), ForbiddenError, "Configure SSO"),
        (answer(403, b"<html>Forbidden</html>"), ForbiddenError, "read:packages"),
        (answer(404, document("not_found")), NotFoundError, "may not see"),
        (answer(405, b""), UnsupportedError, "switched off"),
        (answer(502, b"<html>Bad gateway</html>"), ServerError, "Try again"),
        (answer(200, b'[{"id": 3, "name": "app"'), ProtocolError, "web page"),
        (answer(200, {"total": 3}), ProtocolError, "web page"),
        (answer(200, [{"id": "three", "name": "app"}]), ProtocolError, "web page"),
    ],
)
def test_refusals_are_of_the_tree_and_say_what_to_do(github, reply, kind, words):
    github.planned[PACKAGES] = [reply, reply]

    with pytest.raises(kind) as raised:
        run(github, REPOSITORIES, **logged_in())

    assert words in raised.value.hint
    assert raised.value.registry == "ghcr"
    assert SECRET not in repr(raised.value) + str(raised.value) + str(vars(raised.value))
    assert github.count(f"GET {GHCR_URL}") == 0


def test_a_failure_that_passes_costs_nothing(github):
    github.planned[PACKAGES] = [answer(503, b"<html>Bad gateway</html>")]

    assert len(run(github, REPOSITORIES, **logged_in())) == 2


def test_a_wrong_token_is_said_and_not_shown(github):
    with pytest.raises(UnauthorizedError, match=r"Bad credentials.*settings/tokens") as raised:
        run(github, REPOSITORIES, **logged_in(WRONG))

    assert WRONG not in repr(raised.value) + str(raised.value) + str(vars(raised.value))


def test_a_wrong_token_is_not_tried_again_and_again(github):
    async def work(registry):
        caught = []
        for _ in range(3):
            with pytest.raises(UnauthorizedError, match="Bad credentials") as raised:
                await REPOSITORIES(registry)
            caught.append(raised.value.hint)
        return caught

    assert len(set(run(github, work, **logged_in(WRONG)))) == 1
    assert len(github.asked) == 1


def test_a_token_that_was_refused_is_tried_again_after_a_while(github, monkeypatch):
    monkeypatch.setattr(api, "_REFUSED_SECONDS", 0.0)
    github.planned["api.github.com/users/acme"] = [answer(401, document("bad_credentials"))]

    async def work(registry):
        with pytest.raises(UnauthorizedError):
            await REPOSITORIES(registry)
        return await REPOSITORIES(registry)

    assert len(run(github, work, **logged_in())) == 2


@pytest.mark.parametrize("password", ["ghp_a b", "ghp_a\nx: y", "gehëim"])
def test_what_can_be_no_token_is_not_sent(github, password):
    with pytest.raises(UnauthorizedError, match=r"'ada'.*no token") as raised:
        run(github, REPOSITORIES, **logged_in(password))

    assert password not in str(raised.value)
    assert github.asked == []


def test_a_wrong_token_spoils_public_images_and_the_error_says_how_to_go_on(github):
    github.push("acme/app", plain_image("app"), "1")
    github.public.add("acme/app")

    with pytest.raises(UnauthorizedError, match=r"DENIED.*leave user name and password out"):
        run(github, listed("tags", "acme/app"), **logged_in(WRONG))

    assert run(github, listed("tags", "acme/app")) == ["1"]


def test_no_secret_shows(github):
    async def work(registry):
        await REPOSITORIES(registry)
        vendor = registry._vendor
        return "".join(map(repr, (registry, vendor, vendor._api, vendor._deletion)))

    assert SECRET not in run(github, work, **logged_in())


def test_each_host_sees_only_what_is_its_own(github):
    # The replay refuses a token at the wrong host, and any other host.
    github.push("acme/app", plain_image("app"), "1")

    async def work(registry):
        for _ in range(2):
            await registry.ping()
            await listed("tag_details", "acme/app")(registry)
            await REPOSITORIES(registry)

    run(github, work, **logged_in())

    assert github.count("GET https://pkg-containers.githubusercontent.com/") > 0


@pytest.mark.parametrize(
    "url",
    [
        "https://mirror.example.com",
        "https://ghcr.io.evil.example",
        "https://ghcr.io:8443",
        "https://containers.github.io",
    ],
)
def test_a_registry_elsewhere_does_not_make_us_send_its_credentials_to_github(url):
    elsewhere = GHCRReplay(registry=url.removeprefix("https://").partition("/")[0])
    elsewhere.hosts.pop("api.github.com")

    async def work(registry):
        for doing in (REPOSITORIES, listed("tag_details", "acme/app")):
            with pytest.raises((RegistryError, AssertionError)):
                await doing(registry)
        with pytest.raises((RegistryError, AssertionError)):
            await registry.delete_tag("acme/app", "1")
        return registry.kind

    assert run(elsewhere, work, url=url, kind="ghcr", **logged_in()) == "ghcr"
    hosts = {line.split()[1].split("/")[2] for line in elsewhere.asked}
    assert hosts == {url.split("/")[2]}


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")

    for path in REPLIES.glob("*.json"):
        assert f"`{path.name}`" in named


def test_an_enterprise_servers_api_is_on_that_server():
    server = GHCRReplay(registry="containers.git.example.com", api="git.example.com")
    server.push("acme/app", plain_image("app"), "1")

    async def work(registry):
        return await REPOSITORIES(registry), await listed("tag_details", "acme/app")(registry)

    url = "https://containers.git.example.com"
    packages, tags = run(server, work, url=url, **logged_in())

    assert len(packages) == 2
    assert [record.tag for record in tags] == ["1"]
    assert server.count("GET https://git.example.com/api/v3/orgs/acme/packages") == 2
    assert server.count(f"GET {API}") == 0


def test_data_residency_has_an_api_of_its_own():
    github = GHCRReplay(registry="containers.acme.ghe.com", api="api.acme.ghe.com")

    assert len(run(github, REPOSITORIES, url="https://containers.acme.ghe.com", **logged_in())) == 2
    assert github.count("GET https://api.acme.ghe.com/") == 2
