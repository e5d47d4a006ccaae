"""Clients that are slow, many, or gone; and how much Drift takes of them."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from urllib.parse import urlsplit

import psutil
import pytest

from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.calling import (
    UPLOADS,
    Caller,
    add_digest,
    begin,
    check_refusal,
    push,
    put,
    read_status,
    upload,
)
from tests.drift.forking import forked_drift
from tests.parts.images import plain_image
from tests.serving import wait_until

NAME = "team/app"
IMAGE = plain_image("image")
DATA = random.Random(11).randbytes(2_000_000)
LARGE = 40 * 2**20


@contextlib.contextmanager
def half_sent(call, place, data, *, method="PATCH", promised=10**9):
    """Send the beginning of a body, and keep the connection open without another byte."""
    parts = urlsplit(call.url)
    head = f"{method} {place} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {promised}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), 10) as connection:
        connection.sendall(head.encode() + data)
        yield connection


def size_of(call, place):
    """Ask how much of an upload has come."""
    reply = call("GET", place)
    assert reply.status == 204, reply
    return int(reply.headers["range"].partition("-")[2]) + 1


@pytest.fixture(params=["memory", "layout"])
def registry(request, tmp_path):
    """Give what makes an empty registry in the process that serves it."""
    return {"memory": MemoryRegistry, "layout": lambda: LayoutRegistry(tmp_path / "root")}[
        request.param
    ]


# Too many


def test_more_uploads_than_are_allowed_must_wait(registry):
    with forked_drift(registry, concurrent_uploads=3) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        places = [begin(call, NAME) for _ in range(4)]
        with contextlib.ExitStack() as stack:
            for place in places[:3]:
                stack.enter_context(half_sent(call, place, DATA))
                wait_until(lambda place=place: size_of(call, place) > 1)
            for method, target in (
                ("PATCH", places[3]),
                ("PUT", add_digest(places[3], Digest.of(b"x"))),
                ("POST", f"{UPLOADS.format(NAME)}?digest={Digest.of(b'x')}"),
            ):
                reply = call(method, target, b"x")
                check_refusal(reply, 429, "TOOMANYREQUESTS")
                assert reply.headers["retry-after"] == "1"
            # What brings no body is not kept out, and neither are readers.
            assert call("DELETE", places[3]).status == 204
            assert begin(call, NAME)
            assert call("GET", f"/v2/{NAME}/manifests/latest").body == IMAGE.raw
            assert call("GET", f"/v2/{NAME}/blobs/{IMAGE.layers[0].digest}").status == 200
        wait_until(lambda: call("PATCH", places[0], b"").status == 202)
        assert upload(call, NAME, DATA)


def test_what_was_refused_took_nothing(registry):
    """A PUT that is told to come back later may send its body again."""
    with forked_drift(registry, concurrent_uploads=1) as running, Caller(running.url) as call:
        first, second = begin(call, NAME), begin(call, NAME)
        with half_sent(call, first, DATA):
            wait_until(lambda: size_of(call, first) > 1)
            target = add_digest(second, Digest.of(DATA))
            check_refusal(call("PUT", target, DATA), 429, "TOOMANYREQUESTS")
        wait_until(lambda: call("PATCH", second, b"").status == 202)
        assert call("PUT", target, DATA).status == 201


# Too slow


def test_who_is_silent_for_too_long_lets_others_in(registry):
    limits = {"concurrent_uploads": 1, "idle_seconds": 0.4}
    with forked_drift(registry, **limits) as running, Caller(running.url) as call:
        place = begin(call, NAME)
        with half_sent(call, place, DATA[:1_700_000]) as connection:
            other = begin(call, NAME)
            wait_until(lambda: call("PATCH", other, b"").status == 429)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"what came before is kept" in answer
        assert size_of(call, place) == 1_700_000
        assert call("PATCH", place, DATA[1_700_000:], content_range="1700000-1999999").status == 202
        assert call("PUT", add_digest(place, Digest.of(DATA))).status == 201


def test_who_is_slow_but_steady_is_waited_for(registry):
    """At the real limits as many bytes must come in a minute as a line of 10 KB/s brings in 7 s."""
    limits = {"idle_seconds": 0.4, "idle_bytes": 3}
    with forked_drift(registry, **limits) as running, Caller(running.url) as call:
        place = begin(call, NAME)
        with half_sent(call, place, b"", promised=20) as connection:
            for _ in range(10):
                time.sleep(0.1)
                connection.sendall(b"xy")
            assert connection.recv(65536).startswith(b"HTTP/1.1 202")
        assert size_of(call, place) == 20


def test_a_byte_now_and_then_holds_no_place(registry):
    limits = {"concurrent_uploads": 1, "idle_seconds": 0.4}
    with forked_drift(registry, **limits) as running, Caller(running.url) as call:
        with half_sent(call, begin(call, NAME), b"") as connection:
            connection.settimeout(0.1)
            for _ in range(20):
                connection.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    assert connection.recv(65536).startswith(b"HTTP/1.1 408")
                    break
            else:
                pytest.fail("it may go on for ever")
            assert call("PATCH", begin(call, NAME), b"x").status == 202


def test_those_who_wait_for_one_upload_take_one_place(registry):
    with forked_drift(registry, concurrent_uploads=2) as running, Caller(running.url) as call:
        place = begin(call, NAME)
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(half_sent(call, place, DATA[:100]))
            time.sleep(0.2)
            assert upload(call, NAME, DATA)


def test_how_far_an_upload_came_is_told_when_its_lost_line_is_done_with(registry):
    with forked_drift(registry) as running, Caller(running.url) as call:
        place, came = begin(call, NAME), len(DATA) // 4
        with contextlib.ExitStack() as stack:
            stack.enter_context(half_sent(call, place, DATA[:came]))
            time.sleep(0.2)
            threading.Timer(0.5, stack.close).start()
            assert size_of(call, place) == came
        # One that stays open keeps nobody for ever.
        with half_sent(call, place, DATA[came : came + 100]):
            assert size_of(call, place) >= came


def reading(call, target):
    """Ask for something, and do not read it."""
    connection = socket.create_connection(address(call), 10)
    connection.sendall(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    return connection


def test_more_downloads_than_are_allowed_must_wait(registry):
    with forked_drift(registry, concurrent_downloads=3) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        target = f"/v2/{NAME}/blobs/{upload(call, NAME, bytes(LARGE))}"
        small = f"/v2/{NAME}/blobs/{IMAGE.layers[0].digest}"
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(reading(call, target))
            reply = call("GET", small)
            check_refusal(reply, 429, "TOOMANYREQUESTS")
            assert reply.headers["retry-after"] == "1"
            assert call("HEAD", small).status == 200
            assert call("GET", f"/v2/{NAME}/manifests/latest").status == 200
        wait_until(lambda: call("GET", small).status == 200)
        # Who is refused what he asks for, or has it already, takes no place.
        for headers in ({"range": "bytes=999999999-"}, {"if_none_match": "*"}):
            for _ in range(5):
                assert call("GET", small, **headers).status in (304, 416)
        assert call("GET", small).status == 200


def test_who_takes_no_answer_is_let_go(registry):
    with forked_drift(registry, idle_seconds=0.4) as running, Caller(running.url) as call:
        target = f"/v2/{NAME}/blobs/{upload(call, NAME, bytes(LARGE))}"
        with reading(call, target) as connection:
            wait_until(lambda: connections_of(running) > 1)
            wait_until(lambda: connections_of(running) == 1, seconds=3)
            with contextlib.suppress(ConnectionResetError):
                assert len(b"".join(iter(lambda: connection.recv(2**20), b""))) < LARGE
        assert call("GET", "/v2/").status == 200


def test_who_takes_an_answer_slowly_gets_all_of_it(registry):
    with forked_drift(registry, idle_seconds=0.4) as running, Caller(running.url) as call:
        target = f"/v2/{NAME}/blobs/{upload(call, NAME, bytes(LARGE))}"
        with reading(call, target) as connection:
            count = 0
            for _ in range(10):
                time.sleep(0.2)
                count += len(connection.recv(2**21, socket.MSG_WAITALL))
            while count < LARGE and (more := connection.recv(2**20)):
                count += len(more)
        assert count >= LARGE


def connections_of(running):
    found = psutil.Process(running.pid).net_connections()
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found)


def test_readers_that_pause_take_little_memory(tmp_path):
    with (
        forked_drift(lambda: LayoutRegistry(tmp_path / "root")) as running,
        Caller(running.url) as call,
        contextlib.ExitStack() as stack,
    ):
        target = f"/v2/{NAME}/blobs/{upload(call, NAME, bytes(LARGE))}"
        process = psutil.Process(running.pid)
        assert call("GET", target).status == 200
        before = process.memory_info().rss
        for _ in range(60):
            stack.enter_context(reading(call, target))
        time.sleep(0.5)
        assert (process.memory_info().rss - before) / 60 < 2.6 * 2**20


def test_a_manifest_that_never_comes_is_not_waited_for(registry):
    with forked_drift(registry, idle_seconds=0.2) as running, Caller(running.url) as call:
        place = f"/v2/{NAME}/manifests/latest"
        with half_sent(call, place, b"{", method="PUT", promised=100) as connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")


def test_manifests_that_pause_take_bounded_memory(registry):
    """One address has room for as many as are 128 MiB together."""
    body = b" " * (4 * 2**20 - 10)
    with (
        forked_drift(registry) as running,
        Caller(running.url) as call,
        contextlib.ExitStack() as stack,
    ):
        push(call, NAME, "latest", IMAGE)
        place, process = f"/v2/{NAME}/manifests/other", psutil.Process(running.pid)
        before = process.memory_info().rss
        for _ in range(60):
            waiting = half_sent(call, place, body, method="PUT", promised=4 * 2**20)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stack.enter_context(waiting)
        assert process.memory_info().rss - before < 180 * 2**20
        check_refusal(
            call("PUT", place, IMAGE.raw + b" " * 2**22, content_type=IMAGE.media_type),
            413,
            "MANIFEST_INVALID",
        )
        stack.close()
        wait_until(lambda: put(call, NAME, "other", IMAGE).status == 201)


@pytest.mark.parametrize("path", ["/v1/profiles/search", "/v1/plugins/upload", "/admin/gc"])
def test_a_body_that_never_comes_is_not_waited_for(registry, path):
    with forked_drift(registry, idle_seconds=0.2) as running, Caller(running.url) as call:
        with half_sent(call, path, b"{", method="POST") as connection:
            # Larger than it may be is refused at once.
            assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        with half_sent(call, path, b"{", method="POST", promised=100) as connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /v2/ HTTP/1.1\r\nhost: loc"])
def test_headers_that_never_end_are_not_waited_for(registry, sent):
    with forked_drift(registry, header_seconds=0.3) as running, Caller(running.url) as call:
        with socket.create_connection(address(call), 10) as connection:
            connection.sendall(sent)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 408")


def test_headers_have_their_time_anew_with_each_request(registry):
    request = b"GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with forked_drift(registry, header_seconds=0.5) as running, Caller(running.url) as call:
        with socket.create_connection(address(call), 10) as connection:
            for _ in range(4):
                time.sleep(0.2)
                for part in (request[:9], request[9:]):
                    connection.sendall(part)
                    time.sleep(0.05)
                assert read_status(connection) == 200
            connection.sendall(request[:9])
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_may_take_longer_than_headers(registry):
    with forked_drift(registry, header_seconds=0.2) as running, Caller(running.url) as call:
        with half_sent(call, begin(call, NAME), b"", promised=10) as connection:
            for _ in range(5):
                time.sleep(0.1)
                connection.sendall(b"xy")
            assert connection.recv(65536).startswith(b"HTTP/1.1 202")


def test_slow_clients_do_not_hold_up_others(registry):
    with forked_drift(registry) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        digest = upload(call, NAME, bytes(LARGE))
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(half_sent(call, begin(call, NAME), DATA[:100_000]))
                request = f"GET /v2/{NAME}/blobs/{digest} HTTP/1.1\r\nhost: localhost\r\n\r\n"
                reader = stack.enter_context(socket.create_connection(address(call), 10))
                reader.sendall(request.encode())
                assert reader.recv(100).startswith(b"HTTP/1.1 200")
            started = time.perf_counter()
            for number in range(20):
                assert call("GET", f"/v2/{NAME}/manifests/latest").status == 200
                upload(call, NAME, str(number).encode() * 10_000)
            assert time.perf_counter() - started < 3


def address(call):
    parts = urlsplit(call.url)
    return parts.hostname, parts.port


def test_two_clients_of_one_upload_take_turns(registry):
    """The second waits for the first, and is then told where the upload is."""
    with forked_drift(registry) as running, Caller(running.url) as call:
        place, replies = begin(call, NAME), []

        def second():
            with Caller(running.url) as other:
                replies.append(other("PATCH", place, DATA[:10], content_range="0-9"))

        with half_sent(call, place, DATA[:100], promised=200) as connection:
            time.sleep(0.1)
            thread = threading.Thread(target=second)
            thread.start()
            time.sleep(0.1)
            assert replies == []
            connection.sendall(DATA[100:200])
            assert connection.recv(65536).startswith(b"HTTP/1.1 202")
            thread.join()
        check_refusal(replies[0], 416, "BLOB_UPLOAD_INVALID")
        assert replies[0].headers["range"] == "0-199"


# Gone


@pytest.mark.parametrize("sent", [2, 300_000, 1_700_000])
def test_what_a_client_sent_before_it_was_gone_stays(registry, sent):
    with forked_drift(registry) as running, Caller(running.url) as call:
        place = begin(call, NAME)
        with half_sent(call, place, DATA[:sent], promised=len(DATA)):
            # What uvicorn has not given on by then is lost; the client is told so.
            time.sleep(0.3)
        wait_until(lambda: size_of(call, place) == sent)
        rest = DATA[sent:]
        reply = call("PATCH", place, rest, content_range=f"{sent}-{len(DATA) - 1}")
        assert reply.status == 202
        assert call("PUT", add_digest(place, Digest.of(DATA))).status == 201
        assert call("GET", f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA


def test_what_cannot_be_gone_on_with_does_not_stay(tmp_path):
    with (
        forked_drift(lambda: LayoutRegistry(tmp_path / "root")) as running,
        Caller(running.url) as call,
    ):
        target = f"{UPLOADS.format(NAME)}?digest={Digest.of(DATA)}"
        uploads = tmp_path / "root" / ".ghostnb" / "uploads"
        with half_sent(call, target, DATA[:1_500_000], method="POST", promised=len(DATA)):
            wait_until(lambda: uploads.is_dir() and os.listdir(uploads))
        wait_until(lambda: not os.listdir(uploads))
        assert call("HEAD", f"/v2/{NAME}/blobs/{Digest.of(DATA)}").status == 404


def test_a_reader_that_is_gone_leaves_no_file_open(tmp_path):
    with (
        forked_drift(lambda: LayoutRegistry(tmp_path / "root")) as running,
        Caller(running.url) as call,
    ):
        digest = upload(call, NAME, bytes(LARGE))
        request = f"GET /v2/{NAME}/blobs/{digest} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                reader = stack.enter_context(socket.create_connection(address(call), 10))
                reader.sendall(request)
                assert reader.recv(100).startswith(b"HTTP/1.1 200")
            wait_until(lambda: open_blobs(running.pid, digest) == 20)
            stack.close()
            wait_until(lambda: open_blobs(running.pid, digest) == 0)
        # Those who leave before the answer, too.
        for _ in range(20):
            with socket.create_connection(address(call), 10) as reader:
                reader.sendall(request)
        assert call("GET", "/v2/").status == 200
        wait_until(lambda: open_blobs(running.pid, digest) == 0)
        wait_until(lambda: len(psutil.Process(running.pid).net_connections()) <= 2)


def open_blobs(pid, digest):
    """Count how often a process has a blob's file open."""
    files = psutil.Process(pid).open_files()
    return sum(file.path.endswith(digest.encoded) for file in files)


def test_half_a_request_is_no_request(drift_url):
    with Caller(drift_url) as call:
        for part in (b"GET", b"GET /v2/ HTTP/1.1\r\n", b"PUT /v2/ HTTP/1.1\r\nhost: x\r\n\r\n"):
            with socket.create_connection(address(call), 10) as connection:
                connection.sendall(part)
        assert call("GET", "/v2/").status == 200
