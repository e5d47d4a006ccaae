"""zot's searches, and what it says is stored."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import UnsupportedError
from ghostnb.registries.records import SearchRecord, UsageRecord
from tests.registries.vendors.zot.replay import HOST, SEARCH, answer, document
from tests.registries.vendors.zot.runs import URL, listed, run

EXTENSION = HOST + SEARCH


def test_a_search_finds_repositories_with_their_newest_image(zot):
    (found,) = run(zot, listed("search", " APP ", limit=7))
    reply = document("image_list")["data"]["ImageList"]["Results"]

    assert found == SearchRecord(
        "mine",
        "team/app",
        tag="1.4",
        digest=reply[1]["Digest"],
        size_bytes=31_700_000,
        created="2025-11-02T10:00:00Z",
        description="What the team ships",
        pull_count=17,
        star_count=2,
    )
    (asked,) = zot.queries
    assert asked.arguments == {
        "query": "APP",
        "requestedPage": {"limit": 7, "offset": 0, "sortBy": "RELEVANCE"},
    }


def test_a_search_for_a_tag_finds_it(zot):
    (found,) = run(zot, listed("search", "team/app:1.3", limit=5))

    assert (found.repository, found.tag, found.size_bytes) == ("team/app", "1.3", 30_200_000)
    assert found.created == "2025-09-01T00:00:00Z"


def test_a_search_that_is_answered_alike_each_time_ends(zot):
    found = {"data": {"GlobalSearch": {"Repos": [{"Name": f"r{n}"} for n in range(2000)]}}}
    zot.planned[EXTENSION] = [answer(200, found) for _ in range(50)]

    assert len(run(zot, listed("search", "r", limit=90_000))) == 2000
    assert zot.count(f"GET {URL}{SEARCH}") == 2


@pytest.mark.parametrize(
    ("limit", "count", "sizes"),
    [(0, 0, []), (1, 1, [1]), (2000, 2000, [2000]), (9000, 4500, [2000, 2000, 2000])],
)
def test_a_search_gives_no_more_than_asked_for(zot, limit, count, sizes):
    zot.add_repositories(4500)

    found = run(zot, listed("search", "r", limit=limit))

    assert len({record.repository for record in found}) == len(found) == count
    assert [asked.arguments["requestedPage"]["limit"] for asked in zot.queries] == sizes


def test_a_search_by_an_older_zot(zot):
    zot.missing = {"RepoSummary.StarCount"}

    (found,) = run(zot, listed("search", "app", limit=5))

    assert (found.repository, found.star_count, found.size_bytes) == ("team/app", None, 31_700_000)


def test_words_are_quoted(zot):
    words = 'a"){b}\\ ü'

    assert run(zot, listed("search", words, limit=5)) == []
    assert zot.queries[0].arguments["query"] == words


def test_a_blank_query_finds_nothing(zot):
    assert run(zot, listed("search", "  ", limit=5)) == []
    assert zot.queries == []


@pytest.mark.parametrize("words", ["app@sha256", ":", "a" * 257])
def test_what_zot_would_refuse_is_searched_in_the_catalog(zot, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(zot, listed("search", words, limit=5)) == []

    assert [asked.name for asked in zot.queries] == ["RepoListWithNewestImage"]


def test_usage_is_that_of_all_repositories(zot):
    assert run(zot, listed("usage_records")) == [UsageRecord("mine", "", 2, 31_457_280)]
    assert run(zot, listed("usage_records", "team")) == [UsageRecord("mine", "team", 1, 31_457_280)]
    assert run(zot, listed("usage_records", "nobody")) == []
    assert len(zot.queries) == 3


def test_usage_that_is_not_told_of_all_is_unknown(zot):
    zot.repositories[1]["Size"] = None

    assert run(zot, listed("usage_records")) == [UsageRecord("mine", "", 2, None)]


def test_a_minimal_build_tells_no_usage_and_how_to_count_it(zot):
    zot.extension = False

    with pytest.raises(UnsupportedError, match=r"search extension.*inventory"):
        run(zot, listed("usage_records"))
