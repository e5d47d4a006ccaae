"""Repositories and tags of GHCR, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, RejectedError, UnauthorizedError
from ghostnb.registries.records import RepositoryRecord, SearchRecord
from tests.parts.images import index, plain_image
from tests.registries.vendors.ghcr.replay import answer, document, version_entry
from tests.registries.vendors.ghcr.runs import API, GHCR_URL, listed, logged_in, run, tag_rows

VERSIONS = "api.github.com/orgs/acme/packages/container/app/versions"
PACKAGES = "api.github.com/orgs/acme/packages"


def small(seed: str, **options):
    return plain_image(seed, layers=1, size_bytes=8, **options)


def many_packages(count: int, **fields: Any) -> list[Any]:
    shape = document("packages")[0]
    return [copy.deepcopy(shape) | {"id": n, "name": f"app-{n}", **fields} for n in range(count)]


def fill(github, count: int) -> None:
    for n in range(count):
        github.push("acme/app", small(f"{n}"), f"1.{n}")


# Repositories


def test_the_packages_of_an_organisation(github):
    found = run(github, listed("repositories", "Acme"), **logged_in())

    assert found == [
        RepositoryRecord(
            "ghcr",
            "acme/scanner",
            description="Looks into images",
            updated="2026-02-03T04:05:06Z",
        ),
        RepositoryRecord("ghcr", "acme/tools/builder", updated="2026-03-04T05:06:07Z"),
    ]
    assert github.asked == [
        f"GET {API}/users/Acme",
        f"GET {API}/orgs/Acme/packages?package_type=container&per_page=100&page=1",
    ]


def test_without_a_namespace_they_are_the_users_own_private_ones_too(github):
    github.packages["ada"] = many_packages(1, owner=document("user"), visibility="private")

    (found,) = run(github, listed("repositories"), **logged_in())

    assert found.repository == "ada/app-0"
    assert github.asked == [f"GET {API}/user/packages?package_type=container&per_page=100&page=1"]


def test_a_package_whose_owner_is_not_told_is_the_users(github):
    github.packages["ada"] = many_packages(2, owner=None)

    found = run(github, listed("repositories"), **logged_in())

    assert [record.repository for record in found] == ["ada/app-0", "ada/app-1"]
    assert github.count(f"GET {API}/user") == 2  # the list, and once who it is


@pytest.mark.parametrize(("owner", "place", "names"), [("Ada", "user", 2), ("bob", "users/bob", 1)])
def test_a_users_private_packages_are_listed_for_that_user(github, owner, place, names):
    both = [*many_packages(1), *many_packages(1, visibility="private", name="own", id=9)]
    github.packages[owner.lower()] = both

    assert len(run(github, listed("repositories", owner), **logged_in())) == names
    assert github.count(f"GET {API}/{place}/packages?") == 1


def test_the_configured_namespace_is_listed(github):
    found = run(github, listed("repositories"), namespace="acme", **logged_in())

    assert {record.repository for record in found} == {"acme/scanner", "acme/tools/builder"}


def test_a_namespace_may_go_on_in_the_packages_names(github):
    github.packages["acme"] += many_packages(1, name="toolsmith", id=5)

    found = run(github, listed("repositories", "acme/tools"), **logged_in())

    assert [record.repository for record in found] == ["acme/tools/builder"]


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)]
)
def test_as_many_pages_are_asked_for_as_there_are(github, count, requests):
    github.packages["acme"] = many_packages(count)
    # One page has no Link header, full or not: that this is the end is seen by the next.
    github.link_names = ("next", "last")

    found = run(github, listed("repositories", "acme"), **logged_in())

    assert [record.repository for record in found] == [f"acme/app-{n}" for n in range(count)]
    pages = [page for page in github.pages() if page <= -(-count // 100) or count == 0]
    assert sorted(pages) == list(range(1, requests + 1))
    assert len(github.pages()) <= requests + (4 if count == 100 else 0)


@pytest.mark.parametrize("links", [(), ("next",), ("prev", "first")])
def test_a_list_that_does_not_tell_its_length_is_read_to_its_end(github, links):
    github.packages["acme"] = many_packages(250)
    github.link_names = links

    found = run(github, listed("repositories", "acme"), **logged_in())

    assert [record.repository for record in found] == [f"acme/app-{n}" for n in range(250)]
    assert len(github.pages()) <= 7


@pytest.mark.parametrize("link", ["", '<https://api.github.com/x?page=99>; rel="last"'])
def test_a_list_that_has_one_page_again_and_again_ends(github, link):
    page = [answer(200, many_packages(100), {"link": link}) for _ in range(99)]
    github.planned[PACKAGES] = page

    assert len(run(github, listed("repositories", "acme"), **logged_in())) == 100
    assert len(github.pages()) <= 6


def test_a_package_that_moves_to_the_next_page_comes_once(github):
    entries = many_packages(150)
    link = f'<{API}/organizations/99/packages?per_page=100&page=2>; rel="last"'
    github.planned[PACKAGES] = [
        answer(200, entries[:100], {"link": link}),
        answer(200, entries[99:149]),
    ]

    found = run(github, listed("repositories", "acme"), **logged_in())

    assert [record.repository for record in found] == [f"acme/app-{n}" for n in range(149)]


@pytest.mark.parametrize("target", ["https://evil.example/x?page=2", "http://[", "?page=x", "?q"])
def test_links_are_not_followed(github, target):
    github.packages["acme"] = many_packages(150)
    first = answer(200, many_packages(100), {"link": f'<{target}>; rel="next last"'})
    github.planned[PACKAGES] = [first]

    # The replay has no other host.
    assert len(run(github, listed("repositories", "acme"), **logged_in())) == 150


def test_more_packages_than_github_lists_are_said(github):
    # What comes after is refused.
    github.packages["acme"] = many_packages(10_150)

    with pytest.warns(UserWarning, match=r"only the first 10,000 of the packages of acme"):
        found = run(github, listed("repositories", "acme"), **logged_in())

    assert len(found) == 10_000
    assert max(github.pages()) == 100


def test_what_single_sign_on_hides_is_said(github):
    headers = {"x-github-sso": "partial-results; organizations=21955855,20582480"}
    github.planned["api.github.com/user/packages"] = [answer(200, [], headers)]

    with pytest.warns(UserWarning, match=r"leaves out of the user's packages.*Configure SSO"):
        assert run(github, listed("repositories"), **logged_in()) == []


def test_nobody_lists_without_a_token_and_the_error_says_what_to_do(github):
    for namespace in (None, "acme"):
        with pytest.raises(UnauthorizedError) as raised:
            run(github, listed("repositories", namespace))

        for way in ("read:packages", "settings/tokens/new", 'tags("OWNER/NAME")'):
            assert way in str(raised.value)
    assert github.asked == []


def test_an_unknown_owner_is_not_found(github):
    with pytest.raises(NotFoundError, match="the account nobody"):
        run(github, listed("repositories", "nobody"), **logged_in())

    assert github.count(f"GET {GHCR_URL}") == 0


def test_a_token_that_may_not_list_says_so(github):
    github.scopes = "repo"

    with pytest.raises(ForbiddenError, match="at least read:packages scope") as raised:
        run(github, listed("repositories", "acme"), **logged_in())

    assert "(classic) that has read:packages" in raised.value.hint


def test_a_workflows_token_lists_nothing_and_hears_why(github):
    github.planned[PACKAGES] = [answer(400, document("invalid_argument"))]

    with pytest.raises(RejectedError, match=r"Invalid argument.*token of a workflow lists"):
        run(github, listed("repositories", "acme"), **logged_in())


@pytest.mark.parametrize("path", ["/orgs/acme/packages", "/users/acme"])
def test_what_is_no_list_of_packages_is_an_error_and_the_catalog_is_not_asked(github, path):
    github.planned[f"api.github.com{path}"] = [answer(200, b"<html>Sign in</html>")]

    with pytest.raises(Exception, match="cannot be read"):
        run(github, listed("repositories", "acme"), **logged_in())

    assert github.count(f"GET {GHCR_URL}/v2/_catalog") == 0


def test_a_search_goes_over_the_packages_that_can_be_listed(github):
    github.push("acme/scanner", small("scanner"), "latest")

    (found,) = run(github, listed("search", "SCAN", limit=5), namespace="acme", **logged_in())

    assert (found.repository, found.tag) == ("acme/scanner", "latest")
    assert found.digest == github.tags("acme/scanner")["latest"]
    assert isinstance(found, SearchRecord)


# Tags


def test_a_thousand_tags_cost_ten_requests_of_the_api_and_each_image_once(github):
    fill(github, 1000)

    async def work(registry):
        first = [record async for record in registry.tag_details("acme/app")]
        asked = len(github.asked)
        second = [record async for record in registry.tag_details("acme/app")]
        return first, second, github.asked[:asked], github.asked[asked:]

    first, second, asked, again = run(github, work, **logged_in())

    assert tag_rows(first) == github.tags("acme/app")
    assert first == second
    assert all(record.size_bytes and record.platforms == ("linux/amd64",) for record in first)
    by_api = [line for line in asked if API in line]
    assert by_api.pop(0) == f"GET {API}/users/acme"
    assert len(by_api) == 10
    # As many as are asked for at once meet the challenge, and are sent again.
    assert sum("/manifests/sha256:" in line for line in asked) <= 1000 + 16
    assert sum(line.startswith(f"GET {GHCR_URL}/v2/acme/app/blobs/") for line in asked) == 1000
    assert not [line for line in asked if "/tags/list" in line]
    assert len(again) == 10
    assert all(line.startswith(API, 4) for line in again)


def test_nested_names_are_one_segment_on_the_line(github):
    github.push("acme/tools/deep/builder", small("b"), "1")

    (found,) = run(github, listed("tag_details", "acme/tools/deep/builder"), **logged_in())

    assert found.repository == "acme/tools/deep/builder"
    path = f"{API}/orgs/acme/packages/container/tools%2Fdeep%2Fbuilder/versions"
    assert f"GET {path}?per_page=100&page=1" in github.asked


@pytest.mark.parametrize(("owner", "place"), [("ada", "user"), ("bob", "users/bob")])
def test_a_users_tags(github, owner, place):
    github.push(f"{owner}/app", small("app"), "1", "latest")

    found = run(github, listed("tag_details", f"{owner}/app"), **logged_in())

    assert tag_rows(found) == github.tags(f"{owner}/app")
    assert github.count(f"GET {API}/{place}/packages/container/app/versions") == 1


def test_what_has_no_tag_is_no_row(github):
    images = [small(p, platform=p) for p in ("linux/amd64", "linux/arm64")]
    github.push("acme/app", index(images, attested=True), "1")
    github.push("acme/app", index(images), "1")

    (found,) = run(github, listed("tag_details", "acme/app"), **logged_in())

    assert found.tag == "1"
    assert found.platforms == ("linux/amd64", "linux/arm64")


def test_a_tag_that_is_moved_meanwhile_comes_once_as_it_is_now(github):
    fill(github, 2)
    now, before = (version_entry(one) for one in reversed(github.stored["acme/app"]))
    for entry in (now, before):
        entry["metadata"]["container"]["tags"] = ["latest"]
    github.planned[VERSIONS] = [answer(200, [now, before])]

    (found,) = run(github, listed("tag_details", "acme/app"), **logged_in())

    assert found.digest == now["name"]


def test_nothing_more_is_asked_for_when_enough_was_read(github):
    fill(github, 1500)

    async def work(registry):
        found = registry.tag_details("acme/app")
        return [await anext(found) for _ in range(3)]

    assert len(run(github, work, **logged_in())) == 3
    assert len(github.pages()) <= 2


def test_tags_of_public_images_come_from_the_registry_without_a_token_and_a_word(github):
    fill(github, 3)
    github.public.add("acme/app")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(github, listed("tag_details", "acme/app"))

    assert tag_rows(found) == github.tags("acme/app")
    assert github.count(f"GET {API}") == 0


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b"<html>Sign in</html>"),
        answer(200, {"message": "moved"}),
        answer(200, [{"name": "sha256:" + "0" * 64}]),
        answer(200, [{**document("versions")[0], "name": "1.2"}]),
        answer(200, [{**document("versions")[0], "metadata": {"container": {"tags": "latest"}}}]),
        answer(403, document("saml")),
        answer(404, document("package_not_found")),
        answer(410, b""),
        answer(502, b"<html>Bad gateway</html>"),
    ],
)
def test_where_the_api_is_no_help_the_registry_lists_and_it_is_said_once(github, reply):
    fill(github, 3)
    github.planned[VERSIONS] = [reply] * 4

    async def work(registry):
        return [await listed("tag_details", "acme/app")(registry) for _ in range(2)]

    with pytest.warns(UserWarning, match="own API was no help with tag digests") as said:
        first, second = run(github, work, **logged_in())

    assert len(said) == 1
    assert tag_rows(first) == tag_rows(second) == github.tags("acme/app")
    assert github.count(f"GET {GHCR_URL}/v2/acme/app/tags/list") >= 2


def test_a_later_page_that_fails_leaves_the_rest_to_the_registry(github):
    fill(github, 250)
    whole = [version_entry(one) for one in reversed(github.stored["acme/app"])]
    link = f'<{API}/organizations/99/packages/container/app/versions?page=3>; rel="last"'
    failure = answer(400, document("invalid_argument"))
    first = answer(200, whole[:100], {"link": link})
    github.planned[VERSIONS] = [first, failure, failure]

    with pytest.warns(UserWarning, match="no help"):
        found = run(github, listed("tag_details", "acme/app"), **logged_in())

    assert len(found) == 250
    assert tag_rows(found) == github.tags("acme/app")


def test_a_token_without_scopes_reads_public_tags_all_the_same(github):
    fill(github, 2)
    github.scopes = ""

    with pytest.warns(UserWarning, match="Package not found"):
        found = run(github, listed("tag_details", "acme/app"), **logged_in())

    assert len(found) == 2


def test_a_repository_that_is_not_there(github):
    with pytest.raises(NotFoundError):
        run(github, listed("tag_details", "acme/nothing"), **logged_in())


def test_names_alone_come_from_the_registry(github):
    fill(github, 3)

    assert run(github, listed("tags", "acme/app"), **logged_in()) == ["1.0", "1.1", "1.2"]
    assert github.count(f"GET {API}") == 0
