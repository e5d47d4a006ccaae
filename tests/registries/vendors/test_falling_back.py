"""When a vendor's API is no help: the registry itself is asked for its lists."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.http import lists
from ghostnb.registries.records import UsageRecord
from tests.registries.vendors.acme import (
    CATALOG,
    HOST,
    IMAGES,
    NAMES,
    PING,
    URL,
    all_lists,
    run,
)
from tests.registries.vendors.replaying import answer
from tests.registries.vendors.runs import listed


def test_what_the_api_gives_is_enough(registry, acme):
    acme.given = ("9",)

    found = run(registry, all_lists)

    assert [len(records) for records in found] == [1] * 6
    assert registry.asked == [PING]


def test_what_the_api_may_leave_out_the_registry_has(registry, acme, monkeypatch):
    acme.given = ("1", "2")
    acme.leaves_out = ("tag_details",)

    told, _, third = run(registry, listed("tag_details", "team/app"))

    assert (told.size_bytes, told.digest) == (7, None)
    assert (third.tag, third.digest) == ("3", IMAGES["3"].digest)
    assert [line for line in registry.asked if "manifests" in line] == [
        f"GET {URL}/v2/team/app/manifests/3"
    ]


@pytest.mark.filterwarnings("ignore:.*no help with repositories")
@pytest.mark.parametrize(
    ("work", "given", "words"),
    [
        (listed("repositories"), "team/own", "repositories"),
        (listed("tag_details", "team/app"), "1", "tag details"),
        (listed("search", "app", limit=9), "team/own", "search"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        ForbiddenError("no"),
        NotFoundError("no"),
        RejectedError("no"),
        ServerError("no"),
        UnauthorizedError("no"),
        UnsupportedError("no"),
    ],
)
def test_where_the_api_fails_the_registry_has_the_rest_with_one_warning(
    registry, acme, work, given, words, error
):
    acme.given, acme.error = (given,), error

    async def twice(one):
        return [await work(one) for _ in range(2)]

    with pytest.warns(UserWarning, match=f"Acme's own API was no help with {words}") as told:
        found, again = run(registry, twice)

    names = [getattr(one, "tag", None) or one.repository for one in found]
    assert names[0] == given
    assert len(set(names)) == len(names) > 1
    assert found == again
    # A search that asks for the catalog asks for repositories, which has a warning of its own.
    assert sum(f"no help with {words}" in str(one.message) for one in told) == 1


def test_what_was_given_already_is_not_read_again(registry, acme):
    acme.given, acme.error = ("1", "2"), ServerError("no")

    with pytest.warns(UserWarning, match="no help"):
        found = run(registry, listed("tag_details", "team/app"))

    assert [record.tag for record in found] == ["1", "2", "3"]
    assert registry.count(f"GET {URL}/v2/team/app/manifests/") == 1


@pytest.mark.parametrize(
    ("seconds", "calls"), [((0, 0, 0), 3), ((0, 0, 0, 0, 299), 3), ((0, 0, 0, 299, 301, 301), 4)]
)
def test_an_api_that_fails_three_times_is_left_alone_for_five_minutes(
    registry, acme, monkeypatch, seconds, calls
):
    """The pause begins with the last failure, and one more begins the next."""
    now = [0.0]
    monkeypatch.setattr(
        lists, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])})
    )
    acme.error = ServerError("no")

    async def work(one):
        for moment in seconds:
            now[0] = 1000.0 + moment
            assert len(await listed("repositories")(one)) == len(NAMES)

    with pytest.warns(UserWarning, match="no help") as told:
        run(registry, work)

    assert len(acme.calls) == calls
    assert len(told) == 1


def test_an_api_that_is_of_help_again_is_forgiven(registry, acme):
    async def work(one):
        for error in (None, *[ServerError("no")] * 2) * 3:
            acme.error = error
            await listed("repositories")(one)

    acme.given = ("one",)
    with pytest.warns(UserWarning, match="no help") as told:
        run(registry, work)

    assert len(acme.calls) == 9
    assert len(told) == 3


def test_each_ability_has_a_patience_of_its_own(registry, acme):
    acme.error = ServerError("no")

    async def work(one):
        for _ in range(4):
            await listed("repositories")(one)
        await listed("tag_details", "team/app")(one)

    with pytest.warns(UserWarning, match="no help"):
        run(registry, work)

    assert acme.calls == ["repositories"] * 3 + ["tags"]


def test_where_there_is_no_catalog_the_vendors_word_is_raised(registry, acme):
    registry.has_catalog, acme.error = False, ForbiddenError("the scope read:packages is missing")

    with pytest.raises(ForbiddenError, match="read:packages") as raised:
        run(registry, listed("repositories"))

    assert isinstance(raised.value.__cause__, NotFoundError)


def test_a_vendor_without_a_catalog_asks_nobody_else(registry, acme):
    acme.has_catalog, acme.error = False, ServerError("no")

    async def work(one):
        for read in (listed("repositories"), listed("search", "app", limit=3)) * 4:
            with pytest.raises(ServerError, match="no"):
                await read(one)

    run(registry, work)

    assert registry.count(CATALOG) == 0
    # There is nothing to fall back on, so that it is not left alone either.
    assert len(acme.calls) == 8


def test_tags_need_no_catalog(registry, acme):
    acme.has_catalog, acme.error = False, ServerError("no")

    with pytest.warns(UserWarning, match="no help with tag details"):
        assert len(run(registry, listed("tag_details", "team/app"))) == 3


def test_what_the_vendor_does_not_fall_back_on_is_raised(registry, acme):
    acme.falls_back_on, acme.error = (), ForbiddenError("no")

    for work in (listed("repositories"), listed("tag_details", "team/app")):
        with pytest.raises(ForbiddenError):
            run(registry, work)


def test_a_registry_that_lacks_the_repository_has_the_last_word_on_its_tags(registry, acme):
    acme.error = ForbiddenError("the API's")

    with pytest.raises(NotFoundError, match="NAME_UNKNOWN"):
        run(registry, listed("tag_details", "team/none"))


def test_usage_is_the_vendors_alone(registry, acme):
    acme.given = ("team",)
    assert run(registry, listed("usage_records")) == [UsageRecord("mine", "team")]
    acme.error = ForbiddenError("no")
    with pytest.raises(ForbiddenError):
        run(registry, listed("usage_records"))


def test_a_registry_that_tells_no_usage_says_so(registry):
    with pytest.raises(UnsupportedError, match="inventory"):
        run(registry, listed("usage_records"))


def test_a_registry_that_does_not_let_one_in_says_that_and_nothing_of_usage(registry):
    registry.planned[f"{HOST}/v2/"] = [
        answer(401, {}, {"www-authenticate": "Basic realm=x"}) for _ in range(9)
    ]

    with pytest.raises(UnauthorizedError):
        run(registry, listed("usage_records"))


def test_a_repository_that_was_given_already_comes_once(registry, acme):
    acme.given, acme.error = ("team/app",), ServerError("no")

    with pytest.warns(UserWarning, match="no help"):
        found = run(registry, listed("repositories"))

    assert [(one.repository, one.pull_count) for one in found] == [(NAMES[0], 7), (NAMES[1], None)]


@pytest.mark.filterwarnings("ignore:.*no help with repositories")
def test_who_wants_no_more_hears_of_it_all_the_same(registry, acme):
    """The warning comes, and the API is left alone, though a list is not read to its end."""
    acme.error = ServerError("no")

    async def work(one):
        for _ in range(4):
            assert len(await listed("search", "team", limit=1)(one)) == 1

    with pytest.warns(UserWarning, match="no help with search") as told:
        run(registry, work)

    assert acme.calls.count("search") == 3
    assert sum("no help with search" in str(one.message) for one in told) == 1


@pytest.mark.parametrize("method", ["repositories", "tag_details", "search"])
def test_what_moved_to_the_next_page_comes_once(registry, acme, method):
    acme.given = ("team/app", "1", "team/app")
    given = {
        "repositories": listed("repositories"),
        "tag_details": listed("tag_details", "team/app"),
        "search": listed("search", "app", limit=9),
    }

    assert len(run(registry, given[method])) == 2


@pytest.mark.filterwarnings("ignore:.*no help")
def test_a_repository_that_a_search_found_already_is_not_found_again(registry, acme):
    acme.given, acme.error = ("team/app",), ServerError("no")

    found = run(registry, listed("search", "team", limit=9))

    assert [one.repository for one in found] == NAMES


@pytest.mark.filterwarnings("ignore:.*no help with tag details")
@pytest.mark.parametrize("error", [None, ServerError("no")])
def test_what_is_merely_listed_costs_no_manifest(registry, acme, error):
    """What the API leaves out, or fails to tell, is read by who shows it."""
    acme.given, acme.leaves_out, acme.error = ("1",), ("tag_details",), error

    async def work(one):
        await one.ping()
        return [
            [record.tag async for record in told]
            for told in (one.listed_details("team/app") for _ in range(4))
            if told is not None
        ]

    # An API that is left alone for a while lists nothing.
    assert run(registry, work) == [["1"]] * (4 if error is None else 3)
    assert registry.asked == [PING]


def test_usage_is_asked_for_where_a_login_has_told_whose_registry_it_is(registry, acme):
    refusal = {"www-authenticate": "Basic realm=x"}
    registry.planned[f"{HOST}/v2/"] = [answer(401, {}, refusal)]
    acme.given = ("team",)

    assert run(registry, listed("usage_records")) == [UsageRecord("mine", "team")]


def test_a_namespace_that_neither_knows_is_an_error_and_no_empty_list(registry, acme):
    acme.error = NotFoundError("no project teem")

    with pytest.raises(NotFoundError, match="no project teem"):
        run(registry, listed("repositories", "teem"))
    with pytest.warns(UserWarning, match="no project teem"):
        found = run(registry, listed("repositories", "team"))

    assert [one.repository for one in found] == NAMES
