"""Which port Drift takes, and that it answers there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ghostnb import ConfigError, GhostnbError, RegistryClient, run
from ghostnb.demo import serving
from ghostnb.demo.serving import Serving, bind
from ghostnb.drift.server import Server
from tests.parts.processes import free_port


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> int:
    """Call a port the usual one that no other test takes."""
    port = free_port()
    monkeypatch.setattr(serving, "USUAL_PORT", port)
    return port


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken(request: pytest.FixtureRequest, usual: int) -> Iterator[None]:
    """Let somebody else listen at the usual port, on one of localhost's addresses."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as other:
        other.bind((request.param, usual))
        other.listen()
        yield


def port_of(bound: socket.socket) -> int:
    with closing(bound):
        host, port = bound.getsockname()
    assert host == "127.0.0.1"
    return port


def test_the_usual_port_is_five_thousand() -> None:
    assert serving.USUAL_PORT == 5000


def test_the_usual_port_is_taken_when_it_is_free(usual: int) -> None:
    assert port_of(bind(None)) == usual


@pytest.mark.usefixtures("taken")
def test_another_port_is_taken_when_it_is_not(usual: int) -> None:
    assert port_of(bind(None)) != usual


def test_a_port_that_was_asked_for_is_taken_or_an_error() -> None:
    with closing(bind(0)) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} .*--port"):
            bind(port)
    assert port_of(bind(port)) == port


def test_a_port_is_nobody_elses_from_then_on() -> None:
    with closing(bind(0)) as bound, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(bound.getsockname())


def test_a_port_that_is_bound_but_not_listened_at_goes_to_who_listens_first(usual: int) -> None:
    """As with a server that is about to start; of two such, one must be told."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", usual))
        assert port_of(bind(None)) == usual


def test_it_answers_who_asks_at_once(filled: Path) -> None:
    with Serving(filled / "registry", bind(0)) as served:
        frame = run(RegistryClient(served.url).repositories())
    assert served.url.startswith("http://localhost:")
    assert "team/shop/api" in set(frame["repository"])


def test_it_ends_with_its_context_whoever_is_still_connected(filled: Path) -> None:
    bound, threads = bind(0), set(threading.enumerate())
    with socket.create_connection(bound.getsockname(), 10) as silent:
        with Serving(filled / "registry", bound):
            silent.sendall(b"GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert silent.recv(100).startswith(b"HTTP/1.1 200")
        assert set(threading.enumerate()) == threads
        assert bound.fileno() == -1


def test_a_registry_that_ends_by_itself_is_told(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(server: Server) -> None:
        raise RuntimeError("the loop broke")

    monkeypatch.setattr(Server, "serve", broken)

    with Serving(filled / "registry", bind(0)) as served:
        with pytest.raises(GhostnbError, match=r"no longer served .*the loop broke") as caught:
            served.wait()
    assert isinstance(caught.value.__cause__, RuntimeError)
