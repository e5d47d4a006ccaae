"""Pushing manifests, and mounting, as OCI distribution-spec v1.1, "Push", has it."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from ghostnb.drift import create_app, pushes
from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.drift.calling import UPLOADS, add_digest, begin, check_refusal, push, put, upload
from tests.parts import media_types
from tests.parts.images import Document, Step, artifact, encode, image, index, plain_image
from tests.parts.layers import foreign_layer, layer_of

IMAGE = plain_image("image")
ABSENT = Digest.of(b"absent")


def send(call, repository, reference, raw, media_type=media_types.OCI_MANIFEST):
    target = f"/v2/{repository}/manifests/{reference}"
    return call("PUT", target, raw, **({"content_type": media_type} if media_type else {}))


def test_a_manifest_is_pushed_by_tag(call, repository):
    reply = push(call, repository, "tag", IMAGE)
    assert reply.place == f"/v2/{repository}/manifests/{IMAGE.digest}"
    assert reply.headers["docker-content-digest"] == IMAGE.digest
    assert "oci-subject" not in reply.headers
    assert call("GET", reply.place).body == IMAGE.raw


def test_a_manifest_is_pushed_by_digest(call, repository):
    reply = push(call, repository, "", IMAGE)
    assert reply.headers["docker-content-digest"] == IMAGE.digest
    assert call("GET", reply.place).body == IMAGE.raw
    assert call("GET", f"/v2/{repository}/tags/list").json["tags"] == []


def test_a_tag_moves(call, repository):
    other = plain_image("other")
    for document in (IMAGE, other, IMAGE):
        push(call, repository, "tag", document)
        reply = call("GET", f"/v2/{repository}/manifests/tag")
        assert reply.headers["docker-content-digest"] == document.digest
    assert call("GET", f"/v2/{repository}/manifests/{other.digest}").body == other.raw


def test_a_manifest_is_kept_byte_for_byte(call, repository):
    for blob in IMAGE.blobs:
        upload(call, repository, blob.data)
    raw = json.dumps(json.loads(IMAGE.raw), indent=7).encode() + b"\n \n"
    reply = send(call, repository, "tag", raw)
    assert (reply.status, reply.headers["docker-content-digest"]) == (201, Digest.of(raw))
    assert call("GET", f"/v2/{repository}/manifests/tag").body == raw


def test_a_manifest_of_another_digest_is_refused(call, repository):
    push(call, repository, "tag", IMAGE)
    reply = put(call, repository, ABSENT, IMAGE)
    check_refusal(reply, 400, "DIGEST_INVALID")
    assert IMAGE.digest in reply.json["errors"][0]["message"]
    assert call("HEAD", f"/v2/{repository}/manifests/{ABSENT}").status == 404


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "a:b"])
def test_a_manifest_cannot_have_a_digest_that_is_none(call, repository, digest):
    check_refusal(put(call, repository, digest, IMAGE), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", ["-a", ".a", "a" * 129, "a%20b", "%C3%BC", "a,b"])
def test_a_tag_must_be_one(call, repository, tag):
    for blob in IMAGE.blobs:
        upload(call, repository, blob.data)
    check_refusal(put(call, repository, tag, IMAGE), 400, "MANIFEST_INVALID")
    check_refusal(call("GET", f"/v2/{repository}/manifests/{tag}"), 404, "MANIFEST_UNKNOWN")


def test_a_tag_of_128_characters_is_one(call, repository):
    tag = "_" + "a.-B" * 31 + "abc"
    assert len(tag) == 128
    push(call, repository, tag, IMAGE)
    assert call("GET", f"/v2/{repository}/tags/list").json["tags"] == [tag]


# What a manifest may say


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"schemaVersion":2}',
        b'{"schemaVersion":2,"config":{},"layers":[]}',
        b'{"schemaVersion":2,"config":{"mediaType":"x","digest":"y","size":1},"layers":[]}',
        b"[" * 100_000,
        encode({"schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": [], "history": []}),
    ],
)
def test_what_is_no_manifest_is_refused(call, repository, raw):
    check_refusal(send(call, repository, "tag", raw), 400, "MANIFEST_INVALID")
    check_refusal(call("GET", f"/v2/{repository}/tags/list"), 404, "NAME_UNKNOWN")


def test_what_could_be_read_in_two_ways_is_refused(call, repository):
    both = json.loads(IMAGE.raw) | {"manifests": []}
    for kind in (media_types.OCI_MANIFEST, media_types.OCI_INDEX):
        reply = send(call, repository, "tag", encode(both | {"mediaType": kind}), kind)
        check_refusal(reply, 400, "MANIFEST_INVALID")


def test_the_content_type_must_be_what_the_manifest_says(call, repository):
    push(call, repository, "tag", IMAGE)
    for kind in (media_types.DOCKER_MANIFEST, media_types.OCI_INDEX, "application/json"):
        reply = send(call, repository, "tag", IMAGE.raw, kind)
        check_refusal(reply, 400, "MANIFEST_INVALID")
        assert kind in reply.json["errors"][0]["message"]
    assert send(call, repository, "tag", IMAGE.raw, f"{IMAGE.media_type}; charset=x").status == 201


def test_a_manifest_may_leave_its_media_type_out(call, repository):
    push(call, repository, "tag", IMAGE)
    body = {key: value for key, value in json.loads(IMAGE.raw).items() if key != "mediaType"}
    for kind in (media_types.OCI_MANIFEST, ""):
        assert send(call, repository, "plain", encode(body), kind).status == 201
        reply = call("GET", f"/v2/{repository}/manifests/plain")
        assert reply.headers["content-type"] == media_types.OCI_MANIFEST


def test_a_manifest_may_be_as_large_as_4_mebibytes(call, repository):
    upload(call, repository, b"{}")
    largest = sized(4 * 2**20)
    assert put(call, repository, "largest", largest).status == 201
    reply = call("GET", f"/v2/{repository}/manifests/largest")
    assert reply.body == largest.raw


@pytest.mark.parametrize("size", [4 * 2**20 + 1, 12 * 2**20])
def test_a_manifest_may_not_be_larger(call, repository, size):
    upload(call, repository, b"{}")
    reply = put(call, repository, "larger", sized(size))
    check_refusal(reply, 413, "MANIFEST_INVALID")
    assert "4,194,304" in reply.json["errors"][0]["message"]
    check_refusal(call("GET", f"/v2/{repository}/tags/list"), 404, "NAME_UNKNOWN")


def sized(size: int) -> Document:
    """Make an artifact whose manifest has so many bytes."""
    missing = size - len(artifact("application/x", [], annotations={"pad": ""}).raw)
    made = artifact("application/x", [], annotations={"pad": "x" * missing})
    assert len(made.raw) == size
    return made


def test_a_manifests_blobs_must_be_there(call, repository):
    document = plain_image(repository)
    for there, blob in enumerate(document.blobs):
        reply = put(call, repository, "tag", document)
        check_refusal(reply, 400, "MANIFEST_BLOB_UNKNOWN")
        named = {one["digest"] for one in reply.json["errors"][0]["detail"]}
        assert named == {one.digest for one in document.blobs[there:]}
        upload(call, repository, blob.data)
    check_refusal(call("GET", f"/v2/{repository}/tags/list"), 404, "NAME_UNKNOWN")


def resized(raw, digest, size):
    """Let a document say another size of something than it has."""
    document = json.loads(raw)
    for entry in (
        document.get("config"),
        *document.get("layers", []),
        *document.get("manifests", []),
    ):
        if entry and entry["digest"] == digest:
            entry["size"] = size
    return encode(document)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("size", [0, 10**12])
def test_a_manifest_may_not_lie_about_a_size(call, repository, part, size):
    push(call, repository, "true", IMAGE)
    blob = IMAGE.blobs[part]
    reply = send(call, repository, "tag", resized(IMAGE.raw, blob.digest, size))
    check_refusal(reply, 400, "SIZE_INVALID")
    assert f"{size:,}" in reply.json["errors"][0]["message"]
    assert call("GET", f"/v2/{repository}/tags/list").json["tags"] == ["true"]


def test_an_index_may_not_lie_about_a_size(call, repository):
    document = index([IMAGE])
    push(call, repository, "", IMAGE)
    lie = resized(document.raw, IMAGE.digest, 10**12)
    check_refusal(send(call, repository, "tag", lie, document.media_type), 400, "SIZE_INVALID")


def test_of_many_blobs_that_are_not_there_some_are_named(call, repository):
    layer = json.loads(IMAGE.raw)["layers"][0]
    layers = [{**layer, "digest": str(Digest.of(b"%d" % number))} for number in range(150)]
    reply = send(call, repository, "tag", encode({**json.loads(IMAGE.raw), "layers": layers}))
    check_refusal(reply, 400, "MANIFEST_BLOB_UNKNOWN")
    [error] = reply.json["errors"]
    # Its config may be there, from another test.
    assert error["message"].startswith(("150 of", "151 of"))
    assert len(error["detail"]) == 100


def test_a_large_manifest_is_read_on_a_thread(monkeypatch):
    """To read 4 MiB takes a tenth of a second, for which nobody else would be answered."""
    threads, read = [], pushes.checked_manifest

    def noted(*arguments, **options):
        threads.append(threading.current_thread())
        return read(*arguments, **options)

    monkeypatch.setattr(pushes, "checked_manifest", noted)
    app = create_app(MemoryRegistry())
    for document in (IMAGE, sized(2**20)):
        target = f"/v2/team/app/manifests/{document.digest}"
        headers = {"content-type": document.media_type}
        asked(app, "PUT", target, content=document.raw, headers=headers)
    small, large = threads
    assert small is threading.main_thread()
    assert large is not threading.main_thread()


def test_foreign_layers_are_elsewhere(call, repository):
    document = image([*image_steps(foreign_layer("far", "https://example.com/layer"))])
    push(call, repository, "tag", document)
    reply = call("GET", f"/v2/{repository}/blobs/{document.layers[0].digest}")
    check_refusal(reply, 404, "BLOB_UNKNOWN")


def image_steps(*layers):
    return [Step("ADD x /", layer) for layer in layers]


def test_an_index_may_name_what_is_not_there(call, repository):
    sparse = index([plain_image("here"), plain_image("not here")])
    push(call, repository, "", sparse.children[0])
    assert put(call, repository, "multi", sparse).status == 201
    assert call("GET", f"/v2/{repository}/manifests/multi").body == sparse.raw
    missing = f"/v2/{repository}/manifests/{sparse.children[1].digest}"
    check_refusal(call("GET", missing), 404, "MANIFEST_UNKNOWN")


def test_a_nested_index_is_pushed(call, repository):
    nested = index([index([IMAGE]), plain_image("b", platform="linux/arm64")])
    push(call, repository, "multi", nested)
    for document in (nested, *nested.children, *nested.children[0].children):
        assert call("GET", f"/v2/{repository}/manifests/{document.digest}").body == document.raw


def test_a_subject_may_come_later(call, repository):
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)
    reply = push(call, repository, "", signature)
    assert reply.headers["oci-subject"] == IMAGE.digest
    check_refusal(
        call("GET", f"/v2/{repository}/manifests/{IMAGE.digest}"), 404, "MANIFEST_UNKNOWN"
    )
    push(call, repository, "tag", IMAGE)


# Mounting: end-11


def test_a_blob_is_mounted_from_another_repository(call, repository):
    data = repository.encode()
    digest = upload(call, f"{repository}/source", data)
    target = UPLOADS.format(repository)
    for query in (f"mount={digest}&from={repository}/source", f"mount={digest}"):
        reply = call("POST", f"{target}?{query}")
        assert reply.status == 201
        assert reply.place == f"/v2/{repository}/blobs/{digest}"
        assert reply.headers["docker-content-digest"] == digest
        assert call("GET", reply.place).body == data


def test_a_blob_that_is_not_there_is_uploaded_instead(call, repository):
    data = repository.encode()
    digest = Digest.of(data)
    target = f"{UPLOADS.format(repository)}?mount={digest}&from={repository}/source"
    reply = call("POST", target)
    assert reply.status == 202
    assert call("PUT", add_digest(reply.place, digest), data).status == 201


def test_what_is_mounted_and_from_where_must_be_names(call, repository):
    target = UPLOADS.format(repository)
    reply = call("POST", f"{target}?mount=sha256:abc&from={repository}")
    check_refusal(reply, 400, "DIGEST_INVALID")
    reply = call("POST", f"{target}?mount={ABSENT}&from=../etc")
    check_refusal(reply, 400, "NAME_INVALID")


def test_a_manifest_can_be_pushed_with_mounted_blobs(call, repository):
    document = plain_image(repository, base=[layer_of("base")])
    push(call, f"{repository}/source", "tag", document)
    for blob in document.blobs:
        query = f"mount={blob.digest}&from={repository}/source"
        assert call("POST", f"{UPLOADS.format(repository)}?{query}").status == 201
    assert put(call, repository, "tag", document).status == 201


# sha512


def test_a_manifest_named_by_sha512_is_found_where_it_is_said_to_be(call, repository):
    for blob in IMAGE.blobs:
        upload(call, repository, blob.data)
    digest = "sha512:" + hashlib.sha512(IMAGE.raw).hexdigest()
    reply = put(call, repository, digest, IMAGE)
    assert reply.status == 201
    assert reply.headers["docker-content-digest"] == digest
    assert reply.place.endswith(digest)
    found = call("GET", reply.place)
    assert (found.body, found.headers["docker-content-digest"]) == (IMAGE.raw, digest)
    wrong = "sha512:" + hashlib.sha512(b"").hexdigest()
    check_refusal(put(call, repository, wrong, IMAGE), 400, "DIGEST_INVALID")


def test_an_upload_that_was_begun_for_another_repository_does_not_help(call, repository):
    place = begin(call, repository).replace(repository, f"{repository}/other")
    check_refusal(call("PUT", add_digest(place, ABSENT), b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
