"""A project's images, usage and search, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import sys
import warnings

import pytest

from ghostnb.errors import (
    ForbiddenError,
    InvalidReferenceError,
    RateLimitedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.records import RepositoryRecord, UsageRecord
from tests.registries.vendors.google.replay import API_HOST, HOST, GoogleReplay, document
from tests.registries.vendors.google.runs import (
    API,
    REPOSITORIES,
    URL,
    by_key,
    by_token,
    listed,
    run,
)
from tests.registries.vendors.replaying import Replay, answer
from tests.registries.vendors.runs import run_on
from tests.warned import told

APPS = f"{REPOSITORIES}/apps/packages"
TOOL = "projects/my-proj/locations/us/repositories/tools/packages/lint"
CATALOG = f"{HOST}/v2/_catalog"


def names(found):
    return [record.repository for record in found]


def test_the_images_of_a_project_come_from_all_its_repositories_of_images(google):
    google.packages["tools"] = [{"name": TOOL}]

    found = run(google, listed("repositories", "my-proj"), **by_token())

    assert found == [
        RepositoryRecord("google", "my-proj/apps/cart", updated="2025-05-01T10:00:00.123456Z"),
        RepositoryRecord("google", "my-proj/apps/team/cart", updated="2025-06-01T10:00:00.123456Z"),
        RepositoryRecord("google", "my-proj/apps/teamwork"),
        RepositoryRecord("google", "my-proj/tools/lint"),
    ]
    assert sorted(google.asked) == [
        f"GET {API}/repositories/apps/packages?pageSize=1000",
        f"GET {API}/repositories/tools/packages?pageSize=1000",
        f"GET {API}/repositories?pageSize=1000",
    ]


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("my-proj/apps", ["cart", "team/cart", "teamwork"]),
        ("my-proj/apps/team", ["team/cart"]),
        ("my-proj/apps/cart", ["cart"]),
        ("my-proj/tools", []),
    ],
)
def test_the_images_of_a_repository_cost_one_request(google, namespace, expected):
    found = run(google, listed("repositories", namespace), **by_token())

    assert names(found) == [f"my-proj/apps/{name}" for name in expected]
    assert len(google.asked) == 1


def test_the_configured_namespace_is_what_is_listed(google):
    found = run(google, listed("repositories"), **by_token(), namespace="my-proj/apps")

    assert len(found) == 3


@pytest.mark.parametrize(("count", "pages"), [(399, 2), (400, 2), (401, 3)])
def test_pages_are_named_by_the_one_before(google, count, pages):
    google.page_size = 200
    shape = document("packages")["packages"][0]
    google.packages["apps"] = [shape | {"name": f"{shape['name']}-{n}"} for n in range(count)]

    found = run(google, listed("repositories", "my-proj/apps"), **by_token())

    assert names(found) == [f"my-proj/apps/cart-{n}" for n in range(count)]
    assert len(google.asked) == pages
    assert google.asked[1] == (
        f"GET {API}/repositories/apps/packages?pageSize=1000&pageToken=token%2F%2B%3D200"
    )


def test_pages_of_a_projects_repositories(google):
    google.page_size = 2
    shape = google.repositories[0]
    for n in range(3):
        google.repositories.append(shape | {"name": f"{shape['name']}-{n}"})
        google.packages[f"apps-{n}"] = [{"name": f"{shape['name']}-{n}/packages/lint"}]

    found = run(google, listed("repositories", "my-proj"), **by_token())

    assert names(found)[-3:] == [f"my-proj/apps-{n}/lint" for n in range(3)]
    assert google.count(f"GET {API}/repositories?pageSize") == 3


def test_a_page_that_names_itself_ends(google):
    page = {**document("packages"), "nextPageToken": "again"}
    google.planned[APPS] = [answer(200, page) for _ in range(9)]
    # The replay would refuse a page that it has not offered.
    google._page = lambda *arguments: answer(200, {})

    found = run(google, listed("repositories", "my-proj/apps"), **by_token())

    assert len(found) == 3
    assert len(google.asked) == 2


def test_an_image_that_moves_to_the_next_page_comes_once(google):
    packages = document("packages")["packages"]
    google.planned[APPS] = [
        answer(200, {"packages": packages[:2], "nextPageToken": "2"}),
        answer(200, {"packages": packages[1:]}),
    ]
    google._page = lambda *arguments: answer(200, {})

    assert len(run(google, listed("repositories", "my-proj/apps"), **by_token())) == 3


@pytest.mark.parametrize(
    ("host", "location"),
    [("gcr.io", "us"), ("us.gcr.io", "us"), ("eu.gcr.io", "europe"), ("asia.gcr.io", "asia")],
)
def test_what_was_container_registry_has_a_repository_of_its_own(host, location):
    google = GoogleReplay(host, location)
    name = f"projects/my-proj/locations/{location}/repositories/{host}/packages"
    google.packages[host] = [{"name": f"{name}/cart"}, {"name": f"{name}/team%2Fcart"}]

    assert names(run(google, listed("repositories", "my-proj"), **by_token())) == [
        "my-proj/cart",
        "my-proj/team/cart",
    ]
    assert names(run(google, listed("repositories", "my-proj/team"), **by_token())) == [
        "my-proj/team/cart"
    ]
    assert google.asked[0] == (
        f"GET https://{API_HOST}/v1/projects/my-proj/locations/{location}"
        f"/repositories/{host}/packages?pageSize=1000"
    )


def test_a_domains_project_has_a_colon_in_the_api_and_a_slash_in_names(google):
    name = "projects/example.com:shop/locations/us/repositories/apps"
    google.packages["apps"] = [{"name": f"{name}/packages/team%2Fcart"}]

    found = run(google, listed("repositories", "example.com/shop/apps"), **by_token())

    assert names(found) == ["example.com/shop/apps/team/cart"]
    assert "/projects/example.com:shop/locations/us/repositories/apps/" in google.asked[0]


@pytest.mark.parametrize("namespace", ["example.com", "My Project", "a//b"])
def test_what_is_no_namespace_is_refused(google, namespace):
    with pytest.raises(InvalidReferenceError):
        run(google, listed("repositories", namespace), **by_token())

    assert google.asked == []


# Without a project


@pytest.mark.parametrize("options", [by_token(), {"token": "ya29.access-t0ken"}])
def test_without_a_project_it_is_all_that_the_credentials_may_see(google, options):
    found = run(google, listed("repositories"), **options)

    assert found == [RepositoryRecord("google", name) for name in google.names]
    assert google.asked == [f"GET {URL}/v2/_catalog?n=1000"]


def test_a_key_gets_a_token_for_the_catalog(google):
    assert len(run(google, listed("repositories"), **by_key())) == 3
    assert any("scope=registry%3Acatalog%3A%2A" in line for line in google.asked)


@pytest.mark.parametrize("links", ["header", "body", ""])
@pytest.mark.parametrize(("count", "requests"), [(1999, 2), (2000, 3), (2001, 3)])
def test_pages_of_the_catalog(google, links, count, requests):
    google.names = [f"my-proj/apps/app-{n:05}" for n in range(count)]
    google.links, google.takes_last = links, True

    found = run(google, listed("repositories"), **by_token())

    assert names(found) == google.names
    # A full page without a link may not be the last one.
    assert len(google.asked) == requests


def test_a_catalog_that_begins_again_ends(google):
    google.names = [f"my-proj/apps/app-{n:05}" for n in range(1500)]

    assert len(run(google, listed("repositories"), **by_token())) == 1000
    assert len(google.asked) == 2


def test_a_search_finds_what_is_in_the_project(google):
    found = run(google, listed("search", "TEAM", limit=5), **by_token(), namespace="my-proj")

    assert [one.repository for one in found] == ["my-proj/apps/teamwork", "my-proj/apps/team/cart"]


# Fallbacks


@pytest.mark.parametrize(
    "gone",
    [
        answer(403, document("api_disabled")),
        answer(403, document("api_forbidden")),
        answer(404, document("api_not_found")),
        answer(401, document("api_unauthenticated")),
        answer(400, {"error": {"code": 400, "message": "no", "status": "FAILED_PRECONDITION"}}),
        answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}),
        answer(200, {"packages": {"name": "x"}}),
        answer(200, {"packages": [{"displayName": "x"}]}),
        answer(200, {"packages": [{"name": 7}]}),
    ],
)
def test_where_the_api_is_no_help_the_catalog_is_asked(google, gone):
    google.planned[APPS] = [gone]

    with pytest.warns(UserWarning, match="own API was no help with repositories") as warned:
        found = run(google, listed("repositories", "my-proj/apps"), **by_token())

    assert names(found) == ["my-proj/apps/cart", "my-proj/apps/team/cart"]
    assert len(told(warned)) == 1


def test_where_nothing_is_listed_the_apis_word_is_told(google):
    google.planned[APPS] = [answer(403, document("api_disabled"))]
    google.planned[CATALOG] = [answer(403, document("denied"))]

    with pytest.raises(
        ForbiddenError, match=r"has not been used.*gcloud services enable"
    ) as raised:
        run(google, listed("repositories", "my-proj/apps"), **by_token())

    assert "ya29" not in str(raised.value) + repr(vars(raised.value))


def test_too_many_requests_are_said(google):
    google.planned[APPS] = [answer(429, document("api_too_many")) for _ in range(3)]

    with pytest.raises(RateLimitedError, match=r"Quota exceeded.*for a minute"):
        run(google, listed("repositories", "my-proj/apps"), **by_token())


def test_anonymous_users_are_told_that_lists_want_a_login(google):
    with pytest.raises(UnauthorizedError, match=r"wants an access token.*gcloud auth") as raised:
        run(google, listed("repositories", "my-proj"))

    assert "pip install 'ghostnb[google]'" in raised.value.hint
    assert google.count(f"GET https://{API_HOST}") == 0


def test_a_key_without_google_auth_lists_the_catalog(google, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth", None)

    with pytest.warns(UserWarning, match="google-auth, which is not installed"):
        found = run(google, listed("repositories", "my-proj/apps"), **by_key())

    assert names(found) == ["my-proj/apps/cart", "my-proj/apps/team/cart"]
    assert google.count(f"GET https://{API_HOST}") == 0


# Usage


def test_usage_is_told_by_repositories(google):
    found = run(google, listed("usage_records", "my-proj"), **by_token())

    assert found == [
        UsageRecord("google", "my-proj/apps", stored_bytes=123456789),
        UsageRecord("google", "my-proj/tools"),
    ]
    assert google.asked == [f"GET {API}/repositories?pageSize=1000"]


@pytest.mark.parametrize("namespace", ["my-proj/apps", "my-proj/apps/cart"])
def test_usage_of_one_repository(google, namespace):
    (found,) = run(google, listed("usage_records", namespace), **by_token())

    assert found == UsageRecord("google", "my-proj/apps", stored_bytes=123456789)
    assert google.asked == [f"GET {API}/repositories/apps"]


def test_usage_of_what_was_container_registry():
    google = GoogleReplay("eu.gcr.io", "europe")
    google.packages["eu.gcr.io"] = []

    (found,) = run(google, listed("usage_records", "my-proj"), **by_token())

    assert (found.namespace, found.stored_bytes) == ("my-proj", 123456789)


def test_nothing_stored_is_no_unknown(google):
    google.repositories[0]["sizeBytes"] = "0"

    found = run(google, listed("usage_records", "my-proj"), **by_token())

    assert found[0].stored_bytes == 0


def test_usage_wants_a_project(google):
    with pytest.raises(UnsupportedError, match=r'usage\(namespace="PROJECT"\)'):
        run(google, listed("usage_records"), **by_token())


def test_no_warning_where_all_goes_well(google):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(google, listed("repositories", "my-proj"), **by_token())
        run(google, listed("repositories"), **by_token())


def test_a_list_that_was_redirected_goes_on_without_the_token():
    seen = []

    def own(request, path):
        if path == "/v2/_catalog":
            return answer(307, headers={"location": "https://cdn.example.net/v2/_catalog"})
        return answer(200, {})

    def other(request, path):
        seen.append(request.headers.get("authorization"))
        link = {"link": f'</v2/_catalog?last={len(seen)}>; rel="next"'} if len(seen) < 3 else {}
        return answer(200, {"repositories": [f"p/r/image-{len(seen)}"]}, link)

    replay = Replay({HOST: own, "cdn.example.net": other})
    found = run_on(replay, listed("repositories"), name="google", url=URL, **by_token())

    assert [one.repository for one in found] == ["p/r/image-1", "p/r/image-2", "p/r/image-3"]
    assert seen == [None, None, None]
