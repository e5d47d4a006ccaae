"""Whether anybody answers: asked without credentials, trust, or a file of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ghostnb.errors import TransportError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.reaching import reach
from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.registries import Tls, docker_registry
from tests.parts.replies import reply


def ask(url: str, **settings: str) -> bool:
    return asyncio.run(reach(RegistryConfig("reg", url, **settings)))


@pytest.fixture
def kept(home: Path):
    """Give the directory in which Docker keeps a host's certificates."""

    def of(url: str) -> Path:
        directory = home / ".docker/certs.d" / url.partition("//")[2]
        directory.mkdir(parents=True)
        return directory

    return of


def test_any_answer_will_do_and_it_is_shown_no_credentials(certificates, tmp_path):
    challenge = {"www-authenticate": 'Basic realm="x"'}
    with faulty_server(
        {"*": reply(401, headers=challenge)}, tls=certificates.server_context()
    ) as server:
        login = {"username": "ghost", "password": "nb-s3cret"}
        assert ask(server.url, ca_file=str(tmp_path / "absent"), **login)
        (request,) = server.requests
        assert "authorization" not in request.headers


def test_an_answer_that_leads_elsewhere_is_one():
    elsewhere = {"location": f"https://127.0.0.1:{free_port()}/v2/"}
    with faulty_server({"*": reply(302, headers=elsewhere)}) as server:
        assert ask(server.url)
        assert len(server.requests) == 1


def test_who_wants_a_certificate_is_there_and_sees_none(certificates, kept):
    context = certificates.server_context(client_required=True)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # in which Python's servers just hang up
    with faulty_server({"*": reply()}, tls=context) as server:
        directory = kept(server.url)
        (directory / "client.cert").write_bytes(certificates.client_certificate.read_bytes())
        (directory / "client.key").write_bytes(certificates.client_key.read_bytes())
        assert not ask(server.url)
        assert not server.requests  # nobody was let in


def test_a_real_registry_that_wants_a_certificate_is_there(certificates, standard_storage):
    tls = Tls(certificates, client_required=True)
    with docker_registry(tls=tls, storage_dir=standard_storage) as running:
        assert not ask(running.url)


@contextmanager
def closing_server(context: ssl.SSLContext | None, said: bytes = b"") -> Iterator[int]:
    """Say something to whoever comes, and hang up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    if context is not None:
                        connection = context.wrap_socket(connection, server_side=True)
                    with connection:
                        connection.recv(65536)
                        connection.sendall(said)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_who_answers_in_another_protocol_is_no_registry(certificates):
    with closing_server(certificates.server_context(), b"* OK IMAP4 ready\r\n\r\n") as port:
        with pytest.raises(TransportError, match="is not HTTP"):
            ask(f"https://127.0.0.1:{port}")


def test_a_proxy_that_hangs_up_is_not_who_was_asked(monkeypatch):
    with closing_server(None) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(TransportError):
            ask("https://registry.invalid")


def test_no_file_of_this_machine_is_read(certificates, kept, tmp_path):
    silent = tmp_path / "silent.pem"
    os.mkfifo(silent)  # who opens it waits for somebody to write into it
    with faulty_server({"*": reply()}, tls=certificates.server_context()) as server:
        os.mkfifo(kept(server.url) / "ca.crt")
        started = time.monotonic()
        ask(server.url)
        ask(server.url, ca_file=str(silent), client_cert=str(silent))
        assert time.monotonic() - started < 5


def test_what_speaks_no_tls_is_not_what_was_asked_for(registry):
    url = registry.url.replace("http://", "https://")
    with pytest.raises(TransportError, match="does not speak TLS there"):
        ask(url, client_cert="absent.pem")


def test_nobody_is_nobody():
    with pytest.raises(TransportError, match="connection refused"):
        ask(f"https://127.0.0.1:{free_port()}", ca_file="absent.pem")
