"""Repositories, tags and searches of private registries, by stubbed answers of boto3."""

from __future__ import annotations

import copy

import pytest

from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord
from tests.registries.vendors.ecr.replay import ACCOUNT, document
from tests.registries.vendors.ecr.runs import IMAGES, REPOSITORIES, listed, run


def repositories(*names):
    shape = document("describe_repositories")["repositories"][0]
    return [copy.deepcopy(shape) | {"repositoryName": name} for name in names]


def images(first, count):
    shape = document("describe_images")["imageDetails"][0]
    return [
        copy.deepcopy(shape) | {"imageDigest": f"sha256:{n:064x}", "imageTags": [f"1.{n}"]}
        for n in range(first, first + count)
    ]


def test_repositories_are_the_apis(aws, ecr):
    aws.expect("describe_repositories", document("describe_repositories"), **REPOSITORIES)

    assert run(ecr, listed("repositories")) == [
        RepositoryRecord("aws", "team/web"),
        RepositoryRecord("aws", "team-b/tools.old_x"),
    ]
    assert ecr.asked == []


@pytest.mark.parametrize(
    ("namespace", "found"),
    [
        ("team", ["team/web"]),
        ("team-b", ["team-b/tools.old_x"]),
        ("te", []),
        ("team/web", ["team/web"]),
    ],
)
def test_a_namespace_is_the_beginning_of_a_name(aws, ecr, namespace, found):
    for _ in range(2):
        aws.expect("describe_repositories", document("describe_repositories"), **REPOSITORIES)

    assert [one.repository for one in run(ecr, listed("repositories", namespace))] == found
    by_configuration = run(ecr, listed("repositories"), namespace=namespace)
    assert [one.repository for one in by_configuration] == found


@pytest.mark.parametrize("count", [999, 1000, 1001, 2000])
def test_repositories_come_by_the_thousand(aws, ecr, count):
    names = [f"team/app-{n}" for n in range(count)]
    for begin in range(0, count, 1000):
        page = {"repositories": repositories(*names[begin : begin + 1000])}
        token = {"nextToken": f"after-{begin}"} if begin else {}
        if begin + 1000 < count:
            page["nextToken"] = f"after-{begin + 1000}"
        aws.expect("describe_repositories", page, **REPOSITORIES, **token)

    assert [one.repository for one in run(ecr, listed("repositories"))] == names


def test_short_pages_and_moved_entries_are_no_end_and_no_double(aws, ecr):
    first = {"repositories": repositories("a/1", "a/2"), "nextToken": "x"}
    empty = {"repositories": [], "nextToken": "y"}
    last = {"repositories": repositories("a/2", "a/3")}
    aws.expect("describe_repositories", first, **REPOSITORIES)
    aws.expect("describe_repositories", empty, **REPOSITORIES, nextToken="x")
    aws.expect("describe_repositories", last, **REPOSITORIES, nextToken="y")

    found = [one.repository for one in run(ecr, listed("repositories"))]
    assert found == ["a/1", "a/2", "a/3"]


def test_a_page_that_leads_to_itself_ends_the_list(aws, ecr):
    page = {"repositories": repositories("a/1"), "nextToken": "x"}
    aws.expect("describe_repositories", page, **REPOSITORIES)
    aws.expect("describe_repositories", page, **REPOSITORIES, nextToken="x")

    assert len(run(ecr, listed("repositories"))) == 1


def test_pages_are_asked_for_when_they_are_wanted(aws, ecr):
    names = [f"a/{n}" for n in range(5)]
    page = {"repositories": repositories(*names), "nextToken": "more"}
    aws.expect("describe_repositories", page, **REPOSITORIES)

    async def work(registry):
        found = registry.repositories()
        return [(await anext(found)).repository for _ in names]

    assert run(ecr, work) == names
    assert aws.asked == ["DescribeRepositories"]


def test_tags_come_with_what_is_told_exactly(aws, ecr):
    reply = document("describe_images")
    aws.expect("describe_images", reply, **IMAGES)

    first, latest, index, old_list, bare = run(ecr, listed("tag_details", "team/web"))

    assert first == TagRecord(
        "aws",
        "team/web",
        "1.2",
        digest=reply["imageDetails"][0]["imageDigest"],
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes=28311552,
        last_pulled="2026-10-03T00:41:40.500000Z",
    )
    assert (latest.tag, latest.digest, latest.size_bytes) == ("latest", first.digest, 28311552)
    # Of several platforms, the API tells the largest; of what is none of them, nothing is known.
    assert (index.tag, index.size_bytes, index.last_pulled) == ("2.0", None, None)
    assert (old_list.tag, old_list.size_bytes) == ("list", None)
    assert (bare.tag, bare.size_bytes, bare.media_type) == ("old", None, None)
    # Nothing was pulled: that would be noted, and lifecycle rules go by it.
    assert ecr.asked == []


def test_a_thousand_tags_cost_one_request(aws, ecr):
    aws.expect("describe_images", {"imageDetails": images(0, 1000)}, **IMAGES)

    found = [one.tag for one in run(ecr, listed("tag_details", "team/web"))]
    assert found == [f"1.{n}" for n in range(1000)]
    assert aws.asked == ["DescribeImages"]
    assert [service for service, _ in aws.made] == ["ecr"]


def test_a_tag_that_moves_meanwhile_comes_once(aws, ecr):
    moved = images(5, 1)[0] | {"imageTags": ["1.4", "1.5"]}
    aws.expect("describe_images", {"imageDetails": images(0, 5), "nextToken": "x"}, **IMAGES)
    aws.expect("describe_images", {"imageDetails": [moved]}, **IMAGES, nextToken="x")

    found = [one.tag for one in run(ecr, listed("tag_details", "team/web"))]
    assert found == [f"1.{n}" for n in range(6)]


def test_a_search_looks_into_names_and_has_the_best_first(aws, ecr):
    names = ["web/tools", "team/web-2", "team/web", "team/other"]
    aws.expect("describe_repositories", {"repositories": repositories(*names)}, **REPOSITORIES)

    found = run(ecr, listed("search", " WEB ", limit=10))

    best = [SearchRecord("aws", name) for name in ("team/web", "team/web-2", "web/tools")]
    assert found == best
    assert ecr.asked == []


@pytest.mark.parametrize(("query", "limit"), [(" ", 5), ("web", 0)])
def test_a_search_for_nothing_asks_nobody(aws, ecr, query, limit):
    assert run(ecr, listed("search", query, limit=limit)) == []
    assert aws.asked == []


def test_a_search_gives_no_more_than_asked_for(aws, ecr):
    names = [f"web-{n}" for n in range(9)]
    aws.expect("describe_repositories", {"repositories": repositories(*names)}, **REPOSITORIES)

    assert len(run(ecr, listed("search", "web", limit=4))) == 4


def test_the_account_is_that_of_the_host(aws, ecr):
    host = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
    expected = REPOSITORIES | {"registryId": "210987654321"}
    aws.expect("describe_repositories", {"repositories": []}, **expected)

    assert run(ecr, listed("repositories"), url=f"https://{host}") == []
    assert ACCOUNT not in host
