"""The details of tags: an artifact has all its tags, a hundred artifacts a request."""

from __future__ import annotations

import warnings

import httpx2
import pytest

from ghostnb.errors import NotFoundError, RateLimitedError, UnauthorizedError
from ghostnb.registries.records import TagRecord
from tests.parts.images import plain_image
from tests.registries.vendors.harbor.replay import HOST, SIGNATURE, document, many_artifacts
from tests.registries.vendors.harbor.runs import (
    ARTIFACTS,
    URL,
    WHO,
    as_user,
    listed,
    run,
    run_known,
)
from tests.registries.vendors.replaying import answer

PYTHON = "team/base/python"
DETAILS = listed("tag_details", PYTHON)


def test_tags_come_with_their_details(harbor):
    newest, latest, older, chart = run_known(harbor, DETAILS, **as_user())
    reply = document("artifacts")

    assert newest == TagRecord(
        "harbor",
        PYTHON,
        "3.13",
        digest=reply[0]["digest"],
        media_type="application/vnd.oci.image.index.v1+json",
        size_bytes=61865984,
        created=None,  # when it was pushed says nothing about when it was built
        platforms=("linux/arm64/v8", "linux/amd64"),
        last_pulled="2025-11-20T07:30:00.000Z",
    )
    assert (latest.tag, latest.digest, latest.last_pulled) == ("latest", newest.digest, None)
    assert older == TagRecord(
        "harbor",
        PYTHON,
        "3.12",
        digest=reply[1]["digest"],
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        size_bytes=31002112,
        created="2024-03-09T16:00:00Z",
        platforms=("linux/amd64",),
    )
    assert (chart.tag, chart.created, chart.platforms) == ("chart-0.1.0", None, None)


def test_the_name_is_encoded_twice_and_only_tagged_ones_are_asked_for(harbor):
    run_known(harbor, DETAILS, **as_user())

    query = "page=1&page_size=100&q=tags%3D%2A&with_tag=true"
    assert harbor.asked == [WHO, f"GET https://{ARTIFACTS}?{query}"]


@pytest.mark.parametrize("name", ["a.b_c-d", "a/b", "a__b/c-d/e.f", "2024/07"])
def test_odd_names_are_encoded_right_on_the_line(harbor, name):
    harbor.artifacts = {f"team/{name}": many_artifacts(1)}

    (found,) = run_known(harbor, listed("tag_details", f"team/{name}"), **as_user())

    assert (found.repository, found.tag) == (f"team/{name}", "1.0")
    assert f"/repositories/{name.replace('/', '%252F')}/artifacts?" in harbor.asked[-1]


def test_an_image_without_a_build_date_has_none(harbor):
    bare, listed_none = document("artifacts")[3], document("artifacts")[1] | {"extra_attrs": None}
    tags = document("artifacts")[1]["tags"]
    harbor.artifacts[PYTHON] = [
        bare | {"tags": tags},
        listed_none | {"tags": [tags[0] | {"name": "x"}]},
    ]

    first, second = run_known(harbor, DETAILS, **as_user())

    assert (first.created, first.platforms) == (None, ("linux/amd64",))
    assert (second.created, second.platforms) == (None, None)


def test_a_thousand_tags_cost_ten_requests_and_a_login(harbor):
    harbor.artifacts[PYTHON] = many_artifacts(1000)

    found = run_known(harbor, DETAILS, **as_user())

    assert [f"1.{n}" for n in range(1000)] == [record.tag for record in found]
    assert harbor.asked[0] == WHO
    assert len(harbor.asked) == 11
    assert list(range(1, 11)) == sorted(harbor.pages())


def test_of_an_unknown_registry_the_challenge_is_read_first(harbor):
    harbor.artifacts[PYTHON] = many_artifacts(1000)

    assert len(run(harbor, DETAILS, **as_user())) == 1000
    # Without a token, for one, and with it.
    assert harbor.asked[0] == harbor.asked[2] == f"GET {URL}/v2/"
    assert len(harbor.asked) == 14


def test_a_second_list_needs_no_second_login(harbor):
    harbor.artifacts[PYTHON] = many_artifacts(200)

    async def work(registry):
        return len(await DETAILS(registry)) + len(await DETAILS(registry))

    assert run_known(harbor, work, **as_user()) == 400
    assert harbor.count(WHO) == 1
    assert len(harbor.asked) == 5


def test_a_thousand_tags_of_one_digest_cost_one_request(harbor):
    shape = document("artifacts")[1]
    tags = [shape["tags"][0] | {"name": f"1.{n}"} for n in range(1000)]
    harbor.artifacts[PYTHON] = [shape | {"tags": tags}]

    found = run_known(harbor, DETAILS, **as_user())

    assert len({record.tag for record in found}) == 1000
    assert len(harbor.asked) == 2


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (100, 1), (101, 2), (200, 2), (250, 3)])
def test_no_more_pages_are_asked_for_than_there_are(harbor, count, pages):
    harbor.artifacts[PYTHON] = many_artifacts(count)

    assert len(run_known(harbor, DETAILS, **as_user())) == count
    assert len(harbor.pages()) == pages


def test_neither_a_short_page_nor_an_empty_one_is_the_last(harbor):
    entries = many_artifacts(150)
    harbor.artifacts[PYTHON] = [*entries[:90], *[SIGNATURE] * 210, *entries[90:]]

    found = run_known(harbor, DETAILS, **as_user())

    assert [record.tag for record in found] == [f"1.{n}" for n in range(150)]
    # Four have something, and what else is counted might be on the next ones.
    assert set(range(1, 5)) < set(harbor.pages())
    assert len(harbor.pages()) < 20


