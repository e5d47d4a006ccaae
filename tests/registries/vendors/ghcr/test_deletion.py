"""What is deleted at GHCR, and above all what is not."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    RejectedError,
    ServerError,
    TagMovedError,
    UnauthorizedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.vendors.ghcr import deletion
from tests.parts.images import index, plain_image
from tests.registries.vendors.ghcr.replay import answer, document
from tests.registries.vendors.ghcr.runs import API, GHCR_URL, SECRET, logged_in, run

OLD, NEW = (plain_image(seed, layers=1, size_bytes=8) for seed in ("old", "new"))
VERSIONS = "api.github.com/orgs/acme/packages/container/app/versions"


@pytest.fixture
def app(github):
    github.push("acme/app", OLD, "1", "1.0")
    github.push("acme/app", NEW, "2")
    return github


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    monkeypatch.setattr(deletion, "_WAITS_SECONDS", (0.0, 0.0))


def tag_deletion(*tags: str, **options):
    async def work(registry):
        for tag in tags:
            await registry.delete_tag("acme/app", tag, **options)

    return work


def manifest_deletion(*digests: str):
    async def work(registry):
        for digest in digests:
            await registry.delete_manifest("acme/app", Digest(digest))

    return work


async def dry_check(registry):
    await registry.check_deletable("acme/app")


def number_of(github, digest: str) -> int:
    return next(one.id for one in github.stored["acme/app"] if one.digest == digest)


# One tag


@pytest.mark.parametrize("tag", ["1", "1.0", "2"])
def test_a_tag_goes_alone_and_every_manifest_stays(app, tag):
    before = app.tags("acme/app")

    run(app, tag_deletion(tag), **logged_in())

    assert app.tags("acme/app") == {name: at for name, at in before.items() if name != tag}
    assert app.digests("acme/app") == [OLD.digest, NEW.digest]
    assert app.count(f"DELETE {API}") == 1
    assert app.count(f"DELETE {GHCR_URL}") == 0


def test_many_tags_go_one_by_one(app):
    app.push("acme/app", NEW, *(f"3.{n}" for n in range(5)))

    run(app, tag_deletion(*(f"3.{n}" for n in range(5))), **logged_in())

    assert app.tags("acme/app") == {"1": OLD.digest, "1.0": OLD.digest, "2": NEW.digest}
    assert app.digests("acme/app") == [OLD.digest, NEW.digest]


def test_the_only_tag_stays_and_nothing_is_touched(github):
    github.push("acme/app", index([OLD, NEW]), "1")
    before = github.digests("acme/app")

    with pytest.raises(RejectedError, match=r"1 is the only tag of acme/app.*whole package"):
        run(github, tag_deletion("1"), **logged_in())

    assert github.digests("acme/app") == before
    assert not [line for line in github.asked if line.startswith(("PUT", "POST", "DELETE"))]


def test_where_it_becomes_the_only_tag_the_last_one_is_put_back(app):
    with pytest.raises(RejectedError, match=r"last tagged version.*push another one first"):
        run(app, tag_deletion("1", "2", "1.0"), **logged_in())

    assert app.tags("acme/app") == {"1.0": OLD.digest}
    assert {OLD.digest, NEW.digest} <= set(app.digests("acme/app"))


def test_a_tag_that_leads_elsewhere_than_expected_stays(app):
    with pytest.raises(TagMovedError):
        run(app, tag_deletion("2", expected=Digest(OLD.digest)), **logged_in())

    assert app.tags("acme/app")["2"] == NEW.digest


def test_a_tag_that_is_not_there(app):
    with pytest.raises(NotFoundError):
        run(app, tag_deletion("3"), **logged_in())

    assert app.count("DELETE") == 0


@pytest.mark.parametrize("scopes", ["read:packages, delete:packages", "write:packages", "repo"])
def test_without_the_scopes_nothing_is_tried(app, scopes):
    app.scopes = scopes
    before = app.tags("acme/app")

    with pytest.raises(ForbiddenError, match=r"lacks (write|delete):packages"):
        run(app, tag_deletion("1"), **logged_in())

    assert app.tags("acme/app") == before
    assert not [line for line in app.asked if line.startswith(("PUT", "POST", "DELETE"))]


def test_a_tag_is_put_back_where_the_user_may_not_delete_after_all(app):
    app.administers = False
    before = app.tags("acme/app")

    with pytest.raises(ForbiddenError, match=r"no administrator.*administers the package"):
        run(app, tag_deletion("1"), **logged_in())

    assert app.tags("acme/app") == before


@pytest.mark.parametrize("status", [400, 403, 422, 500])
def test_a_tag_is_put_back_whatever_the_deletion_is_refused_for(app, status):
    run(app, tag_deletion("1"), **logged_in())  # learns the numbers that come next
    number = max(one.id for one in app.stored["acme/app"]) + 2
    app.planned[f"{VERSIONS}/{number}"] = [answer(status, document("downloaded"))] * 3
    before = app.tags("acme/app")

    with pytest.raises(RegistryError):
        run(app, tag_deletion("2"), **logged_in())

    assert {*app.tags("acme/app")} == {*before}
    assert app.tags("acme/app")["1.0"] == OLD.digest


@pytest.mark.parametrize("status", [400, 503])
def test_what_somebody_else_pushes_meanwhile_is_not_overwritten(app, monkeypatch, status):
    """A deletion may take a minute, where a limit is waited for."""
    theirs = plain_image("theirs", layers=1, size_bytes=8)

    def pushed_meanwhile(request, repository, number):
        if theirs.digest not in app.digests(repository):
            app.push(repository, theirs, "1")
        return answer(status, document("downloaded"))

    monkeypatch.setattr(app, "_version", pushed_meanwhile)

    with pytest.raises(RegistryError):
        run(app, tag_deletion("1"), **logged_in())

    assert app.tags("acme/app") == {"1": theirs.digest, "1.0": OLD.digest, "2": NEW.digest}


def test_a_stand_in_that_the_api_lists_only_later_is_waited_for(app):
    async def work(registry):
        await registry.check_deletable("acme/app")
        app.hidden = 2
        await registry.delete_tag("acme/app", "1")

    run(app, work, **logged_in())

    assert app.tags("acme/app") == {"1.0": OLD.digest, "2": NEW.digest}
    assert app.digests("acme/app") == [OLD.digest, NEW.digest]


# A manifest


def test_a_manifest_goes_with_its_tags_by_its_number(app):
    number = number_of(app, OLD.digest)

    run(app, manifest_deletion(OLD.digest), **logged_in())

    assert app.tags("acme/app") == {"2": NEW.digest}
    assert app.count(f"DELETE {API}/orgs/acme/packages/container/app/versions/{number}") == 1
    assert app.count("DELETE") == 1
    assert "PUT" not in str(app.asked)


@pytest.mark.parametrize(("owner", "place"), [("ada", "user"), ("bob", "users/bob")])
def test_a_users_manifest_in_a_nested_package(github, owner, place):
    github.push(f"{owner}/tools/app", OLD, "1")
    github.push(f"{owner}/tools/app", NEW, "2")

    async def work(registry):
        await registry.delete_manifest(f"{owner}/tools/app", Digest(OLD.digest))

    run(github, work, **logged_in())

    path = f"{API}/{place}/packages/container/tools%2Fapp/versions/"
    assert github.count(f"DELETE {path}") == 1
    assert github.digests(f"{owner}/tools/app") == [NEW.digest]


def test_an_absent_manifest_is_not_found_and_nothing_is_deleted(app):
    with pytest.raises(NotFoundError):
        run(app, manifest_deletion("sha256:" + "0" * 64), **logged_in())

    assert app.count("DELETE") == 0


def many(app) -> list[str]:
    images = [plain_image(f"{n}", layers=1, size_bytes=8) for n in range(250)]
    for n, image in enumerate(images):
        app.push("acme/app", image, f"1.{n}")
    return [image.digest for image in images]


@pytest.mark.parametrize(("part", "pages"), [(slice(40), 3), (slice(-1, -41, -1), 1)])
def test_many_manifests_cost_one_list(app, part, pages):
    digests = many(app)

    run(app, manifest_deletion(*digests[part]), **logged_in())

    assert app.count("DELETE") == 40
    assert len(app.pages()) == pages
    assert len(app.digests("acme/app")) == 212


def test_what_is_new_costs_a_page_and_the_others_are_still_known(app):
    digests = many(app)

    async def work(registry):
        await registry.delete_manifest("acme/app", Digest(digests[0]))
        newest = plain_image("newest", layers=1, size_bytes=8)
        app.push("acme/app", newest, "newest")
        for digest in (newest.digest, digests[1]):
            await registry.delete_manifest("acme/app", Digest(digest))

    run(app, work, **logged_in())

    assert app.count("DELETE") == 3
    assert len(app.pages()) == 3 + 1


def test_what_somebody_else_deleted_meanwhile_is_not_found(app):
    async def work(registry):
        await registry.delete_manifest("acme/app", Digest(NEW.digest))
        app.stored["acme/app"] = [one for one in app.stored["acme/app"] if "1" not in one.tags]
        with pytest.raises(NotFoundError):
            await registry.delete_manifest("acme/app", Digest(OLD.digest))

    app.push("acme/app", plain_image("third"), "3")
    run(app, work, **logged_in())


def test_what_was_pushed_again_meanwhile_is_found_under_its_new_number(app):
    async def work(registry):
        await registry.delete_manifest("acme/app", Digest(NEW.digest))
        old = number_of(app, OLD.digest)
        app.stored["acme/app"] = [one for one in app.stored["acme/app"] if one.id != old]
        app.push("acme/app", NEW, "keep")
        app.push("acme/app", OLD, "again")
        await registry.delete_manifest("acme/app", Digest(OLD.digest))

    run(app, work, **logged_in())

    assert app.tags("acme/app") == {"keep": NEW.digest}


def test_the_last_tagged_manifest_stays_with_githubs_words(app):
    with pytest.raises(RejectedError, match="delete the last tagged version") as raised:
        run(app, manifest_deletion(OLD.digest, NEW.digest), **logged_in())

    assert "whole package" in raised.value.hint
    assert app.tags("acme/app") == {"2": NEW.digest}


def test_what_was_downloaded_too_often_stays(app):
    path = f"{VERSIONS}/{number_of(app, OLD.digest)}"
    app.planned[path] = [answer(400, document("downloaded"))]

    with pytest.raises(RejectedError, match=r"5000 downloads.*make it private"):
        run(app, manifest_deletion(OLD.digest), **logged_in())


def test_who_is_no_administrator_hears_it(app):
    app.administers = False

    with pytest.raises(ForbiddenError, match=r"no administrator.*Nothing was changed") as raised:
        run(app, manifest_deletion(OLD.digest), **logged_in())

    assert "delete:packages" in raised.value.hint
    assert SECRET not in str(vars(raised.value))


def test_a_deletion_that_was_taken_though_it_failed_is_done(app):
    """GitHub has been seen to answer 502 and to delete all the same."""
    path = f"{VERSIONS}/{number_of(app, OLD.digest)}"
    app.planned[path] = [answer(502, b"<html>Bad gateway</html>")]

    run(app, manifest_deletion(OLD.digest), **logged_in())

    assert app.digests("acme/app") == [NEW.digest]
    assert app.count("DELETE") == 2


def test_an_api_that_is_down_is_said_and_the_registry_is_not_asked_instead(app):
    path = f"{VERSIONS}/{number_of(app, OLD.digest)}"
    app.planned[path] = [answer(503)] * 2

    with pytest.raises(ServerError):
        run(app, manifest_deletion(OLD.digest), **logged_in())

    assert app.count(f"DELETE {GHCR_URL}") == 0


def test_what_the_api_never_lists_is_said(app):
    app.hidden = 99

    with pytest.raises(ProtocolError, match=r"does not list it.*in a minute"):
        run(app, manifest_deletion(NEW.digest), **logged_in())

    assert app.count("DELETE") == 0


def test_without_a_token_nothing_is_deleted_and_the_error_says_what_it_takes(app):
    app.public.add("acme/app")

    for doing in (tag_deletion("1"), manifest_deletion(OLD.digest), dry_check):
        with pytest.raises(UnauthorizedError, match="without a token"):
            run(app, doing)

    assert not [line for line in app.asked if line.startswith(("PUT", "POST", "DELETE"))]


# The check before


def test_a_dry_check_changes_nothing(app):
    run(app, dry_check, **logged_in())

    assert app.asked == [
        f"GET {API}/user",
        f"GET {API}/users/acme",
        f"GET {API}/orgs/acme/packages/container/app",
    ]


def test_a_dry_check_fails_without_the_scope(app):
    app.scopes = "read:packages, write:packages"

    with pytest.raises(ForbiddenError, match="lacks delete:packages"):
        run(app, dry_check, **logged_in())


def test_a_dry_check_fails_where_there_is_no_package(app):
    async def work(registry):
        await registry.check_deletable("acme/nothing")

    with pytest.raises(NotFoundError):
        run(app, work, **logged_in())


def test_a_workflows_token_may_be_allowed_to(app):
    app.scopes = None
    app.user_reply = answer(403, document("not_accessible"))

    run(app, manifest_deletion(OLD.digest), **logged_in())

    assert app.tags("acme/app") == {"2": NEW.digest}


def test_a_registry_of_this_kind_elsewhere_is_asked_itself(app):
    app.hosts["mirror.example.com"] = app.hosts.pop("ghcr.io")
    app.registry = "mirror.example.com"

    with pytest.raises(RegistryError):
        run(app, dry_check, url="https://mirror.example.com", kind="ghcr", **logged_in())

    assert app.count(f"GET {API}") == 0
