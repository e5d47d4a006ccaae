"""Who is Quay, and what it says of who asks."""

from __future__ import annotations

import pytest

from ghostnb.errors import NotFoundError, UnauthorizedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor
from ghostnb.registries.vendors.quay import Quay
from ghostnb.wire.challenges import parse_challenges
from tests.parts.images import plain_image
from tests.registries.vendors.quay.replay import ROBOT, ROBOT_SECRET, TOKEN
from tests.registries.vendors.quay.runs import OWN, by_robot, by_token, listed, of_api, run
from tests.registries.vendors.quay.writing import REPLIES, document
from tests.registries.vendors.replaying import answer


async def ping(registry):
    return await registry.ping()


# Who it is


@pytest.mark.parametrize("url", ["https://quay.io", "https://QUAY.io", "https://quay.io:443"])
def test_quay_io_is_known_by_its_host(url):
    config = RegistryConfig("reg", url)
    assert find_vendor(config, Session(config)).kind == "quay"


@pytest.mark.parametrize(
    "host", ["quay.io.evil.example", "notquay.io", "quay.io-mirror.example", "quay.example.com"]
)
def test_a_host_that_looks_alike_is_another(host):
    config = RegistryConfig("reg", f"https://{host}")
    assert find_vendor(config, Session(config)).kind == "distribution"


@pytest.mark.parametrize(
    ("challenge", "headers", "is_quay"),
    [
        (f'Bearer realm="https://{OWN}/v2/auth",service="{OWN}"', {}, True),
        (f'Bearer realm="https://{OWN}:8443/v2/auth",service="{OWN}:8443"', {}, True),
        (f'Bearer realm="https://{OWN}/v2/auth",service="{OWN}",scope="x"', {}, True),
        ("", {"x-sparse-manifest-support": "false"}, True),
        (f'Bearer realm="https://{OWN}/v2/auth",service="quay.io"', {}, False),
        (f'Bearer realm="https://{OWN}/auth/v2/auth",service="{OWN}"', {}, False),
        (f'Bearer realm="https://{OWN}/v2/token",service="{OWN}"', {}, False),
        ('Bearer realm="/v2/auth",service=""', {}, False),
        ('Bearer realm="https://[/v2/auth",service="["', {}, False),
        (f'Basic realm="https://{OWN}/v2/auth",service="{OWN}"', {}, False),
        ("", {"docker-distribution-api-version": "registry/2.0"}, False),
    ],
)
def test_a_quay_of_ones_own_is_known_by_where_it_sends_for_tokens(challenge, headers, is_quay):
    assert Quay.has_answered(headers, parse_challenges(challenge)) is is_quay


@pytest.mark.parametrize("login", [{}, by_token(), by_robot(), by_robot("wr0ng")])
def test_an_unknown_registry_that_is_quay_is_recognised(quay, login):
    quay.serve(OWN)

    async def work(registry):
        try:
            await registry.ping()
        except UnauthorizedError:
            assert login == by_robot("wr0ng")
        return registry.kind

    assert run(quay, work, url=f"https://{OWN}", **login) == "quay"


def test_what_is_configured_stays(quay):
    quay.serve(OWN)

    assert run(quay, ping, url=f"https://{OWN}", kind="distribution", **by_robot()).kind == (
        "distribution"
    )


def test_a_quay_of_ones_own_is_asked_for_details_once_it_is_known(quay):
    quay.serve(OWN)

    found = run(quay, listed("tag_details", "acme/web"), url=f"https://{OWN}")

    assert len(found) == 3
    assert quay.asked[-1].startswith(f"GET https://{OWN}/api/v1/repository/acme/web/tag/?")


# Who asks


def test_what_quay_does_better_is_named(quay):
    found = run(quay, ping, **by_token())

    assert found.offers == ("repositories", "tag details", "search", "tag deletion", "usage")
    assert (found.kind, found.authenticated) == ("quay", True)


def test_the_user_of_a_token_is_named_with_the_organizations(quay):
    assert run(quay, ping, **by_token()).rights == (
        "the user ada by an OAuth token, within its scopes; member of acme, tools"
    )


def test_a_user_without_organizations(quay):
    quay.user["organizations"] = []

    assert run(quay, ping, **by_token()).rights.endswith("member of no organization")


