"""Names, routes and headers that nobody well-meaning sends, and storage that was meddled with."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import psutil
import pytest

from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import UPLOADS, Caller, check_refusal, push, put, upload
from tests.drift.forking import forked_drift
from tests.parts.images import artifact, plain_image
from tests.registries.layout.test_registry import blob_file

IMAGE = plain_image("image")
ABSENT = Digest.of(b"absent")
LONGEST = "a" * 127 + "/" + "b" * 127


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b/c/d/e/f/g",
        "a.b_c__d-e--f/0",
        LONGEST,
        "tags/list",
        "manifests",
        "manifests/latest",
        "blobs/uploads",
        "team/blobs/uploads/referrers",
        "referrers/x",
        "v2",
        "x/blobs",
    ],
)
def test_a_legal_name_is_one_whatever_it_looks_like(call, name):
    push(call, name, "latest", IMAGE)
    assert call("GET", f"/v2/{name}/manifests/latest").body == IMAGE.raw
    assert "latest" in call("GET", f"/v2/{name}/tags/list").json["tags"]
    layer = IMAGE.layers[0]
    assert call("GET", f"/v2/{name}/blobs/{layer.digest}").body == layer.data
    assert call("GET", f"/v2/{name}/referrers/{IMAGE.digest}").json["manifests"] == []
    assert name in call("GET", "/v2/_catalog").json["repositories"]
    assert call("DELETE", f"/v2/{name}/manifests/{IMAGE.digest}").status == 202
    assert name not in call("GET", "/v2/_catalog").json["repositories"]


def test_an_encoded_slash_is_a_slash(call, repository):
    push(call, repository, "tag", IMAGE)
    reply = call("GET", f"/v2/{repository.replace('/', '%2F')}/manifests/tag")
    assert reply.body == IMAGE.raw


@pytest.mark.parametrize(
    "name",
    [
        "A",
        "team/App",
        "..",
        "..%2f..%2fetc",
        "%2e%2e/%2e%2e",
        "a/../b",
        "a/./b",
        "a//b",
        "",
        "/a",
        "a/",
        "%2fetc%2fpasswd",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "a%20b",
        "a%00b",
        "%C3%BC",
        "%ff",
        "a%252fb",
        "a%5cb",
        "localhost:5000/a",
        LONGEST + "c",
    ],
)
def test_an_illegal_name_is_refused_everywhere(call, name):
    for method, target in (
        ("GET", "manifests/latest"),
        ("HEAD", "manifests/latest"),
        ("PUT", "manifests/latest"),
        ("DELETE", "manifests/latest"),
        ("GET", f"blobs/{ABSENT}"),
        ("DELETE", f"blobs/{ABSENT}"),
        ("POST", "blobs/uploads/"),
        ("POST", f"blobs/uploads/?digest={ABSENT}"),
        ("PATCH", f"blobs/uploads/{'0' * 32}"),
        ("GET", "tags/list"),
        ("GET", f"referrers/{ABSENT}"),
    ):
        reply = call(method, f"/v2/{name}/{target}", b"x")
        if method == "HEAD":
            assert reply.status == 400
        else:
            check_refusal(reply, 400, "NAME_INVALID")


@pytest.mark.parametrize(
    "target",
    [
        "/nope",
        "/v1",
        "/v2/team/app",
        "/v2/team/app/nope",
        "/v2/team/app/tags",
        "/v2/a/blobs/x/y",
        "/v2/a%0d%0ab/manifests/latest",
    ],
)
def test_what_is_no_route_is_not_found(call, target):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        check_refusal(call(method, target), 404, "NOT_FOUND")
    assert call("HEAD", target).status == 404


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/v2/", "GET, HEAD"),
        ("DELETE", "/v2/_catalog", "GET, HEAD"),
        ("PUT", "/v2/team/app/tags/list", "GET, HEAD"),
        ("PATCH", "/v2/team/app/manifests/latest", "DELETE, GET, HEAD, PUT"),
        ("OPTIONS", "/v2/team/app/manifests/latest", "DELETE, GET, HEAD, PUT"),
        ("PUT", f"/v2/team/app/blobs/{ABSENT}", "DELETE, GET, HEAD"),
        ("GET", "/v2/team/app/blobs/uploads/", "POST"),
        ("POST", "/v2/team/app/blobs/uploads/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("PROPFIND", "/v2/", "GET, HEAD"),
    ],
)
def test_a_method_that_a_route_has_not_is_refused(call, method, target, allowed):
    reply = call(method, target)
    check_refusal(reply, 405, "UNSUPPORTED")
    assert reply.headers["allow"] == allowed


# Headers


def raw_call(url, request, *, wait_seconds=5.0):
    """Send bytes, and give all that comes until the other side closes."""
    parts, received = urlsplit(url), b""
    with socket.create_connection((parts.hostname, parts.port), wait_seconds) as connection:
        # It may be closed before all is sent, and before all was read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    return received


START = b"GET /v2/%s HTTP/1.1\r\nhost: localhost\r\n"


@pytest.mark.parametrize(
    "request_of",
    [
        lambda size: START % b"" + b"x-long: " + b"x" * size + b"\r\n\r\n",
        lambda size: START % b"" + b"x: y\r\n" * (size // 6) + b"\r\n",
        lambda size: START % (b"?" + b"x" * size) + b"\r\n",
    ],
)
def test_headers_have_an_end(drift_url, request_of):
    small = request_of(30_000)[:-2] + b"connection: close\r\n\r\n"
    assert raw_call(drift_url, small).startswith(b"HTTP/1.1 200")
    assert raw_call(drift_url, request_of(66_000)).startswith(b"HTTP/1.1 431")


def test_endless_headers_take_no_memory(tmp_path):
    with forked_drift(lambda: LayoutRegistry(tmp_path / "root")) as running:
        raw_call(running.url, b"GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        process = psutil.Process(running.pid)
        before, open_before = process.memory_info().rss, process.num_fds()
        for _ in range(5):
            raw_call(running.url, b"GET /v2/ HTTP/1.1\r\nx-long: " + b"x" * 40_000_000)
        assert process.memory_info().rss - before < 20 * 2**20
        with Caller(running.url) as call:
            assert call("GET", "/v2/").status == 200
            # It was forked from the tests, with what these have open; one is the call's own.
            assert process.num_fds() < open_before + 4


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\x00" * 1000])
def test_what_is_no_http_is_refused(drift_url, junk):
    assert raw_call(drift_url, junk + b"\r\n\r\n").startswith(b"HTTP/1.1 400")


# Storage


@pytest.fixture
def layout(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def served(layout):
    """Serve a layout that holds an image, and that the test meddles with."""
    with forked_drift(lambda: LayoutRegistry(layout)) as running, Caller(running.url) as call:
        push(call, "team/app", "latest", IMAGE)
        time.sleep(0.06)
        yield call


def test_a_link_that_leads_out_is_not_followed(served, layout, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"the password is 1234")
    blob_file(layout, ABSENT).symlink_to(secret)
    layer = IMAGE.layers[0].digest
    blob_file(layout, layer).unlink()
    blob_file(layout, layer).symlink_to(secret)
    for digest in (ABSENT, layer):
        for method in ("GET", "HEAD"):
            reply = served(method, f"/v2/team/app/blobs/{digest}")
            assert reply.status == 500
            assert b"1234" not in reply.body
        assert served("DELETE", f"/v2/team/app/blobs/{digest}").status == 500
    assert secret.read_bytes() == b"the password is 1234"
    assert served("GET", "/v2/team/app/manifests/latest").status == 200


def test_a_folder_that_is_a_link_is_not_written_through(served, layout, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (layout / "blobs" / "sha512").symlink_to(outside)
    digest = Digest.of(b"data", "sha512")
    reply = served("POST", f"{UPLOADS.format('team/app')}?digest={digest}", b"data")
    check_refusal(reply, 500, "UNKNOWN")
    assert "leads out" in reply.json["errors"][0]["message"]
    assert list(outside.iterdir()) == []


def test_damaged_storage_is_the_servers_fault(served, layout):
    blob_file(layout, IMAGE.digest).write_bytes(b"damaged")
    reply = served("GET", "/v2/team/app/manifests/latest")
    check_refusal(reply, 500, "UNKNOWN")
    assert IMAGE.digest in reply.json["errors"][0]["message"]
    # Pushed again, it is mended.
    assert put(served, "team/app", "latest", IMAGE).status == 201
    assert served("GET", "/v2/team/app/manifests/latest").body == IMAGE.raw
    (layout / "index.json").write_bytes(b"{")
    for target in ("/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/latest"):
        check_refusal(served("GET", target), 500, "UNKNOWN")
    assert served("GET", "/v2/").status == 200


def test_a_shorter_file_ends_the_answer_early(served, layout):
    """Nobody can be told any more; but nobody takes it for the whole."""
    digest = upload(served, "team/app", bytes(5_000_000))
    path = blob_file(layout, digest)
    with Caller(served.url) as other:
        other.connection.request("GET", f"/v2/team/app/blobs/{digest}")
        reply = other.connection.getresponse()
        assert reply.read(10) == bytes(10)
        path.write_bytes(bytes(1000))
        assert reply.status == 200
        assert int(reply.headers["content-length"]) == 5_000_000
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            reply.read()
    assert served("GET", "/v2/").status == 200


def test_entries_of_others_do_not_hold_it_up(served, layout):
    index = json.loads((layout / "index.json").read_bytes())
    odd = {"mediaType": "text/plain", "digest": str(ABSENT), "size": 1}
    index["manifests"] += [odd, odd | {"annotations": {"org.opencontainers.image.ref.name": "ü ö"}}]
    (layout / "index.json").write_text(json.dumps(index))
    assert served("GET", "/v2/_catalog").status == 200
    assert served("GET", "/v2/team/app/manifests/latest").body == IMAGE.raw
    signature = artifact("application/vnd.example.sig", [], subject=IMAGE)
    push(served, "team/app", "", signature)
    found = served("GET", f"/v2/team/app/referrers/{IMAGE.digest}").json["manifests"]
    assert [entry["digest"] for entry in found] == [signature.digest]
