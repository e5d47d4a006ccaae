"""Tags that are deleted from GitLab's registry, and those that a rule keeps."""

from __future__ import annotations

import asyncio

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, RejectedError, UnauthorizedError
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.gitlab.replay import SECRET, Holder, answer, document
from tests.registries.vendors.gitlab.runs import API, LOGIN, URL, deleting, run

OF_WEB = f"{API}/projects/acme%2Fweb/registry/repositories"


@pytest.fixture
def stored(gitlab):
    """One image under three tags, and one below its project; a developer's token deletes."""
    top = plain_image("web")
    for name in ("acme/web:1", "acme/web:2", "acme/web:latest", "acme/web/worker:a.b_c-1"):
        gitlab.held.add(name, top)
    gitlab.holders[SECRET] = Holder(scopes=("api",), role=30)
    return gitlab


def test_a_developer_deletes_a_tag_alone_by_the_api(stored):
    run(stored, deleting("acme/web", "1"), **LOGIN)

    assert stored.deleted == ["api acme/web:1"]
    assert stored.held.tags("acme/web") == ["2", "latest"]
    assert stored.asked[-1] == f"DELETE {OF_WEB}/31/tags/1"
    assert stored.count("DELETE https://registry") == stored.count("PUT") == 0


def test_a_repository_is_looked_for_once_though_its_name_has_more_parts(stored):
    async def work(registry):
        await registry.delete_tag("acme/web/worker", "a.b_c-1")
        stored.held.add("acme/web/worker:2", plain_image("again"))
        await registry.delete_tag("acme/web/worker", "2")

    run(stored, work, **LOGIN)

    asked = [line for line in stored.asked if API in line]
    assert asked == [
        f"GET {API}/projects/acme%2Fweb%2Fworker/registry/repositories?page=1&per_page=100",
        f"GET {OF_WEB}?page=1&per_page=100",
        f"DELETE {OF_WEB}/32/tags/a.b_c-1",
        f"DELETE {OF_WEB}/32/tags/2",
    ]


def test_a_repository_is_looked_for_once_though_many_tags_go_at_once(stored):
    for n in range(20):
        stored.held.add(f"acme/web:t{n}", plain_image("many"))

    async def work(registry):
        await asyncio.gather(*(registry.delete_tag("acme/web", f"t{n}") for n in range(20)))

    run(stored, work, **LOGIN)

    assert len(stored.deleted) == 20
    assert stored.count(f"GET {API}") == 1


def test_a_repository_that_was_made_anew_is_looked_for_again(stored):
    async def work(registry):
        await registry.delete_tag("acme/web", "1")
        stored.repositories["acme/web"][0]["id"] = 77
        stored.holders[SECRET] = Holder(scopes=("api",), role=40)
        await registry.delete_tag("acme/web", "2")
        await registry.delete_tag("acme/web", "latest")

    run(stored, work, **LOGIN)

    assert stored.deleted == ["api acme/web:1", "registry acme/web:2", "api acme/web:latest"]
    assert stored.asked[-1] == f"DELETE {OF_WEB}/77/tags/latest"


def test_a_job_deletes_from_its_own_project(stored):
    stored.holders["glcbt-s3cret"] = Holder("job", "gitlab-ci-token", (), project="acme/web")

    login = {"username": "gitlab-ci-token", "password": "glcbt-s3cret"}
    run(stored, deleting("acme/web", "1"), **login)

    assert stored.deleted == ["api acme/web:1"]


def test_a_protected_tag_stays_and_the_registry_is_not_asked(stored):
    stored.kept = {"acme/web:latest": "registry_protected_tag"}

    with pytest.raises(RejectedError, match=r"cannot delete protected tag.*Settings") as raised:
        run(stored, deleting("acme/web", "latest"), **LOGIN)

    assert raised.value.status == 403
    assert stored.count("DELETE https://registry") == stored.count("PUT") == 0
    assert "latest" in stored.held.tags("acme/web")


@pytest.mark.parametrize("name", ["registry_protected_tag", "registry_immutable_tag"])
def test_what_the_registry_keeps_by_a_rule_is_no_question_of_a_login(stored, name):
    stored.holders[SECRET] = Holder(scopes=("api",), role=40)
    stored.kept = {"acme/web:1": name}
    stored.refusals = [answer(400, {"message": "400 Bad request"})]

    with pytest.raises(RejectedError, match=r"_TAG.*protected and immutable tags") as raised:
        run(stored, deleting("acme/web", "1"), **LOGIN)

    assert raised.value.status == 401
    assert "Harbor" not in str(raised.value)
    assert stored.count("DELETE https://registry") == 1, "no other token would do"
    assert stored.count("PUT") == 0


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
def test_where_the_api_is_no_help_the_registry_deletes_by_tag(stored, status):
    stored.holders[SECRET] = Holder(scopes=("api",), role=40)
    stored.refusals = [answer(status, document("forbidden")) for _ in range(2)]

    run(stored, deleting("acme/web", "1"), **LOGIN)

    assert stored.deleted == ["registry acme/web:1"]
    assert stored.held.tags("acme/web") == ["2", "latest"]


@pytest.mark.parametrize(
    "holder", [Holder(scopes=("read_api", "read_registry")), Holder(scopes=("api",), role=20)]
)
def test_who_may_not_delete_is_told_what_it_takes(stored, holder):
    stored.holders[SECRET] = holder

    with pytest.raises(ForbiddenError, match=r"scope api of a Developer.*Nothing was changed"):
        run(stored, deleting("acme/web", "1"), **LOGIN)

    assert stored.deleted == []
    assert stored.count("PUT") == 0


def test_a_deploy_token_deletes_nothing(stored):
    stored.holders["gldt-s3cret"] = Holder("deploy", "gitlab+deploy-token-7", ("read_registry",))
    login = {"username": "gitlab+deploy-token-7", "password": "gldt-s3cret"}

    with pytest.raises(ForbiddenError, match="protected tag stays"):
        run(stored, deleting("acme/web", "1"), **login)


def test_nobody_in_particular_deletes_nothing_and_the_api_is_not_asked(stored):
    with pytest.raises(UnauthorizedError):
        run(stored, deleting("acme/web", "1"))

    assert stored.count(f"GET {API}") == stored.count(f"DELETE {API}") == 0


def test_a_tag_that_is_not_there(stored):
    with pytest.raises(NotFoundError):
        run(stored, deleting("acme/web", "gone"), **LOGIN)

    assert stored.count("DELETE") == 0


@pytest.mark.parametrize(("role", "may"), [(30, False), (40, True)])
def test_a_dry_check_asks_the_registry_which_wants_a_maintainer(stored, role, may):
    stored.holders[SECRET] = Holder(scopes=("api",), role=role)

    async def work(registry):
        await registry.check_deletable("acme/web")

    if may:
        run(stored, work, **LOGIN)
    else:
        with pytest.raises(ForbiddenError, match="Maintainer"):
            run(stored, work, **LOGIN)
    assert stored.deleted == []
    assert stored.count(f"DELETE {URL}/v2/acme/web/manifests/sha256:") == 2


def test_a_manifest_goes_by_the_registry_with_its_tags(stored):
    stored.holders[SECRET] = Holder(scopes=("api",), role=40)

    async def work(registry):
        await registry.delete_manifest("acme/web", Digest(plain_image("web").digest))

    run(stored, work, **LOGIN)

    assert stored.held.tags("acme/web") == []
    assert stored.count(f"DELETE {API}") == 0
