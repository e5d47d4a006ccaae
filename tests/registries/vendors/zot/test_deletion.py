"""What zot deletes, and what it says when it does not."""

from __future__ import annotations

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, RejectedError
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.zot.replay import REPLIES
from tests.registries.vendors.zot.runs import URL, logged_in, run

MANIFESTS = f"{URL}/v2/team/app/manifests"
IMAGE = plain_image("app")


@pytest.fixture
def held(zot):
    for tag in ("1.3", "1.4"):
        zot.held.add(f"team/app:{tag}", IMAGE)
    zot.mode = "anonymous"
    return zot


def deleting(tag: str, repository: str = "team/app"):
    async def work(registry):
        await registry.delete_tag(repository, tag)

    return work


def deleting_all(digest: str = IMAGE.digest, repository: str = "team/app"):
    async def work(registry):
        await registry.delete_manifest(repository, Digest(digest))

    return work


def checking(repository: str):
    async def work(registry):
        await registry.check_deletable(repository)

    return work


def test_a_tag_is_taken_away_alone(held):
    run(held, deleting("1.3"), **logged_in())

    assert set(held.held.images) == {"team/app:1.4"}
    assert [line for line in held.asked if line.startswith(("DELETE", "PUT", "POST"))] == [
        f"DELETE {MANIFESTS}/1.3"
    ]


def test_a_manifest_goes_with_all_its_tags(held):
    run(held, deleting_all(), **logged_in())

    assert held.held.images == {}
    assert held.count("DELETE") == 1


def test_a_token_is_asked_for_the_deletion(held):
    """zot calls it a push, and says so; ghostnb asks for a deletion beside it."""
    held.mode = "bearer"

    run(held, deleting("1.3"), **logged_in())

    *_, last = (line for line in held.asked if "auth.example.com" in line)
    assert "scope=repository%3Ateam%2Fapp%3Apush&scope=repository%3Ateam%2Fapp%3Adelete" in last
    assert set(held.held.images) == {"team/app:1.4"}


def test_a_tag_that_is_not_there(held):
    with pytest.raises(NotFoundError, match="MANIFEST_UNKNOWN"):
        run(held, deleting("9"), **logged_in())

    assert held.count("DELETE") == 0


def test_a_manifest_that_is_not_there(held):
    with pytest.raises(NotFoundError, match="MANIFEST_UNKNOWN"):
        run(held, deleting_all("sha256:" + "0" * 64), **logged_in())


def test_in_an_unknown_repository_nothing_is_found_though_it_answers_400(held):
    with pytest.raises(NotFoundError, match="NAME_UNKNOWN"):
        run(held, deleting_all(repository="team/none"), **logged_in())


def test_who_may_not_delete_is_told_what_is_needed(held):
    held.may_delete = False

    for work in (deleting("1.3"), deleting_all(), checking("team/app")):
        with pytest.raises(ForbiddenError, match=r"accessControl.*Nothing was changed"):
            run(held, work, **logged_in())
    assert len(held.held.images) == 2


def test_what_an_index_refers_to_stays_and_is_no_lack_of_deletion(held):
    held.in_index = {IMAGE.digest}

    with pytest.raises(RejectedError, match="delete that index first") as raised:
        run(held, deleting_all(), **logged_in())

    assert (raised.value.status, raised.value.registry) == (405, "mine")
    assert "switched off" not in str(raised.value)


def test_several_tags_that_would_go_along_stay(held):
    held.colliding = {IMAGE.digest}

    with pytest.raises(RejectedError, match=r"MANIFEST_INVALID.*delete each by its name"):
        run(held, deleting_all(), **logged_in())


@pytest.mark.parametrize("repository", ["team/app", "team/none"])
def test_whether_it_deletes_is_asked_by_what_is_not_there(held, repository):
    run(held, checking(repository), **logged_in())

    assert held.count("DELETE") >= 1
    assert len(held.held.images) == 2


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in REPLIES.glob("*.json")}

    for name in files:
        assert f"| `{name}` |" in named
    assert named.count(".json` |") == len(files)
