"""No answer at all: every way not to be reached has words of its own."""

import asyncio
import socket
import threading
import time
from dataclasses import dataclass

import pytest

from ghostnb.errors import ProtocolError, TransportError, TransportTimeoutError
from ghostnb.wire.retries import RetryPolicy
from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.replies import Reply, drop, hang, html, redirect, reply, verbatim
from tests.registries.asking import ask, pieces_of, ping, refused, tags_of


@pytest.fixture(autouse=True, params=["fast", "httpx2"])
def transport(request, monkeypatch):
    """Both transports must say the same."""
    monkeypatch.setenv("GHOSTNB_FAST", "off" if request.param == "httpx2" else "on")


def test_a_refused_connection_is_told_at_once_and_not_retried():
    url = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    words = ("Cannot reach reg at", url, "(connection refused)")
    patience = RetryPolicy(total_seconds=60, max_attempts=3, first_wait_seconds=20)
    error = refused(TransportError, *words, url=url, policy=patience)
    assert time.monotonic() - started < 10
    assert "Is the registry running?" in error.hint
    assert error.may_be_stopped


def test_a_blob_of_an_unreachable_registry_is_not_retried_either(monkeypatch):
    url = f"http://127.0.0.1:{free_port()}"
    waits, here, real = [], threading.get_ident(), asyncio.sleep

    def noting_sleep(seconds):
        # Servers of other tests sleep on threads of their own.
        if threading.get_ident() == here:
            waits.append(seconds)
        return real(seconds)

    monkeypatch.setattr(asyncio, "sleep", noting_sleep)
    refused(TransportError, "connection refused", url=url, question=pieces_of("a", b"x"))
    assert waits == []


def test_a_host_that_does_not_exist_is_named():
    url = "https://registry.invalid"
    hint = "Check the host name and port"
    error = refused(TransportError, f"Cannot reach reg at {url} (no such host).", hint, url=url)
    assert not error.may_be_stopped


def test_a_label_that_no_resolver_takes_is_an_error_of_the_tree():
    host = f"{'a' * 64}.example"
    refused(TransportError, "Cannot reach reg at", host, url=f"https://{host}")


def test_plain_http_on_a_tls_port_of_go_says_so(tls_registry):
    url = tls_registry.url.replace("https", "http")
    hint = f"Use {tls_registry.url} as its URL."
    refused(ProtocolError, "speaks HTTPS, but was asked in plain HTTP.", hint, url=url)


def test_plain_http_on_another_tls_port_suggests_https(certificates):
    with faulty_server({"/v2/": reply()}, tls=certificates.server_context()) as server:
        url = server.url.replace("https", "http")
        words = ("broke off or is not HTTP", f"If it speaks HTTPS, use {server.url}")
        refused(TransportError, *words, url=url)


def test_https_on_a_plain_port_suggests_http(registry):
    url = registry.url.replace("http", "https")
    hint = f"If it speaks plain HTTP, use {registry.url} with insecure=True."
    refused(TransportError, "it does not speak TLS there", hint, url=url)


def test_something_that_is_not_http_is_told():
    with faulty_server({"/v2/": verbatim(b"SSH-2.0-OpenSSH_9.2\r\n")}) as server:
        refused(TransportError, "broke off or is not HTTP", url=server.url)


def test_a_connection_that_is_dropped_after_the_request_is_told():
    with faulty_server({"/v2/": drop()}) as server:
        words = ("broke off", f"use https://{server.host}")
        assert not refused(TransportError, *words, url=server.url).may_be_stopped
        assert server.count() == 1


def test_a_silent_server_is_given_up_after_the_time_that_was_set():
    with faulty_server({"/v2/": hang()}) as server:
        started = time.monotonic()
        words = ("no answer in time", "raise timeout_seconds")
        refused(TransportTimeoutError, *words, url=server.url, timeout_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < 10


def test_a_trickle_is_given_up_though_every_byte_comes_in_time():
    drops = reply(body=b" " * 100, piece_bytes=1, pause_seconds=0.1)
    settings = {"timeout_seconds": 0.25, "policy": RetryPolicy(total_seconds=0.3)}
    with faulty_server({"/v2/": drops}) as server:
        started = time.monotonic()
        refused(TransportTimeoutError, "no answer in time", url=server.url, **settings)
    assert 0.5 <= time.monotonic() - started < 8


@dataclass(frozen=True)
class SlowHead(Reply):
    """Headers byte by byte, for about ten seconds; every byte comes in time."""

    headers: tuple[tuple[str, str], ...] = (("X", "a" * 50),)
    pause_seconds: float = 0.1

    def pieces(self, request):
        yield from (bytes([byte]) for byte in self._head())
        yield self.body


def test_slow_headers_are_given_up_and_leave_the_connections_place_free():
    async def question(registry):
        with pytest.raises(TransportTimeoutError, match="no answer in time"):
            await registry.ping()
        return await registry.ping()

    with faulty_server({"/v2/": [SlowHead(), reply()]}) as server:
        started = time.monotonic()
        ask(server.url, question, timeout_seconds=0.2, max_connections=1)
        assert 0.2 <= time.monotonic() - started < 6


# pyreqwest always gives headers no longer than the timeout.
@pytest.mark.parametrize("transport", ["httpx2"], indirect=True)
def test_what_may_rightly_take_long_is_not_given_up_for_slow_headers():
    with faulty_server({"/v2/*": SlowHead(body=b"large")}) as server:
        started = time.monotonic()
        assert ask(server.url, pieces_of("a", b"large"), timeout_seconds=0.2) == b"large"
        assert time.monotonic() - started > 0.8


def test_a_full_backlog_is_a_timeout_of_the_connection():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address), _connecting(address), _connecting(address):
            url = f"http://127.0.0.1:{address[1]}"
            refused(TransportTimeoutError, "no answer in time", url=url, timeout_seconds=0.2)


def _connecting(address):
    """Take a place in the backlog without waiting for it."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    return client


def test_another_host_that_fails_is_named():
    port = free_port()
    with faulty_server({"/v2/": redirect(f"http://127.0.0.2:{port}/x")}) as server:
        words = (
            f"Cannot reach reg at {server.url} (asking 127.0.0.2 for it) (connection refused)",
        )
        refused(TransportError, *words, url=server.url)


@pytest.mark.parametrize(
    "location", ["http://exa mple/", "http://\x7f.example/", "http://ÿ.example/", f"/{'a' * 70000}"]
)
def test_an_address_that_nobody_can_ask_is_an_error_of_the_tree(location):
    with (
        faulty_server({"/v2/": redirect(location)}) as server,
        pytest.raises((ProtocolError, TransportError)) as caught,
    ):
        ask(server.url, ping)
    assert len(str(caught.value)) < 700


def test_a_registry_that_answered_once_is_tried_again():
    lost = [drop(), drop(), reply(json={"tags": ["a"]})]
    with faulty_server({"/v2/": reply(), "/v2/app/tags/list": lost}) as server:

        async def question(registry):
            await registry.ping()
            return await tags_of("app")(registry)

        assert ask(server.url, question) == ["a"]
        assert server.count("/v2/app/tags/list") == 3


def test_a_web_page_instead_of_a_list_says_what_came():
    with faulty_server({"/v2/app/tags/list": html()}) as server:
        words = ("answered with text/html", "Is this the address of a registry")
        refused(ProtocolError, *words, url=server.url, question=tags_of("app"))
