"""Tags deleted alone, images deleted whole, and what is refused."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnauthorizedError,
)
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.harbor.replay import API, HOST, document
from tests.registries.vendors.harbor.runs import URL, WHO, as_user, run, run_known
from tests.registries.vendors.replaying import answer

PYTHON = "team/base/python"
PLACE = f"{API}/projects/team/repositories/base%252Fpython/artifacts"
IMAGE = plain_image("python")
OTHER = plain_image("other")


@pytest.fixture(autouse=True)
def _images(harbor):
    """Hold two tags of one image, and one of another."""
    shape = document("artifacts")[1]
    tags = [shape["tags"][0] | {"name": name} for name in ("3.13", "latest")]
    harbor.artifacts[PYTHON] = [
        shape | {"digest": IMAGE.digest, "tags": tags},
        shape | {"digest": OTHER.digest, "tags": [tags[0] | {"name": "other"}]},
    ]
    for name, image in (("3.13", IMAGE), ("latest", IMAGE), ("other", OTHER)):
        harbor.held.add(f"{PYTHON}:{name}", image)


def tag(name: str = "3.13", repository: str = PYTHON):
    async def work(registry):
        await registry.delete_tag(repository, name)

    return work


def whole(digest: str = IMAGE.digest):
    async def work(registry):
        await registry.delete_manifest(PYTHON, Digest(digest))

    return work


async def check(registry):
    await registry.check_deletable(PYTHON)


def deletions(harbor) -> list[str]:
    return [line for line in harbor.asked if line.startswith("DELETE")]


@pytest.mark.parametrize("name", ["ada", "robot$team+ci"])
def test_a_tag_is_deleted_alone(harbor, name):
    run(harbor, tag(), **as_user(name))

    assert deletions(harbor) == [f"DELETE {URL}{PLACE}/3.13/tags/3.13"]
    assert harbor.deleted == [f"{PYTHON}:3.13"]
    assert harbor.held.tags(PYTHON) == ["latest", "other"]


def test_an_image_is_deleted_with_its_tags(harbor):
    run(harbor, whole(), **as_user())

    assert deletions(harbor) == [f"DELETE {URL}{PLACE}/{IMAGE.digest}"]
    assert harbor.held.tags(PYTHON) == ["other"]


@pytest.mark.parametrize("work", [tag(), whole()])
def test_what_is_immutable_stays_and_the_rule_is_named(harbor, work):
    harbor.immutable.add("3.13")

    with pytest.raises(RejectedError, match=r"the tag 3\.13 configured as immutable") as raised:
        run_known(harbor, work, **as_user())

    assert raised.value.status == 412
    assert "Tag Immutability" in raised.value.hint
    assert len(deletions(harbor)) == 1
    assert harbor.deleted == []


def test_the_other_tag_of_an_immutable_image_can_be_deleted(harbor):
    harbor.immutable.add("3.13")

    run_known(harbor, tag("latest"), **as_user())

    assert harbor.deleted == [f"{PYTHON}:latest"]


def test_an_image_of_an_index_stays(harbor):
    harbor.planned[f"{HOST}{PLACE}/{IMAGE.digest}"] = [answer(412, document("referenced"))]

    with pytest.raises(RejectedError, match="referenced by others") as raised:
        run_known(harbor, whole(), **as_user())

    assert "An index lists it" in raised.value.hint
    assert len(deletions(harbor)) == 1


@pytest.mark.parametrize("work", [tag(), whole(), check])
def test_who_may_not_delete_is_told_and_the_registry_is_not_asked_instead(harbor, work):
    harbor.may_delete = False

    with pytest.raises(ForbiddenError) as raised:
        run_known(harbor, work, **as_user())

    assert raised.value.status == 403
    assert "maintainers" in raised.value.hint
    assert "Nothing was changed" in raised.value.hint
    assert len(deletions(harbor)) == 1
    assert harbor.count(f"DELETE {URL}/v2/") == 0


@pytest.mark.parametrize("work", [tag(), whole(), check])
def test_read_only_mode_is_told(harbor, work):
    harbor.is_read_only = True

    with pytest.raises(ForbiddenError, match="read only mode") as raised:
        run_known(harbor, work, **as_user())

    assert "Harbor is in read-only mode" in raised.value.hint
    assert len(deletions(harbor)) == 1


def test_a_tag_that_is_not_there_is_not_found(harbor):
    with pytest.raises(NotFoundError):
        run_known(harbor, tag("gone"), **as_user())

    assert harbor.deleted == []


def test_a_tag_that_goes_meanwhile_is_not_found(harbor):
    def gone():
        del harbor.held.images[f"{PYTHON}:3.13"]
        return answer(404, document("tag_not_found"))

    async def work(registry):
        await registry.manifest(PYTHON, "3.13")
        harbor.planned[f"{HOST}{PLACE}/3.13/tags/3.13"] = [gone()]
        await registry.delete_tag(PYTHON, "3.13")

    with pytest.raises(NotFoundError):
        run_known(harbor, work, **as_user())

    assert harbor.deleted == []


def test_an_image_that_is_not_there_is_not_found(harbor):
    with pytest.raises(NotFoundError):
        run_known(harbor, whole(f"sha256:{'9' * 64}"), **as_user())


def test_the_dry_check_asks_once_and_deletes_nothing(harbor):
    run_known(harbor, check, **as_user())

    assert harbor.asked[0] == WHO
    assert len(harbor.asked) == 2
    assert harbor.deleted == []
    assert len(harbor.held.tags(PYTHON)) == 3


@pytest.mark.parametrize("options", [{}, as_user(password="wr0ng")])
@pytest.mark.parametrize("work", [whole(), check])
def test_who_is_not_known_deletes_nothing(harbor, options, work):
    with pytest.raises(UnauthorizedError):
        run_known(harbor, work, **options)

    assert harbor.deleted == []


@pytest.mark.parametrize("work", [whole(), check])
@pytest.mark.parametrize("status", [404, 405, 500])
def test_where_the_api_is_hidden_the_registry_is_asked(harbor, work, status):
    harbor.planned[f"{HOST}{API}/users/current"] = [answer(status, b"<html></html>")] * 9

    run_known(harbor, work, **as_user())

    assert harbor.count(f"DELETE {URL}{API}") == 0
    # Without a token that is for it, perhaps, and with it.
    assert 1 <= harbor.count(f"DELETE {URL}/v2/{PYTHON}/manifests/sha256:") <= 2


def test_a_limit_is_an_error_and_the_registry_is_not_asked_instead(harbor):
    harbor.planned[f"{HOST}{PLACE}/3.13/tags/3.13"] = [answer(429, headers={"retry-after": "900"})]

    with pytest.raises(RateLimitedError, match="the deletion of team/base/python:3") as raised:
        run_known(harbor, tag(), **as_user())

    assert raised.value.retry_after_seconds == 900
    assert len(deletions(harbor)) == 1


def test_where_the_api_has_no_such_route_the_registry_deletes_the_image(harbor):
    harbor.planned[f"{HOST}{PLACE}/{IMAGE.digest}"] = [answer(405, b"<html></html>")]

    run_known(harbor, whole(), **as_user())

    assert deletions(harbor)[-1] == f"DELETE {URL}/v2/{PYTHON}/manifests/{IMAGE.digest}"


@pytest.mark.parametrize(
    ("status", "reply", "kind", "hint"),
    [
        (412, "pull_prevented", RejectedError, "lets nobody pull"),
        (403, "proxy_project", ForbiddenError, "a proxy cache, which fills itself"),
        (403, "read_only", ForbiddenError, "read-only mode"),
    ],
)
def test_what_the_registry_refuses_in_harbors_own_words_is_explained(
    harbor, status, reply, kind, hint
):
    async def work(registry):
        await registry.manifest(PYTHON, "3.13")
        harbor.planned[f"{HOST}/v2/{PYTHON}/manifests/3.13"] = [answer(status, document(reply))]
        await registry.manifest(PYTHON, "3.13")

    with pytest.raises(kind) as raised:
        run_known(harbor, work, **as_user())

    assert hint in raised.value.hint


@pytest.mark.parametrize(("work", "by_api"), [(tag(), 1), (whole(), 0), (check, 1)])
def test_a_cli_secret_that_the_api_does_not_know_deletes_too(harbor, work, by_api):
    """Old versions of the API take it to delete a tag, and their registry to delete an image."""
    harbor.clients.add("ada")

    run_known(harbor, work, **as_user())

    assert harbor.count(f"DELETE {URL}{API}") == by_api
    assert (harbor.count(f"DELETE {URL}/v2/") > 0) == (not by_api)
