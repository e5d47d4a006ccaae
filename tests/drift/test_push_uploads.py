"""Pushing blobs, as OCI distribution-spec v1.1, "Pushing Blobs", has it."""

from __future__ import annotations

import hashlib
import random

import pytest

from ghostnb.oci import Digest
from tests.drift.calling import OCTETS, UPLOADS, add_digest, begin, check_refusal

DATA = random.Random(9).randbytes(2_500_000)
DIGEST = Digest.of(DATA)
ABSENT = Digest.of(b"absent")


def fetch(call, repository, digest):
    return call("GET", f"/v2/{repository}/blobs/{digest}").body


def check_stored(call, repository, reply, data):
    """See that a blob was acknowledged, and is there."""
    digest = Digest.of(data)
    assert reply.status == 201, reply
    assert reply.place == f"/v2/{repository}/blobs/{digest}"
    assert reply.headers["docker-content-digest"] == digest
    assert fetch(call, repository, digest) == data


def check_progress(reply, status, size, place):
    """See that an answer says how far an upload has come."""
    assert (reply.status, reply.body) == (status, b"")
    assert reply.place == place
    assert reply.headers["range"] == f"0-{max(size - 1, 0)}"
    assert reply.headers["docker-upload-uuid"] == place.rpartition("/")[2]


def send(call, place, data, first):
    """Send a piece with the place that it has in the whole."""
    last = first + len(data) - 1
    return call("PATCH", place, data, content_type=OCTETS, content_range=f"{first}-{last}")


def own(repository, size=1000):
    """Make bytes that no other test pushes."""
    return random.Random(repository).randbytes(size)


@pytest.mark.parametrize("slash", ["/", ""])
def test_a_blob_in_one_request(call, repository, slash):
    target = f"/v2/{repository}/blobs/uploads{slash}?digest={DIGEST}"
    check_stored(call, repository, call("POST", target, DATA, content_type=OCTETS), DATA)


