"""What Quay lists, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, UnauthorizedError
from ghostnb.registries.records import RepositoryRecord, TagRecord
from tests.parts.images import plain_image
from tests.registries.vendors.quay.runs import (
    OWN,
    TAGS,
    by_robot,
    by_token,
    listed,
    many_repositories,
    many_tags,
    of_api,
    run,
)
from tests.registries.vendors.quay.writing import document
from tests.registries.vendors.replaying import answer
from tests.warned import told

LISTING = "quay.io/api/v1/repository"
WEB = RepositoryRecord(
    "quay", "acme/web", description="Serves *acme*", updated="2024-06-06T13:33:00Z"
)
API_PAGE = "GET /repository?namespace=acme&public=true&last_modified=true"


@pytest.fixture(autouse=True)
def no_warnings():
    """Fail where somebody is warned without need."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


# Repositories


def test_a_namespaces_public_repositories_are_told_to_everyone(quay):
    assert run(quay, listed("repositories", "acme")) == [WEB]
    assert of_api(quay) == [API_PAGE]
    assert len(quay.asked) == 1


def test_a_token_sees_the_private_ones_and_what_is_being_deleted_is_left_out(quay):
    found = run(quay, listed("repositories", "acme"), **by_token())

    assert found == [WEB, RepositoryRecord("quay", "acme/team/api")]


def test_without_a_namespace_a_token_sees_all_that_its_user_is_a_member_of(quay):
    quay.repositories += many_repositories(120, "tools") + many_repositories(1, "ada")
    quay.repositories += many_repositories(1, "somebody-else")

    found = [one.repository for one in run(quay, listed("repositories"), **by_token())]

    tools = [f"tools/app-{n}" for n in range(120)]
    assert found == ["ada/app-0", "acme/web", "acme/team/api", *tools]
    assert of_api(quay)[0] == "GET /user/"
    assert len(of_api(quay)) == 5


def test_the_configured_namespace_is_listed(quay):
    assert run(quay, listed("repositories"), namespace="acme") == [WEB]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (100, 1), (101, 2), (300, 3)])
def test_a_hundred_repositories_are_a_request(quay, count, requests):
    quay.repositories = many_repositories(count)

    found = [one.repository for one in run(quay, listed("repositories", "acme"))]

    assert found == [f"acme/app-{n}" for n in range(count)]
    assert len(quay.asked) == requests
    # Tokens are opaque, and have what means something else in a query.
    assert quay.asked[1:] == [
        f"GET https://quay.io/api/v1{API_PAGE[4:]}&next_page=%2B%2F{n}00%3D%3D"
        for n in range(1, requests)
    ]


def test_a_token_for_the_next_page_that_means_the_first_again_ends_the_list(quay):
    page = {"repositories": many_repositories(100), "next_page": "t"}

    def again(request, path):
        # Encrypted anew each time, it is never the same.
        assert len(quay.asked) < 9, "it goes on and on"
        return answer(200, page | {"next_page": f"t{len(quay.asked)}"})

    quay.hosts["quay.io"] = again

    assert len(run(quay, listed("repositories", "acme"))) == 100
    assert len(quay.asked) == 2


def test_a_repository_that_moves_to_the_next_page_comes_once(quay):
    entries = many_repositories(150)
    quay.repositories = entries
    quay.planned[LISTING] = [
        answer(200, {"repositories": entries[:100], "next_page": "+/100=="}),
        answer(200, {"repositories": entries[99:]}),
    ]

    found = [one.repository for one in run(quay, listed("repositories", "acme"))]

    assert found == [f"acme/app-{n}" for n in range(150)]


def test_what_holds_no_images_is_left_out_and_an_impossible_time_is_unknown(quay):
    shape = document("repositories")["repositories"][0]
    quay.repositories = [
        shape | {"name": "chart", "kind": "application"},
        shape | {"name": "odd", "last_modified": 1e300},
    ]

    (found,) = run(quay, listed("repositories", "acme"))

    assert (found.repository, found.updated) == ("acme/odd", None)


