"""What comes over one connection: offers of other protocols, and one request after another."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.calling import UPLOADS, Caller, add_digest, begin, push, read_status, upload
from tests.drift.forking import forked_drift
from tests.parts.images import plain_image

NAME = "team/app"
# As Java's HttpClient and curl --http2 send it.
OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"}
OFFER_LINES = [f"{name}: {value}" for name, value in OFFER.items()]
IMAGE = plain_image("image")
LARGE = 24 * 2**20


def connect(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), 10)


def head(method, target, *lines, length=None):
    told = [] if length is None else [f"content-length: {length}"]
    return "\r\n".join(
        [f"{method} {target} HTTP/1.1", "host: localhost", *told, *lines, "", ""]
    ).encode()


def answers(connection):
    """Read until the connection is closed."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def statuses(said):
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("size", [3, 200_000])
def test_a_body_comes_whole_though_another_protocol_was_offered(drift_url, repository, size):
    data = b"x" * size
    with Caller(drift_url) as call:
        place = begin(call, repository)
        call.connection.request("PATCH", place, data, OFFER)
        assert call.reply().headers["range"] == f"0-{size - 1}"
        # The connection goes on as any other.
        call.connection.request("PUT", add_digest(place, Digest.of(data)), None, OFFER)
        assert call.reply().status == 201
        call.connection.request("GET", f"/v2/{repository}/blobs/{Digest.of(data)}", None, OFFER)
        assert call.reply().body == data


def test_a_body_in_chunks_comes_whole_too(drift_url, repository):
    with Caller(drift_url) as call:
        place = begin(call, repository)
        call.connection.request("PATCH", place, iter([b"abc", b"de"]), OFFER, encode_chunked=False)
        assert call.reply().headers["range"] == "0-4"


def test_a_dry_run_stays_one(call, repository):
    digest = upload(call, repository, repository.encode())
    options = b'{"dry_run": true, "grace_seconds": 0}'
    call.connection.request("POST", "/admin/gc", options, OFFER)
    assert call.reply().json["dry_run"] is True
    assert call("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200


def test_an_offer_may_come_byte_by_byte(drift_url):
    request = head("POST", UPLOADS.format(NAME), *OFFER_LINES, length=0)
    with connect(drift_url) as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 202")


def test_what_else_connection_says_is_heard(drift_url):
    lines = ["connection: upgrade , close", "upgrade: h2c"]
    with connect(drift_url) as connection:
        connection.sendall(head("GET", "/v2/", *lines))
        assert statuses(answers(connection)) == [200]


def test_many_offers_in_a_row_are_answered_in_order(drift_url):
    count = 1500
    one = head("GET", "/health", "connection: upgrade", "upgrade: h2c")
    last = head("GET", "/no-such-page", "connection: close, upgrade", "upgrade: h2c")
    with connect(drift_url) as connection:
        connection.sendall(one * count + last)
        assert statuses(answers(connection)) == [200] * count + [404]


def test_headers_with_an_offer_have_an_end_too(drift_url):
    long = [f"x-{number}: {'y' * 1000}" for number in range(70)]
    with connect(drift_url) as connection:
        connection.sendall(head("GET", "/v2/", *OFFER_LINES, *long))
        assert statuses(answers(connection)) == [431]


def test_drift_is_no_proxy(drift_url):
    with connect(drift_url) as connection:
        connection.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n")
        assert statuses(answers(connection)) == [400]


@pytest.mark.parametrize(
    "next_request", [b"GET /v2/ HT", b"GARBAGE\r\n\r\n", head("GET", "/", f"x: {'y' * 70_000}")]
)
def test_nothing_is_written_into_an_answer_that_is_under_way(next_request):
    """Who reads slowly may have sent the beginning of what he asks next."""
    with forked_drift(MemoryRegistry, header_seconds=0.3) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        digest = upload(call, NAME, bytes(LARGE))
        with connect(running.url) as connection:
            connection.sendall(head("GET", f"/v2/{NAME}/blobs/{digest}"))
            said = connection.recv(65536)
            connection.sendall(next_request)
            time.sleep(1)
            whole = said.index(b"\r\n\r\n") + 4 + LARGE
            while more := connection.recv(min(2**20, whole - len(said))):
                said += more
        body = said.partition(b"\r\n\r\n")[2]
        assert statuses(said) == [200]
        assert body == bytes(len(body))
        if next_request.startswith(b"GET /v2/"):
            assert len(body) == LARGE


def test_who_has_his_answer_must_go_on_with_what_he_asks_next():
    with forked_drift(MemoryRegistry, header_seconds=0.3) as running:
        with connect(running.url) as connection:
            connection.sendall(head("GET", "/v2/"))
            assert read_status(connection) == 200
            connection.sendall(b"GET /v2/ HT")
            assert statuses(answers(connection)) == [408]
