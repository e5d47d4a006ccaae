"""Certificates: trusted, not trusted, shown, and unreadable ones."""

import shutil
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ghostnb.errors import ConfigError, TransportError
from tests.parts.certificates import issue, issue_authority
from tests.parts.faults import faulty_server
from tests.parts.registries import Tls, docker_registry
from tests.parts.replies import redirect, reply
from tests.registries.asking import ask, ping, refused, tags_of
from tests.scripts import run_script

WITH_A_KEY = """
import sys
from tests.registries.asking import ask, ping
try:
    ask("https://127.0.0.1:1", ping, client_cert=sys.argv[1], client_key=sys.argv[2])
except Exception as e:
    print(type(e), e)
"""
ASK = """
import sys
from tests.registries.asking import ask, ping
try:
    ask(sys.argv[1], ping)
except Exception as e:
    print(type(e), e)
"""
ALPINE = ["3.19", "3.20", "latest"]


@pytest.fixture(scope="module")
def strict_registry(standard_storage, certificates):
    """A registry that wants a client certificate."""
    tls = Tls(certificates, client_required=True)
    with docker_registry(tls=tls, storage_dir=standard_storage) as running:
        yield running


@pytest.mark.parametrize("carrier", ["fast", "httpx2"])
def test_an_unknown_authority_is_refused_with_a_way_out(tls_registry, monkeypatch, carrier):
    monkeypatch.setenv("GHOSTNB_FAST", "off" if carrier == "httpx2" else "on")
    words = ("its certificate was not accepted", "Set ca_file", "insecure=True")
    refused(TransportError, *words, url=tls_registry.url)


def test_the_wrong_authority_is_refused(tls_registry, certificates):
    words = (f"Cannot reach reg at {tls_registry.url}", "its certificate was not accepted")
    refused(TransportError, *words, url=tls_registry.url, ca_file=str(certificates.other_ca_file))


def test_the_right_authority_is_enough(tls_registry):
    settings = {"ca_file": str(tls_registry.ca_file)}
    assert ask(tls_registry.url, tags_of("library/alpine"), **settings) == ALPINE


def test_insecure_asks_for_no_authority(tls_registry):
    assert ask(tls_registry.url, tags_of("library/alpine"), insecure=True) == ALPINE


