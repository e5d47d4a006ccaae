"""zot's lists, by replayed replies: no package has zot itself."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import (
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
)
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord
from tests.parts.images import index, plain_image
from tests.registries.vendors.zot.replay import HOST, SEARCH, answer, document
from tests.registries.vendors.zot.runs import URL, listed, run

EXTENSION = HOST + SEARCH
HTML = answer(200, b"<html>Sign in</html>", {"content-type": "text/html"})


def test_tags_come_with_their_details(zot):
    old, new, chart = run(zot, listed("tag_details", "team/app"))
    reply = document("image_list")["data"]["ImageList"]["Results"]

    assert old == TagRecord(
        "mine",
        "team/app",
        "1.3",
        digest=reply[0]["Digest"],
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes=29_000_000 + 1_200_000,
        created="2025-09-01T00:00:00Z",
        platforms=("linux/amd64",),
        last_pulled="2025-11-20T07:30:00Z",
    )
    assert new == TagRecord(
        "mine",
        "team/app",
        "1.4",
        digest=reply[1]["Digest"],
        media_type="application/vnd.oci.image.index.v1+json",
        size_bytes=29_000_000 + 1_400_000 + 1_300_000,  # the shared layer once, no attestation
        created="2025-11-02T10:00:00Z",
        platforms=("linux/amd64", "linux/arm/v7"),
    )
    assert chart == TagRecord(
        "mine", "team/app", "chart", digest=reply[2]["Digest"], size_bytes=4242
    )


def test_what_is_counted_is_what_manifests_would_tell(zot):
    """The same tag by zot's metadata, and by its manifests."""
    images = [plain_image(p, platform=p) for p in ("linux/amd64", "linux/arm/v7")]
    top = index(images, attested=True)
    zot.held.add("team/new:1", top)
    zot.names["team/new"] = ["1"]
    zot.images["team/new"] = [
        {
            **document("image_list")["data"]["ImageList"]["Results"][1],
            "Tag": "1",
            "Digest": top.digest,
            "MediaType": top.media_type,
            "Manifests": [
                {
                    "LastUpdated": "2024-03-09T16:00:00Z",
                    "Platform": dict(
                        zip(("Os", "Arch"), (child.platform or "").split("/", 1), strict=True)
                    ),
                    "Layers": [
                        {"Size": str(layer["size"]), "Digest": layer["digest"]}
                        for layer in child.manifest["layers"]
                    ],
                }
                for child in top.children
            ],
        }
    ]

    by_metadata = run(zot, listed("tag_details", "team/new"))
    assert zot.count(f"GET {URL}/v2/team/new/manifests") == 0
    zot.extension = False
    with pytest.warns(UserWarning, match="no help"):
        by_manifests = run(zot, listed("tag_details", "team/new"))

    assert by_metadata == by_manifests


def test_a_thousand_tags_cost_three_requests(zot):
    zot.add_images("team/app", 999)

    found = run(zot, listed("tag_details", "team/app"))

    assert [record.tag for record in found] == zot.names["team/app"]
    assert all(record.size_bytes for record in found)
    assert [line.partition("?")[0] for line in zot.asked] == [
        f"GET {URL}/v2/",
        f"GET {URL}{SEARCH}",
        f"GET {URL}/v2/team/app/tags/list",
    ]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1999, 1), (2000, 2), (4000, 3), (4001, 3)])
def test_many_tags_come_in_pages_of_two_thousand(zot, count, pages):
    zot.add_images("team/app", count)

    found = run(zot, listed("tag_details", "team/app"))

    assert [record.tag for record in found] == zot.names["team/app"]
    assert [asked.arguments["requestedPage"]["offset"] for asked in zot.queries] == [
        2000 * n for n in range(pages)
    ]


def test_a_tag_that_moves_to_the_next_page_comes_once(zot):
    zot.add_images("team/app", 2500)
    results = [{"Tag": tag, "Manifests": None} for tag in zot.names["team/app"]]
    pages = [results[:2000], results[1999:2499]]
    zot.planned[EXTENSION] = [
        answer(200, {"data": {"ImageList": {"Results": page}}}) for page in pages
    ]
    zot.held.add(f"team/app:{zot.names['team/app'][-1]}", plain_image("last"))

    found = [record.tag for record in run(zot, listed("tag_details", "team/app"))]

    assert found == zot.names["team/app"]


def test_a_list_that_is_answered_whole_each_time_ends(zot):
    """As by something between that takes the page away."""
    zot.add_images("team/app", 2000)
    whole = {"data": {"ImageList": {"Results": [{"Tag": t} for t in zot.names["team/app"]]}}}
    zot.planned[EXTENSION] = [answer(200, whole) for _ in range(50)]

    assert len(run(zot, listed("tag_details", "team/app"))) == 2000
    assert zot.count(f"GET {URL}{SEARCH}") == 2


