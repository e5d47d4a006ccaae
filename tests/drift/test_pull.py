"""Pulling, as OCI distribution-spec v1.1, "Pull", has it."""

from __future__ import annotations

import hashlib
import random

import pytest

from ghostnb.oci import Digest
from tests.drift.calling import check_refusal, push, upload
from tests.parts.images import Document, artifact, image, index, plain_image
from tests.parts.layers import layer_of

DATA = random.Random(8).randbytes(3_000_017)
ABSENT = Digest.of(b"absent")
KINDS: dict[str, Document] = {
    "image": plain_image("image"),
    "docker": image([], docker=True),
    "index": index([plain_image("a"), plain_image("b", platform="linux/arm64")], attested=True),
    "list": index([image([], docker=True)], docker=True),
    "nested": index([index([plain_image("deep")])]),
    "artifact": artifact("application/vnd.example.thing", [layer_of("thing")]),
    "annotated": plain_image("ü", annotations={"org.example.naïve": "“yes”"}),
}


def test_the_base_says_what_is_there(call):
    reply = call("GET", "/v2/")
    assert reply.status == 200
    assert reply.json == {}
    assert reply.headers["docker-distribution-api-version"] == "registry/2.0"
    assert reply.headers["server"] == "drift"


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_is_given_as_it_was_pushed(call, repository, kind):
    document = KINDS[kind]
    push(call, repository, "tag", document)
    for reference in ("tag", document.digest):
        target = f"/v2/{repository}/manifests/{reference}"
        reply = call("GET", target, accept=document.media_type)
        assert (reply.status, reply.body) == (200, document.raw)
        assert reply.headers["content-type"] == document.media_type
        assert reply.headers["content-length"] == str(len(document.raw))
        assert reply.headers["docker-content-digest"] == document.digest
        head = call("HEAD", target)
        assert (head.status, head.body) == (200, b"")
        assert head.lasting_headers == reply.lasting_headers
    for child in document.children:
        assert call("GET", f"/v2/{repository}/manifests/{child.digest}").body == child.raw


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "small", "large"])
def test_a_blob_is_given_as_it_was_pushed(call, repository, data):
    digest = upload(call, repository, data)
    reply = call("GET", f"/v2/{repository}/blobs/{digest}")
    assert (reply.status, reply.body) == (200, data)
    assert reply.headers["content-length"] == str(len(data))
    assert reply.headers["docker-content-digest"] == digest
    assert reply.headers["content-type"] == "application/octet-stream"
    head = call("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert (head.status, head.body) == (200, b"")
    assert head.lasting_headers == reply.lasting_headers


def test_a_blob_is_given_by_its_sha512(call, repository):
    digest = "sha512:" + hashlib.sha512(DATA).hexdigest()
    reply = call("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", DATA)
    assert (reply.status, reply.headers["docker-content-digest"]) == (201, digest)
    reply = call("GET", f"/v2/{repository}/blobs/{digest}")
    assert reply.body == DATA
    assert reply.headers["docker-content-digest"] == digest


def test_what_is_not_there_is_not_found(call, repository):
    push(call, repository, "tag", KINDS["image"])
    for name in (repository, f"{repository}/other"):
        for reference in ("none", ABSENT):
            reply = call("GET", f"/v2/{name}/manifests/{reference}")
            check_refusal(reply, 404, "MANIFEST_UNKNOWN")
        check_refusal(call("GET", f"/v2/{name}/blobs/{ABSENT}"), 404, "BLOB_UNKNOWN")
        for place in ("manifests/none", f"manifests/{ABSENT}", f"blobs/{ABSENT}"):
            head = call("HEAD", f"/v2/{name}/{place}")
            assert (head.status, head.body) == (404, b"")


def test_a_manifest_is_its_repositorys_alone(call, repository):
    push(call, repository, "tag", KINDS["image"])
    push(call, f"{repository}/other", "tag", KINDS["docker"])
    reply = call("GET", f"/v2/{repository}/other/manifests/{KINDS['image'].digest}")
    check_refusal(reply, 404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    "digest",
    ["sha256:abc", "sha256:" + "A" * 64, "sha256:", "md5:" + "0" * 32, "x:y", "sha512:" + "0" * 64],
)
@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_a_digest_that_is_none_is_refused(call, repository, kind, digest):
    push(call, repository, "tag", KINDS["image"])
    check_refusal(call("GET", f"/v2/{repository}/{kind}/{digest}"), 400, "DIGEST_INVALID")


# Range requests: RFC 9110, 14


SIZE = len(DATA)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1048570-1048580", 1048570, 1048580),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=1000-", 1000, SIZE - 1),
        (f"bytes=0-{SIZE - 1}", 0, SIZE - 1),
        (f"bytes=5-{SIZE + 100}", 5, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        ("Bytes=0-9", 0, 9),
    ],
)
def test_a_part_of_a_blob_is_given(call, repository, asked, first, last):
    digest = upload(call, repository, DATA)
    reply = call("GET", f"/v2/{repository}/blobs/{digest}", range=asked)
    assert reply.status == 206
    assert reply.body == DATA[first : last + 1]
    assert reply.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert reply.headers["content-length"] == str(last - first + 1)
    assert reply.headers["docker-content-digest"] == digest


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE}", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(call, repository, asked):
    digest = upload(call, repository, DATA)
    reply = call("GET", f"/v2/{repository}/blobs/{digest}", range=asked)
    check_refusal(reply, 416, "SIZE_INVALID")
    assert reply.headers["content-range"] == f"bytes */{SIZE}"
    # And the connection is good for more.
    assert call("GET", "/v2/").status == 200


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-0,5-9",
        "bytes=0-0, -1",
        "items=0-5",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "0-5",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_part_is_given_whole(call, repository, asked):
    digest = upload(call, repository, b"0123456789")
    reply = call("GET", f"/v2/{repository}/blobs/{digest}", range=asked)
    assert (reply.status, reply.body) == (200, b"0123456789")


