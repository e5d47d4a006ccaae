"""GitLab's registry: how it is recognised, whose token it is, and where that goes."""

from __future__ import annotations

import traceback

import pytest

from ghostnb.errors import (
    ConfigError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import UsageRecord
from ghostnb.registries.vendors.gitlab import GitLab
from ghostnb.registries.vendors.gitlab.documents import ProjectEntry
from ghostnb.wire.challenges import Challenge
from tests.parts.images import plain_image
from tests.registries.vendors.gitlab.replay import (
    REPLIES,
    SECRET,
    GitLabReplay,
    Holder,
    answer,
    document,
)
from tests.registries.vendors.gitlab.runs import API, LOGIN, listed, pinging, run

OTHER = "https://registry.example.com"
EVIL = "https://registry.evil.example"
SIBLINGS = ("registry.example.com", "git.example.com")
GROUP = "gitlab.com/api/v4/groups/acme/registry/repositories"


def test_gitlab_com_is_known_by_its_host():
    assert GitLab.is_at("registry.gitlab.com")
    for host in (
        "gitlab.com",
        "registry.gitlab.com.evil.example",
        "xregistry.gitlab.com",
        "ghcr.io",
    ):
        assert not GitLab.is_at(host)


@pytest.mark.parametrize(
    ("realm", "service", "is_it"),
    [
        ("https://git.example.com/jwt/auth", "container_registry", True),
        ("https://git.example.com:8443/gitlab/jwt/auth", "container_registry", True),
        ("https://git.example.com/jwt/auth", "registry.docker.io", False),
        ("https://git.example.com/service/token", "container_registry", False),
        ("https://git.example.com/jwt/auth/more", "container_registry", False),
        ("https://git.example.com/?x=/jwt/auth", "container_registry", False),
        ("https://git.example.com/#/jwt/auth", "container_registry", False),
        ("git.example.com/jwt/auth", "container_registry", False),
        ("", "container_registry", False),
    ],
)
def test_another_gitlab_is_known_by_what_its_registry_wants(realm, service, is_it):
    assert is_it == GitLab.has_answered({}, (Challenge("bearer", realm, service),))


def test_a_basic_challenge_is_not_gitlabs():
    challenge = Challenge("basic", "https://git.example.com/jwt/auth", "container_registry")

    assert not GitLab.has_answered({}, (challenge,))


def test_a_gitlab_is_recognised_when_it_answers():
    elsewhere = GitLabReplay("git.example.com:5050", "git.example.com")

    ping = run(elsewhere, pinging, url="https://git.example.com:5050", **LOGIN)

    assert (ping.kind, ping.authenticated) == ("gitlab", True)
    assert ping.offers == ("repositories", "tag details", "tag deletion", "usage")


def test_a_gitlab_is_recognised_though_nobody_is_logged_in():
    elsewhere = GitLabReplay("git.example.com:5050", "git.example.com")

    found = run(elsewhere, listed("tag_details", "acme/web"), url="https://git.example.com:5050")

    assert len(found) == 2
    assert elsewhere.count("GET https://git.example.com:5050/gitlab/v1/") == 1


def test_a_configured_kind_asks_the_registry_for_its_gitlab_once():
    elsewhere = GitLabReplay("git.example.com:5050", "git.example.com")
    options = {"url": "https://git.example.com:5050", "kind": "gitlab", **LOGIN}

    async def work(registry):
        for _ in range(2):
            await listed("repositories", "acme")(registry)

    run(elsewhere, work, **options)

    assert elsewhere.asked[0] == "GET https://git.example.com:5050/v2/"
    assert len(elsewhere.asked) == 3


def test_a_configured_kind_that_is_wrong_says_so(gitlab):
    gitlab.hosts["plain.example.com"] = lambda request, path: answer(
        200 if path == "/v2/" else 404, {}
    )

    with pytest.raises(RegistryError, match="does not say which GitLab it belongs to"):
        run(gitlab, listed("repositories", "acme"), url="https://plain.example.com", kind="gitlab")


def test_what_has_been_recognised_is_not_asked_again_where_its_gitlab_is():
    elsewhere = GitLabReplay("git.example.com:5050", "git.example.com")
    url = "https://git.example.com:5050"

    run(elsewhere, listed("repositories", "acme"), url=url, **LOGIN)

    # The ping that is refused, and the one with the token.
    assert elsewhere.count(f"GET {url}/v2/") == 2


def test_another_host_says_nothing_in_the_registrys_name(gitlab):
    gitlab.hosts["registry.example.com"] = lambda request, path: answer(
        302, headers={"location": "https://registry.gitlab.com/v2/"}
    )

    with pytest.raises(RegistryError, match="does not say which GitLab it belongs to"):
        run(gitlab, listed("repositories", "acme"), url=OTHER, kind="gitlab")


@pytest.mark.parametrize(
    ("told", "has"),
    [
        ({"container_registry_access_level": "disabled"}, False),
        ({"container_registry_access_level": "private"}, True),
        ({"container_registry_enabled": False}, False),
        ({"container_registry_access_level": "enabled", "container_registry_enabled": False}, True),
        ({}, True),
    ],
)
def test_whether_a_project_has_a_registry(told, has):
    assert has == ProjectEntry(1, "acme/web", **told).has_registry


# Where credentials go


def test_a_gitlab_beside_its_registry_sees_no_credentials_unless_it_is_named():
    elsewhere = GitLabReplay(*SIBLINGS)
    options = {"url": OTHER, **LOGIN}

    with pytest.raises(UnauthorizedError, match=r'token_host = "git\.example\.com"'):
        run(elsewhere, listed("repositories", "acme"), kind="gitlab", **options)
    assert elsewhere.count("GET https://git.example.com") == 0

    found = run(elsewhere, listed("repositories", "acme"), token_host="git.example.com", **options)
    assert len(found) == 3


def test_a_registry_that_says_it_is_gitlab_coms_gets_nobodys_credentials_sent_there(gitlab):
    gitlab.serve("registry.evil.example")

    for kind in ("auto", "gitlab"):
        with pytest.raises(UnauthorizedError, match="were not sent there"):
            run(
                gitlab,
                listed("repositories", "acme"),
                url=EVIL,
                kind=kind,
                **LOGIN,
            )
    assert gitlab.count("GET https://gitlab.com") == 0


def test_a_registry_cannot_lead_to_this_machine(gitlab):
    gitlab.serve("registry.evil.example")
    gitlab.realm = "https://127.0.0.1/jwt/auth"

    with pytest.raises(RegistryError, match="inside this machine"):
        run(
            gitlab,
            listed("repositories", "acme"),
            url="https://registry.evil.example",
            kind="gitlab",
        )


def test_a_token_does_not_follow_a_redirect_to_another_host(gitlab):
    sent = []

    def elsewhere(request, path):
        sent.append(SECRET in str(request.headers))
        return answer(200, document("group_repositories"))

    gitlab.hosts["elsewhere.example.com"] = elsewhere
    gitlab.planned[GROUP] = [answer(301, headers={"location": "https://elsewhere.example.com/x"})]

    run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert sent == [False]


def test_no_secret_shows(gitlab):
    async def work(registry):
        await listed("repositories", "acme")(registry)
        await listed("tag_details", "acme/web")(registry)
        vendor = registry._vendor
        return repr(registry) + repr(vendor) + repr(vendor._found) + str(vendor._places)

    shown = run(gitlab, work, **LOGIN)

    assert SECRET not in shown + str(gitlab.asked)
    assert "jwt." not in shown


# Who one is


def test_a_token_without_a_name_is_refused_and_the_form_says_so():
    with pytest.raises(ConfigError):
        RegistryConfig("reg", "https://registry.gitlab.com", password="glpat-s3cret")

    assert GitLab.needs.username.startswith("With an access token any name must be given")


def test_rights_are_those_of_the_token(gitlab):
    ping = run(gitlab, pinging, **LOGIN)

    assert ping.rights == (
        "access token 'ghostnb' of the user ada: read_api, read_registry, until 2027-01-01"
    )
    assert gitlab.count(f"GET {API}") == 2


def test_a_token_for_the_registry_alone_tells_its_scopes(gitlab):
    gitlab.holders[SECRET] = Holder(scopes=("read_registry",))

    ping = run(gitlab, pinging, **LOGIN)

    assert ping.rights == "access token 'ghostnb': read_registry, until 2027-01-01"
    assert gitlab.count(f"GET {API}/user") == 0


def test_rights_of_an_oauth_token_a_job_and_a_deploy_token(gitlab):
    gitlab.holders |= {
        "0auth": Holder("oauth", "oauth2"),
        "glcbt-s3cret": Holder("job", "gitlab-ci-token", ()),
        "gldt-s3cret": Holder("deploy", "gitlab+deploy-token-7", ("read_registry",)),
    }

    def rights(username, password):
        return run(gitlab, pinging, username=username, password=password).rights

    assert rights("oauth2", "0auth") == "user ada, by OAuth"
    assert rights("gitlab-ci-token", "glcbt-s3cret").startswith("job 8 of the user ada: ")
    assert "a deploy token is for the registry alone" in rights(
        "gitlab+deploy-token-7", "gldt-s3cret"
    )


def test_rights_of_nobody_in_particular(gitlab):
    async def work(registry):
        return await registry._vendor.rights()

    assert run(gitlab, work) == "anonymous: reads what is public"
    assert gitlab.asked == []


def test_a_password_is_no_access_token_and_the_registry_takes_it_all_the_same(gitlab):
    gitlab.holders["pa55word"] = Holder("password", "ada", ("api",))
    login = {"username": "ada", "password": "pa55word"}

    async def work(registry):
        with pytest.raises(UnauthorizedError) as raised:
            await registry._vendor.rights()
        return raised.value, await listed("tag_details", "acme/web")(registry)

    error, tags = run(gitlab, work, **login)

    assert "and no password" in error.hint
    assert len(tags) == 2
    assert "pa55word" not in "".join(traceback.format_exception(error)) + str(vars(error))


@pytest.mark.parametrize("password", ["pä55", "pass word", "pass\r\nx: y"])
def test_what_can_be_no_access_token_is_not_sent_to_the_api(gitlab, password):
    gitlab.holders[password] = Holder("password", "ada", ("api",))

    with pytest.raises(UnsupportedError, match="is no access token") as raised:
        run(gitlab, listed("repositories", "acme"), username="ada", password=password)

    assert gitlab.count(f"GET {API}") == 0
    assert password not in "".join(traceback.format_exception(raised.value))


def test_a_token_that_was_refused_is_not_tried_again_and_again(gitlab):
    async def work(registry):
        for _ in range(3):
            with pytest.raises(UnauthorizedError) as raised:
                await listed("repositories", "acme")(registry)
        return raised.value

    error = run(gitlab, work, username="ada", password="wr0ng")

    assert gitlab.count(f"GET {API}") == 1
    assert "wr0ng" not in repr(error) + str(error) + str(vars(error))


def test_a_wrong_password_is_not_taken_for_nobodys(gitlab):
    for work in (pinging, listed("tag_details", "acme/web"), listed("repositories", "acme")):
        with pytest.raises(UnauthorizedError) as raised:
            run(gitlab, work, username="ada", password="wr0ng")
        assert "wr0ng" not in str(raised.value)


# Refusals


def test_a_limit_is_told_in_gitlabs_words(gitlab):
    gitlab.planned[GROUP] = [answer(429, document("too_many"), {"retry-after": "900"})]

    with pytest.raises(RateLimitedError, match="requested too many times") as raised:
        run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert raised.value.retry_after_seconds == 900


def test_a_revoked_token_is_told_in_gitlabs_words(gitlab):
    gitlab.planned[GROUP] = [answer(401, document("token_revoked"))]

    with pytest.raises(UnauthorizedError, match="Token was revoked"):
        run(gitlab, listed("repositories", "acme"), **LOGIN)


@pytest.mark.parametrize("body", [b"<html>sign in</html>", {"message": "no list"}, [{"id": "31"}]])
def test_an_administrator_gets_the_catalog_where_the_api_is_no_help(gitlab, body):
    gitlab.is_administrator = True
    gitlab.held.add("acme/web:1", plain_image("web"))
    gitlab.planned[GROUP] = [answer(200, body)]

    with pytest.warns(UserWarning, match="no help with repositories"):
        found = run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert [one.repository for one in found] == ["acme/web"]


# What is stored


def test_usage_of_a_group_or_project_is_one_request(gitlab):
    for path, size in (("acme", 123456789), ("acme/web", 7654321)):
        before = len(gitlab.asked)
        found = run(gitlab, listed("usage_records", path), **LOGIN)

        assert found == [UsageRecord("gitlab", path, stored_bytes=size)]
        assert gitlab.asked[before:] == ["POST https://gitlab.com/api/graphql"]


def test_usage_by_project_without_a_namespace(gitlab):
    found = run(gitlab, listed("usage_records"), **LOGIN)

    assert found == [
        UsageRecord("gitlab", "acme/web", stored_bytes=7654321),
        UsageRecord("gitlab", "acme/Tools/Base"),
        UsageRecord("gitlab", "ada/lab"),
    ]
    assert len(gitlab.asked) == 1


def test_usage_that_is_not_told_says_whom_it_is_told(gitlab):
    with pytest.raises(NotFoundError, match="to its owners"):
        run(gitlab, listed("usage_records", "ada"), **LOGIN)


def test_usage_that_a_version_does_not_know_says_so(gitlab):
    gitlab.planned["gitlab.com/api/graphql"] = [answer(200, document("graphql_error"))]

    with pytest.raises(NotFoundError, match="doesn't exist on type 'Group'"):
        run(gitlab, listed("usage_records", "acme"), **LOGIN)


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in REPLIES.glob("*.json")}

    assert all(f"| `{name}` |" in named for name in files)
    assert files == {line.split("`")[1] for line in named.splitlines() if line.startswith("| `")}
    used = "".join(path.read_text() for path in REPLIES.parent.glob("*.py"))
    assert all(f'"{name.removesuffix(".json")}"' in used for name in files), "is replayed nowhere"