def test_a_blob_in_two_requests(call, repository):
    place = begin(call, repository)
    reply = call("PUT", add_digest(place, DIGEST), DATA, content_type=OCTETS)
    check_stored(call, repository, reply, DATA)
    check_refusal(call("GET", place), 404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("sizes", [[2_500_000], [1, 2_499_999], [1_000_000] * 2 + [500_000]])
@pytest.mark.parametrize("with_last", [False, True])
def test_a_blob_in_chunks(call, repository, sizes, with_last):
    place, done = begin(call, repository), 0
    for size in sizes[:-1] if with_last else sizes:
        reply = send(call, place, DATA[done : done + size], done)
        done += size
        check_progress(reply, 202, done, place)
    check_progress(call("GET", place), 204, done, place)
    rest, headers = DATA[done:], {"content_range": f"{done}-{len(DATA) - 1}"}
    reply = call("PUT", add_digest(place, DIGEST), rest, **(headers if rest else {}))
    check_stored(call, repository, reply, DATA)


def test_a_blob_in_a_stream(call, repository):
    """As Docker sends it: one PATCH that does not say how much comes."""
    place = begin(call, repository)
    pieces = iter([DATA[:100], DATA[100:1_000_000], DATA[1_000_000:]])
    reply = call("PATCH", place, pieces, content_type=OCTETS)
    check_progress(reply, 202, len(DATA), place)
    check_stored(call, repository, call("PUT", add_digest(place, DIGEST)), DATA)


def test_the_empty_blob(call, repository):
    place = begin(call, repository)
    check_progress(call("GET", place), 204, 0, place)
    check_progress(call("PATCH", place, b""), 202, 0, place)
    check_stored(call, repository, call("PUT", add_digest(place, Digest.of(b"")), b""), b"")
    target = f"{UPLOADS.format(repository)}?digest={Digest.of(b'')}"
    check_stored(call, repository, call("POST", target, b""), b"")


def test_a_chunk_out_of_order_is_refused_and_the_upload_goes_on(call, repository):
    data = own(repository)
    place = begin(call, repository)
    check_progress(send(call, place, data[:400], 0), 202, 400, place)
    for first in (0, 399, 401, 500):
        reply = send(call, place, data[first : first + 100], first)
        check_refusal(reply, 416, "BLOB_UPLOAD_INVALID")
        assert reply.headers["range"] == "0-399"
        assert reply.place == place
    put = call("PUT", add_digest(place, Digest.of(data)), data[:300], content_range="700-999")
    check_refusal(put, 416, "BLOB_UPLOAD_INVALID")
    check_progress(call("GET", place), 204, 400, place)
    check_progress(send(call, place, data[400:], 400), 202, 1000, place)
    check_stored(call, repository, call("PUT", add_digest(place, Digest.of(data))), data)


@pytest.mark.parametrize(
    ("written", "status", "code"),
    [
        ("a-b", 416, "BLOB_UPLOAD_INVALID"),
        ("9-0", 416, "BLOB_UPLOAD_INVALID"),
        ("0", 416, "BLOB_UPLOAD_INVALID"),
        ("-5", 416, "BLOB_UPLOAD_INVALID"),
        ("0-" + "9" * 5000, 416, "BLOB_UPLOAD_INVALID"),
        ("0-10", 400, "SIZE_INVALID"),
        ("0-8", 400, "SIZE_INVALID"),
    ],
)
def test_a_place_that_cannot_be_is_refused(call, repository, written, status, code):
    place = begin(call, repository)
    check_refusal(call("PATCH", place, b"0123456789", content_range=written), status, code)
    check_progress(call("GET", place), 204, 0, place)


def test_the_place_may_be_written_as_http_has_it(call, repository):
    place = begin(call, repository)
    reply = call("PATCH", place, b"0123456789", content_range="bytes 0-9/20")
    check_progress(reply, 202, 10, place)


@pytest.mark.parametrize("wrong", [ABSENT, "sha512:" + hashlib.sha512(b"").hexdigest()])
def test_a_blob_of_another_digest_is_not_stored(call, repository, wrong):
    data = own(repository)
    target = f"{UPLOADS.format(repository)}?digest={wrong}"
    check_refusal(call("POST", target, data), 400, "DIGEST_INVALID")
    place = begin(call, repository)
    reply = call("PUT", add_digest(place, wrong), data)
    check_refusal(reply, 400, "DIGEST_INVALID")
    assert Digest.of(data, wrong[:6]) in reply.json["errors"][0]["message"]
    for digest in (wrong, Digest.of(data)):
        assert call("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
    # All has come, and the right digest still makes a blob of it.
    check_stored(call, repository, call("PUT", add_digest(place, Digest.of(data))), data)


@pytest.mark.parametrize("digest", ["sha256:abc", "x", "md5:" + "0" * 32, ""])
def test_a_digest_that_is_none_takes_nothing(call, repository, digest):
    data = own(repository)
    reply = call("POST", f"{UPLOADS.format(repository)}?digest={digest}", data)
    check_refusal(reply, 400, "DIGEST_INVALID")
    place = begin(call, repository)
    check_refusal(call("PUT", f"{place}?digest={digest}", data), 400, "DIGEST_INVALID")
    check_refusal(call("PUT", place, data), 400, "DIGEST_INVALID")
    check_progress(call("GET", place), 204, 0, place)


def test_an_upload_is_cancelled(call, repository):
    place = begin(call, repository)
    send(call, place, b"0123456789", 0)
    assert call("DELETE", place).status == 204
    check_no_upload(call, place)


@pytest.mark.parametrize("name", ["0" * 32, "x", "..%2f..%2findex.json", "%00", "%C3%BC"])
def test_an_upload_that_was_not_begun_is_unknown(call, repository, name):
    check_no_upload(call, f"/v2/{repository}/blobs/uploads/{name}")


def check_no_upload(call, place):
    if "%2f" in place:
        place = place.replace("%2f", "%252f")
    for method, target in (
        ("GET", place),
        ("PATCH", place),
        ("PUT", add_digest(place, DIGEST)),
        ("DELETE", place),
    ):
        check_refusal(call(method, target, b"x"), 404, "BLOB_UPLOAD_UNKNOWN")


def test_two_repositories_share_a_blob(call, repository):
    data = own(repository)
    place = begin(call, repository)
    check_stored(call, repository, call("PUT", add_digest(place, Digest.of(data)), data), data)
    assert fetch(call, f"{repository}/other", Digest.of(data)) == data


def test_a_refused_body_does_not_end_the_connection(call, repository):
    """A large body is on its way when the answer is written."""
    for target in (
        f"/v2/{repository}/blobs/uploads/{'0' * 32}?digest={DIGEST}",
        f"{begin(call, repository)}?digest=none",
    ):
        assert call("PUT", target, DATA * 4).status in (400, 404)
        assert call("GET", "/v2/").status == 200
