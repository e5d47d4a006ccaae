"""Who is GHCR, and what somebody may do there."""

from __future__ import annotations

import pytest

from ghostnb.errors import UnauthorizedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor, offers_of
from ghostnb.registries.vendors.ghcr import GHCR
from ghostnb.registries.vendors.ghcr.api import last_page
from ghostnb.registries.vendors.ghcr.hosts import api_of
from ghostnb.wire.challenges import Challenge, parse_challenges
from tests.registries.vendors.ghcr.replay import GHCRReplay, answer, document
from tests.registries.vendors.ghcr.runs import API, SECRET, logged_in, run

PINGED = parse_challenges(
    'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"'
)


async def ping(registry):
    return await registry.ping()


@pytest.mark.parametrize(
    "url", ["https://ghcr.io", "https://GHCR.io", "https://containers.acme.ghe.com"]
)
def test_it_is_known_by_its_host(url):
    config = RegistryConfig("reg", url)

    assert find_vendor(config, Session(config)).kind == "ghcr"


@pytest.mark.parametrize(
    "host",
    [
        "ghcr.io.evil.example",
        "notghcr.io",
        "a.ghcr.io",
        "docker.pkg.github.com",
        "containers.ghe.com",
        "containers.a.b.ghe.com",
        "containers.acme.ghe.com.evil.example",
        "acme.ghe.com",
        "containers.example.com",
    ],
)
def test_hosts_that_look_like_it_are_not(host):
    config = RegistryConfig("reg", f"https://{host}")

    assert find_vendor(config, Session(config)).kind == "distribution"


@pytest.mark.parametrize(
    ("headers", "challenges", "is_it"),
    [
        ({}, PINGED, True),
        ({"x-github-request-id": "A"}, (Challenge("bearer", "https://x.example/token"),), True),
        ({"x-github-request-id": "A"}, (Challenge("bearer", "https://x.example/auth"),), False),
        ({"x-github-request-id": "A"}, (), False),
        ({"x-github-request-id": "A"}, (Challenge("bearer", "https://[/token"),), False),
        ({}, (Challenge("bearer", "https://auth.docker.io/token"),), False),
        ({}, (Challenge("bearer", "https://x/token", scopes=("repository:a/b:pull",)),), False),
        ({}, (Challenge("basic", "ghcr"),), False),
    ],
)
def test_it_is_known_by_what_it_answers(headers, challenges, is_it):
    assert GHCR.has_answered(headers, challenges) is is_it


@pytest.mark.parametrize("options", [{}, logged_in()])
def test_an_enterprise_server_is_known_by_its_answer(options):
    server = GHCRReplay(registry="containers.git.example.com", api="git.example.com")

    found = run(server, ping, url="https://containers.git.example.com", **options)

    assert found.kind == "ghcr"
    assert found.authenticated is bool(options)


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://ghcr.io", "https://api.github.com"),
        ("https://ghcr.io:443", "https://api.github.com"),
        ("https://containers.acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://containers.git.example.com", "https://git.example.com/api/v3"),
        ("http://localhost:5000", None),
        ("https://containers.localhost", None),
        ("https://containers.com", None),
        ("https://containers.co.uk", None),
        ("https://containers.github.io", None),
        ("https://containers.10.0.0.1", None),
        ("https://git.example.com", None),
        ("https://ghcr.io:8443", None),
        ("https://ghcr.io/mirror", None),
    ],
)
def test_where_the_api_is(url, api):
    assert api_of(RegistryConfig("reg", url).url) == api


def test_what_it_does_better():
    assert offers_of("ghcr") == ("repositories", "tag digests", "tag deletion")


@pytest.mark.parametrize(
    ("link", "last"),
    [
        ('<https://a/x?page=2&per_page=9>; rel="next", <https://a/x?page=7>; rel="last"', 7),
        ("<https://a/x?page=7>; rel=last", 7),
        ('<https://a/x?page=2>; rel="next"', None),
        ('<https://a/x?page=-2>; rel="last"', None),
        ('<https://a/x>; rel="last"', None),
        ('<http://[?page=3>; rel="last"', None),
        ("", None),
    ],
)
def test_the_last_page_is_told_by_the_link(link, last):
    assert last_page(link) == last


# Rights


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        ("read:packages", "ada: may read packages"),
        ("repo, write:packages", "ada: may read and push packages"),
        ("delete:packages, write:packages", "ada: may read and push and delete packages"),
        ("repo", "ada: public images alone; the token lacks read:packages"),
        ("", "ada: public images alone; the token lacks read:packages"),
        (None, "ada: a token without scopes; GitHub's packages want a classic one"),
    ],
)
def test_rights_are_those_of_the_tokens_scopes(github, scopes, words):
    github.scopes = scopes

    found = run(github, ping, **logged_in())

    assert found.rights.startswith(words)
    assert (found.kind, found.authenticated) == ("ghcr", True)
    assert github.count(f"GET {API}/user") == 1
    assert github.count(f"GET {API}") == 1


def test_a_tokens_end_is_told(github):
    github.ends = "2027-08-14 08:15:54 UTC"

    assert run(github, ping, **logged_in()).rights.endswith("ends at 2027-08-14 08:15:54 UTC")


def test_a_workflows_token_is_no_users(github):
    github.user_reply = answer(403, document("not_accessible"))

    assert "workflow's" in run(github, ping, **logged_in()).rights


@pytest.mark.parametrize("placeholder", [set(), {"user/image"}])
def test_anonymous_users_reach_it_and_hear_what_they_may(github, placeholder):
    # A stranger's ping may well be refused, and public images are there all the same.
    github.public = placeholder
    found = run(github, ping)

    assert (found.authenticated, found.rights) == (False, "anonymous: public images, by name")
    assert github.count(f"GET {API}") == 0


def test_a_wrong_token_does_not_look_like_none(github):
    with pytest.raises(UnauthorizedError, match=r"'ada'.*DENIED.*make a new one") as raised:
        run(github, ping, **logged_in("ghp_wr0ng"))

    assert "wr0ng" not in str(raised.value)


def test_rights_with_a_wrong_token_are_an_error(github):
    async def work(registry):
        with pytest.raises(UnauthorizedError, match="Bad credentials"):
            await registry._vendor.rights()

    run(github, work, **logged_in("ghp_wr0ng"))


def test_rights_that_cannot_be_asked_spoil_no_ping(github):
    github.planned["api.github.com/user"] = [answer(503)] * 2

    found = run(github, ping, **logged_in())

    assert found.rights.startswith("not told (")
    assert SECRET not in found.rights


def test_elsewhere_nothing_is_told(github):
    github.hosts["mirror.example.com"] = github.hosts.pop("ghcr.io")
    github.registry = "mirror.example.com"

    found = run(github, ping, url="https://mirror.example.com", kind="ghcr", **logged_in())

    assert found.rights == ""
    assert github.count(f"GET {API}") == 0
