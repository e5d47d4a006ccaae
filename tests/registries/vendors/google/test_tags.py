"""Tags with their details, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import sys

import pytest

from ghostnb.errors import ForbiddenError, RateLimitedError, UnauthorizedError
from ghostnb.registries.records import TagRecord
from tests.parts.images import index, plain_image
from tests.registries.vendors.google.replay import API_HOST, HOST, document
from tests.registries.vendors.google.runs import API, TAGS, URL, by_key, by_token, listed, run
from tests.registries.vendors.replaying import answer
from tests.warned import told

CART = "my-proj/apps/cart"
IMAGE = "application/vnd.docker.distribution.manifest.v2+json"


def test_tags_come_with_their_details(google):
    first, latest, multi, old = run(google, listed("tag_details", CART), **by_token())

    assert first == TagRecord(
        "google",
        CART,
        "1.4",
        digest="sha256:" + "a" * 64,
        media_type=IMAGE,
        size_bytes=763789,
        created="2020-07-28T00:19:37.054Z",
    )
    assert (latest.tag, latest.digest) == ("latest", first.digest)
    # Neither a zero, nor what is said of an index, is a size; nor is a zero a moment.
    assert (multi.digest, multi.size_bytes, multi.created) == ("sha256:" + "b" * 64, None, None)
    assert multi.platforms is None
    assert (old.digest, old.size_bytes, old.created) == ("sha256:" + "d" * 64, None, None)
    assert google.asked == [f"GET {URL}/v2/{CART}/tags/list?n=10000"]


def test_what_an_index_is_said_to_take_is_not_believed(google):
    told = google.described[CART]["manifest"]["sha256:" + "b" * 64]
    told["imageSizeBytes"] = "1234"

    found = run(google, listed("tag_details", CART), **by_token())

    assert found[2].size_bytes is None


@pytest.mark.parametrize(
    ("milliseconds", "created"),
    [
        (1597767277119, "2020-08-18T16:14:37.119Z"),
        ("-62135596800000", None),
        (-62135596800000, None),
        ("99999999999999999", None),
        ("soon", None),
        (None, None),
    ],
)
def test_moments_may_be_numbers_or_none(google, milliseconds, created):
    google.described[CART]["manifest"]["sha256:" + "a" * 64]["timeCreatedMs"] = milliseconds

    assert run(google, listed("tag_details", CART), **by_token())[0].created == created


def test_sizes_may_be_numbers(google):
    google.described[CART]["manifest"]["sha256:" + "a" * 64]["imageSizeBytes"] = 42

    assert run(google, listed("tag_details", CART), **by_token())[0].size_bytes == 42


def many(google, count, *, names=None):
    """Let an image have so many tags, each of a manifest of its own."""
    tags = [f"1.{n}" for n in range(count)]
    shape = document("tags")["manifest"]["sha256:" + "a" * 64]
    manifests = {f"sha256:{n:064x}": {**shape, "tag": [tag]} for n, tag in enumerate(tags)}
    google.described[CART] = {"name": CART, "child": [], "tags": tags, "manifest": manifests}
    return tags


@pytest.mark.parametrize("count", [0, 1, 1000, 9999])
def test_tags_cost_one_request_and_keep_their_order(google, count):
    tags = many(google, count)

    found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == tags
    assert all(record.size_bytes == 763789 for record in found)
    assert len(google.asked) == 1


def test_a_thousand_tags_cost_three_requests_by_the_token_server_and_then_one(google):
    many(google, 1000)

    async def work(registry):
        first = await listed("tag_details", CART)(registry)
        before = len(google.asked)
        return first, before, await listed("tag_details", CART)(registry)

    first, before, second = run(google, work, **by_key())

    assert (len(first), before) == (1000, 3)
    assert second == first
    assert len(google.asked) == 4


@pytest.mark.parametrize("links", ["header", "body"])
@pytest.mark.parametrize(("count", "requests"), [(400, 2), (401, 3)])
def test_pages_that_are_linked_are_followed(google, links, count, requests):
    tags = many(google, count)
    google.links, google.page_size = links, 200

    found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == tags
    assert len(google.asked) == requests


def test_a_page_that_links_to_itself_ends(google):
    tags = many(google, 3)
    link = {"link": f'</v2/{CART}/tags/list?n=10000>; rel="next"'}
    google.planned[TAGS] = [answer(200, google.described[CART], link) for _ in range(3)]

    found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == tags
    assert len(google.asked) == 1


@pytest.mark.parametrize("body", [True, False])
def test_a_page_at_another_host_gets_nothing(google, body):
    many(google, 3)
    away = "https://evil.example/v2/more"
    told = google.described[CART] | ({"next": away} if body else {})
    headers = {} if body else {"link": f'<{away}>; rel="next"'}
    google.planned[TAGS] = [answer(200, told, headers)]

    with pytest.warns(UserWarning, match=r"goes on at another host \(https://evil.example"):
        found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == ["1.0", "1.1", "1.2"]
    assert all("evil" not in line for line in google.asked)


def test_children_are_repositories_of_their_own(google):
    google.described["my-proj/apps/cart/worker"] = {
        "name": "my-proj/apps/cart/worker",
        "child": [],
        "tags": [],
        "manifest": {},
    }

    assert run(google, listed("tag_details", "my-proj/apps/cart/worker"), **by_token()) == []


def test_a_tag_that_no_manifest_has_comes_by_name(google):
    google.described[CART]["tags"].append("pushed-now")

    found = run(google, listed("tag_details", CART), **by_token())

    assert found[-1] == TagRecord("google", CART, "pushed-now")


def test_a_tag_that_only_a_manifest_has_comes_too(google):
    google.described[CART]["tags"].remove("1.4")

    found = run(google, listed("tag_details", CART), **by_token())

    assert sorted(record.tag for record in found) == ["1.4", "latest", "multi", "old"]


def test_anonymous_users_read_what_is_public(google):
    google.public.add(CART)

    assert len(run(google, listed("tag_details", CART))) == 4
    assert [line.partition("?")[0] for line in google.asked] == [
        f"GET {URL}/v2/{CART}/tags/list",
        f"GET {URL}/v2/token",
        f"GET {URL}/v2/{CART}/tags/list",
    ]


# Beyond what the registry lists


def beyond(google, count=10_050):
    tags = many(google, count)
    name = "projects/my-proj/locations/us/repositories/apps/packages/cart"
    shape = document("versions")["versions"][0]
    google.versions = [
        shape
        | {
            "name": f"{name}/versions/sha256:{n:064x}",
            "relatedTags": [{"name": f"{name}/tags/{tag}", "version": "…"}],
        }
        for n, tag in enumerate(tags)
    ]
    return tags


def test_tags_beyond_ten_thousand_come_from_the_api(google):
    tags = beyond(google)

    found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == tags
    assert found[-1] == TagRecord(
        "google",
        CART,
        "1.10049",
        digest=f"sha256:{10049:064x}",
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes=763789,
        created="2025-05-01T09:59:00Z",
    )
    versions = f"GET {API}/repositories/apps/packages/cart/versions?view=FULL&pageSize=1000"
    assert google.count(versions) == 11
    # The registry was asked once more by the last name, in case that it goes on there.
    assert google.count(f"GET {URL}") == 2
    assert google.count(f"GET {API}/repositories/apps/packages/cart/tags") == 0


def test_many_manifests_without_a_tag_cut_the_list_off_as_well(google):
    google.described[CART]["manifest"] |= {
        f"sha256:{n:064x}": {"mediaType": IMAGE, "tag": []} for n in range(10_000)
    }

    found = run(google, listed("tag_details", CART), **by_token())

    assert [record.tag for record in found] == ["1.4", "latest", "multi", "old"]
    assert google.count(f"GET {API}/repositories/apps/packages/cart/versions") == 1


def test_more_tags_than_a_version_names_come_from_the_list_of_tags(google):
    beyond(google)
    name = "projects/my-proj/locations/us/repositories/apps/packages/cart"
    hundred = [{"name": f"{name}/tags/more-{n}", "version": "…"} for n in range(100)]
    google.versions[0]["relatedTags"] = hundred
    digest = "sha256:" + "0" * 64
    google.package_tags = [
        *hundred,
        {"name": f"{name}/tags/last", "version": f"{name}/versions/{digest}"},
    ]

    found = run(google, listed("tag_details", CART), **by_token())

    assert found[-1] == TagRecord("google", CART, "last", digest=digest)
    assert len(found) == len({record.tag for record in found}) == 10_151
    assert google.count(f"GET {API}/repositories/apps/packages/cart/tags?pageSize=10000") == 1


@pytest.mark.parametrize(
    ("reply", "options"),
    [(answer(403, document("api_disabled")), by_token()), (None, by_key())],
)
def test_what_nobody_lists_is_said(google, monkeypatch, reply, options):
    beyond(google)
    if reply is not None:
        google.planned[
            f"{API_HOST}/v1/projects/my-proj/locations/us/repositories/apps/packages/cart/versions"
        ] = [reply]
    monkeypatch.setitem(sys.modules, "google.auth", None)

    with pytest.warns(UserWarning, match="lists only the first 10000 tags of my-proj/apps/cart"):
        found = run(google, listed("tag_details", CART), **options)

    assert len(found) == 10_000


# Refusals


@pytest.mark.parametrize(
    "changed",
    [
        answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}),
        answer(200, {"name": CART, "tags": ["1"]}),
        answer(200, {"name": CART, "tags": ["1"], "manifest": []}),
        answer(200, {"name": CART, "tags": ["1"], "manifest": {"sha256:a": {"tag": "1"}}}),
        answer(405, {"errors": [{"code": "UNSUPPORTED", "message": "no"}]}),
    ],
)
def test_a_list_that_describes_nothing_leaves_it_to_manifests(google, changed):
    name = "my-proj/apps/plain"
    image = plain_image("plain")
    google.held.add(f"{name}:1", image)
    google.planned[f"{HOST}/v2/{name}/tags/list"] = [changed]

    with pytest.warns(UserWarning, match="own API was no help with tag details") as warned:
        (found,) = run(google, listed("tag_details", name), **by_token())

    assert len(told(warned)) == 1
    assert (found.tag, found.digest) == ("1", image.digest)
    assert found.platforms == ("linux/amd64",)


def test_names_alone_are_asked_for_ten_thousand_at_once(google):
    tags = many(google, 2500)

    assert run(google, listed("tags", CART), **by_token()) == tags
    assert google.asked[-1] == f"GET {URL}/v2/{CART}/tags/list?n=10000"


@pytest.mark.parametrize("options", [{}, by_token(), by_key()])
def test_what_is_not_there_or_not_shown_says_so(google, options):
    with pytest.raises((UnauthorizedError, ForbiddenError)) as raised:
        run(google, listed("tag_details", "my-proj/gone/cart"), **options)

    told = str(raised.value)
    assert "DENIED: " in told
    assert "for what does not exist" in told
    assert "roles/artifactregistry.reader" in told
    assert raised.value.status == 403
    for secret in ("ya29", "k3y", "jwt"):
        assert secret not in told + repr(raised.value) + str(vars(raised.value))


def test_a_wrong_password_is_no_anonymous_user(google):
    google.public.add(CART)

    with pytest.raises(UnauthorizedError, match="'_json_key'") as raised:
        run(google, listed("tag_details", CART), **by_key('{"private_key": "wr0ng"}'))

    assert "wr0ng" not in str(raised.value)


def test_too_many_requests_are_said(google):
    google.planned[TAGS] = [answer(429, document("too_many")) for _ in range(3)]

    with pytest.raises(RateLimitedError, match=r"Quota exceeded.*for a minute"):
        run(google, listed("tag_details", CART), **by_token())


def test_an_index_is_read_from_its_manifest(google):
    children = [plain_image(p, platform=p) for p in ("linux/amd64", "linux/arm64")]
    top = index(children)
    google.held.add(f"{CART}:multi", top)

    async def work(registry):
        return await registry.manifest(CART, "multi")

    assert run(google, work, **by_token()).digest == top.digest
