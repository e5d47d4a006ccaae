"""Repositories, searches and usage."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, ServerError, UnauthorizedError
from ghostnb.registries.records import RepositoryRecord, SearchRecord, UsageRecord
from tests.parts.images import plain_image
from tests.registries.vendors.harbor.replay import API, HOST, document
from tests.registries.vendors.harbor.runs import URL, WHO, as_user, listed, run_known
from tests.registries.vendors.replaying import answer

PLACE = f"GET {URL}{API}"
ROBOT = as_user("robot$team+ci")


def names(records):
    return [record.repository for record in records]


def test_all_repositories_come_at_once(harbor):
    first, second, *others = run_known(harbor, listed("repositories"), **as_user())

    assert first == RepositoryRecord(
        "harbor",
        "team/base/python",
        description="Python for everybody",
        pull_count=340,
        updated="2025-11-02T10:00:00.000Z",
    )
    assert (second.pull_count, second.description) == (0, None)
    assert names(others) == ["team/python-tools", "library/nginx", "hubcache/library/redis"]
    assert harbor.asked == [WHO, f"{PLACE}/repositories?page=1&page_size=100"]


def test_who_is_anonymous_sees_what_is_public(harbor):
    assert names(run_known(harbor, listed("repositories"))) == ["library/nginx"]
    assert harbor.asked == [f"{PLACE}/repositories?page=1&page_size=100"]


def test_the_repositories_of_a_project(harbor):
    found = run_known(harbor, listed("repositories", "team"), **as_user())

    assert names(found) == ["team/base/python", "team/app", "team/python-tools"]
    assert harbor.asked[1:] == [f"{PLACE}/projects/team/repositories?page=1&page_size=100"]


def test_the_configured_project_is_listed_alone(harbor):
    found = run_known(harbor, listed("repositories"), namespace="team", **as_user())

    assert len(found) == 3


def test_a_part_of_a_project(harbor):
    found = run_known(harbor, listed("repositories", "team/base"), **as_user())

    assert names(found) == ["team/base/python"]


def test_a_robots_repositories_come_by_project(harbor):
    found = run_known(harbor, listed("repositories"), **ROBOT)

    assert names(found) == [
        "team/base/python",
        "team/app",
        "team/python-tools",
        "library/nginx",
    ]
    assert harbor.count(f"{PLACE}/repositories") == 0


def test_of_a_robot_with_another_prefix_no_project_is_made_up(harbor):
    """Administrators choose what robots' names begin with: robot_name_prefix."""
    harbor.users["bot-team+ci"] = harbor.users["robot$team+ci"]
    harbor.robots.add("bot-team+ci")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run_known(harbor, listed("repositories"), **as_user("bot-team+ci"))
        usage = run_known(harbor, listed("usage_records"), **as_user("bot-team+ci"))

    assert names(found) == ["library/nginx"]
    assert [one.namespace for one in usage] == ["library"]


def test_a_project_that_is_closed_to_a_robot_is_said(harbor):
    harbor.planned[f"{HOST}{API}/projects/team/repositories"] = [
        answer(403, document("forbidden")),
    ]

    with pytest.warns(UserWarning, match="does not list the repositories of team"):
        found = run_known(harbor, listed("repositories"), **ROBOT)

    assert names(found) == ["library/nginx"]


def test_a_robots_projects_have_many_pages(harbor):
    shape = harbor.repositories[0]
    harbor.repositories = [shape | {"name": f"team/app-{n}"} for n in range(200)]
    harbor.projects += [
        harbor.projects[1] | {"name": f"public-{n}", "project_id": 10 + n} for n in range(150)
    ]

    assert len(run_known(harbor, listed("repositories"), **ROBOT)) == 200
    # Who asks, the projects, and those of two projects, of which one has two pages.
    assert len(harbor.asked) == 5


@pytest.mark.parametrize(("count", "pages"), [(100, 1), (101, 2), (1000, 10)])
def test_repositories_come_in_pages_and_once(harbor, count, pages):
    shape = harbor.repositories[0]
    harbor.repositories = [shape | {"name": f"team/app-{n}"} for n in range(count)]
    found = run_known(harbor, listed("repositories"), **as_user())

    assert names(found) == [f"team/app-{n}" for n in range(count)]
    assert len(harbor.pages()) == pages

    harbor.repositories[-1] = harbor.repositories[0]
    assert len(run_known(harbor, listed("repositories"), **as_user())) == count - 1


@pytest.mark.parametrize("told", ["9" * 5000, "9" * 30, "five", "-1"])
def test_a_count_that_is_none_is_no_end_of_a_list(harbor, told):
    reply = answer(200, harbor.repositories, {"x-total-count": told})
    harbor.planned[f"{HOST}{API}/repositories"] = [reply]

    assert len(run_known(harbor, listed("repositories"), **as_user())) == 5
    assert len(harbor.pages()) < 20


@pytest.mark.parametrize(
    ("status", "reply", "kind"),
    [
        (403, document("forbidden"), ForbiddenError),
        (404, document("not_found"), NotFoundError),
        (401, document("unauthorized"), UnauthorizedError),
        (503, {}, ServerError),
    ],
)
def test_where_a_project_is_closed_the_api_has_the_last_word(harbor, status, reply, kind):
    address = f"{HOST}{API}/projects/other/repositories"
    harbor.planned[address] = [answer(status, reply) for _ in range(2)]
    harbor.users["ada"] = ("s3cret-Pw", ("other",))

    with pytest.raises(kind) as raised:
        run_known(harbor, listed("repositories", "other"), **as_user())

    assert "the repositories of other" in str(raised.value)
    assert raised.value.status == status


