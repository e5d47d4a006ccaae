"""Deletions: a tag alone, a manifest with its tags, and what is locked."""

from __future__ import annotations

import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.acr.replay import HOST, ACRReplay, answer, document
from tests.registries.vendors.acr.runs import URL, logged_in, run

IMAGE = plain_image("app")
TAG = f"{HOST}/acr/v1/shop/cart/_tags/1.4"


@pytest.fixture
def azure(azure) -> ACRReplay:
    for tag in ("1.4", "latest"):
        azure.held.add(f"shop/cart:{tag}", IMAGE)
    return azure


async def untag(registry):
    await registry.delete_tag("shop/cart", "1.4")


async def delete(registry):
    await registry.delete_manifest("shop/cart", Digest(IMAGE.digest))


async def check(registry):
    await registry.check_deletable("shop/cart")


def test_a_tag_goes_alone(azure):
    run(azure, untag, **logged_in())

    assert azure.changed == ["tag shop/cart:1.4"]
    assert azure.count(f"DELETE {URL}/acr/v1/shop/cart/_tags/1.4") == 1
    assert azure.count("PUT") == 0
    assert azure.count(f"DELETE {URL}/v2/") == 0


def test_a_manifest_is_deleted_by_its_digest(azure):
    run(azure, delete, **logged_in())

    assert azure.changed == [f"manifest shop/cart@{IMAGE.digest}"]


@pytest.mark.parametrize(
    ("work", "name", "shown"),
    [(untag, "1.4", "shop/cart:1.4"), (delete, IMAGE.digest, f"shop/cart@{IMAGE.digest}")],
)
def test_what_is_locked_stays_and_its_user_is_told_how_to_unlock_it(azure, work, name, shown):
    azure.locked = {name}

    with pytest.raises(RejectedError, match="REGISTRY_DISALLOWED_OPERATION") as raised:
        run(azure, work, **logged_in())

    assert f"--image {shown} --delete-enabled true --write-enabled true" in raised.value.hint
    assert azure.changed == []
    assert azure.count("PUT") + azure.count("POST") == 0, "nothing is put in a locked tag's place"


def test_a_right_to_delete_that_is_missing_is_said(azure):
    azure.denied = {"repository:shop/cart:delete"}

    with pytest.raises(ForbiddenError, match="no right to repository:shop/cart:delete") as raised:
        run(azure, untag, **logged_in())

    assert "AcrDelete" in raised.value.hint
    assert "Nothing was changed." in raised.value.hint
    assert azure.changed == []
    assert azure.count(f"DELETE {URL}/v2/") == 0


def test_anonymous_users_delete_nothing(azure):
    azure.is_public = True

    for work in (untag, delete, check):
        with pytest.raises(UnauthorizedError, match="anonymous users have no right"):
            run(azure, work)
    assert azure.changed == []


def test_an_action_that_azure_wants_beside_is_asked_for(azure):
    # The documents of scoped tokens count the deletion of a tag among what metadata/write allows.
    wanted = "repository:shop/cart:metadata_write"
    azure.beside = {"repository:shop/cart:delete": wanted}

    run(azure, untag, **logged_in())

    assert wanted in azure.tokens
    assert azure.changed == ["tag shop/cart:1.4"]


def test_a_tag_that_is_gone_meanwhile_is_not_found(azure):
    azure.tags["shop/cart"] = azure.tags["shop/cart"][1:]
    gone = answer(404, document("manifest_unknown"))
    first = answer(200, IMAGE.raw, {"content-type": IMAGE.media_type})
    azure.planned[f"{HOST}/v2/shop/cart/manifests/1.4"] = [first, gone]

    with pytest.raises(NotFoundError):
        run(azure, untag, **logged_in())
    assert azure.count("PUT") + azure.count("POST") == 0


@pytest.mark.parametrize("status", [500, 503])
def test_what_the_api_cannot_delete_now_is_not_asked_of_the_registry(azure, status):
    # By a tag's name it might delete the manifest, and the other tags with it.
    azure.planned[TAG] = [answer(status)] * 4

    with pytest.raises(ServerError):
        run(azure, untag, **logged_in())
    assert azure.count(f"DELETE {URL}/v2/") == 0


def test_whether_it_may_delete_is_asked_without_deleting(azure):
    run(azure, check, **logged_in())

    assert azure.changed == []
    azure.denied = {"repository:shop/cart:delete"}
    with pytest.raises(ForbiddenError, match="AcrDelete"):
        run(azure, check, **logged_in())
