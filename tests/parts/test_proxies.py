"""Distance delays and forward proxies record."""

import http.client
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from tests.parts.faults import faulty_server
from tests.parts.proxies import Cut, cutting_proxy, delaying_proxy, forward_proxy, random_cuts
from tests.parts.replies import reply


def opened(proxy_url, url, context=None):
    proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}
    handlers = [urllib.request.ProxyHandler(proxies)]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    with urllib.request.build_opener(*handlers).open(url, timeout=5) as answer:
        return answer.status, answer.read()


def times(port, count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    taken = []
    for _ in range(count):
        started = time.monotonic()
        connection.request("GET", "/v2/")
        connection.getresponse().read()
        taken.append(time.monotonic() - started)
    connection.close()
    return taken


def test_every_request_on_one_connection_waits(registry):
    with delaying_proxy("127.0.0.1", registry.port, delay_seconds=0.05) as port:
        taken = times(port, 5)
    assert 0.05 <= min(taken) < 0.1


def test_connections_wait_beside_each_other(registry):
    with delaying_proxy("127.0.0.1", registry.port) as port, ThreadPoolExecutor(16) as pool:
        started = time.monotonic()
        list(pool.map(lambda _: times(port, 5), range(16)))
    assert time.monotonic() - started < 16 * 5 * 0.05 * 0.8


def test_a_new_connection_waits_too(registry):
    with delaying_proxy("127.0.0.1", registry.port, delay_seconds=0, connect_seconds=0.2) as port:
        first, second = times(port, 2)
    assert first >= 0.2 > second


def test_bodies_pass_whole_through_the_distance():
    body = bytes(range(256)) * 20_000
    with (
        faulty_server({"/": lambda request: reply(body=request.body)}) as server,
        delaying_proxy("127.0.0.1", server.port, delay_seconds=0.01) as port,
    ):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == body


def test_an_absent_target_hangs_up():
    with delaying_proxy("127.0.0.1", 1) as port, pytest.raises(OSError, match=r".*"):
        times(port, 1)


def test_absolute_form_is_recorded_and_passed_on():
    with (
        faulty_server({"/a?b=c": reply(body=b"through")}) as server,
        forward_proxy(hosts={"registry.example:80": server.host}) as proxy,
    ):
        assert opened(proxy.url, "http://registry.example/a?b=c") == (200, b"through")
        assert proxy.targets == ["GET http://registry.example/a?b=c"]
        assert server.requests[0].headers["host"] == "registry.example"


def test_connect_tunnels_tls(certificates):
    with (
        faulty_server({"/": reply(body=b"s")}, tls=certificates.server_context()) as server,
        forward_proxy() as proxy,
    ):
        assert opened(proxy.url, server.url, certificates.client_context()) == (200, b"s")
        assert proxy.targets == [f"CONNECT {server.host}"]


def test_credentials_and_absent_targets():
    with faulty_server({"/": reply()}) as server, forward_proxy(credentials=("u", "p")) as proxy:
        with pytest.raises(urllib.error.HTTPError, match="407"):
            opened(proxy.url, server.url)
        known = proxy.url.replace("//", "//u:p@")
        assert opened(known, server.url)[0] == 200
        with pytest.raises(urllib.error.HTTPError, match="502"):
            opened(known, "http://127.0.0.1:1/")
        assert server.count() == 1


def test_a_line_is_cut_after_as_many_bytes_as_told():
    body = bytes(200_000)
    with (
        faulty_server({"/": reply(body=body)}) as server,
        cutting_proxy("127.0.0.1", server.port, [Cut(down=50_000), Cut(up=10)]) as proxy,
    ):
        with pytest.raises(http.client.IncompleteRead):
            opened(None, proxy.url + "/")
        assert (proxy.broken, proxy.down_bytes) == (1, 50_000)
        with pytest.raises(ConnectionError):
            opened(None, proxy.url + "/")
        assert (proxy.broken, server.count("/")) == (2, 1)
        assert opened(None, proxy.url + "/") == (200, body)


def test_a_line_breaks_once_where_all_that_went_up_says_so():
    with (
        faulty_server({"/": reply(body=b"it")}) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        proxy.breaks.append(10)
        with pytest.raises(ConnectionError):
            opened(None, proxy.url + "/")
        assert (proxy.up_bytes, proxy.broken) == (10, 1)
        assert opened(None, proxy.url + "/") == (200, b"it")


def test_an_answer_is_lost_and_its_request_is_not():
    with (
        faulty_server({"/": reply(body=b"it")}) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        proxy.lost.append(b"GET /")
        with pytest.raises(ConnectionError):
            opened(None, proxy.url + "/")
        assert server.count("/") == 1
        assert opened(None, proxy.url + "/") == (200, b"it")


def test_random_cuts_are_the_same_for_the_same_seed():
    first, again, other = ([*islice(random_cuts(seed, 1000), 50)] for seed in (1, 1, 2))
    assert first == again != other