@pytest.fixture
def told_at(tmp_path, monkeypatch):
    """Give what says what is told of a registry with such a certificate, of a known authority."""
    authority = issue_authority("ours")
    ca_file, certificate, key = (tmp_path / name for name in ("ca.pem", "c.pem", "c.key"))
    ca_file.write_bytes(authority.certificate_pem)

    def told(by, *, hosts, **validity):
        shown = issue(authority, "localhost", hosts=hosts, **validity)
        certificate.write_bytes(shown.certificate_pem)
        key.write_bytes(shown.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with faulty_server({"/v2/": reply()}, tls=context) as server:
            # pyreqwest reads once for a process what the system trusts.
            monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
            monkeypatch.setenv("GHOSTNB_FAST", by)
            return run_script(ASK, server.url)

    return told


@pytest.mark.parametrize("fast", ["on", "off"])
def test_the_certificate_must_be_for_the_host(told_at, fast):
    told = told_at(fast, hosts=("127.0.0.3",))

    assert "its certificate was not accepted" in told
    assert "whose host the certificate names" in told
    assert "ca_file" not in told


@pytest.mark.parametrize("fast", ["on", "off"])
def test_an_expired_certificate_is_told(told_at, fast):
    told = told_at(fast, hosts=("127.0.0.1",), valid_days=-1)

    assert "its certificate was not accepted" in told
    assert "must renew it" in told
    assert "ca_file" not in told


@pytest.mark.parametrize(
    "spelling", ["https://LOCALHOST:{}", "https://localhost:{}/", "https://LocalHost:{}/v2/"]
)
def test_the_authority_holds_however_the_host_is_spelt(tls_registry, spelling):
    url = spelling.format(tls_registry.port)
    assert ask(url, tags_of("library/alpine"), ca_file=str(tls_registry.ca_file)) == ALPINE


def test_a_client_certificate_that_is_wanted_and_missing_is_told(strict_registry):
    words = ("it wants", "client certificate", "Set client_cert and client_key")
    refused(TransportError, *words, url=strict_registry.url, ca_file=str(strict_registry.ca_file))


def test_other_servers_than_go_want_client_certificates_too(certificates):
    context = certificates.server_context(client_required=True)
    with faulty_server({"/v2/": reply()}, tls=context) as server:
        words = (f"Cannot reach reg at {server.url}",)
        refused(TransportError, *words, url=server.url, ca_file=str(certificates.ca_file))


def test_a_client_certificate_opens_the_registry(strict_registry, certificates):
    settings = {
        "ca_file": str(certificates.ca_file),
        "client_cert": str(certificates.client_certificate),
        "client_key": str(certificates.client_key),
    }
    assert ask(strict_registry.url, tags_of("library/alpine"), **settings) == ALPINE


def test_a_client_certificate_of_another_authority_is_refused(strict_registry, tmp_path):
    stranger = issue(issue_authority("stranger"), "stranger")
    file = tmp_path / "stranger.pem"
    file.write_bytes(stranger.certificate_pem + stranger.key_pem)
    settings = {"ca_file": str(strict_registry.ca_file), "client_cert": str(file)}
    # Its alert may be overtaken by the end of the connection.
    refused(TransportError, "another client certificate", url=strict_registry.url, **settings)


@pytest.mark.parametrize("folder", [".docker/certs.d", ".config/containers/certs.d"])
def test_the_folders_of_docker_and_podman_are_looked_into(
    strict_registry, certificates, home, folder
):
    directory = home / folder / strict_registry.host
    directory.mkdir(parents=True)
    shutil.copy(certificates.ca_file, directory / "ca.crt")
    shutil.copy(certificates.client_certificate, directory / "client.cert")
    shutil.copy(certificates.client_key, directory / "client.key")
    assert ask(strict_registry.url, tags_of("library/alpine")) == ALPINE


@pytest.fixture(params=["fast", "httpx2"])
def carrier(request, monkeypatch):
    """Both must trust the same."""
    monkeypatch.setenv("GHOSTNB_FAST", "off" if request.param == "httpx2" else "on")


@contextmanager
def content_elsewhere(certificates, **other_tls):
    """Run a registry whose answer is at another host, and give both."""
    tls = certificates.server_context(**other_tls)
    with faulty_server({"/s": reply()}, host="127.0.0.2", tls=tls) as other:
        routes = {"/v2/": redirect(f"{other.url}/s")}
        with faulty_server(routes, tls=certificates.server_context()) as server:
            yield server, other


def test_another_host_is_not_trusted_by_ca_file_and_what_helps_is_told(certificates, carrier):
    with content_elsewhere(certificates) as (server, other):
        words = ("asking 127.0.0.2 for it", "its certificate was not accepted")
        hints = ("ca_file does not count for 127.0.0.2", "SSL_CERT_FILE a file")
        found = refused(
            TransportError, *words, *hints, url=server.url, ca_file=str(certificates.ca_file)
        )
        assert "insecure" not in str(found)
        assert "Set ca_file" not in str(found)
        assert other.count() == 0


def test_what_is_told_helps(certificates, carrier, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    with content_elsewhere(certificates) as (server, _):
        assert ask(server.url, ping) is False


def test_another_host_is_not_shown_the_client_certificate(certificates, carrier, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    settings = {
        "client_cert": str(certificates.client_certificate),
        "client_key": str(certificates.client_key),
    }
    with content_elsewhere(certificates, client_required=True) as (server, other):
        with pytest.raises(TransportError) as raised:
            ask(server.url, ping, **settings)
        assert "asking 127.0.0.2 for it" in raised.value.message
        assert other.count() == 0


def test_a_client_certificate_that_another_port_wants_is_none_to_configure(
    strict_registry, certificates
):
    routes = {"/v2/": redirect(f"{strict_registry.url}/v2/")}
    with faulty_server(routes, tls=certificates.server_context()) as server:
        words = ("client certificate", "client_cert is shown to the registry alone, never to 127.")
        refused(TransportError, *words, url=server.url, ca_file=str(certificates.ca_file))


@contextmanager
def token_elsewhere(certificates, host):
    """Run a registry with its token server at another host or port."""
    tls = certificates.server_context()
    with faulty_server({"/token": reply(json={"token": "t"})}, host=host, tls=tls) as tokens:
        challenge = {"www-authenticate": f'Bearer realm="{tokens.url}/token",service="s"'}

        def answer(request):
            is_known = "authorization" in request.headers
            return reply() if is_known else reply(401, headers=challenge)

        with faulty_server({"/v2/": answer}, tls=certificates.server_context()) as server:
            yield server, tokens


@pytest.mark.parametrize(
    ("host", "named"), [("127.0.0.1", {}), ("127.0.0.2", {"token_host": "127.0.0.2"})]
)
def test_the_registrys_own_token_server_is_trusted_by_ca_file(certificates, carrier, host, named):
    login = {"username": "ghost", "password": "nb-s3cret"}
    with token_elsewhere(certificates, host) as (server, tokens):
        assert ask(server.url, ping, ca_file=str(certificates.ca_file), **named, **login)
        assert tokens.count() == 1


def test_a_token_server_with_another_authority_says_where_that_goes(certificates, tmp_path):
    authority = issue_authority("the token server's")
    made = issue(authority, "127.0.0.2", hosts=("127.0.0.2",))
    files = tmp_path / "c.pem", tmp_path / "c.key"
    files[0].write_bytes(made.certificate_pem)
    files[1].write_bytes(made.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    both = tmp_path / "both.pem"
    both.write_bytes(certificates.ca_file.read_bytes() + authority.certificate_pem)
    with token_elsewhere(certificates, "127.0.0.2") as (server, tokens):
        with faulty_server(tokens.routes, host="127.0.0.2", tls=context) as others:
            challenge = f'Bearer realm="{others.url}/token",service="s"'
            server.routes["/v2/"] = lambda request: (
                reply()
                if "authorization" in request.headers
                else reply(401, headers={"www-authenticate": challenge})
            )
            named = {"token_host": "127.0.0.2", "username": "ghost", "password": "nb-s3cret"}
            words = (
                "asking 127.0.0.2 for it",
                "one file may hold those of the registry and of 127",
            )
            only = str(certificates.ca_file)
            refused(TransportError, *words, url=server.url, ca_file=only, **named)
            assert ask(server.url, ping, ca_file=str(both), **named)


def test_a_token_server_of_somebody_else_is_not_trusted_by_ca_file(certificates, carrier):
    with token_elsewhere(certificates, "127.0.0.2") as (server, tokens):
        words = ("ca_file does not count for 127.0.0.2", "token_host may name its token server")
        refused(TransportError, *words, url=server.url, ca_file=str(certificates.ca_file))
        assert tokens.count() == 0


def unreadable(tmp_path):
    (tmp_path / "text.pem").write_text("no certificate")
    return {"absent": tmp_path / "absent.pem", "folder": tmp_path, "text": tmp_path / "text.pem"}


@pytest.mark.parametrize("which", ["absent", "folder", "text"])
@pytest.mark.parametrize("setting", ["ca_file", "client_cert"])
def test_a_file_that_is_no_certificate_is_named(tmp_path, setting, which):
    file = str(unreadable(tmp_path)[which])
    words = ("certificate of reg", file, "cannot be read", "must be PEM files")
    refused(ConfigError, *words, url="https://127.0.0.1:1", **{setting: file})


def test_a_certificate_without_its_key_is_named(certificates, tmp_path):
    file = str(certificates.client_certificate)
    refused(ConfigError, file, "cannot be read", url="https://127.0.0.1:1", client_cert=file)


def test_an_encrypted_key_does_not_ask_the_terminal(certificates, tmp_path):
    key = serialization.load_pem_private_key(certificates.client_key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"nb-s3cret"),
        )
    )
    files = [str(certificates.client_certificate), str(encrypted)]
    # Without a terminal OpenSSL would read the password from the standard input.
    command = [sys.executable, "-c", WITH_A_KEY, *files]
    answer = {"input": "nb-s3cret\n", "start_new_session": True}
    done = subprocess.run(command, capture_output=True, text=True, check=True, **answer)
    assert "ConfigError" in done.stdout
    assert f"{files[1]} cannot be read" in done.stdout
    assert "without a password" in done.stdout


def test_a_home_is_found_in_the_paths(tls_registry, home):
    shutil.copy(tls_registry.ca_file, home / "ca.pem")
    assert Path("~/ca.pem").expanduser() == home / "ca.pem"
    assert ask(tls_registry.url, ping, ca_file="~/ca.pem") is False
