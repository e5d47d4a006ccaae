"""Deleting, as OCI distribution-spec v1.1, "Content Management", has it."""

from __future__ import annotations

import random

import pytest

from ghostnb.oci import Digest
from tests.drift.calling import check_refusal, push, put, upload
from tests.parts.images import index, plain_image

ABSENT = Digest.of(b"absent")


def listed(call, repository):
    return call("GET", f"/v2/{repository}/tags/list").json["tags"]


def test_a_tag_is_deleted_alone(call, repository):
    image = plain_image(repository)
    push(call, repository, "one", image)
    push(call, repository, "two", image)
    reply = call("DELETE", f"/v2/{repository}/manifests/one")
    assert (reply.status, reply.body) == (202, b"")
    check_refusal(call("GET", f"/v2/{repository}/manifests/one"), 404, "MANIFEST_UNKNOWN")
    assert listed(call, repository) == ["two"]
    assert call("DELETE", f"/v2/{repository}/manifests/two").status == 202
    assert listed(call, repository) == []
    assert call("GET", f"/v2/{repository}/manifests/{image.digest}").body == image.raw
    for tag in ("one", "two"):
        reply = call("DELETE", f"/v2/{repository}/manifests/{tag}")
        check_refusal(reply, 404, "MANIFEST_UNKNOWN")


def test_a_manifest_is_deleted_with_its_tags(call, repository):
    image, other = plain_image(repository), plain_image(f"{repository}/other")
    for tag, document in (("one", image), ("two", image), ("other", other)):
        push(call, repository, tag, document)
    target = f"/v2/{repository}/manifests/{image.digest}"
    assert call("DELETE", target).status == 202
    assert listed(call, repository) == ["other"]
    for reference in (image.digest, "one", "two"):
        reply = call("GET", f"/v2/{repository}/manifests/{reference}")
        check_refusal(reply, 404, "MANIFEST_UNKNOWN")
    check_refusal(call("DELETE", target), 404, "MANIFEST_UNKNOWN")
    # Its blobs are there still, so that it can be pushed again.
    assert put(call, repository, "again", image).status == 201


def test_the_last_manifest_takes_the_repository_along(call, repository):
    image = plain_image(repository)
    push(call, repository, "tag", image)
    assert call("DELETE", f"/v2/{repository}/manifests/{image.digest}").status == 202
    check_refusal(call("GET", f"/v2/{repository}/tags/list"), 404, "NAME_UNKNOWN")
    assert repository not in call("GET", "/v2/_catalog").json["repositories"]
    reply = call("DELETE", f"/v2/{repository}/manifests/{image.digest}")
    check_refusal(reply, 404, "MANIFEST_UNKNOWN")


def test_a_manifest_that_an_index_holds_is_not_deleted(call, repository):
    both = index([plain_image(repository), plain_image(f"{repository}/b")])
    push(call, repository, "multi", both)
    target = f"/v2/{repository}/manifests/{both.children[0].digest}"
    reply = call("DELETE", target)
    check_refusal(reply, 405, "UNSUPPORTED")
    assert both.digest in reply.json["errors"][0]["message"]
    assert call("GET", target).status == 200
    assert call("DELETE", f"/v2/{repository}/manifests/{both.digest}").status == 202
    assert call("DELETE", target).status == 202


def test_a_blob_is_deleted(call, repository):
    digest = upload(call, repository, random.Random(repository).randbytes(100))
    target = f"/v2/{repository}/blobs/{digest}"
    reply = call("DELETE", target)
    assert (reply.status, reply.body) == (202, b"")
    assert call("HEAD", target).status == 404
    check_refusal(call("DELETE", target), 404, "BLOB_UNKNOWN")


def test_a_blob_that_a_manifest_needs_is_not_deleted(call, repository):
    image = plain_image(repository)
    push(call, repository, "tag", image)
    for blob in image.blobs:
        reply = call("DELETE", f"/v2/{repository}/blobs/{blob.digest}")
        check_refusal(reply, 405, "UNSUPPORTED")
        assert call("GET", f"/v2/{repository}/blobs/{blob.digest}").body == blob.data
    assert call("DELETE", f"/v2/{repository}/manifests/{image.digest}").status == 202
    for blob in image.blobs:
        assert call("DELETE", f"/v2/{repository}/blobs/{blob.digest}").status == 202
    missing = put(call, repository, "tag", image)
    check_refusal(missing, 400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("known", [False, True])
def test_what_is_not_there_cannot_be_deleted(call, repository, known):
    if known:
        push(call, repository, "tag", plain_image(repository))
    for target, code in (
        (f"manifests/{ABSENT}", "MANIFEST_UNKNOWN"),
        ("manifests/absent", "MANIFEST_UNKNOWN"),
        (f"blobs/{ABSENT}", "BLOB_UNKNOWN"),
    ):
        check_refusal(call("DELETE", f"/v2/{repository}/{target}"), 404, code)


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "a:b"])
@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_a_digest_that_is_none_is_refused(call, repository, kind, digest):
    push(call, repository, "tag", plain_image(repository))
    check_refusal(call("DELETE", f"/v2/{repository}/{kind}/{digest}"), 400, "DIGEST_INVALID")