def test_an_empty_blob_has_no_parts(call, repository):
    digest = upload(call, repository, b"")
    reply = call("GET", f"/v2/{repository}/blobs/{digest}", range="bytes=0-0")
    check_refusal(reply, 416, "SIZE_INVALID")
    assert reply.headers["content-range"] == "bytes */0"


def test_a_part_is_of_the_content_that_the_client_knows(call, repository):
    digest = upload(call, repository, b"0123456789")
    target = f"/v2/{repository}/blobs/{digest}"
    same = call("GET", target, range="bytes=0-1", if_range=f'"{digest}"')
    assert (same.status, same.body) == (206, b"01")
    other = call("GET", target, range="bytes=0-1", if_range='"other"')
    assert (other.status, other.body) == (200, b"0123456789")


# Conditional requests: RFC 9110, 13


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ["{}", "W/{}", '"x", {}', "*"])
def test_what_the_client_has_is_not_sent_again(call, repository, method, known):
    document = KINDS["image"]
    push(call, repository, "tag", document)
    layer = document.layers[0].digest
    for digest, places in (
        (document.digest, ["manifests/tag", f"manifests/{document.digest}"]),
        (layer, [f"blobs/{layer}"]),
    ):
        for place in places:
            target = f"/v2/{repository}/{place}"
            etag = call("GET", target).headers["etag"]
            assert etag == f'"{digest}"'
            reply = call(method, target, if_none_match=known.format(etag))
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers["etag"] == etag
            assert reply.headers["docker-content-digest"] == digest
            assert call(method, target, if_none_match='"other"').status == 200


def test_what_is_not_there_is_not_unchanged(call, repository):
    reply = call("GET", f"/v2/{repository}/blobs/{ABSENT}", if_none_match="*")
    check_refusal(reply, 404, "BLOB_UNKNOWN")
