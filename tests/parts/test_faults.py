"""The faulty server breaks what it is told to break, and nothing else."""

import contextlib
import email.utils
import http.client
import ssl
import time
import urllib.error
import urllib.request

import pytest

from tests.parts.faults import faulty_server
from tests.parts.replies import (
    cut,
    drop,
    error,
    hang,
    html,
    redirect,
    reply,
    stall,
    too_many,
    verbatim,
)


def get(url, path="/", **headers):
    request = urllib.request.Request(url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status, answer.read()


def status_of(url, path="/"):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(url, path)
    with caught.value as answer:
        return answer.code, answer.headers


def test_a_list_is_answered_in_order_and_its_last_repeats():
    with faulty_server({"/a": [error(503, "X"), reply(json={"n": 1}), reply(204)]}) as server:
        assert status_of(server.url, "/a")[0] == 503
        assert get(server.url, "/a") == (200, b'{"n": 1}')
        assert [get(server.url, "/a"), get(server.url, "/a")] == [(204, b""), (204, b"")]
        assert server.count("/a", "GET") == 4


def test_the_closest_route_wins():
    routes = {
        "/v2/*": reply(body=b"prefix"),
        "/v2/app/*": reply(body=b"longer"),
        "/v2/app/tags": reply(body=b"path"),
        "/v2/app/tags?n=1": reply(body=b"query"),
        ("POST", "/v2/app/tags"): reply(body=b"method"),
        "/echo": lambda request: reply(body=request.query["q"].encode()),
    }
    paths = ["/v2/x", "/v2/app/x", "/v2/app/tags?n=2", "/v2/app/tags?n=1", "/echo?q=%C3%A9"]
    with faulty_server(routes) as server:
        bodies = [get(server.url, path)[1] for path in paths]
        assert status_of(server.url, "/other")[0] == 404
    assert [b"prefix", b"longer", b"path", b"query", "é".encode()] == bodies


def test_bodies_break_off_and_stall():
    with faulty_server({"/cut": cut(b"x" * 1000, 300), "/stall": stall(b"x" * 10, 3)}) as server:
        with pytest.raises(http.client.IncompleteRead) as broken:
            get(server.url, "/cut")
        assert len(broken.value.partial) == 300
        connection = http.client.HTTPConnection(server.host, timeout=0.2)
        connection.request("GET", "/stall")
        with contextlib.closing(connection), pytest.raises(TimeoutError):
            connection.getresponse().read()


def test_silence_and_hanging_up():
    with faulty_server({"/hang": hang(), "/drop": drop(), "/odd": verbatim(b"SSH-2")}) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            get(server.url, "/drop")
        with pytest.raises(http.client.BadStatusLine):
            get(server.url, "/odd")
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(server.url + "/hang", timeout=0.2)
        assert server.count("/hang") == 1


def test_it_stops_though_a_client_hangs():
    started = time.monotonic()
    with faulty_server({"/": hang()}) as server:
        connection = http.client.HTTPConnection(server.host)
        connection.request("GET", "/")
        time.sleep(0.05)
    connection.close()
    assert time.monotonic() - started < 8


def test_too_many_in_both_forms():
    with faulty_server({"/s": too_many(3), "/d": too_many(60, as_date=True)}) as server:
        assert status_of(server.url, "/s")[1]["Retry-After"] == "3"
        date = email.utils.parsedate_to_datetime(status_of(server.url, "/d")[1]["Retry-After"])
    assert 55 < date.timestamp() - time.time() < 61


def test_two_hosts_and_the_headers_that_arrived():
    with (
        faulty_server(host="127.0.0.2") as other,
        faulty_server({"/": redirect(f"{other.url}/there"), "/p": html(502)}) as server,
    ):
        other.routes["/there"] = reply(body=b"here")
        assert get(server.url, Authorization="Bearer secret") == (200, b"here")
        assert server.authorizations == ["Bearer secret"]
        assert other.host == other.requests[0].headers["host"]


def test_bodies_are_recorded_over_one_connection():
    with faulty_server({"/": reply(201)}) as server:
        connection = http.client.HTTPConnection(server.host)
        for body in (b"whole", iter([b"in ", b"chunks"])):
            connection.request("PUT", "/", body)
            assert connection.getresponse().read() == b""
        connection.close()
        assert [request.body for request in server.requests] == [b"whole", b"in chunks"]
        assert server.connections == 1


def test_delays():
    with faulty_server({"/": reply(delay_seconds=0.2, body=b"ab", piece_bytes=1)}) as server:
        started = time.monotonic()
        get(server.url)
    assert 0.2 <= time.monotonic() - started < 5


def test_tls(certificates):
    with faulty_server({"/": reply(body=b"safe")}, tls=certificates.server_context()) as server:
        context = certificates.client_context()
        with urllib.request.urlopen(server.url, context=context, timeout=5) as answer:
            assert answer.read() == b"safe"
        wrong = ssl.create_default_context(cafile=str(certificates.other_ca_file))
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(server.url, context=wrong, timeout=5)
