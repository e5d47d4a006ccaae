"""Docker Hub's search, and the old index that takes its place."""

from __future__ import annotations

import pytest

from ghostnb.errors import NotFoundError, ProtocolError, RegistryError, ServerError
from ghostnb.registries.records import SearchRecord
from tests.registries.vendors.docker_hub.replay import answer, document
from tests.registries.vendors.docker_hub.runs import API, listed, run

SEARCH = "hub.docker.com/v2/search/repositories/"
INDEX = "index.docker.io/v1/search"


def test_a_search_finds_official_images_under_their_full_name(hub):
    first, second, third = run(hub, listed("search", "nginx", limit=10))

    assert first == SearchRecord(
        "docker-hub",
        "library/nginx",
        description="Official build of Nginx.",
        pull_count=13413760258,
        star_count=21396,
        official=True,
    )
    assert (second.repository, second.official) == ("acme/nginx-ingress", False)
    assert (third.repository, third.description) == ("acme/nginx", None)
    assert hub.asked == [f"GET {API}/search/repositories/?query=nginx&page=1&page_size=10"]


@pytest.mark.parametrize(
    ("limit", "count", "pages"),
    [(0, 0, []), (1, 1, [1]), (100, 100, [1]), (101, 101, [1, 2]), (1000, 250, [1, 2, 3])],
)
def test_a_search_gives_no_more_than_asked_for(hub, limit, count, pages):
    hub.found = [hub.found[1] | {"repo_name": f"acme/nginx-{n}"} for n in range(250)]

    found = run(hub, listed("search", "nginx", limit=limit))

    assert [f"acme/nginx-{n}" for n in range(count)] == [record.repository for record in found]
    assert pages == hub.pages()


def test_a_query_is_encoded(hub):
    assert run(hub, listed("search", "a&page=9 ü", limit=5)) == []
    assert hub.asked == [
        f"GET {API}/search/repositories/?query=a%26page%3D9+%C3%BC&page=1&page_size=5"
    ]


def test_a_blank_query_finds_nothing(hub):
    assert run(hub, listed("search", " ", limit=5)) == []
    assert hub.asked == []


@pytest.mark.parametrize(
    "gone",
    [
        answer(404, {"message": "404: Page Not Found"}),
        answer(403, document("forbidden")),
        answer(403, document("search_page_limit")),
        answer(410),
        answer(500),
        answer(503, b"<html>Maintenance</html>", {"content-type": "text/html"}),
        answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}),
        answer(200, {"summaries": []}),
    ],
)
def test_when_the_search_is_gone_the_old_index_is_asked(hub, gone):
    hub.planned[SEARCH] = [gone, gone]

    first, second = run(hub, listed("search", "nginx", limit=7))

    assert first == SearchRecord(
        "docker-hub",
        "library/nginx",
        description="Official build of Nginx.",
        star_count=21396,
        official=True,
    )
    assert (second.repository, second.pull_count) == ("acme/nginx", None)
    # A failure may pass: it is tried again first.
    assert hub.count("GET https://hub.docker.com") == (2 if gone.status_code >= 500 else 1)
    assert hub.asked[-1] == "GET https://index.docker.io/v1/search?q=nginx&n=7"


def test_the_old_index_is_not_asked_for_more_than_it_gives(hub):
    hub.planned[SEARCH] = [answer(404), answer(404)]

    assert len(run(hub, listed("search", "nginx", limit=1))) == 1
    run(hub, listed("search", "nginx", limit=5000))

    assert hub.asked[-1].endswith("&n=100")


@pytest.mark.parametrize(
    ("last", "kind"),
    [(answer(500), ServerError), (answer(404), NotFoundError), (answer(200, b"?"), ProtocolError)],
)
def test_when_both_searches_are_gone_it_is_an_error(hub, last, kind):
    hub.planned[SEARCH] = [answer(403, document("forbidden"))]
    hub.planned[INDEX] = [last, last]

    with pytest.raises(kind) as raised:
        run(hub, listed("search", "nginx", limit=5))

    assert isinstance(raised.value.__cause__, RegistryError)


def test_results_that_anonymous_users_may_not_see_are_said(hub):
    hub.found = [hub.found[1] | {"repo_name": f"acme/nginx-{n}"} for n in range(250)]
    hub.page_limit = 200

    with pytest.warns(UserWarning, match=r"only the first 200 results for 'nginx'"):
        found = run(hub, listed("search", "nginx", limit=1000))

    assert len(found) == 200
    assert hub.count("GET https://index") == 0


def test_a_search_that_fails_on_its_way_does_not_begin_again(hub):
    hub.found = [hub.found[1] | {"repo_name": f"acme/nginx-{n}"} for n in range(250)]
    page = {"count": 250, "next": "more", "results": hub.found[:100]}
    hub.planned[SEARCH] = [answer(200, page), answer(500), answer(500)]

    with pytest.raises(ServerError):
        run(hub, listed("search", "nginx", limit=1000))

    assert hub.count("GET https://index") == 0
