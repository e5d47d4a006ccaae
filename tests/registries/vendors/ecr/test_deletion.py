"""Deletions in private registries: by the API alone, whose 200 may hold a failure."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY

from ghostnb.errors import (
    ForbiddenError,
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
from tests.parts.images import plain_image
from tests.registries.vendors.ecr.replay import PASSWORD, document
from tests.registries.vendors.ecr.runs import deletion, run

LOGIN = {"username": "AWS", "password": PASSWORD}
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def image(ecr):
    made = plain_image("web")
    ecr.held.add("team/web:1.2", made)
    return made


def deleting(tag="1.2", **options):
    return lambda registry: registry.delete_tag("team/web", tag, **options)


def failure(code):
    reply = document("deletion_failed")
    reply["failures"][0]["failureCode"] = code
    return reply


def test_a_tag_is_deleted_by_its_name_alone(aws, ecr, image):
    aws.expect("batch_delete_image", document("deleted_tag"), **deletion(imageTag="1.2"))

    run(ecr, deleting(expected=Digest(image.digest)), **LOGIN)
    assert aws.asked == ["BatchDeleteImage"]


def test_a_tag_that_moved_stays(aws, ecr, image):
    with pytest.raises(TagMovedError):
        run(ecr, deleting(expected=Digest(DIGEST)), **LOGIN)
    assert aws.asked == []


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
def test_a_failure_in_a_200_is_an_error_and_nothing_else_is_tried(aws, ecr, image, code, kind):
    aws.expect("batch_delete_image", failure(code), **deletion(imageTag="1.2"))

    with pytest.raises(kind, match=f"the deletion of team/web:1.2.*{code}: Requested") as raised:
        run(ecr, deleting(), **LOGIN)

    assert type(raised.value) is kind
    # The replay takes no DELETE and no PUT: no stand-in was put in the tag's place.
    assert aws.asked == ["BatchDeleteImage"]


def test_what_a_list_leads_to_is_kept_and_told(aws, ecr, image):
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
def test_a_refusal_is_of_its_class_and_nothing_else_is_tried(aws, ecr, image, code, status, kind):
    aws.refuse("batch_delete_image", code, status=status)

    with pytest.raises(kind, match=code):
        run(ecr, deleting(), **LOGIN)
    assert aws.asked == ["BatchDeleteImage"]


def test_who_may_not_delete_is_told_the_permission(aws, ecr, image):
    aws.refuse("batch_delete_image", "AccessDeniedException", "User x is not authorized")

    with pytest.raises(ForbiddenError, match=r"x is not authorized.*ecr:BatchDeleteImage") as e:
        run(ecr, deleting(), **LOGIN)
    assert "Nothing was changed." in e.value.hint


@pytest.mark.parametrize("reply", [{}, {"failures": []}])
def test_an_answer_that_does_not_say_what_was_deleted_is_an_error(aws, ecr, image, reply):
    aws.expect("batch_delete_image", reply, **deletion(imageTag="1.2"))

    with pytest.raises(ProtocolError, match="the deletion of team/web:1"):
        run(ecr, deleting(), **LOGIN)


def test_an_answer_that_does_not_come_is_an_error(aws, ecr, image):
    aws.raise_next(ReadTimeoutError(endpoint_url="https://api.ecr.eu-west-1.amazonaws.com/"))

    with pytest.raises(TransportTimeoutError):
        run(ecr, deleting(), **LOGIN)


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
