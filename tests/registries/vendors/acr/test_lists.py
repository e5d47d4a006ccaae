"""What Azure's own API lists, and where it is no help."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, RateLimitedError, UnauthorizedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, TagRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor
from ghostnb.registries.vendors.acr import ACR
from ghostnb.wire.challenges import Challenge
from tests.parts.images import plain_image
from tests.registries.vendors.acr.replay import HOST, REPLIES, ACRReplay, answer, document
from tests.registries.vendors.acr.runs import URL, listed, logged_in, many, pinged, run

LISTS = f"GET {URL}/acr/v1/shop/cart/_"
ONE = f"{LISTS}manifests/sha256%3A"


def test_the_repositories(azure):
    found = run(azure, listed("repositories"), **logged_in())

    names = ["base/python", "shop/cart", "shop/cart-tools", "shopping"]
    assert found == [RepositoryRecord("mine", name) for name in names]
    assert azure.count(f"GET {URL}/v2/_catalog") == 0


def test_the_repositories_of_a_namespace(azure):
    found = run(azure, listed("repositories", "shop"), **logged_in())

    assert [one.repository for one in found] == ["shop/cart", "shop/cart-tools"]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2)])
def test_repositories_come_a_thousand_a_request(azure, count, pages):
    azure.repositories = [f"team/app-{number:05}" for number in range(count)]

    found = run(azure, listed("repositories"), **logged_in())

    assert [one.repository for one in found] == azure.repositories
    # The first one is answered with the challenge.
    assert azure.count(f"GET {URL}/acr/v1/_catalog") == 1 + pages


def test_pages_go_on_at_the_link_as_it_stands(azure):
    azure.cap = 2
    azure.repositories = ["base/a", "shop/cart", "x", "y", "z/z"]

    found = run(azure, listed("repositories"), **logged_in())

    assert [one.repository for one in found] == azure.repositories
    assert azure.asked[-1] == f"GET {URL}/acr/v1/_catalog?last=y&n=1000&orderby="
    assert azure.asked[-2].endswith("?last=shop%2Fcart&n=1000&orderby=")


def test_tags_come_with_their_details(azure):
    one, chart, latest, multi = run(azure, listed("tag_details", "shop/cart"), **logged_in())
    image, index = document("manifests")["manifests"][1:3]

    assert one == TagRecord(
        "mine",
        "shop/cart",
        "1.4",
        digest=image["digest"],
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes=31457280,
        created=None,
        platforms=("linux/amd64",),
    )
    assert (latest.tag, latest.digest) == ("latest", image["digest"])
    assert (chart.size_bytes, chart.platforms) == (4242, None)
    assert multi == TagRecord(
        "mine",
        "shop/cart",
        "multi",
        digest=index["digest"],
        media_type="application/vnd.oci.image.index.v1+json",
        size_bytes=31457280 + 30408704,  # neither the attestation nor the index itself
        platforms=("linux/amd64", "linux/arm64"),
    )


def test_the_size_of_an_index_is_unknown_where_one_of_its_images_is(azure):
    del azure.manifests["shop/cart"][3]

    *_, multi = run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert (multi.size_bytes, multi.platforms) == (None, ("linux/amd64", "linux/arm64"))


def test_an_index_that_is_gone_meanwhile_leaves_its_tag(azure):
    (index,) = azure.references
    gone = answer(404, document("manifest_unknown"))
    azure.planned[f"{HOST}/acr/v1/shop/cart/_manifests/{index.replace(':', '%3A')}"] = [gone]

    *_, multi = run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert (multi.tag, multi.digest, multi.size_bytes, multi.platforms) == (
        "multi",
        index,
        None,
        None,
    )


def test_a_manifest_that_came_meanwhile_is_asked_for(azure):
    moved = azure.manifests["shop/cart"].pop(1)
    page = {"registry": HOST, "imageName": "shop/cart", "manifests": azure.manifests["shop/cart"]}
    azure.manifests["shop/cart"] = [moved, *azure.manifests["shop/cart"]]
    manifests = f"{HOST}/acr/v1/shop/cart/_manifests"
    challenge = {"www-authenticate": _challenge("repository:shop/cart:metadata_read")}
    azure.planned[manifests] = [
        answer(401, document("unauthorized"), challenge),
        answer(200, page),
    ]

    one, *_ = run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert (one.size_bytes, one.platforms) == (31457280, ("linux/amd64",))


def test_a_thousand_tags_cost_two_requests(azure):
    many(azure, 1000)

    async def work(registry):
        await listed("tag_details", "other")(registry)
        azure.asked.clear()
        return await listed("tag_details", "shop/cart")(registry)

    azure.tags["other"], azure.manifests["other"] = [], []
    found = run(azure, work, **logged_in())

    assert [record.tag for record in found] == [f"1.{n:05}" for n in range(1000)]
    assert all(record.size_bytes == 31457280 for record in found)
    lists = [line.partition("?")[0] for line in azure.asked if "/acr/v1/" in line]
    assert lists == [f"{LISTS}manifests", f"{LISTS}tags"]
    # And a token for the repository.
    assert len(azure.asked) == 3


def test_untagged_manifests_cost_pages_of_their_list_alone(azure):
    many(azure, 1000, untagged=1000)

    assert len(run(azure, listed("tag_details", "shop/cart"), **logged_in())) == 1000
    assert azure.count(f"{LISTS}manifests?") == 2 + 1  # with the challenge
    assert azure.count(f"{LISTS}tags?") == 1


def test_a_thousand_indexes_cost_one_request_more_each_and_none_the_next_time(azure):
    many(azure, 1000)
    children = next(iter(azure.references.values()))
    for entry in azure.manifests["shop/cart"]:
        entry["mediaType"] = "application/vnd.oci.image.index.v1+json"
        azure.references[entry["digest"]] = children
    azure.manifests["shop/cart"] += document("manifests")["manifests"][3:6]
    # Two tags of one index.
    azure.tags["shop/cart"].insert(1, azure.tags["shop/cart"][0] | {"name": "latest"})

    async def work(registry):
        first = await listed("tag_details", "shop/cart")(registry)
        count = len(azure.asked)
        second = await listed("tag_details", "shop/cart")(registry)
        return first, count, second, len(azure.asked) - count

    first, count, second, more = run(azure, work, **logged_in())

    assert first == second
    assert first[-1].platforms == ("linux/amd64", "linux/arm64")
    assert azure.count(ONE) == 1000
    assert count == 1000 + 2 + 2 + 2  # indexes; two pages each; the challenge and the token
    assert more == 4


def test_nothing_more_is_asked_for_when_enough_was_read(azure):
    many(azure, 3000)
    for entry in azure.manifests["shop/cart"]:
        entry["mediaType"] = "application/vnd.oci.image.index.v1+json"

    async def work(registry):
        found = registry.tag_details("shop/cart")
        return [await anext(found) for _ in range(100)]

    run(azure, work, **logged_in())

    assert azure.count(ONE) == 100
    assert azure.count(f"{LISTS}tags") == 1


def test_what_comes_on_two_pages_is_listed_once(azure):
    tags = document("tags")["tags"][:3]
    path = "/acr/v1/shop/cart/_tags"
    head = {"registry": HOST, "imageName": "shop/cart"}
    again = {"link": f'<{path}?last=latest&n=1000&orderby=>; rel="next"'}
    azure.planned[HOST + path] = [
        answer(200, head | {"tags": tags}, again),
        answer(200, head | {"tags": tags}, again),
        answer(200, head | {"tags": tags}, again),
    ]

    found = run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert [one.tag for one in found] == ["1.4", "chart", "latest"]


def test_a_list_with_nothing_in_it(azure):
    azure.tags["shop/cart"], azure.manifests["shop/cart"] = [], []
    for kind in ("tags", "manifests"):
        azure.planned[f"{HOST}/acr/v1/shop/cart/_{kind}"] = [
            answer(200, {"registry": HOST, "imageName": "shop/cart"})
        ]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(azure, listed("tag_details", "shop/cart"), **logged_in()) == []


def test_a_list_that_goes_on_elsewhere_is_not_followed(azure):
    path = f"{HOST}/acr/v1/_catalog"
    link = {"link": '<https://evil.example/acr/v1/_catalog?last=a>; rel="next"'}
    azure.planned[path] = [
        answer(401, headers={"www-authenticate": _challenge("registry:catalog:*")}),
        answer(200, {"repositories": ["a"]}, link),
    ]

    # The replay knows no other host.
    with pytest.warns(UserWarning, match="own API was no help with repositories"):
        found = run(azure, listed("repositories"), **logged_in())

    assert [one.repository for one in found] == ["a", *azure.repositories]


@pytest.mark.parametrize("name", ["a", "a/b/c/d", "a.b_c__d-e/0", "shop/cart--x"])
def test_names_stand_on_the_line_as_they_are(azure, name):
    azure.tags[name], azure.manifests[name] = azure.tags["shop/cart"][:1], []
    azure.manifests[name] = azure.manifests["shop/cart"]

    assert len(run(azure, listed("tag_details", name), **logged_in())) == 1
    assert f"GET {URL}/acr/v1/{name}/_tags?n=1000" in azure.asked
    assert f"repository:{name}:metadata_read" in azure.tokens


@pytest.mark.parametrize(
    "reply",
    [
        answer(404, b"<html>Not here</html>", {"content-type": "text/html"}),
        answer(405),
        answer(403, document("firewall")),
        answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}),
        answer(200, {"manifests": []}),
        answer(200, {"registry": HOST, "imageName": "shop/cart", "manifests": [{"digest": 7}]}),
        answer(500),
    ],
)
def test_where_the_api_is_no_help_the_registry_is_asked_and_it_is_said_once(azure, reply):
    image = plain_image("app")
    azure.held.add("shop/cart:1", image)
    azure.planned[f"{HOST}/acr/v1/shop/cart/_manifests"] = [reply] * 4

    async def work(registry):
        with pytest.warns(UserWarning, match="own API was no help with tag details") as said:
            first = await listed("tag_details", "shop/cart")(registry)
            second = await listed("tag_details", "shop/cart")(registry)
        assert len(said) == 1
        assert first == second
        return first

    (found,) = run(azure, work, **logged_in())

    assert (found.digest, found.created is None) == (image.digest, False)


def test_who_may_not_list_the_repositories_is_told_what_to_do(azure):
    azure.denied = {"registry:catalog:*"}

    with pytest.raises(ForbiddenError) as raised:
        run(azure, listed("repositories"), **logged_in())

    assert "no right to registry:catalog:*" in str(raised.value)
    assert 'tags("team/app")' in raised.value.hint
    assert "Catalog Lister" in raised.value.hint


def test_a_missing_right_is_told_apart_from_a_wrong_password(azure):
    azure.denied = {"repository:shop/cart:metadata_read", "repository:shop/cart:pull"}

    with pytest.raises(ForbiddenError) as raised:
        run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert "no right to repository:shop/cart:pull" in str(raised.value)
    assert "AcrPull" in raised.value.hint
    assert "Repository Reader" in raised.value.hint


def test_who_may_pull_alone_reads_the_manifests_instead(azure):
    azure.denied = {"repository:shop/cart:metadata_read"}
    azure.held.add("shop/cart:1", plain_image("app"))

    with pytest.warns(UserWarning, match="no right to repository:shop/cart:metadata_read"):
        (found,) = run(azure, listed("tag_details", "shop/cart"), **logged_in())

    assert found.platforms == ("linux/amd64",)


def test_a_firewall_is_named(azure):
    azure.planned[f"{HOST}/v2/"] = [answer(403, document("firewall"))]

    with pytest.raises(ForbiddenError, match=r"192\.0\.2\.7.*Networking"):
        run(azure, pinged, **logged_in())


def test_a_repository_that_is_not_there(azure):
    with pytest.raises(NotFoundError, match="shop/nothing"):
        run(azure, listed("tag_details", "shop/nothing"), **logged_in())


def test_a_limit_is_waited_for_once_and_then_told(azure):
    limit = answer(429, document("too_many"), {"retry-after": "0"})
    azure.planned[f"{HOST}/acr/v1/_catalog"] = [limit]
    assert len(run(azure, listed("repositories"), **logged_in())) == 4

    azure.planned[f"{HOST}/acr/v1/_catalog"] = [limit] * 9
    azure.planned[f"{HOST}/v2/_catalog"] = [limit] * 9
    with pytest.raises(RateLimitedError):
        run(azure, listed("repositories"), **logged_in())


def test_anonymous_users_read_what_is_public(azure):
    with pytest.raises(UnauthorizedError, match="without a login"):
        run(azure, listed("repositories"))

    azure.is_public = True
    assert len(run(azure, listed("repositories"))) == 4
    assert len(run(azure, listed("tag_details", "shop/cart"))) == 4


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("contoso.azurecr.io", "acr"),
        ("Contoso-a1b2c3.AzureCR.io:443", "acr"),
        ("contoso.westeurope.geo.azurecr.io", "acr"),
        ("contoso.azurecr.cn", "acr"),
        ("contoso.azurecr.us", "acr"),
        ("azurecr.io", "distribution"),
        ("azurecr.io.evil.example", "distribution"),
        ("contoso.azurecr.io.evil.example", "distribution"),
        ("evilazurecr.io", "distribution"),
        ("contoso.azurecr.io-evil.example", "distribution"),
        ("mcr.microsoft.com", "distribution"),
    ],
)
def test_a_host_tells_whose_registry_it_is(host, kind):
    config = RegistryConfig("mine", f"https://{host}")
    assert find_vendor(config, Session(config)).kind == kind


@pytest.mark.parametrize("password", [None, "wr0ng"])
def test_a_domain_of_its_own_is_recognised_by_the_answer(password):
    azure = ACRReplay("registry.contoso.com")
    options = logged_in(*([password] if password else []))

    async def work(registry):
        try:
            await registry.ping()
        except UnauthorizedError:
            assert password
        return registry.kind

    # Without a reply that has the headers, the challenge alone may come from anybody.
    expected = "auto" if password else "acr"
    assert run(azure, work, url="https://registry.contoso.com", **options) == expected


@pytest.mark.parametrize(
    ("realm", "header", "kind"),
    [
        ("https://contoso.azurecr.io/oauth2/token", False, "acr"),
        ("https://contoso.azurecr.io/token", False, "distribution"),
        ("https://r.example/oauth2/token", True, "acr"),
        ("https://r.example/oauth2/token", False, "distribution"),
        ("https://r.example/v2/oauth2/token", True, "distribution"),
        ("https://contoso.azurecr.io.evil.example/oauth2/token", False, "distribution"),
        ("https://[oops/oauth2/token", True, "distribution"),
    ],
)
def test_a_token_server_tells_whose_registry_it_is(realm, header, kind):
    headers = {"x-ms-correlation-request-id": "0b0a2ad1"} if header else {}
    challenges = Challenge("basic", "x"), Challenge("bearer", realm, HOST)

    assert ACR.has_answered(headers, challenges) is (kind == "acr")


def test_a_reply_has_a_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {f"`{path.name}`" for path in REPLIES.glob("*.json")}

    assert {
        line.split("|")[1].strip() for line in named.splitlines() if line.startswith("| `")
    } == (files)


def _challenge(scope: str) -> str:
    return f'Bearer realm="{URL}/oauth2/token",service="{HOST}",scope="{scope}"'
