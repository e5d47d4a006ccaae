"""Deletions, by replayed replies: the service itself cannot run here."""

from __future__ import annotations

import sys

import pytest

from ghostnb.errors import ForbiddenError, NotFoundError, RejectedError, UnauthorizedError
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.google.replay import API_HOST, document
from tests.registries.vendors.google.runs import API, URL, by_key, by_token, run
from tests.registries.vendors.replaying import answer

CART = "my-proj/apps/cart"
MANIFESTS = f"{URL}/v2/{CART}/manifests"
TAGGED = Digest("sha256:" + "a" * 64)
UNTAGGED = Digest("sha256:" + "c" * 64)


def asked(google, method):
    """Give what was asked of the registry with a method, sorted."""
    return sorted(line.partition("?")[0] for line in google.asked if line.startswith(method))


async def untag(registry):
    await registry.delete_tag(CART, "1.4")


async def delete_tagged(registry):
    await registry.delete_manifest(CART, TAGGED)


async def check(registry):
    await registry.check_deletable(CART)


@pytest.fixture
def cart(google):
    """Hold what the tag leads to: it is looked at before."""
    google.held.add(f"{CART}:1.4", plain_image("cart"))
    return google


@pytest.mark.parametrize("options", [by_token(), by_key()])
def test_a_tag_is_deleted_alone(cart, options):
    run(cart, untag, **options)

    assert cart.described[CART]["tags"] == ["latest", "multi", "old"]
    assert cart.described[CART]["manifest"][TAGGED]["tag"] == ["latest"]
    # A token to push is asked for before, and not only when it is refused without.
    assert asked(cart, "DELETE") == [f"DELETE {MANIFESTS}/1.4"]
    assert cart.count("PUT") == cart.count("POST") == 0
    assert cart.count(f"GET https://{API_HOST}") == 0


def test_a_key_asks_for_a_token_as_to_push(cart):
    run(cart, untag, **by_key())

    assert any("my-proj%2Fapps%2Fcart%3Apull%2Cpush" in line for line in cart.asked)


def test_an_untagged_manifest_costs_one_deletion(google):
    async def work(registry):
        await registry.delete_manifest(CART, UNTAGGED)

    run(google, work, **by_token())

    assert asked(google, "DELETE") == [f"DELETE {MANIFESTS}/{UNTAGGED}"]
    assert UNTAGGED not in google.described[CART]["manifest"]


def test_the_tags_of_a_manifest_go_before_it(google):
    run(google, delete_tagged, **by_token())

    assert google.described[CART]["tags"] == ["multi", "old"]
    assert TAGGED not in google.described[CART]["manifest"]
    deletions = [line for line in google.asked if line.startswith("DELETE")]
    assert deletions[0] == deletions[-1] == f"DELETE {MANIFESTS}/{TAGGED}"
    assert sorted(deletions[1:-1]) == [f"DELETE {MANIFESTS}/{tag}" for tag in ("1.4", "latest")]


def test_a_tag_that_somebody_else_has_deleted_is_no_failure(google):
    # It stood in the list that was just read.
    google.described[CART]["tags"].remove("1.4")

    run(google, delete_tagged, **by_token())

    assert TAGGED not in google.described[CART]["manifest"]


def test_what_an_index_holds_stays_and_says_so(google):
    refused = {"errors": [{"code": "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", "message": "in use"}]}
    google.kept[UNTAGGED] = [answer(400, refused)]

    async def work(registry):
        await registry.delete_manifest(CART, UNTAGGED)

    with pytest.raises(RejectedError, match=r"in use.*index lists goes after that"):
        run(google, work, **by_token())

    assert len(asked(google, "DELETE")) == 1


def test_an_immutable_tag_stays_and_nothing_is_put_in_its_place(cart):
    cart.is_immutable = True

    with pytest.raises(RejectedError, match=r"immutable and cannot.*Where a repository's tags"):
        run(cart, untag, **by_token())

    assert "1.4" in cart.described[CART]["tags"]
    assert asked(cart, "DELETE") == [f"DELETE {MANIFESTS}/1.4"]
    assert cart.count("PUT") == cart.count("POST") == 0


def test_an_image_with_an_immutable_tag_stays(google):
    google.is_immutable = True

    with pytest.raises(RejectedError, match="immutable") as raised:
        run(google, delete_tagged, **by_token())

    assert "Harbor" not in raised.value.hint
    assert TAGGED in google.described[CART]["manifest"]


def test_a_reader_is_told_which_role_deletes(cart):
    cart.kept["1.4"] = [answer(403, document("denied")) for _ in range(2)]

    with pytest.raises(ForbiddenError, match=r"DENIED.*artifactregistry\.repoAdmin.*Nothing was"):
        run(cart, untag, **by_token())

    assert cart.count("PUT") == 0


def test_what_is_not_there_is_not_found(google):
    async def work(registry):
        await registry.delete_manifest(CART, Digest("sha256:" + "e" * 64))

    with pytest.raises(NotFoundError):
        run(google, work, **by_token())


# Whether anything can be deleted


def test_the_permissions_tell_beforehand(google):
    run(google, check, **by_token())

    assert google.asked[-1] == f"POST {API}/repositories/apps:testIamPermissions"
    assert asked(google, "DELETE") == []


@pytest.mark.parametrize("held", [[], ["artifactregistry.repositories.downloadArtifacts"]])
def test_who_may_delete_nothing_is_told_before_anything_is_tried(google, held):
    google.permissions = held

    with pytest.raises(ForbiddenError, match=r"tags\.delete.*repoAdmin"):
        run(google, check, **by_token())

    assert asked(google, "DELETE") == []


@pytest.mark.parametrize("options", [by_token(), by_key()])
def test_where_the_api_does_not_tell_the_registry_is_asked(google, monkeypatch, options):
    address = f"{API_HOST}/v1/projects/my-proj/locations/us/repositories/apps:testIamPermissions"
    google.planned[address] = [answer(403, document("api_disabled"))]
    monkeypatch.setitem(sys.modules, "google.auth", None)

    run(google, check, **options)

    (first, *_) = asked(google, "DELETE")
    assert first.startswith(f"DELETE {MANIFESTS}/sha256:")
    assert len(google.described[CART]["manifest"]) == 4


def test_anonymous_users_delete_nothing(google):
    google.public.add(CART)

    with pytest.raises(UnauthorizedError):
        run(google, delete_tagged)

    assert TAGGED in google.described[CART]["manifest"]