def test_a_cluster_gives_a_page_for_each_of_its_members(zot):
    entries = [{"Name": f"r{n:05}", "DownloadCount": n} for n in range(2600)]
    zot.names = {entry["Name"]: [] for entry in entries}
    pages = [entries[:2500], entries[2500:]]
    zot.planned[EXTENSION] = [
        answer(200, {"data": {"RepoListWithNewestImage": {"Results": page}}}) for page in pages
    ]

    found = run(zot, listed("repositories"))

    assert [(one.repository, one.pull_count) for one in found] == [
        (entry["Name"], entry["DownloadCount"]) for entry in entries
    ]


def test_tags_that_its_metadata_lack_are_read_by_their_manifests(zot):
    """Signatures, and what was put into its storage by something else."""
    signature = plain_image("signature")
    tag = f"sha256-{'0' * 64}.sig"
    zot.names["team/app"].append(tag)
    zot.held.add(f"team/app:{tag}", signature)

    *told, beside = run(zot, listed("tag_details", "team/app"))

    assert [record.tag for record in told] == ["1.3", "1.4", "chart"]
    assert (beside.tag, beside.digest) == (tag, signature.digest)
    assert beside.size_bytes == signature.total_bytes
    assert zot.count(f"GET {URL}/v2/team/app/manifests") == 1


def test_a_repository_that_is_not_there(zot):
    with pytest.raises(NotFoundError, match="NAME_UNKNOWN") as raised:
        run(zot, listed("tag_details", "team/nothing"))

    assert "the tags of team/nothing" in str(raised.value)


def test_names_are_written_as_a_query_has_them(zot):
    name = "a.b/c__d/e-f-g"
    zot.images[name], zot.names[name] = zot.images["team/app"], ["1.3", "1.4", "chart"]

    assert len(run(zot, listed("tag_details", name))) == 3
    assert zot.queries[0].arguments["repo"] == name
    sent = next(line for line in zot.asked if SEARCH in line)
    assert sent.startswith(f"GET {URL}{SEARCH}?query=%7BImageList%28repo%3A%22a.b%2Fc__d%2Fe-f-g")


def test_repositories_come_with_what_is_told_of_them(zot):
    app, tools = run(zot, listed("repositories"))

    assert app == RepositoryRecord(
        "mine",
        "team/app",
        description="What the team ships",
        pull_count=17,
        star_count=2,
        updated="2025-11-02T10:01:00Z",
    )
    assert tools == RepositoryRecord("mine", "tools", pull_count=0, star_count=0)


def test_a_repository_that_its_metadata_lack_comes_by_name(zot):
    zot.names["docker/only"] = ["1"]

    found = run(zot, listed("repositories"))

    assert found[-1] == RepositoryRecord("mine", "docker/only")
    assert len(found) == 3


@pytest.mark.parametrize(("count", "pages"), [(1999, 1), (2000, 2), (2001, 2)])
def test_many_repositories_come_in_pages(zot, count, pages):
    zot.add_repositories(count)

    found = run(zot, listed("repositories"))

    assert [record.repository for record in found] == sorted(zot.names)
    assert len(zot.queries) == pages


def test_the_repositories_of_a_namespace(zot):
    zot.names["teamwork/app"] = []
    zot.repositories.append({**zot.repositories[0], "Name": "teamwork/app"})

    for options, arguments in (({}, ["team"]), ({"namespace": "team"}, [])):
        (found,) = run(zot, listed("repositories", *arguments), **options)
        assert found.repository == "team/app"


def test_an_older_zot_is_asked_for_what_it_knows_and_that_is_remembered(zot):
    zot.missing = {"ImageSummary.LastPullTimestamp", "RepoSummary.StarCount"}

    async def work(registry):
        found = [await listed("tag_details", "team/app")(registry) for _ in range(2)]
        return found[1], await listed("repositories")(registry)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tags, repositories = run(zot, work)

    assert (tags[0].last_pulled, tags[0].size_bytes) == (None, 30_200_000)
    assert (repositories[0].star_count, repositories[0].updated) == (None, "2025-11-02T10:01:00Z")
    assert zot.count(f"GET {URL}{SEARCH}") == (1 + 2) + 2


def test_a_zot_that_knows_less_than_it_did_is_asked_for_less(zot):
    """As where an older one takes its place."""

    async def work(registry):
        first = await listed("tag_details", "team/app")(registry)
        zot.missing = {"ImageSummary.LastPullTimestamp"}
        return first, await listed("tag_details", "team/app")(registry)

    first, second = run(zot, work)

    assert [one.tag for one in first] == [one.tag for one in second]
    assert (first[0].last_pulled is None, second[0].last_pulled) == (False, None)


