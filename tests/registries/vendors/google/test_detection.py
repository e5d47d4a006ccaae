"""Whose registry it is, what its credentials may do, and where those go."""

from __future__ import annotations

import sys

import pytest

from ghostnb.errors import (
    RejectedError,
    UnauthorizedError,
    UnsafeRedirectError,
    UnsupportedError,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor, offers_of
from ghostnb.registries.vendors.google.places import Place, location_of
from tests.parts.images import plain_image
from tests.registries.vendors.google.replay import API_HOST, REPLIES, GoogleReplay, document
from tests.registries.vendors.google.runs import API, URL, by_key, by_token, listed, run
from tests.registries.vendors.replaying import Replay, answer
from tests.registries.vendors.runs import run_on

CART = "my-proj/apps/cart"


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("us-central1-docker.pkg.dev", "us-central1"),
        ("europe-docker.pkg.dev", "europe"),
        ("US-docker.pkg.dev", "us"),
        ("us-docker.pkg.dev:443", "us"),
        ("docker.me-central2.rep.pkg.dev", "me-central2"),
        ("gcr.io", "us"),
        ("asia.gcr.io", "asia"),
        ("mirror.gcr.io", ""),
    ],
)
def test_hosts_of_google(host, location):
    config = RegistryConfig("reg", f"https://{host}")

    assert find_vendor(config, Session(config)).kind == "artifact-registry"
    assert location_of(host.partition(":")[0].lower()) == location


@pytest.mark.parametrize(
    "host",
    [
        "us-docker.pkg.dev.evil.example",
        "evilgcr.io",
        "gcr.io.evil.example",
        "a.b.gcr.io",
        "us-npm.pkg.dev",
        "docker.pkg.dev",
        "docker.us.rep.pkg.dev.evil.example",
        "x.us-docker.pkg.dev",
        "registry.example.com",
    ],
)
def test_hosts_that_look_alike(host):
    config = RegistryConfig("reg", f"https://{host}")

    assert find_vendor(config, Session(config)).kind == "distribution"


class Unknown(Replay):
    """A registry at a host of its own, with the token server that a challenge names."""

    def __init__(self, realm: str) -> None:
        super().__init__({"images.example.com": self._ask})
        self.realm = realm

    def _ask(self, request, path):
        assert path == "/v2/token" or "authorization" not in request.headers
        return answer(401, headers={"www-authenticate": f'Bearer realm="{self.realm}"'})


@pytest.mark.parametrize(
    ("realm", "kind"),
    [
        ("https://us-docker.pkg.dev/v2/token", "artifact-registry"),
        ("https://gcr.io/v2/token", "artifact-registry"),
        ("https://us-docker.pkg.dev/token", "auto"),
        ("https://us-docker.pkg.dev.evil.example/v2/token", "auto"),
        ("https://images.example.com/v2/token", "auto"),
        ("http://gcr.io/v2/token", "auto"),
        ("https://[gcr.io/v2/token", "auto"),
    ],
)
def test_an_unknown_host_is_known_by_its_token_server(realm, kind):
    async def work(registry):
        # What it is asked by is not sent to a token server that is another's.
        with pytest.raises((UnauthorizedError, UnsafeRedirectError)):
            await registry.ping()
        return registry.kind

    replay = Unknown(realm)
    found = run_on(replay, work, name="unknown", url="https://images.example.com", **by_token())

    assert found == kind
    assert all(line.startswith("GET https://images.example.com/v2/") for line in replay.asked)


def test_what_it_does_better_is_named():
    assert set(offers_of("artifact-registry")) == {
        "repositories",
        "tag details",
        "tag deletion",
        "usage",
    }


def test_the_names_of_places():
    place = Place.of("us-docker.pkg.dev", "example.com/shop/apps/team/cart")

    assert (place.project, place.repository, place.package) == (
        "example.com:shop",
        "apps",
        "team/cart",
    )
    assert place.prefix == "example.com/shop/apps/"
    assert Place.of("eu.gcr.io", "shop/team/cart").path == (
        "/v1/projects/shop/locations/europe/repositories/eu.gcr.io/packages/team%2Fcart"
    )


# Credentials


ELSEWHERE = "registry.example.com"


class Elsewhere(GoogleReplay):
    """A registry that says it is Google's; the API must not hear of it."""

    def __init__(self) -> None:
        super().__init__(ELSEWHERE)
        del self.hosts[API_HOST]