def test_where_the_api_is_off_an_administrator_has_the_catalog(harbor):
    harbor.held.add("team/app:1", plain_image("app"))
    harbor.planned[f"{HOST}{API}/repositories"] = [answer(404, b"<html></html>")]

    with pytest.warns(UserWarning, match="was no help with repositories"):
        found = run_known(harbor, listed("repositories"), **as_user("root"))

    assert names(found) == ["team/app"]


# Search


def test_a_search_finds_parts_of_names(harbor):
    first, second = run_known(harbor, listed("search", " Python ", limit=10), **as_user())

    assert first == SearchRecord("harbor", "team/base/python", pull_count=340)
    assert second == SearchRecord("harbor", "team/python-tools", pull_count=0)
    assert harbor.asked == [WHO, f"{PLACE}/search?q=python"]


def test_a_search_ends_where_enough_was_found(harbor):
    assert len(run_known(harbor, listed("search", "python", limit=1), **as_user())) == 1
    harbor.asked.clear()
    assert run_known(harbor, listed("search", "python", limit=0), **as_user()) == []
    assert harbor.asked == []


def test_what_fits_best_is_found_first(harbor):
    shape = harbor.repositories[0]
    harbor.repositories = [
        shape | {"name": f"team/{name}"} for name in ("a-python", "python-tools", "z/python")
    ]

    found = run_known(harbor, listed("search", "python", limit=2), **as_user())

    assert names(found) == ["team/z/python", "team/python-tools"]


def test_a_robots_search_goes_by_project(harbor):
    first, second = run_known(harbor, listed("search", "python", limit=10), **ROBOT)

    assert (first.repository, first.description) == ("team/base/python", "Python for everybody")
    assert second.repository == "team/python-tools"
    assert harbor.count(f"{PLACE}/search") == 0
    assert any("q=name%3D~python" in line for line in harbor.asked)


def test_everything_is_found_by_nothing(harbor):
    assert len(run_known(harbor, listed("search", "", limit=10), **as_user())) == 5
    assert len(run_known(harbor, listed("search", "", limit=10), **ROBOT)) == 4


@pytest.mark.parametrize("query", ["a,b", "{x y}", "ü", "a b", "~x", "a=b"])
def test_what_no_name_has_in_it_is_not_asked_for(harbor, query):
    for options in (as_user(), ROBOT):
        assert run_known(harbor, listed("search", query, limit=10), **options) == []
    assert harbor.asked == []


# Usage


def test_an_administrator_gets_the_quotas_of_all(harbor):
    found = run_known(harbor, listed("usage_records"), **as_user("root"))

    assert found == [
        UsageRecord("harbor", "team", 3, 93868096, 10737418240),
        UsageRecord("harbor", "library", 1, 0, None),
        # Without a quota what it stores is not counted: quotas may be switched off.
        UsageRecord("harbor", "hubcache", 1, None, None),
    ]
    assert len(harbor.asked) == 3


def test_a_quota_of_nothing_that_is_there_is_left_out(harbor):
    team, library = document("quotas")
    others = [team | {"ref": None}, team | {"ref": {"id": 9, "name": "gone"}}]
    reply = answer(200, [*others, team, team, library], {"x-total-count": "5"})
    harbor.planned[f"{HOST}{API}/quotas"] = [reply]

    found = run_known(harbor, listed("usage_records"), **as_user("root"))

    assert [one.namespace for one in found] == ["team", "library", "hubcache"]


def test_a_project_has_its_own_usage(harbor):
    (found,) = run_known(harbor, listed("usage_records", "team"), **as_user())

    assert found == UsageRecord("harbor", "team", 3, 93868096, 10737418240)
    assert harbor.asked == [WHO, f"{PLACE}/projects/team/summary"]


@pytest.mark.parametrize("options", [as_user(), ROBOT])
def test_who_is_no_administrator_gets_what_is_told_of_each_project(harbor, options):
    found = {one.namespace: one for one in run_known(harbor, listed("usage_records"), **options)}

    assert found["team"] == UsageRecord("harbor", "team", 3, 93868096, 10737418240)
    assert found["library"] == UsageRecord("harbor", "library", 1, None, None)
    assert harbor.count(f"{PLACE}/quotas") == 0


def test_a_project_of_which_nothing_is_told_is_unknown(harbor):
    harbor.planned[f"{HOST}{API}/projects/team/summary"] = [answer(403, document("forbidden"))]

    first, _ = run_known(harbor, listed("usage_records"), **ROBOT)

    assert first == UsageRecord("harbor", "team")


def test_the_usage_of_another_project_is_not_told(harbor):
    with pytest.raises(ForbiddenError, match="what is in the project other"):
        run_known(harbor, listed("usage_records", "other"), **as_user())


def test_nothing_is_said_where_nothing_is_wrong(harbor):
    async def work(registry):
        for method, *arguments in (
            ("repositories",),
            ("tag_details", "team/base/python"),
            ("usage_records",),
        ):
            await listed(method, *arguments)(registry)
        await listed("search", "python", limit=3)(registry)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for options in (as_user(), as_user("root"), ROBOT):
            run_known(harbor, work, **options)
