"""What Quay finds, and what it counts."""

from __future__ import annotations

import pytest

from ghostnb.errors import NotFoundError, UnsupportedError
from ghostnb.registries.records import SearchRecord, UsageRecord
from tests.registries.vendors.quay.replay import TOKEN
from tests.registries.vendors.quay.runs import by_robot, by_token, listed, of_api, run
from tests.registries.vendors.quay.writing import document
from tests.registries.vendors.replaying import answer


def many_found(count: int):
    shape = document("search")["results"][0]
    return [shape | {"name": f"web-{n}"} for n in range(count)]


def test_a_search_finds_images_and_no_applications(quay):
    found = run(quay, listed("search", "web", limit=10))

    assert found == [
        SearchRecord("quay", "acme/web", description="Serves *acme*", star_count=3),
        SearchRecord("quay", "tools/web-probe"),
    ]
    assert of_api(quay) == ["GET /find/repositories?query=web&page=1&includeUsage=true"]


@pytest.mark.parametrize(
    ("limit", "count", "pages"),
    [(0, 0, 0), (1, 1, 1), (10, 10, 1), (11, 11, 2), (1000, 45, 5)],
)
def test_a_search_gives_no_more_than_asked_for(quay, limit, count, pages):
    quay.found = many_found(45)

    found = run(quay, listed("search", "web", limit=limit))

    assert [one.repository for one in found] == [f"acme/web-{n}" for n in range(count)]
    assert quay.pages() == list(range(1, pages + 1))


def test_the_last_page_that_comes_again_and_again_ends_the_search(quay):
    quay.found = many_found(500)

    assert len(run(quay, listed("search", "web", limit=1000))) == 100
    assert quay.pages() == list(range(1, 12))


def test_a_query_is_encoded(quay):
    assert run(quay, listed("search", " a&page=9 ü/ ", limit=5)) == []
    assert of_api(quay) == [
        "GET /find/repositories?query=a%26page%3D9+%C3%BC%2F&page=1&includeUsage=true"
    ]


def test_a_blank_query_finds_nothing(quay):
    assert run(quay, listed("search", " ", limit=5)) == []
    assert quay.asked == []


def test_where_the_search_is_gone_the_catalog_is_searched(quay):
    quay.planned["quay.io/api/v1/find/repositories"] = [answer(404, b"<html>gone</html>")]
    quay.catalog = ["acme/web", "acme/api"]
    quay.tags["acme/web"] = []

    with pytest.warns(UserWarning, match="no help with search"):
        found = run(quay, listed("search", "web", limit=5), **by_robot())

    assert [one.repository for one in found] == ["acme/web"]


# What is stored


def test_a_namespace_takes_what_is_counted(quay):
    (found,) = run(quay, listed("usage_records", "acme"), **by_token())

    assert found == UsageRecord("quay", "acme", stored_bytes=2275314, quota_bytes=10737418240)
    assert of_api(quay) == ["GET /user/", "GET /organization/acme"]


def test_all_of_ones_own_are_told_where_they_are(quay):
    report = {"quota_bytes": 5, "configured_quota": None, "backfill_status": "complete"}
    quay.user["quota_report"] = report
    # It has none, which is no reason to tell nothing of the others.
    quay.organizations["tools"] = {"name": "tools"}

    found = run(quay, listed("usage_records"), **by_token())

    assert [(one.namespace, one.stored_bytes, one.quota_bytes) for one in found] == [
        ("ada", 5, None),
        ("acme", 2275314, 10737418240),
    ]


@pytest.mark.parametrize(
    ("status", "stored"), [("complete", 2275314), (None, 2275314), ("running", None), ("", None)]
)
def test_what_is_still_being_counted_is_unknown(quay, status, stored):
    report = quay.organizations["acme"]["quota_report"]
    report["backfill_status"] = status

    (found,) = run(quay, listed("usage_records", "acme"), **by_token())

    assert (found.stored_bytes, found.quota_bytes) == (stored, 10737418240)


def test_where_quotas_are_off_it_is_said(quay):
    del quay.organizations["acme"]["quota_report"]

    with pytest.raises(UnsupportedError, match=r"what acme takes.*switched off"):
        run(quay, listed("usage_records", "acme"), **by_token())


@pytest.mark.parametrize("login", [{}, by_robot()])
def test_without_an_oauth_token_nothing_is_counted_and_it_is_said_why(quay, login):
    with pytest.raises(UnsupportedError, match=r"OAuth access token alone.*\$oauthtoken"):
        run(quay, listed("usage_records", "acme"), **login)

    assert of_api(quay) == []


def test_a_token_that_does_not_tell_whose_it_is_needs_a_namespace(quay):
    quay.oauth[TOKEN].discard("user:read")

    with pytest.raises(UnsupportedError, match=r"user:read for that; or name a namespace"):
        run(quay, listed("usage_records"), **by_token())
    assert len(run(quay, listed("usage_records", "acme"), **by_token())) == 1


def test_an_organization_that_is_not_there(quay):
    with pytest.raises(NotFoundError, match="the quota of nobody"):
        run(quay, listed("usage_records", "nobody"), **by_token())
