"""Where events do not go, whatever a name says at which moment; and certificates."""

import re
import socket
import ssl

import pytest

from tests.parts.certificates import issue, issue_authority
from tests.parts.faults import faulty_server
from tests.parts.loops import serving
from tests.parts.proxies import forward_proxy
from tests.parts.replies import reply
from tests.server.subscriptions.receiving import (
    PUSH,
    SECRET,
    pushes,
    quick,
    resolver,
    running,
    settled,
    verified,
)

NAME = "hooks.example"


def sent(url, *events, **settings):
    """Deliver to a URL, and give the state at the end."""
    found = []

    async def scenario(hooks):
        added = hooks.add(url, SECRET)
        for event in events or [PUSH]:
            hooks.offer(event)
        found.append(await settled(hooks, added.id))

    running(scenario, **settings)
    return found[0]


@pytest.fixture
def server():
    with faulty_server({"/*": reply()}) as running:
        yield running


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1"],
)
def test_a_name_that_leads_inside_gets_nothing(server, address):
    lookup = resolver([address])
    state = sent(f"http://{NAME}:{server.port}/", resolve=lookup, allow_internal=False)

    assert lookup.asked == [(NAME, server.port)]
    assert server.connections == 0
    assert (state.failed, state.delivered) == (1, 0)
    told = rf"{NAME}:{server.port} is not sent to: {NAME} leads to \S+, which is (this|a link).*"
    assert re.fullmatch(told, state.last_error)


def test_a_name_with_one_address_inside_gets_nothing(server):
    lookup = resolver(["192.0.2.1", "127.0.0.1"])
    state = sent(f"http://{NAME}:{server.port}/", resolve=lookup, allow_internal=False)

    assert (server.connections, state.failed) == (0, 1)


def test_a_name_that_leads_elsewhere_at_the_next_try_is_looked_at_again(server):
    lookup = resolver(["192.0.2.1"], ["127.0.0.1"])
    limits = quick(timeout_seconds=0.3)
    url = f"http://{NAME}:{server.port}/"
    state = sent(url, resolve=lookup, allow_internal=False, limits=limits)

    assert len(lookup.asked) == 2
    assert server.connections == 0
    assert "leads to 127.0.0.1, which is this machine" in state.last_error


def test_the_connection_goes_to_the_address_that_was_looked_at(server):
    # Nobody but this resolver knows the name: a second lookup would find nothing.
    lookup = resolver(["127.0.0.1"])
    state = sent(f"http://{NAME}:{server.port}/x", *pushes(3), resolve=lookup)

    assert state.delivered == 3
    assert len(lookup.asked) == 3
    assert {request.headers["host"] for request in server.requests} == {f"{NAME}:{server.port}"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
def test_the_next_address_is_tried_where_nobody_answers(host):
    with faulty_server({"/*": reply()}, host=host) as server:
        lookup = resolver(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        state = sent(f"http://{NAME}:{server.port}/", resolve=lookup)

    assert (server.count(), state.delivered) == (1, 1)
    assert len(lookup.asked) == 1


def test_no_more_than_four_addresses_are_tried():
    with faulty_server({"/*": reply()}, host="127.0.0.9") as server:
        lookup = resolver([f"127.0.0.{n}" for n in range(5, 10)])
        state = sent(f"http://{NAME}:{server.port}/", resolve=lookup)

    assert (server.connections, state.failed) == (0, 1)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_name_that_cannot_be_one_is_told(host):
    state = sent(f"http://{host}/")

    assert state.last_error == f"{host} cannot be reached (no such host)."


def test_a_name_that_nobody_knows_is_looked_up_again(server):
    async def lookup(host, port):
        asked.append(host)
        if len(asked) < 3:
            # As `loop.getaddrinfo` says it.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ["127.0.0.1"]

    asked = []
    state = sent(f"http://{NAME}:{server.port}/", resolve=lookup)

    assert (len(asked), state.delivered) == (3, 1)


def test_an_ipv6_address_is_reached():
    with faulty_server({"/*": reply()}, host="::1") as server:
        state = sent(f"http://[::1]:{server.port}/")

    assert state.delivered == 1
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_asked(server, monkeypatch, variable):
    with forward_proxy(hosts={}) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        state = sent(f"http://{NAME}:{server.port}/", resolve=resolver(["127.0.0.1"]))

    assert (proxy.targets, state.delivered) == ([], 1)


@pytest.fixture(scope="module")
def public_tls(tmp_path_factory):
    """A server's settings with a certificate for a public name, and the authority's file."""
    directory = tmp_path_factory.mktemp("public")
    authority = issue_authority("public authority")
    issued = issue(authority, NAME, hosts=(NAME,))
    files = {"ca": authority.certificate_pem, "crt": issued.certificate_pem, "key": issued.key_pem}
    for name, data in files.items():
        (directory / name).write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "crt", directory / "key")
    return context, str(directory / "ca")


@pytest.mark.parametrize("host", [NAME, f"{NAME}.", NAME.upper()])
def test_the_certificate_is_for_the_name_and_the_name_is_what_tls_asks_for(
    public_tls, monkeypatch, host
):
    context, ca_file = public_tls
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with faulty_server({"/*": reply()}, tls=context) as server:
        url = f"https://{host}:{server.port}/"
        state = sent(url, *pushes(2), resolve=resolver(["127.0.0.1"]))

    assert state.delivered == 2
    assert names == [NAME, NAME]
    assert verified(server.requests[0])["data"]["id"] == "0"


def test_a_certificate_for_another_name_is_not_accepted(public_tls, monkeypatch):
    context, ca_file = public_tls
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    with faulty_server({"/*": reply()}, tls=context) as server:
        url = f"https://other.example:{server.port}/"
        state = sent(url, resolve=resolver(["127.0.0.1"]))

    assert server.count() == 0
    assert "its certificate was not accepted: Hostname mismatch" in state.last_error


def test_a_certificate_of_an_unknown_authority_is_not_accepted(public_tls):
    with faulty_server({"/*": reply()}, tls=public_tls[0]) as server:
        url = f"https://{NAME}:{server.port}/"
        state = sent(url, resolve=resolver(["127.0.0.1"]))

    assert server.count() == 0
    assert "its certificate was not accepted" in state.last_error


def test_who_does_not_speak_tls_is_told():
    async def plain(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    with serving(plain, "127.0.0.1") as port:
        state = sent(f"https://{NAME}:{port}/", resolve=resolver(["127.0.0.1"]))

    assert "does not speak TLS" in state.last_error