@pytest.mark.parametrize("options", [by_token(), by_key(), {"token": "ya29.access-t0ken"}])
def test_a_kind_at_another_host_sends_nothing_to_google(options):
    google = Elsewhere()
    google.held.add(f"{CART}:old", plain_image("cart"))

    async def work(registry):
        await listed("repositories", "my-proj")(registry)
        await listed("tag_details", CART)(registry)
        await registry.delete_tag(CART, "old")
        await registry.ping()
        with pytest.raises(UnsupportedError):
            await listed("usage_records", "my-proj")(registry)

    run(google, work, kind="artifact-registry", **options)

    assert all(f" https://{ELSEWHERE}/v2/" in line for line in google.asked)
    assert "old" not in google.described[CART]["tags"]


def test_a_token_for_another_host_is_not_sent_as_it_is():
    google = Elsewhere()
    # Whoever runs it must not come by a token that is good for all of Google's cloud, unless the
    # user has configured just that.
    google.tokens = set()

    run(google, listed("tag_details", CART), kind="artifact-registry", **by_token())

    assert google.count(f"GET https://{ELSEWHERE}/v2/token") == 1


def test_no_secret_shows(google):
    async def work(registry):
        await registry.ping()
        await listed("repositories", "my-proj")(registry)
        vendor = registry._vendor
        shown = [registry, vendor, vendor._api, vendor._tokens, vendor._tokens._defaults]
        return "".join(map(repr, shown))

    shown = run(google, work, **by_token())

    for secret in ("ya29", "jwt"):
        assert secret not in shown
        assert all(secret not in line for line in google.asked)


# Rights


async def rights(registry):
    return (await registry.ping()).rights


@pytest.mark.parametrize("user", ["oauth2accesstoken", "_token", "_dcgcloud_token"])
def test_the_rights_in_the_named_repository(google, user):
    google.accounts.add((user, "ya29.access-t0ken"))

    found = run(google, rights, **by_token(user=user), namespace="my-proj/apps")

    assert found == "the access token: may read, delete tags in my-proj/apps"
    assert google.asked[-1] == f"POST {API}/repositories/apps:testIamPermissions"


def test_no_rights_at_all(google):
    google.permissions = []

    found = run(google, rights, **by_token(), namespace="my-proj/apps/cart")

    assert found == "the access token: may do nothing in my-proj/apps"


def test_without_a_repository_it_is_said_who_one_is(google):
    assert run(google, rights, **by_token(), namespace="my-proj") == "the access token"
    assert run(google, rights, **by_key()) == "ci@my-proj.iam"
    assert google.count(f"POST https://{API_HOST}") == 0


def test_a_key_without_google_auth_says_who_it_is(google, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth", None)

    found = run(google, rights, **by_key(), namespace="my-proj/apps")

    assert found == ("ci@my-proj.iam (what it may do is told after: pip install 'ghostnb[google]')")


def test_anonymous_users_are_told_so():
    google = GoogleReplay("gcr.io")

    assert run(google, rights, namespace="my-proj") == "anonymous: may read what is public"


def test_wrong_credentials_are_no_anonymous_user(google):
    async def work(registry):
        return await registry._vendor.rights()

    for options in (by_token("wr0ng"), by_key("wr0ng"), by_token("wr0ng", user="ada")):
        for namespace in (None, "my-proj/apps"):
            with pytest.raises(UnauthorizedError) as raised:
                run(google, work, **options, namespace=namespace)
            assert "wr0ng" not in str(raised.value) + repr(raised.value.__cause__)


def test_where_the_api_is_off_the_rights_are_not_told(google):
    address = f"{API_HOST}/v1/projects/my-proj/locations/us/repositories/apps:testIamPermissions"
    google.planned[address] = [answer(403, document("api_disabled"))]

    assert run(google, rights, **by_token(), namespace="my-proj/apps").startswith("not told (")


def test_a_ping_costs_what_it_must(google):
    run(google, rights, **by_token(), namespace="my-proj/apps")

    assert [line.partition("?")[0] for line in google.asked] == [
        f"GET {URL}/v2/",
        f"GET {URL}/v2/token",
        f"GET {URL}/v2/",
        f"POST {API}/repositories/apps:testIamPermissions",
    ]


def test_what_is_needed_is_said():
    needs = find_vendor(config := RegistryConfig("reg", URL), Session(config)).needs

    assert needs.url.startswith("https://")
    assert needs.documents.startswith("https://cloud.google.com/artifact-registry/")
    assert "ghostnb[google]" in needs.username


def test_a_refused_deletion_of_others_is_not_called_googles():
    config = RegistryConfig("reg", "https://harbor.example.com")

    told = find_vendor(config, Session(config)).how_to_delete(RejectedError("is immutable"))

    assert "gcloud" not in told


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in REPLIES.glob("*.json")}

    assert {name for name in files if f"| `{name}` |" not in named} == set()
    assert named.count("\n| `") == len(files)
