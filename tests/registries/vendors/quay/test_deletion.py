"""What is deleted in Quay: by its API with an OAuth access token, else by its registry."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.quay.replay import ROBOT, ROBOT_SECRET, TOKEN, QuayReplay
from tests.registries.vendors.quay.runs import API, QUAY_URL, by_robot, by_token, of_api, run
from tests.registries.vendors.quay.writing import document
from tests.registries.vendors.replaying import answer

DELETION = "quay.io/api/v1/repository/acme/web/tag/1.1"
WEB = plain_image("web")
MANIFESTS = f"{QUAY_URL}/v2/acme/web/manifests"


@pytest.fixture
def quay(quay: QuayReplay) -> QuayReplay:
    for tag in ("1.1", "1.2"):
        quay.held.add(f"acme/web:{tag}", WEB)
    return quay


def deleting(tag="1.1", repository="acme/web"):
    async def work(registry):
        await registry.delete_tag(repository, tag)

    return work


def checking(repository="acme/web"):
    async def work(registry):
        await registry.check_deletable(repository)

    return work


def deleting_manifest(digest=WEB.digest, repository="acme/web"):
    async def work(registry):
        await registry.delete_manifest(repository, Digest(digest))

    return work


def tags(quay):
    return quay.held.tags("acme/web")


def refused(quay, work, kind, **login) -> RegistryError:
    with pytest.raises(kind) as raised:
        run(quay, work, **login)
    shown = str(raised.value) + repr(vars(raised.value))
    assert TOKEN not in shown
    assert ROBOT_SECRET not in shown
    return raised.value


def test_a_token_deletes_one_tag_by_the_api_and_its_siblings_stay(quay):
    run(quay, deleting(), **by_token())

    assert tags(quay) == ["1.2"]
    assert of_api(quay) == ["DELETE /repository/acme/web/tag/1.1"]
    assert quay.count(f"DELETE {QUAY_URL}/v2/") == 0


def test_a_name_with_slashes_and_an_odd_tag_are_deleted_where_they_are(quay):
    quay.tags["acme/team/b.c"] = []
    quay.held.add("acme/team/b.c:V1_2.3-x", WEB)

    run(quay, deleting("V1_2.3-x", "acme/team/b.c"), **by_token())

    assert quay.asked[-1] == f"DELETE {API}/repository/acme/team/b.c/tag/V1_2.3-x"


def test_a_robot_deletes_one_tag_by_the_registry_and_its_siblings_stay(quay):
    run(quay, deleting(), **by_robot())

    assert tags(quay) == ["1.2"]
    assert of_api(quay) == []
    assert quay.asked[-1] == f"DELETE {MANIFESTS}/1.1"
    # A scope that ends in delete is 400 at Quay's token server.
    scopes = [line.partition("scope=")[2] for line in quay.asked if "scope=" in line]
    assert {scope.partition("&")[0] for scope in scopes} == {
        "repository%3Aacme%2Fweb%3Apull",
        "repository%3Aacme%2Fweb%3Apull%2Cpush",
    }


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_quay_that_deletes_no_tags_by_name_loses_no_siblings(quay, login):
    quay.deletes_tags = quay.has_api = False

    run(quay, deleting(), **login)

    assert tags(quay) == ["1.2"]
    assert quay.held.find("acme/web", "1.2").digest == WEB.digest


def test_where_the_api_is_off_the_registry_deletes_the_tag(quay):
    quay.has_api = False

    run(quay, deleting(), **by_token())

    assert tags(quay) == ["1.2"]
    assert quay.asked[-1] == f"DELETE {MANIFESTS}/1.1"


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_an_immutable_tag_stays_and_the_error_speaks_of_quay(quay, login):
    quay.immutable = {"1.1"}

    error = refused(quay, deleting(), RejectedError, **login)

    assert error.status == 409
    assert "immutable" in str(error)
    assert "page of Quay" in error.hint
    assert "Harbor" not in error.hint
    assert tags(quay) == ["1.1", "1.2"]
    assert quay.count("PUT") == 0


def test_a_mirror_is_left_alone_and_that_is_said(quay):
    quay.rights["state"] = "MIRROR"

    error = refused(quay, deleting(), RejectedError, **by_token())

    assert "read only or mirror mode" in error.message
    assert "settings" in error.hint
    assert tags(quay) == ["1.1", "1.2"]
    assert quay.count("DELETE") == 1


def test_a_token_without_the_scope_is_told_so(quay):
    quay.oauth[TOKEN].discard("repo:write")

    error = refused(quay, deleting(), ForbiddenError, **by_token())

    assert "repo:write" in error.hint
    assert tags(quay) == ["1.1", "1.2"]
    assert quay.count("DELETE") == 1


def test_a_token_that_expired_meanwhile_is_told_so(quay):
    quay.planned[DELETION] = [answer(403, document("csrf"))]

    error = refused(quay, deleting(), UnauthorizedError, **by_token())

    assert "expired" in error.hint
    assert quay.count("DELETE") == 1


def test_a_robot_that_may_only_read_is_told_so(quay):
    quay.robots[ROBOT][1]["acme/web"] = {"pull"}

    error = refused(quay, deleting(), UnauthorizedError, **by_robot())

    assert "Write to push and delete" in error.hint
    assert tags(quay) == ["1.1", "1.2"]


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_registry_that_is_read_only_is_told_so(quay, login):
    quay.is_read_only, quay.has_api = True, False

    error = refused(quay, deleting(), UnsupportedError, **login)

    assert "currently read-only" in error.message
    assert "Nothing was changed." in error.hint
    assert quay.count("PUT") == quay.count("POST") == 0


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_tag_that_is_not_there(quay, login):
    refused(quay, deleting("9.9"), NotFoundError, **login)

    assert quay.count("DELETE") == 0


def test_a_tag_that_somebody_else_deleted_meanwhile(quay):
    # The replay deletes it, and says that it was not there.
    quay.planned[DELETION] = [answer(404, document("not_found"))]

    refused(quay, deleting(), NotFoundError, **by_token())

    assert tags(quay) == ["1.2"]
    assert quay.count("PUT") == 0


# Manifests


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_manifest_goes_with_its_tags_by_the_registry(quay, login):
    run(quay, deleting_manifest(), **login)

    assert tags(quay) == []
    assert quay.asked[-1] == f"DELETE {MANIFESTS}/{WEB.digest}"
    assert of_api(quay) == []


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_a_manifest_that_is_not_there(quay, login):
    absent = "sha256:" + "00" * 32

    refused(quay, deleting_manifest(absent), NotFoundError, **login)

    assert quay.count("DELETE") == 0


@pytest.mark.parametrize("login", [by_token(), by_robot()])
@pytest.mark.parametrize("work", [deleting, checking, deleting_manifest])
def test_a_repository_that_is_spelt_wrongly_is_not_made_by_a_deletion(quay, login, work):
    doing = work(repository="acme/wbe")

    with pytest.raises((UnauthorizedError, ForbiddenError, NotFoundError)):
        run(quay, doing, **login)

    # Who asks Quay for a token that allows to push makes what is not there.
    assert quay.created == []


def test_the_replay_makes_a_repository_when_a_token_to_push_is_asked_for(quay):
    async def work(registry):
        await registry.push_manifest("acme/new", WEB.raw, WEB.media_type, tag="1")

    with pytest.raises(UnauthorizedError):
        run(quay, work, **by_robot())
    assert "acme/new" in quay.created


# Whether anything can be deleted


def test_a_token_is_told_by_the_api_what_it_may_delete(quay):
    run(quay, checking(), **by_token())

    assert quay.asked == [f"GET {API}/repository/acme/web?includeTags=false"]


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"can_write": False}, "the role Write"),
        ({"can_write": False, "state": "READ_ONLY"}, "mirror or read-only"),
        ({"can_write": True, "state": "MIRROR"}, "mirror or read-only"),
    ],
)
def test_who_may_not_delete_is_told_so_before(quay, rights, words):
    quay.rights |= rights

    error = refused(quay, checking(), ForbiddenError, **by_token())

    assert words in error.hint
    assert "Nothing was changed." in error.hint
    assert quay.count("DELETE") == 0


@pytest.mark.parametrize("login", [by_token(), by_robot()])
def test_the_registry_is_asked_to_delete_what_is_not_there(quay, login):
    if login == by_token():
        quay.rights.pop("can_write")

    run(quay, checking(), **login)

    assert tags(quay) == ["1.1", "1.2"]
    assert quay.asked[-1].startswith(f"DELETE {MANIFESTS}/sha256:")


def test_a_robot_that_may_only_read_is_told_so_before(quay):
    quay.robots[ROBOT][1]["acme/web"] = {"pull"}

    error = refused(quay, checking(), UnauthorizedError, **by_robot())

    assert "Write to push and delete" in error.hint


def test_strangers_delete_nothing(quay):
    refused(quay, checking(), UnauthorizedError)
    refused(quay, deleting(), UnauthorizedError)

    assert tags(quay) == ["1.1", "1.2"]
    assert quay.created == []
