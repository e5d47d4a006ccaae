"""GitLab's repositories and tags, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, UnauthorizedError, UnsupportedError
from ghostnb.registries.records import RepositoryRecord, TagRecord
from tests.parts.images import index, plain_image
from tests.registries.vendors.gitlab.replay import SECRET, GitLabReplay, Holder, answer, document
from tests.registries.vendors.gitlab.runs import API, LOGIN, URL, listed, many_tags, run

GROUP = "gitlab.com/api/v4/groups/acme/registry/repositories"
TAGS = "registry.gitlab.com/gitlab/v1/repositories/acme/web/tags/list/"


def names(found):
    return [one.repository for one in found]


def test_the_repositories_of_a_group_are_those_of_all_its_projects(gitlab):
    found = run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert names(found) == ["acme/web", "acme/web/worker", "acme/tools/base/cache/amd64"]
    assert gitlab.asked == [f"GET {API}/groups/acme/registry/repositories?page=1&per_page=100"]


def test_a_group_within_a_group_stands_quoted_on_the_line(gitlab):
    gitlab.groups["acme/web.2/b_c-d"] = document("group_repositories")[:1]

    assert len(run(gitlab, listed("repositories", "acme/web.2/b_c-d"), **LOGIN)) == 1
    assert gitlab.asked[0].startswith(f"GET {API}/groups/acme%2Fweb.2%2Fb_c-d/registry/")


def test_a_projects_repositories_come_with_the_number_of_their_tags(gitlab):
    found = run(gitlab, listed("repositories", "acme/web"), **LOGIN)

    assert found == [
        RepositoryRecord("gitlab", "acme/web", tag_count=12),
        RepositoryRecord("gitlab", "acme/web/worker", tag_count=3),
    ]
    assert gitlab.asked[-1] == (
        f"GET {API}/projects/acme%2Fweb/registry/repositories?tags_count=true&page=1&per_page=100"
    )


def test_a_user_has_the_repositories_of_his_projects(gitlab):
    found = run(gitlab, listed("repositories", "ada"), **LOGIN)

    assert names(found) == ["ada/lab"]
    assert gitlab.count(f"GET {API}/projects/ada%2Fnotes") == 0, "its registry is switched off"


def test_without_a_namespace_it_is_all_projects_that_one_is_a_member_of(gitlab):
    found = run(gitlab, listed("repositories"), **LOGIN)

    assert names(found) == [
        "acme/web",
        "acme/web/worker",
        "acme/tools/base/cache/amd64",
        "ada/lab",
    ]
    assert f"GET {API}/projects/acme%2FTools%2FBase/registry/repositories?page=1&per_page=100" in (
        gitlab.asked
    )
    assert len(gitlab.asked) == 4


def test_a_project_whose_registry_is_not_shown_is_passed_over(gitlab):
    place = "gitlab.com/api/v4/projects/acme%2Fweb/registry/repositories"
    gitlab.planned[place] = [answer(403, document("forbidden"))]

    assert names(run(gitlab, listed("repositories"), **LOGIN)) == [
        "acme/tools/base/cache/amd64",
        "ada/lab",
    ]


def test_what_is_public_is_listed_without_a_login(gitlab):
    assert len(run(gitlab, listed("repositories", "acme"))) == 3
    assert names(run(gitlab, listed("repositories", "acme/web"))) == ["acme/web", "acme/web/worker"]


def test_a_refusal_of_a_group_to_nobody_in_particular_is_no_word_on_a_project(gitlab):
    place = "gitlab.com/api/v4/groups/acme%2Fweb/registry/repositories"
    gitlab.planned[place] = [answer(401, document("unauthorized"))]

    assert len(run(gitlab, listed("repositories", "acme/web"))) == 2


def test_without_a_login_there_is_no_list_of_all_and_the_error_says_what_to_do(gitlab):
    with pytest.raises(UnsupportedError, match=r'namespace="group/project"'):
        run(gitlab, listed("repositories"))


def test_the_configured_namespace_is_listed(gitlab):
    found = run(gitlab, listed("repositories"), namespace="acme/web", **LOGIN)

    assert names(found) == ["acme/web", "acme/web/worker"]


def test_a_namespace_that_is_not_there(gitlab):
    for name in ("nothing", "acme/nothing"):
        with pytest.raises(NotFoundError, match="what one may not see"):
            run(gitlab, listed("repositories", name), **LOGIN)


@pytest.mark.parametrize(("count", "pages"), [(99, 1), (100, 1), (101, 2), (200, 2), (950, 10)])
@pytest.mark.parametrize("says_totals", [True, False])
def test_a_group_comes_page_by_page(gitlab, count, pages, says_totals):
    shape = document("group_repositories")[0]
    gitlab.groups["acme"] = [shape | {"id": n, "path": f"acme/p{n}"} for n in range(count)]
    gitlab.says_totals = says_totals

    found = run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert names(found) == [f"acme/p{n}" for n in range(count)]
    assert set(range(1, pages + 1)) <= set(gitlab.pages())
    # Where it is not told how many there are, some are asked for that are not there.
    assert len(gitlab.asked) <= pages + (0 if says_totals or pages == 1 else 5)


def test_what_moved_to_another_page_comes_once_and_counts_may_lie(gitlab):
    shape = document("group_repositories")[0]
    entries = [shape | {"id": n, "path": f"acme/p{n}"} for n in range(150)]
    gitlab.planned[GROUP] = [
        answer(200, entries[:100], {"x-total-pages": "9" * 40}),
        *(answer(200, entries[50:]) for _ in range(20)),
    ]

    found = run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert names(found) == [f"acme/p{n}" for n in range(150)]
    assert len(gitlab.asked) < 12


def test_a_token_that_may_not_list_says_which_scope_it_needs(gitlab):
    gitlab.holders[SECRET] = Holder(scopes=("read_registry",))

    with pytest.raises(ForbiddenError, match=r"insufficient_scope|higher privileges") as raised:
        run(gitlab, listed("repositories", "acme"), **LOGIN)

    assert "read_api" in raised.value.hint


@pytest.mark.parametrize(
    ("username", "password"),
    [("gitlab+deploy-token-7", "0lder-s3cret"), ("puller", "gldt-s3cret")],
)
def test_a_deploy_token_lists_nothing_and_is_not_sent_to_the_api(gitlab, username, password):
    gitlab.holders[password] = Holder("deploy", username, ("read_registry",))
    login = {"username": username, "password": password}

    with pytest.raises(UnsupportedError, match="deploy token is for the registry alone"):
        run(gitlab, listed("repositories", "acme"), **login)

    assert gitlab.count(f"GET {API}") == 0
    assert len(run(gitlab, listed("tag_details", "acme/web"), **login)) == 2


def test_a_job_lists_its_own_project_and_no_other(gitlab):
    gitlab.holders["glcbt-s3cret"] = Holder("job", "gitlab-ci-token", (), project="acme/web")
    login = {"username": "gitlab-ci-token", "password": "glcbt-s3cret"}

    assert len(run(gitlab, listed("repositories", "acme/web"), **login)) == 2
    assert len(gitlab.asked) == 1
    with pytest.raises(UnauthorizedError):
        run(gitlab, listed("repositories", "ada/lab"), **login)
    with pytest.raises(UnsupportedError, match="its own project alone"):
        run(gitlab, listed("repositories"), **login)


def test_a_job_that_asked_for_another_project_still_sees_its_own(gitlab):
    """A refusal of what is not for jobs is no word on the token."""
    gitlab.holders["glcbt-s3cret"] = Holder("job", "gitlab-ci-token", (), project="acme/web")

    async def work(registry):
        with pytest.raises(UnauthorizedError):
            await listed("repositories", "ada/lab")(registry)
        return await listed("repositories", "acme/web")(registry)

    login = {"username": "gitlab-ci-token", "password": "glcbt-s3cret"}
    assert len(run(gitlab, work, **login)) == 2


# Tags


def test_tags_come_with_what_the_metadata_database_knows(gitlab):
    found = run(gitlab, listed("tag_details", "acme/web"), **LOGIN)

    assert found == [
        TagRecord(
            "gitlab",
            "acme/web",
            "1.2",
            digest="sha256:" + "0f" * 32,
            media_type="application/vnd.oci.image.manifest.v1+json",
            size_bytes=7654321,
        ),
        # What an index stores is not told: 0 is none.
        TagRecord(
            "gitlab",
            "acme/web",
            "latest",
            digest="sha256:" + "2d" * 32,
            media_type="application/vnd.oci.image.index.v1+json",
        ),
    ]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_a_thousand_tags_cost_one_request(gitlab, count, pages):
    gitlab.tags["acme/web"] = many_tags(count)

    found = run(gitlab, listed("tag_details", "acme/web"), **LOGIN)

    assert [one.tag for one in found] == [f"v{n:05}" for n in range(count)]
    # The first is answered with the challenge, and sent again with a token.
    assert gitlab.count(f"GET https://{TAGS}") == pages + 1
    assert len(gitlab.asked) == pages + 2
    if pages > 1:
        assert f"GET https://{TAGS}?n=1000&last=v00999" in gitlab.asked


def test_a_page_that_brings_nothing_new_ends_the_list(gitlab):
    gitlab.tags["acme/web"] = many_tags(10)
    link = {"link": f'<https://{TAGS}?n=1000>; rel="next"'}
    challenge = f'Bearer realm="{gitlab.realm}",service="container_registry"'
    gitlab.planned[TAGS] = [
        answer(401, document("registry_unauthorized"), {"www-authenticate": challenge}),
        *(answer(200, many_tags(10), link) for _ in range(5)),
    ]

    assert len(run(gitlab, listed("tag_details", "acme/web"), **LOGIN)) == 10
    assert gitlab.count(f"GET https://{TAGS}") == 3


def test_tags_of_a_public_project_need_no_login(gitlab):
    assert len(run(gitlab, listed("tag_details", "acme/web"))) == 2


def test_without_a_metadata_database_manifests_are_read_and_then_cost_a_request_a_tag(gitlab):
    gitlab.tags = None
    tops = [
        index([plain_image(f"{n}-{p}", platform=p) for p in ("linux/amd64", "linux/arm64")])
        for n in range(5)
    ]
    for n, top in enumerate(tops):
        gitlab.held.add(f"acme/web:{n}", top)

    async def work(registry):
        first = await listed("tag_details", "acme/web")(registry)
        before = len(gitlab.asked)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            second = await listed("tag_details", "acme/web")(registry)
        return first, second, gitlab.asked[before:], registry.listed_details("acme/web")

    with pytest.warns(UserWarning, match="no help with tag details") as told:
        first, second, asked, at_once = run(gitlab, work, **LOGIN)

    assert len(told) == 1
    assert [one.digest for one in first] == [one.digest for one in second]
    assert [one.digest for one in first] == [top.digest for top in tops]
    assert len(asked) == len(tops) + 1, "the list of names, and one request a tag"
    assert gitlab.count(f"GET https://{TAGS}") == 2, "a database that is not there is not asked"
    assert at_once is None


def test_a_repository_that_is_not_there_is_no_word_on_the_database(gitlab):
    async def work(registry):
        with pytest.raises(NotFoundError, match="NAME_UNKNOWN"):
            await listed("tag_details", "acme/nothing")(registry)
        return await listed("tag_details", "acme/web")(registry)

    assert len(run(gitlab, work, **LOGIN)) == 2


@pytest.mark.parametrize(
    "body",
    [b"<html>maintenance</html>", {"tags": []}, [{"name": "1.2"}], [{"name": 7, "digest": "x"}]],
)
def test_an_api_that_is_not_as_documented_is_told_once_and_the_registry_is_asked(gitlab, body):
    gitlab.held.add("acme/web:1.2", plain_image("web"))
    challenge = f'Bearer realm="{gitlab.realm}",service="container_registry"'
    gitlab.planned[TAGS] = [
        answer(401, document("registry_unauthorized"), {"www-authenticate": challenge}),
        answer(200, body),
    ]

    with pytest.warns(UserWarning, match="no help with tag details") as told:
        found = run(gitlab, listed("tag_details", "acme/web"), **LOGIN)

    assert [one.tag for one in found] == ["1.2"]
    assert found[0].platforms
    assert len(told) == 1


def test_names_alone_come_by_the_protocol(gitlab):
    gitlab.held.add("acme/web/worker:1", plain_image("web"))

    assert run(gitlab, listed("tags", "acme/web/worker"), **LOGIN) == ["1"]
    assert gitlab.asked[-1] == f"GET {URL}/v2/acme/web/worker/tags/list?n=1000"


def test_a_search_looks_through_the_lists(gitlab):
    gitlab.held.add("acme/web/worker:1", plain_image("web"))

    found = run(gitlab, listed("search", "work", limit=5), namespace="acme", **LOGIN)

    assert [(one.repository, one.tag) for one in found] == [("acme/web/worker", "1")]


def test_another_hosts_registry_is_asked_at_its_own_gitlab():
    elsewhere = GitLabReplay("registry.gitlab.example.com", "gitlab.example.com", "/git")
    url = "https://registry.gitlab.example.com"

    found = run(elsewhere, listed("repositories", "acme"), url=url, **LOGIN)

    assert len(found) == 3
    assert elsewhere.asked[-1].startswith("GET https://gitlab.example.com/git/api/v4/groups/acme/")