def test_a_token_that_does_not_tell_whose_it_is_is_not_taken_for_a_wrong_one(quay):
    quay.oauth[TOKEN].discard("user:read")

    rights = run(quay, ping, **by_token()).rights

    assert rights == "an OAuth token without the scope user:read: whose it is, is not told"


def test_a_robot_is_named_and_the_api_is_not_asked(quay):
    rights = run(quay, ping, **by_robot()).rights

    assert rights.startswith(f"the robot {ROBOT}: pulls and pushes as its roles allow")
    assert of_api(quay) == []


def test_the_rights_of_a_registrys_token(quay):
    quay._jwts["registrys.jwt"] = (ROBOT, {})

    rights = run(quay, ping, token="registrys.jwt").rights

    assert rights.startswith("the owner of the token: pulls and pushes as its roles allow")
    assert of_api(quay) == []


def test_strangers_are_told_that_they_read_what_is_public(quay):
    found = run(quay, ping)

    assert (found.authenticated, found.rights) == (False, "anonymous: reads what is public")


@pytest.mark.parametrize("login", [by_token("wr0ng-token"), by_robot("wr0ng-token")])
def test_a_wrong_password_is_not_taken_for_a_stranger(quay, login):
    async def rights(registry):
        return await registry._vendor.rights()

    for question in (ping, rights):
        with pytest.raises(UnauthorizedError, match="gives no token to the user") as raised:
            run(quay, question, **login)
        assert "wr0ng" not in str(raised.value) + repr(vars(raised.value))


# The registry


def test_names_of_tags_come_from_the_registry(quay):
    names = [f"1.{n}" for n in range(250)]
    quay.tags["acme/web"] = [{"name": name} for name in names]

    assert run(quay, listed("tags", "acme/web"), **by_robot()) == names
    assert of_api(quay) == []


def test_a_repository_that_is_not_there_may_be_private_and_that_is_said(quay):
    with pytest.raises(UnauthorizedError, match=r"does not exist.*docker login quay\.io"):
        run(quay, listed("tags", "acme/nothing"))


def test_a_tag_that_was_deleted_can_be_brought_back_and_that_is_said(quay):
    quay.held.add("acme/web:1", plain_image("web"))
    gone = answer(404, document("registry_tag_expired"))
    challenge = 'Bearer realm="https://quay.io/v2/auth",service="quay.io"'
    refused = answer(401, document("registry_unauthorized"), {"www-authenticate": challenge})
    quay.planned["quay.io/v2/acme/web/manifests/1.1"] = [refused, gone]

    async def work(registry):
        await registry.manifest("acme/web", "1.1")

    with pytest.raises(NotFoundError, match="Tag History"):
        run(quay, work)


def test_no_secret_shows(quay):
    async def work(registry):
        await listed("repositories", "acme")(registry)
        vendor = registry._vendor
        return repr([registry, vendor, vendor._api, vendor._lists])

    for login, secret in ((by_token(), TOKEN), (by_robot(), ROBOT_SECRET)):
        shown = run(quay, work, **login)
        assert secret not in shown
        assert "jwt" not in shown


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_quay_by_its_kind_alone_is_asked_at_its_own_address(quay, login):
    # The replay answers for no other host, quay.io's included.
    quay.hosts = {OWN: quay.hosts["quay.io"]}

    async def work(registry):
        await registry.ping()
        await listed("tag_details", "acme/web")(registry)
        await listed("search", "web", limit=5)(registry)
        return await listed("repositories", "acme")(registry)

    assert run(quay, work, url=f"https://{OWN}", kind="quay", **login)


def test_a_redirect_to_another_host_gets_no_token(quay):
    def elsewhere(request, path):
        assert "authorization" not in request.headers
        return answer(200, {"tags": []})

    quay.hosts["cdn.example.com"] = elsewhere
    quay.planned["quay.io/api/v1/repository/acme/web/tag/"] = [
        answer(307, headers={"location": "https://cdn.example.com/tags"})
    ]

    assert run(quay, listed("tag_details", "acme/web"), **by_token()) == []
    assert quay.asked[-1] == "GET https://cdn.example.com/tags"


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in REPLIES.glob("*.json")}

    assert {word for word in named.replace("`", " ").split() if word.endswith(".json")} == files
