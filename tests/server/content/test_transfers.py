"""Large blobs through the agent, and what becomes of those that break off."""

from __future__ import annotations

import hashlib
import socket
import subprocess
from urllib.parse import urlsplit

import pytest

from ghostnb.oci import Digest
from tests.parts.agent import TOKEN, RunningAgent
from tests.parts.faults import faulty_server
from tests.parts.memory import most_memory_of
from tests.parts.processes import find_program
from tests.parts.replies import cut, reply
from tests.server.content.conftest import added, upload
from tests.serving import wait_until

LARGE = 512 * 2**20
# The agent itself has some 150 MB.
MOST_BYTES = 300 * 10**6
DATA = bytes(range(256)) * 20_000


def digest_of_zeros(size: int) -> str:
    hasher, block = hashlib.sha256(), bytes(2**24)
    for _ in range(size // len(block)):
        hasher.update(block)
    return f"sha256:{hasher.hexdigest()}"


@pytest.mark.parametrize("kind", ["local", "layout"])
def test_a_large_layer_goes_through_little_memory(agent: RunningAgent, kind: str, tmp_path):
    curl = [find_program("curl", "curl"), "--silent", "--show-error", "--fail", "--noproxy", "*"]
    curl += ["--header", f"Authorization: Bearer {TOKEN}"]
    digest, source = digest_of_zeros(LARGE), tmp_path / "layer"
    with source.open("wb") as file:
        file.truncate(LARGE)
    begun = agent.ask("POST", f"/registries/{kind}/v2/large/blobs/uploads/")
    origin = agent.url.partition("/api")[0]
    place = f"{origin}{begun.headers['location']}?digest={digest}"
    with most_memory_of(agent.process.pid) as most:
        subprocess.run([*curl, "--upload-file", source, place], check=True, timeout=150)
        blob = f"{agent.url}/api/v1/registries/{kind}/v2/large/blobs/{digest}"
        pulled = subprocess.Popen([*curl, blob], stdout=subprocess.PIPE)
        found = hashlib.file_digest(pulled.stdout, "sha256").hexdigest()
        assert pulled.wait(10) == 0

    assert f"sha256:{found}" == digest
    assert 10**7 < most[0] < MOST_BYTES


def begin(agent: RunningAgent, kind: str, repository: str) -> str:
    begun = agent.ask("POST", f"/registries/{kind}/v2/{repository}/blobs/uploads/")
    return begun.headers["location"]


def sent(agent: RunningAgent, method: str, path: str, length: int, data: bytes) -> socket.socket:
    """Send a request whose body may be shorter than it says."""
    parts = urlsplit(agent.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {length}\r\n"
    head += f"Authorization: Bearer {TOKEN}\r\n\r\n"
    connection.sendall(head.encode() + data)
    return connection


def size_of(agent: RunningAgent, place: str) -> int:
    """Ask how much of an upload has come."""
    answer = agent.ask("GET", place.partition("/api/v1")[2])
    return int(answer.headers["range"].partition("-")[2]) + 1


@pytest.mark.parametrize("kind", ["local", "layout"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_upload_that_breaks_off_is_gone_on_with(agent, kind, method, repository):
    place, half = begin(agent, kind, repository), len(DATA) // 2
    query = f"?digest={Digest.of(DATA)}" if method == "PUT" else ""
    sent(agent, method, place + query, len(DATA), DATA[:half]).close()
    wait_until(lambda: size_of(agent, place) == half)

    path = place.partition("/api/v1")[2]
    rest = {"Content-Range": f"{half}-{len(DATA) - 1}"}
    assert agent.ask("PATCH", path, content=DATA[half:], headers=rest).status_code == 202
    assert agent.ask("PUT", f"{path}?digest={Digest.of(DATA)}").status_code == 201
    blob = agent.ask("GET", f"/registries/{kind}/v2/{repository}/blobs/{Digest.of(DATA)}")
    assert blob.content == DATA


def test_what_cannot_be_taken_is_said_before_it_has_come(agent: RunningAgent):
    path = "/api/v1/registries/archive/v2/app/blobs/uploads/x"
    with sent(agent, "PATCH", path, 10**12, b"begin") as connection:
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 405")


@pytest.mark.parametrize(("user", "status"), [("vic", b"403"), ("nobody", b"401")])
def test_who_may_not_push_is_told_before_it_has_come(agent: RunningAgent, user, status):
    parts = urlsplit(agent.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        head = f"PUT /api/v1/registries/layout/v2/app/manifests/1 HTTP/1.1\r\nHost: {parts.netloc}"
        head += f"\r\nAuthorization: Bearer {user}-token\r\nContent-Length: {10**12}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 " + status)


def test_what_breaks_off_is_no_blob_anywhere(agent: RunningAgent):
    routes = {
        ("POST", "/v2/*"): reply(202, headers={"Location": "/v2/app/blobs/uploads/1"}),
        ("PUT", "/v2/*"): reply(201),
        ("DELETE", "/v2/*"): reply(204),
    }
    with faulty_server(routes) as server, added(agent, server.url):
        place = begin(agent, "odd", "app")
        path = f"{place}?digest={Digest.of(DATA)}"
        sent(agent, "PUT", path, len(DATA), DATA[: len(DATA) // 2]).close()
        wait_until(lambda: size_of(agent, place) == len(DATA) // 2)
        wait_until(lambda: server.count(method="DELETE") == 1)

        assert server.count(method="PUT") == 0


def test_who_leaves_in_the_middle_holds_nothing(agent: RunningAgent):
    digest, data = Digest.of(DATA * 10), DATA * 10
    assert upload(agent, "/registries/local/v2/left", data).status_code == 201
    path = f"/api/v1/registries/local/v2/left/blobs/{digest}"
    for _ in range(40):  # more than connections to the registry
        with sent(agent, "GET", path, 0, b"") as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")

    again = agent.ask("GET", path.removeprefix("/api/v1"))
    assert again.content == data


def test_a_registry_that_breaks_off_breaks_the_answer_off(agent: RunningAgent):
    digest = Digest.of(DATA)
    routes = {
        ("HEAD", "/v2/*"): reply(headers={"Content-Length": str(len(DATA))}),
        ("GET", "/v2/*"): cut(DATA, 1000),
    }
    with faulty_server(routes) as server, added(agent, server.url):
        path = f"/api/v1/registries/odd/v2/app/blobs/{digest}"
        with sent(agent, "GET", path, 0, b"") as connection:
            answer = b""
            while piece := connection.recv(65536):
                answer += piece

    body = answer.partition(b"\r\n\r\n")[2]
    assert f"Content-Length: {len(DATA)}".encode() in answer
    assert len(body) < len(DATA)