def test_a_part_of_a_namespace_is_listed(quay):
    quay.repositories.append(document("repositories")["repositories"][0] | {"name": "teams"})

    (found,) = run(quay, listed("repositories", "acme/team"), **by_token())

    assert found.repository == "acme/team/api"
    assert of_api(quay) == [API_PAGE]


def test_a_namespace_is_encoded(quay):
    assert run(quay, listed("repositories", "a&public=false ü")) == []
    assert "namespace=a%26public%3Dfalse+%C3%BC&" in quay.asked[0]


def test_a_robot_sees_what_is_public_and_what_it_may_pull(quay):
    found = run(quay, listed("repositories", "acme"), **by_robot())

    # Its password opens no API: what is private comes by name alone.
    assert found == [WEB, RepositoryRecord("quay", "acme/team/api")]
    catalog = [line for line in quay.asked if "_catalog" in line]
    assert catalog == ["GET https://quay.io/v2/_catalog?n=100"]
    # With a token that has no scope: another is refused, and without one the list is empty.
    assert sum("/v2/auth" in line and "scope" not in line for line in quay.asked) == 2
    assert not [line for line in quay.asked if "registry" in line and "catalog" in line]


def test_without_a_namespace_a_robot_sees_the_whole_catalog(quay):
    quay.catalog = [f"acme/app-{n}" for n in range(250)]

    found = [one.repository for one in run(quay, listed("repositories"), **by_robot())]

    assert found == quay.catalog
    assert of_api(quay) == []
    links = [line.partition("n=100")[2] for line in quay.asked if "_catalog" in line]
    assert links == ["", "&next_page=100", "&next_page=200"]


def test_nobody_is_shown_all_of_quay_io_and_the_error_says_what_to_do(quay):
    with pytest.raises(UnauthorizedError, match=r"lists a namespace") as raised:
        run(quay, listed("repositories"))

    for way in ('repositories(namespace="prometheus")', "search(", "$oauthtoken"):
        assert way in raised.value.hint
    assert quay.asked == []


def test_nobody_is_shown_what_is_public_in_a_quay_of_ones_own(quay):
    quay.serve(OWN)

    assert run(quay, listed("repositories"), url=f"https://{OWN}") == [WEB]
    assert quay.asked[-1].endswith("/api/v1/repository?public=true&last_modified=true")


@pytest.mark.parametrize("login", [by_token("wr0ng-token"), by_robot("wr0ng-token")])
@pytest.mark.parametrize("method", ["repositories", "search"])
def test_who_has_a_wrong_password_is_not_taken_for_nobody(quay, login, method):
    work = listed("repositories", "acme") if method == "repositories" else SEARCH

    with pytest.raises(UnauthorizedError, match="gives no token to the user") as raised:
        run(quay, work, **login)

    assert "wr0ng" not in str(raised.value) + repr(vars(raised.value))
    assert of_api(quay) == []


SEARCH = listed("search", "web", limit=5)


def test_who_was_taken_is_not_tried_again_and_again(quay):
    async def work(registry):
        for _ in range(3):
            await listed("repositories", "acme")(registry)

    run(quay, work, **by_token())

    assert quay.count("GET https://quay.io/v2/auth") == 1
    assert quay.count("GET https://quay.io/v2/") == 3  # refused, with the token's, taken
    assert len(of_api(quay)) == 3


# Tags


def test_tags_come_with_their_details(quay):
    single, multi, old = run(quay, listed("tag_details", "acme/web"))

    assert single == TagRecord(
        "quay",
        "acme/web",
        "1.2",
        digest="sha256:" + "57" * 32,
        size_bytes=2275314,
        created="2024-06-06T13:30:00Z",
    )
    # Of an index neither is told, and when a tag was set is not when its image was made.
    assert multi == TagRecord("quay", "acme/web", "multi", digest="sha256:" + "aa" * 32)
    assert old.size_bytes == 0


