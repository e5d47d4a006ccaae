"""Forward proxies: named by the environment, never for this machine, never leaking."""

import sys

import pytest

from ghostnb.errors import ConfigError, TransportError
from tests.parts.certificates import issue, issue_authority
from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.proxies import forward_proxy
from tests.parts.registries import docker_registry
from tests.parts.replies import reply
from tests.registries.asking import ask, ping, refused, tags_of

URL = "http://registry.example"
PLAIN = {"insecure": True}
ALPINE = ["3.19", "3.20", "latest"]


@pytest.fixture
def proxy(registry):
    """A proxy behind which docker-registry has a public name."""
    with forward_proxy(hosts={"registry.example:80": registry.host}) as running:
        yield running


@pytest.fixture(scope="module")
def public_tls(tmp_path_factory, standard_storage):
    """A registry with a certificate for a public name, and the authority's file."""
    directory = tmp_path_factory.mktemp("public")
    authority = issue_authority("public authority")
    server = issue(authority, "registry.example", hosts=("registry.example",))
    files = {
        "ca": authority.certificate_pem,
        "crt": server.certificate_pem,
        "key": server.key_pem,
    }
    for name, data in files.items():
        (directory / name).write_bytes(data)
    tls = {"certificate": str(directory / "crt"), "key": str(directory / "key")}
    with docker_registry(storage_dir=standard_storage, config=_http(tls)) as running:
        yield running, str(directory / "ca")


def _http(tls):
    return {"http": {"secret": "x", "tls": tls}}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_plain_http_goes_by_the_proxy(proxy, monkeypatch, variable):
    monkeypatch.setenv(variable, proxy.url)
    assert ask(URL, tags_of("library/alpine"), **PLAIN) == ALPINE
    assert proxy.targets == [f"GET {URL}/v2/library/alpine/tags/list?n=1000"]


def test_a_proxy_may_be_named_without_a_scheme(proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
    assert ask(URL, tags_of("library/alpine"), **PLAIN) == ALPINE
    assert len(proxy.targets) == 1


def test_https_goes_through_a_tunnel(public_tls, monkeypatch):
    running, ca_file = public_tls
    with forward_proxy(hosts={"registry.example:443": running.host}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = ask("https://registry.example", tags_of("library/alpine"), ca_file=ca_file)
        assert found == ALPINE
        assert proxy.targets == ["CONNECT registry.example:443"]
        assert "authorization" not in proxy.requests[0].headers


@pytest.mark.parametrize("places", ["registry.example", ".example", "*", "a.b, registry.example"])
def test_no_proxy_is_obeyed(proxy, monkeypatch, places):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", places)
    refused(TransportError, "no such host", url=URL, **PLAIN)
    assert proxy.targets == []


def test_this_machine_is_never_asked_for_by_a_proxy(registry, proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    assert ask(registry.url, tags_of("library/alpine")) == ALPINE
    assert proxy.targets == []


def with_password(proxy, password):
    return proxy.url.replace("//", f"//ghost:{password}@")


def test_a_proxy_with_the_right_password_lets_through(registry, monkeypatch):
    pair = ("ghost", "nb-s3cret")
    with forward_proxy(hosts={"registry.example:80": registry.host}, credentials=pair) as proxy:
        monkeypatch.setenv("HTTP_PROXY", with_password(proxy, "nb-s3cret"))
        assert ask(URL, tags_of("library/alpine"), **PLAIN) == ALPINE


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("password", ["wr0ng-secret", None])
def test_a_proxy_that_refuses_is_told_without_the_password(monkeypatch, scheme, password):
    with forward_proxy(credentials=("ghost", "nb-s3cret")) as proxy:
        address = with_password(proxy, password) if password else proxy.url
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", address)
        words = ("the proxy refused: 407", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
        refused(TransportError, *words, url=f"{scheme}://registry.example", **PLAIN)
        assert len(proxy.requests) == 1


def test_a_proxy_that_is_absent_is_told(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://ghost:nb-s3cret@127.0.0.1:{free_port()}")
    words = (f"Cannot reach reg at {URL} (connection refused)", "proxy settings")
    refused(TransportError, *words, url=URL, **PLAIN)


def test_a_tunnel_to_nowhere_is_told(monkeypatch):
    with forward_proxy(hosts={"registry.example:443": f"127.0.0.1:{free_port()}"}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        refused(TransportError, "the proxy refused: 502", url="https://registry.example")


@pytest.mark.parametrize("address", ["gopher://ghost:nb-s3cret@x", "http://ghost:nb-s3cret@x:port"])
def test_a_proxy_that_cannot_be_is_told_without_its_password(monkeypatch, address):
    monkeypatch.setenv("HTTP_PROXY", address)
    words = ("The proxy for http that the environment names cannot be used", "http://HOST:PORT")
    refused(ConfigError, *words, url=URL, **PLAIN)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_without_its_package_is_told_and_this_machine_answers(registry, monkeypatch, scheme):
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where it is not installed
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://ghost:nb-s3cret@127.0.0.1:{free_port()}")
    words = ("The proxy for https that the environment names", "pip install 'httpx2[socks]'")
    refused(ConfigError, *words, url="https://registry.example")
    assert ask(registry.url, tags_of("library/alpine")) == ALPINE


def test_registry_credentials_go_to_the_registry_and_proxy_credentials_to_the_proxy(monkeypatch):
    pair = ("proxy", "p")
    with faulty_server({"/v2/": reply()}) as server:
        hosts = {"registry.example:80": server.host}
        with forward_proxy(hosts=hosts, credentials=pair) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//proxy:p@"))
            ask(URL, ping, **PLAIN)
        assert "proxy-authorization" not in server.requests[0].headers
