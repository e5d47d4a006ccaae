"""Docker Hub's names and lists, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import InvalidReferenceError, NotFoundError, UnsupportedError
from ghostnb.oci import Reference
from ghostnb.registries.records import RepositoryRecord, TagRecord
from tests.registries.vendors.docker_hub.replay import answer, document
from tests.registries.vendors.docker_hub.runs import (
    API,
    HUB_URL,
    TAGS,
    listed,
    logged_in,
    many_tags,
    run,
)


def test_names_without_a_slash_are_in_library(hub):
    async def work(registry):
        return registry.reference("nginx"), registry.reference("docker.io/acme/builder:2")

    nginx, builder = run(hub, work)

    assert Reference("", "library/nginx", "latest") == nginx
    assert Reference("", "acme/builder", "2") == builder
    assert hub.asked == []


@pytest.mark.parametrize(
    "text", ["ghcr.io/x/y", "localhost:5000/app", "quay.io/a/b@sha256:" + "0" * 64]
)
def test_a_reference_to_another_registry_is_refused(hub, text):
    async def work(registry):
        return registry.reference(text)

    with pytest.raises(
        InvalidReferenceError, match=f"in the registry {text.split('/')[0]}, not on"
    ):
        run(hub, work)


def test_the_repositories_of_a_namespace(hub):
    found = run(hub, listed("repositories", "acme"))

    assert found == [
        RepositoryRecord(
            "docker-hub",
            "acme/builder",
            description="Builds what acme ships",
            pull_count=15722000,
            star_count=7,
            official=False,
            updated="2024-06-20T10:44:45.459826Z",
        ),
        RepositoryRecord(
            "docker-hub", "acme/tools.old", pull_count=3, star_count=0, official=False
        ),
    ]
    assert hub.asked == [f"GET {API}/namespaces/acme/repositories?page=1&page_size=100"]


def test_what_is_in_library_is_official(hub):
    hub.repositories["library"] = [document("repositories")["results"][0]]

    (found,) = run(hub, listed("repositories", "library"))

    assert (found.repository, found.official) == ("library/builder", True)


def test_a_namespace_that_does_not_exist_has_none(hub):
    assert run(hub, listed("repositories", "nobody")) == []


def test_without_a_namespace_it_is_the_users_own(hub):
    hub.repositories["ada"] = [document("repositories")["results"][0]]

    (found,) = run(hub, listed("repositories"), **logged_in())

    assert found.repository == "ada/builder"
    assert hub.logins == 1


@pytest.mark.parametrize("options", [{}, {"username": "ada@example.com", "password": "x"}])
def test_without_a_user_there_is_no_catalog_and_the_error_says_what_to_do(hub, options):
    with pytest.raises(UnsupportedError) as raised:
        run(hub, listed("repositories"), **options)

    for way in ('repositories(namespace="library")', 'search("nginx")', 'tags("library/nginx")'):
        assert way in str(raised.value)
    assert hub.asked == []


def test_a_namespace_with_a_slash_is_refused(hub):
    with pytest.raises(InvalidReferenceError, match=r"no slash.*Use 'library'"):
        run(hub, listed("repositories", "library/nginx"))


def test_repositories_that_anonymous_users_may_not_see_are_said(hub):
    entry = document("repositories")["results"][0]
    hub.repositories["acme"] = [entry | {"name": f"app-{n}"} for n in range(250)]
    hub.page_limit = 100

    with pytest.warns(UserWarning, match=r"only the first 100 repositories of acme.*log in"):
        found = run(hub, listed("repositories", "acme"))

    assert len(found) == 100
    assert len(run(hub, listed("repositories", "acme"), **logged_in())) == 250


def test_tags_come_with_their_details(hub):
    stable, mainline, old, chart = run(hub, listed("tag_details", "nginx"))
    reply = document("tags")["results"]

    assert stable == TagRecord(
        "docker-hub",
        "library/nginx",
        "stable",
        digest=reply[0]["digest"],
        media_type="application/vnd.oci.image.index.v1+json",
        size_bytes=36364210 + 31042084 + 36203082,  # without the attestations
        created=None,
        platforms=("linux/amd64", "linux/arm/v7", "linux/arm64/v8"),
        last_pulled="2026-10-03T00:41:40.772551859Z",
    )
    assert (mainline.size_bytes, mainline.platforms) == (36364210, ("linux/amd64",))
    assert mainline.last_pulled is None
    assert (old.digest, old.size_bytes, old.platforms) == (None, 55225151, None)
    assert (chart.size_bytes, chart.platforms) == (4242, None)


def test_a_thousand_tags_cost_ten_requests_and_keep_their_order(hub):
    hub.tags["library/nginx"] = many_tags(1000)

    found = run(hub, listed("tag_details", "library/nginx"))

    assert [f"1.{n}" for n in range(1000)] == [record.tag for record in found]
    assert len(hub.asked) == 10
    assert list(range(1, 11)) == sorted(hub.pages())
    assert hub.pages()[0] == 1


def test_nothing_more_is_asked_for_when_enough_was_read(hub):
    hub.tags["library/nginx"] = many_tags(2000)

    async def work(registry):
        found = registry.tag_details("nginx")
        return [await anext(found) for _ in range(100)]

    assert len(run(hub, work)) == 100
    assert hub.pages() == [1]


def test_a_tag_that_moves_to_the_next_page_comes_once(hub):
    tags = many_tags(150)
    hub.tags["library/nginx"] = tags
    moved = answer(200, {"count": 150, "next": None, "results": tags[99:149]})
    hub.planned[TAGS] = [
        answer(200, {"count": 150, "next": "more", "results": tags[:100]}),
        moved,
    ]

    found = [record.tag for record in run(hub, listed("tag_details", "nginx"))]

    assert [f"1.{n}" for n in range(149)] == found


def test_a_list_that_becomes_shorter_meanwhile_ends(hub):
    hub.tags["library/nginx"] = many_tags(100)
    first = {"count": 250, "next": "more", "results": many_tags(100)}
    hub.planned[TAGS] = [answer(200, first)]

    assert len(run(hub, listed("tag_details", "nginx"))) == 100
    assert hub.pages() == [1, 2, 3]


def test_tags_that_anonymous_users_may_not_see_come_by_name(hub):
    hub.tags["library/nginx"] = many_tags(250)
    hub.page_limit = 100

    with pytest.warns(UserWarning, match=r"only the first 100 tags of library/nginx.*log in"):
        found = run(hub, listed("tag_details", "nginx"))

    assert {f"1.{n}" for n in range(250)} == {record.tag for record in found}
    assert len(found) == 250
    assert found[99].digest is not None
    assert TagRecord("docker-hub", "library/nginx", found[100].tag) == found[100]


def test_names_come_from_all_pages_though_the_details_of_one_were_read_already(hub):
    hub.tags["library/nginx"] = many_tags(250)
    hub.page_limit = 100
    names = [f"1.{n}" for n in range(250)]
    pages = [names[:100], [], names[100:]]
    hub.planned["registry-1.docker.io/v2/library/nginx/tags/list"] = [
        answer(
            200,
            {"name": "library/nginx", "tags": page},
            {"link": f'</v2/library/nginx/tags/list?page={n}>; rel="next"'} if n < 3 else {},
        )
        for n, page in enumerate(pages, 1)
    ]

    with pytest.warns(UserWarning, match="only the first 100 tags"):
        found = run(hub, listed("tag_details", "nginx"))

    assert [record.tag for record in found] == names


def test_a_user_gets_the_details_of_all_tags(hub):
    hub.tags["library/nginx"] = many_tags(250)
    hub.page_limit = 100

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(hub, listed("tag_details", "nginx"), **logged_in())

    assert all(record.digest for record in found)
    assert len(found) == 250


def test_a_repository_that_is_not_there(hub):
    with pytest.raises(NotFoundError, match=r"object not found.*private repository") as raised:
        run(hub, listed("tag_details", "acme/nothing"))

    assert raised.value.status == 404
    assert "the tags of acme/nothing" in str(raised.value)


def test_names_alone_come_from_the_registry(hub):
    assert run(hub, listed("tags", "nginx")) == ["1.27", "1.9.8", "chart", "stable"]
    assert hub.count("GET https://hub.docker.com") == 0
    assert f"GET {HUB_URL}/v2/library/nginx/tags/list?n=1000" == hub.asked[-1]