@pytest.mark.parametrize("login", [{}, by_token(), by_robot()])
@pytest.mark.parametrize("count", [1, 99, 100, 101, 1000])
def test_a_thousand_tags_cost_ten_requests_in_all(quay, login, count):
    quay.tags["acme/web"] = many_tags(count)

    found = run(quay, listed("tag_details", "acme/web"), **login)

    assert [one.tag for one in found] == [f"1.{n}" for n in range(count)]
    pages = -(-count // 100)
    assert quay.pages() == list(range(1, pages + 1))
    assert len(quay.asked) == pages


def test_nothing_more_is_asked_for_when_enough_was_read(quay):
    quay.tags["acme/web"] = many_tags(2000)

    async def work(registry):
        found = registry.tag_details("acme/web")
        return [await anext(found) for _ in range(100)]

    assert len(run(quay, work)) == 100
    assert quay.pages() == [1]


def test_a_tag_that_moves_to_the_next_page_comes_once(quay):
    tags = many_tags(150)
    quay.tags["acme/web"] = tags
    quay.planned[TAGS] = [
        answer(200, {"tags": tags[:100], "page": 1, "has_additional": True}),
        answer(200, {"tags": tags[99:149], "page": 2, "has_additional": False}),
    ]

    found = [one.tag for one in run(quay, listed("tag_details", "acme/web"))]

    assert found == [f"1.{n}" for n in range(149)]


@pytest.mark.parametrize("again", [many_tags(100), []])
def test_a_list_that_goes_on_and_brings_nothing_new_ends(quay, again):
    page = {"tags": many_tags(100), "page": 1, "has_additional": True}
    quay.planned[TAGS] = [answer(200, page)]

    def going_on(request, path):
        assert len(quay.asked) < 9, "it goes on and on"
        return answer(200, page | {"tags": again})

    quay.hosts["quay.io"] = going_on

    assert len(run(quay, listed("tag_details", "acme/web"))) == 100
    assert quay.pages() == [1, 2]


def test_slashes_stay_in_a_name_and_one_without_is_in_library(quay):
    quay.tags |= {"acme/team/b_c.d-e": many_tags(1), "library/nginx": many_tags(1)}

    async def work(registry):
        for name in ("acme/team/b_c.d-e", "nginx"):
            assert len(await listed("tag_details", name)(registry)) == 1

    run(quay, work)

    assert [line.partition("?")[0] for line in of_api(quay)] == [
        "GET /repository/acme/team/b_c.d-e/tag/",
        "GET /repository/library/nginx/tag/",
    ]


def test_a_token_reads_what_is_private(quay):
    quay.tags["acme/team/api"] = many_tags(3)

    assert len(run(quay, listed("tag_details", "acme/team/api"), **by_token())) == 3
    assert len(quay.asked) == 1


def test_what_a_robot_may_read_comes_from_the_registry_with_one_warning(quay):
    quay.private.add("acme/web")
    quay.tags["acme/web"] = []
    quay.held.add("acme/web:1", plain_image("web"))

    async def work(registry):
        with pytest.warns(UserWarning, match="no help") as warned:
            found = [await listed("tag_details", "acme/web")(registry) for _ in range(2)]
        return found, told(warned)

    (first, second), warned = run(quay, work, **by_robot())

    assert first == second
    assert (first[0].tag, first[0].platforms) == ("1", ("linux/amd64",))
    assert len(warned) == 1
    assert "Requires authentication" in warned[0]
    assert "the registry itself was asked" in warned[0]


def test_what_may_not_be_read_with_a_token_is_an_error_that_says_what_may_be_wrong(quay):
    with pytest.raises(ForbiddenError, match="Unauthorized") as raised:
        run(quay, listed("tag_details", "acme/nothing"), **by_token())

    assert "does not exist" in raised.value.hint
    assert "repo:read" in raised.value.hint
    assert len(quay.asked) == 1


def test_a_wrong_token_is_an_error_for_what_is_private(quay):
    with pytest.raises(UnauthorizedError, match="Requires authentication") as raised:
        run(quay, listed("tag_details", "acme/team/api"), **by_token("wr0ng-token"))

    assert "expired" in raised.value.hint
    assert "wr0ng" not in str(raised.value) + repr(vars(raised.value))


def test_a_repository_that_is_not_there(quay):
    quay.planned["quay.io/api/v1/repository/acme/nothing/tag/"] = [
        answer(404, document("not_found"))
    ]

    with pytest.raises(NotFoundError, match="Not Found"):
        run(quay, listed("tag_details", "acme/nothing"), **by_token())