def test_a_query_that_is_refused_after_it_was_understood_is_an_error_that_says_so(zot):
    async def work(registry):
        await listed("tag_details", "team/app")(registry)
        zot.missing = {"PaginatedImagesResult.Results"}
        return [one async for one in registry._vendor.tag_details("team/app")]

    with pytest.raises(RejectedError, match="Results"):
        run(zot, work)


def test_a_zot_of_another_schema_is_asked_as_a_registry(zot):
    zot.missing = {"PaginatedImagesResult.Results"}
    for tag in zot.names["team/app"]:
        zot.held.add(f"team/app:{tag}", plain_image(tag))

    with pytest.warns(UserWarning, match=r"zot's own API was no help with tag details.*Results"):
        found = run(zot, listed("tag_details", "team/app"))

    assert [record.tag for record in found] == ["1.3", "1.4", "chart"]


@pytest.mark.parametrize(
    "reply",
    [
        answer(404, b"404 page not found"),
        answer(403, document("denied")),
        answer(405, {"message": "method not allowed"}),
        answer(502, b"<html>Bad gateway</html>"),
        answer(200, document("resolver_failed")),
        HTML,
        answer(200, {"data": None}),
        answer(200, {"data": {}}),
        answer(200, {"data": {"ImageList": None}}),
        answer(200, {"data": {"ImageList": {"Results": None}}}),
        answer(200, {"data": {"ImageList": {"Results": [{"Tag": 7}]}}}),
        answer(200, {"data": {"ImageList": {"Results": [{"Tag": "1.3", "Size": "-1"}]}}}),
        answer(200, {"data": {"ImageList": {"Results": [{"Tag": "1.3", "Size": 12}]}}}),
        answer(200, b'{"data":{"ImageList":{"Res'),
    ],
)
def test_where_the_extension_is_off_forbidden_or_changed_the_registry_is_asked(zot, reply):
    zot.planned[EXTENSION] = [reply] * 2
    for tag in zot.names["team/app"]:
        zot.held.add(f"team/app:{tag}", plain_image(tag))

    with pytest.warns(UserWarning, match=r"no help with tag details") as told:
        found = run(zot, listed("tag_details", "team/app"))

    assert [(one.tag, one.digest) for one in found] == [
        (tag, zot.held.images[f"team/app:{tag}"].digest) for tag in zot.names["team/app"]
    ]
    assert len(told) == 1


def test_a_minimal_build_lists_and_finds_as_a_registry_does(zot):
    zot.extension = False

    with pytest.warns(UserWarning, match="no help with repositories"):
        found = run(zot, listed("repositories"))
    with pytest.warns(UserWarning, match="no help with (search|repositories)"):
        assert run(zot, listed("search", "tools", limit=3)) == [SearchRecord("mine", "tools")]

    assert [record.repository for record in found] == ["team/app", "tools"]


def test_a_resolver_that_failed_is_said_in_its_own_words(zot):
    zot.planned[EXTENSION] = [answer(200, document("resolver_failed"))]

    async def work(registry):
        await registry.ping()
        return [one async for one in registry._vendor.tag_details("team/app")]

    zot.planned[EXTENSION] *= 3
    with pytest.raises(RejectedError, match="metadata of the repository is damaged") as raised:
        run(zot, work)

    assert "the tags of team/app" in str(raised.value)


def test_an_answer_without_data_says_so(zot):
    zot.planned[EXTENSION] = [answer(200, {"data": {}})]

    async def work(registry):
        await registry._acquaintance.introduced()
        return [one async for one in registry._vendor.tag_details("team/app")]

    with pytest.raises(ProtocolError, match="without any data"):
        run(zot, work)


def test_a_limit_is_told(zot):
    limit = answer(429, document("too_many"), {"retry-after": "900"})
    zot.planned[EXTENSION] = [limit] * 3

    with pytest.raises(RateLimitedError) as raised:
        run(zot, listed("repositories"))

    assert raised.value.retry_after_seconds == 900
    assert "Wait" in raised.value.hint


def test_what_it_offers_is_told(zot):
    async def work(registry):
        return await registry.ping()

    assert set(run(zot, work).offers) == {"repositories", "tag details", "search", "usage"}


def test_listed_details_are_had_without_manifests(zot):
    async def work(registry):
        await registry.ping()
        found = registry.listed_details("team/app")
        assert found is not None
        return [record.tag async for record in found]

    assert run(zot, work) == ["1.3", "1.4", "chart"]
    assert not [line for line in zot.asked if "/manifests/" in line]
