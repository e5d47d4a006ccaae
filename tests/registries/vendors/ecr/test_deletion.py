"""Deletions in private registries: by the API alone, whose 200 may hold a failure."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY

from ghostnb.errors import (
    ForbiddenError,
    IncompleteError,
    LastTagError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TagMovedError,
    TransportTimeoutError,
)
from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.vendors.ecr.amazon import Amazon
from ghostnb.transfer.deleting.deletion import plan_deletion
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.sync import SyncPlan, draft_sync
from tests.parts.images import plain_image
from tests.registries.conftest import push
from tests.registries.vendors.ecr.replay import HOST, PASSWORD, document, plain
from tests.registries.vendors.ecr.runs import deletion, run
from tests.serving import until

LOGIN = {"username": "AWS", "password": PASSWORD}
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def image(ecr):
    made = plain_image("web")
    ecr.held.add("team/web:1.2", made)
    return made


def deleting(tag="1.2", **options):
    return lambda registry: registry.delete_tag("team/web", tag, **options)


@pytest.fixture
def described(aws, image):
    """Let the image have another tag."""
    expect_tags(aws, "1.2", "latest")


def expect_tags(aws, *tags, asked="1.2"):
    reply = {"imageDetails": [{"imageDigest": DIGEST, "imageTags": list(tags)}]}
    aws.expect("describe_images", reply, **deletion(imageTag=asked))


def failure(code):
    reply = document("deletion_failed")
    reply["failures"][0]["failureCode"] = code
    return reply


def test_a_tag_is_deleted_by_its_name_alone(aws, ecr, image, described):
    aws.expect("batch_delete_image", document("deleted_tag"), **deletion(imageTag="1.2"))

    run(ecr, deleting(expected=Digest(image.digest)), **LOGIN)
    assert aws.asked == ["DescribeImages", "BatchDeleteImage"]


def test_the_last_tag_stays_since_its_image_would_go_with_it(aws, ecr, image):
    expect_tags(aws, "1.2")

    with pytest.raises(LastTagError, match=r"1\.2 is the only tag.*by its digest") as raised:
        run(ecr, deleting(), **LOGIN)

    assert "Nothing" not in raised.value.hint
    assert aws.asked == ["DescribeImages"]


def test_of_the_last_two_tags_at_once_one_stays(aws, ecr, image, monkeypatch):
    ecr.held.add("team/web:latest", image)
    expect_tags(aws, "1.2", "latest")
    aws.expect("batch_delete_image", document("deleted_tag"), **deletion(imageTag="1.2"))
    expect_tags(aws, "latest", asked="latest")

    looking = []
    check = Amazon._check_untagging

    async def slowly(vendor, api, repository, tag):
        looking.append(tag)
        await asyncio.sleep(0.2)  # in which the other comes, if it is not kept waiting
        await check(vendor, api, repository, tag)

    monkeypatch.setattr(Amazon, "_check_untagging", slowly)

    async def work(registry):
        first = asyncio.ensure_future(deleting("1.2")(registry))
        # Which of them is first would be left to threads.
        await until(lambda: looking)
        return await asyncio.gather(first, deleting("latest")(registry), return_exceptions=True)

    first, second = run(ecr, work, **LOGIN)
    assert first is None
    assert isinstance(second, RejectedError)


def test_an_image_that_a_plan_leaves_stays(aws, ecr, image):
    """What cannot be read may be an index that holds it."""
    ecr.held.add("team/web:broken", plain_image("broken"))
    ecr.planned[f"{HOST}/v2/team/web/manifests/broken"] = [plain(500, b"")] * 9
    aws.expect("batch_delete_image", failure("ImageNotFound"), **deletion() | {"imageIds": ANY})
    expect_tags(aws, "1.2")

    async def work(registry):
        plan = await plan_deletion(registry, "team/web:1.2")
        assert [(row.action, row.tag) for row in plan.rows()] == [("untag", "1.2")]
        await plan.apply()

    with pytest.raises(IncompleteError, match="only tag of its image"):
        run(ecr, work, **LOGIN)

    assert aws.asked == ["BatchDeleteImage", "DescribeImages"]


def test_a_sync_that_prunes_deletes_an_image_with_its_last_tag(aws, ecr, image):
    kept = plain_image("kept")
    ecr.held.add("team/web:kept", kept)
    aws.expect("sts.get_caller_identity", document("caller_identity"))  # for the first greeting
    aws.expect("batch_delete_image", failure("ImageNotFound"), **deletion() | {"imageIds": ANY})
    # By the tag alone: with the digest, other tags might go, too.
    aws.expect("batch_delete_image", document("deleted_tag"), **deletion(imageTag="1.2"))

    async def work(registry):
        source = MemoryRegistry()
        await push(source, "team/web:kept", kept)
        draft = await draft_sync(source, registry, Selection("team/web"), prune=True)
        plan = SyncPlan(draft)
        assert list(plan.frame["target_tag"]) == ["1.2"]
        assert "images with their last tags" in plan.notes[0]
        await plan.apply()
        assert list(plan.results["outcome"]) == ["done"]

    run(ecr, work, **LOGIN)


@pytest.mark.parametrize("name", ["delete_tag", "delete_with_image"])
def test_a_tag_that_moved_stays(aws, ecr, image, name):
    async def work(registry):
        await getattr(registry, name)("team/web", "1.2", expected=Digest(DIGEST))

    with pytest.raises(TagMovedError):
        run(ecr, work, **LOGIN)
    assert aws.asked == []


def test_an_image_that_an_index_holds_stays_with_its_last_tag(aws, ecr, image):
    reply = failure("ImageReferencedByManifestList")
    aws.expect("batch_delete_image", reply, **deletion(imageTag="1.2"))

    async def work(registry):
        await registry.delete_with_image("team/web", "1.2", expected=Digest(image.digest))

    with pytest.raises(RejectedError, match="ImageReferencedByManifestList"):
        run(ecr, work, **LOGIN)


def test_without_the_api_no_image_goes_with_its_last_tag(ecr):
    async def work(registry):
        return registry.drops_untagged

    assert run(ecr, work, **LOGIN)
    assert not run(ecr, work, url="https://mirror.example.com", kind="ecr", **LOGIN)


def test_an_image_is_deleted_by_its_digest(aws, ecr):
    reply = {"imageIds": [{"imageDigest": DIGEST}], "failures": []}
    aws.expect("batch_delete_image", reply, **deletion(imageDigest=DIGEST))

    run(ecr, lambda registry: registry.delete_manifest("team/web", Digest(DIGEST)), **LOGIN)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ImageReferencedByManifestList", RejectedError),
        ("ImageTagDoesNotMatchDigest", RejectedError),
        ("InvalidImageTag", RejectedError),
        ("SomethingNew", RejectedError),
        ("ImageNotFound", NotFoundError),
        ("UpstreamAccessDenied", ForbiddenError),
        ("UpstreamTooManyRequests", RateLimitedError),
        ("KmsError", ServerError),
    ],
)
def test_a_failure_in_a_200_is_an_error_and_nothing_else_is_tried(aws, ecr, described, code, kind):
    aws.expect("batch_delete_image", failure(code), **deletion(imageTag="1.2"))

    with pytest.raises(kind, match=f"the deletion of team/web:1.2.*{code}: Requested") as raised:
        run(ecr, deleting(), **LOGIN)

    assert type(raised.value) is kind
    # The replay takes no DELETE and no PUT: no stand-in was put in the tag's place.
    assert aws.asked == ["DescribeImages", "BatchDeleteImage"]


def test_what_a_list_leads_to_is_kept_and_told(aws, ecr, described):
    aws.expect("batch_delete_image", document("deletion_failed"), **deletion(imageTag="1.2"))

    with pytest.raises(RejectedError, match="delete that one first"):
        run(ecr, deleting(), **LOGIN)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDeniedException", 400, ForbiddenError),
        ("RepositoryNotFoundException", 400, NotFoundError),
        ("InvalidParameterException", 400, RejectedError),
        ("UnsupportedCommandException", 400, RegistryError),
        ("ServerException", 500, ServerError),
        ("ThrottlingException", 400, RateLimitedError),
    ],
)
def test_a_refusal_is_of_its_class_and_nothing_else_is_tried(
    aws, ecr, described, code, status, kind
):
    aws.refuse("batch_delete_image", code, status=status)

    with pytest.raises(kind, match=code):
        run(ecr, deleting(), **LOGIN)
    assert aws.asked == ["DescribeImages", "BatchDeleteImage"]


def test_who_may_not_delete_is_told_the_permission(aws, ecr, described):
    aws.refuse("batch_delete_image", "AccessDeniedException", "User x is not authorized")

    with pytest.raises(ForbiddenError, match=r"x is not authorized.*ecr:BatchDeleteImage") as e:
        run(ecr, deleting(), **LOGIN)
    assert "Nothing was changed." in e.value.hint


@pytest.mark.parametrize("reply", [{}, {"failures": []}])
def test_an_answer_that_does_not_say_what_was_deleted_is_an_error(aws, ecr, described, reply):
    aws.expect("batch_delete_image", reply, **deletion(imageTag="1.2"))

    with pytest.raises(ProtocolError, match="the deletion of team/web:1"):
        run(ecr, deleting(), **LOGIN)


@pytest.mark.parametrize(
    "work",
    [deleting(), lambda registry: registry.delete_manifest("team/web", Digest(DIGEST))],
)
def test_an_answer_that_does_not_come_is_an_error(aws, ecr, image, work):
    aws.raise_next(ReadTimeoutError(endpoint_url="https://api.ecr.eu-west-1.amazonaws.com/"))

    with pytest.raises(TransportTimeoutError):
        run(ecr, work, **LOGIN)


# Beforehand


def checking(registry):
    return registry.check_deletable("team/web")


def expect_absent(aws, code):
    parameters = deletion() | {"imageIds": ANY}
    aws.expect("batch_delete_image", failure(code), **parameters)


def test_who_may_delete_is_found_out_by_what_is_not_there(aws, ecr):
    expect_absent(aws, "ImageNotFound")

    run(ecr, checking)
    assert aws.asked == ["BatchDeleteImage"]
    assert ecr.asked == []


def test_who_may_not_delete_is_found_out_beforehand(aws, ecr):
    aws.refuse("batch_delete_image", "AccessDeniedException")

    with pytest.raises(ForbiddenError):
        run(ecr, checking)


def test_a_repository_that_is_not_there_is_found_out_beforehand(aws, ecr):
    aws.refuse("batch_delete_image", "RepositoryNotFoundException")

    with pytest.raises(NotFoundError, match="a deletion in team/web"):
        run(ecr, checking)