@pytest.mark.parametrize(
    "order",
    [
        [one for pair in zip(many_artifacts(150), [SIGNATURE] * 150, strict=True) for one in pair],
        [*[SIGNATURE] * 900, *many_artifacts(150)],
    ],
)
def test_what_lies_beyond_a_count_without_signatures_is_read_as_well(harbor, order):
    """So it was in 2.5.1, where pages were cut with them."""
    harbor.artifacts[PYTHON] = order
    harbor.counts_signatures = False

    found = run_known(harbor, DETAILS, **as_user())

    assert [record.tag for record in found] == [f"1.{n}" for n in range(150)]
    # As soon as so many came as were counted, it ends.
    assert max(harbor.pages()) == -(-len(order) // 100)


def test_a_count_that_promises_too_much_ends(harbor):
    harbor.artifacts[PYTHON] = many_artifacts(100)
    harbor.phantoms = 1_000_000

    assert len(run_known(harbor, DETAILS, **as_user())) == 100
    assert len(harbor.pages()) < 20


@pytest.mark.parametrize("counted", [{}, {"x-total-count": "9999999999"}])
def test_a_list_that_is_answered_alike_each_time_ends(harbor, counted):
    """As by something between that takes the page away."""

    def alike(request: httpx2.Request, path: str) -> httpx2.Response:
        assert len(harbor.asked) < 20, "it goes on and on"
        if path.endswith("/users/current"):
            return answer(200, document("current_user"))
        return answer(200, many_artifacts(100), counted)

    harbor.hosts[HOST] = alike

    assert len(run_known(harbor, DETAILS, **as_user())) == 100


@pytest.mark.parametrize(("count", "most"), [(99, 1), (100, 5), (250, 6)])
def test_where_the_count_is_taken_away_a_short_page_is_the_last(harbor, count, most):
    harbor.artifacts[PYTHON] = many_artifacts(count)
    harbor.uncounted = True

    assert len(run_known(harbor, DETAILS, **as_user())) == count
    assert len(harbor.pages()) <= most


def test_a_tag_that_moves_to_the_next_page_comes_once(harbor):
    entries = many_artifacts(150)
    counted = {"x-total-count": "151"}
    harbor.planned[ARTIFACTS] = [
        answer(200, entries[:100], counted),
        answer(200, entries[99:], counted),
    ]

    found = [record.tag for record in run_known(harbor, DETAILS, **as_user())]

    assert found == [f"1.{n}" for n in range(150)]


def test_a_repository_that_is_not_there_is_not_an_empty_one(harbor):
    with pytest.raises(NotFoundError):
        run_known(harbor, listed("tag_details", "team/nothing"), **as_user())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_known(harbor, listed("tag_details", "team/app"), **as_user()) == []


def test_a_private_repository_is_not_for_anybody(harbor):
    with pytest.raises(UnauthorizedError):
        run_known(harbor, DETAILS)


@pytest.mark.parametrize(
    "trouble",
    [
        answer(403, document("forbidden")),
        answer(404, b"<html>no such page</html>", {"content-type": "text/html"}),
        answer(405, document("method_not_allowed")),
        answer(422, document("page_size")),
        answer(502, b"<html>Bad gateway</html>", {"content-type": "text/html"}),
        answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}),
        answer(200, {"artifacts": []}),
        answer(200, [{"digest": 7, "tags": []}]),
        answer(200, [{"tags": []}]),
        answer(200, b'[{"digest": "sha'),
    ],
)
def test_where_the_api_is_no_help_manifests_are_read_and_that_is_said_once(harbor, trouble):
    image = plain_image("python")
    harbor.held.add(f"{PYTHON}:3.12", image)
    # As often as it is asked for: a failure that may pass is tried again.
    harbor.planned[ARTIFACTS] = [_again(trouble) for _ in range(4)]

    async def work(registry):
        return await DETAILS(registry), await DETAILS(registry)

    with pytest.warns(UserWarning, match="Harbor's own API was no help with tag details") as said:
        first, second = run_known(harbor, work, **as_user())

    assert first == second
    assert [(one.tag, one.digest) for one in first] == [("3.12", image.digest)]
    assert len(said) == 1


def test_a_limit_of_a_proxy_before_it_is_an_error_that_says_how_long(harbor):
    harbor.planned[ARTIFACTS] = [answer(429, headers={"retry-after": "900"})]

    with pytest.raises(RateLimitedError, match="the tags of team/base/python") as raised:
        run_known(harbor, DETAILS, **as_user())

    assert raised.value.retry_after_seconds == 900
    assert len(harbor.pages()) == 1


def test_nothing_is_collected_before_it_is_given(harbor):
    harbor.artifacts[PYTHON] = many_artifacts(2000)

    async def work(registry):
        found = registry.tag_details(PYTHON)
        return [await anext(found) for _ in range(100)]

    assert len(run_known(harbor, work, **as_user())) == 100
    assert harbor.pages() == [1]


def test_names_alone_come_from_the_registry(harbor):
    harbor.held.add("library/nginx:1.27", plain_image("nginx"))

    assert run_known(harbor, listed("tags", "library/nginx")) == ["1.27"]
    assert harbor.count(f"GET {URL}/api") == 0


def _again(reply: httpx2.Response) -> httpx2.Response:
    kind = reply.headers.get("content-type", "application/json")
    return answer(reply.status_code, bytes(reply.content), {"content-type": kind})
