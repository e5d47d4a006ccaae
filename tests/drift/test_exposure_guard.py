"""Pages of other sites: nothing is changed for them, and nothing shown by a borrowed name."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest

from ghostnb.drift import create_app
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.drift.logins import basic, locked_drift, write_htpasswd
from tests.parts.drift import IN_PROCESS_URL, running_drift
from tests.parts.processes import PLAIN

UPLOADS = "/v2/team/app/blobs/uploads/"
CHANGING = [
    ("POST", UPLOADS),
    ("PUT", "/v2/team/app/manifests/1"),
    ("PATCH", f"{UPLOADS}x"),
    ("DELETE", "/v2/team/app/manifests/1"),
    ("POST", "/admin/gc"),
    ("POST", "/login"),
    ("POST", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:5000",
        "null",
        "",
        "http://localhost",
        "http://localhost:8888",
        "http://localhost:5000.evil.example",
        "http://127.0.0.1:5000",
    ],
)
def test_what_another_sites_page_would_change_is_refused(method, path, origin):
    reply = asked(create_app(MemoryRegistry()), method, path, headers={"origin": origin})

    assert reply.status_code == 403
    assert reply.json()["errors"][0]["code"] == "DENIED"


@pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:5000"}])
def test_our_own_page_and_what_is_no_browser_may_change_things(headers):
    app = create_app(MemoryRegistry())

    assert asked(app, "POST", UPLOADS, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "host", ["192.0.2.1:5000", "[2001:db8::1]:5000", socket.gethostname(), "Registry.Example.com"]
)
def test_our_own_page_may_change_things_by_our_own_names(host):
    app = create_app(MemoryRegistry(), public_url="https://registry.example.com")
    headers = {"host": host, "origin": f"http://{host.lower()}"}

    assert asked(app, "POST", UPLOADS, headers=headers).status_code == 202


@pytest.mark.parametrize("host", ["evil.example:5000", "127.0.0.1.evil.example", "1.2.3.4.5"])
@pytest.mark.parametrize("local_only", [False, True])
def test_a_page_by_a_borrowed_name_changes_nothing_where_others_are_served_either(host, local_only):
    """DNS rebinding: the page's own name was made to point here."""
    app = create_app(MemoryRegistry(), local_only=local_only)
    headers = {"host": host, "origin": f"http://{host}"}

    for method, path in CHANGING:
        assert asked(app, method, path, headers=headers).status_code == 403
    if not local_only:
        assert "--public-url" in asked(app, "POST", UPLOADS, headers=headers).text
        # Other clients say no origin, and may use any name.
        assert asked(app, "POST", UPLOADS, headers={"host": host}).status_code == 202


def test_pages_may_ask_and_browsers_then_do_not_let_them_read():
    reply = asked(
        create_app(MemoryRegistry()), "GET", "/v2/", headers={"origin": "https://evil.example"}
    )

    assert reply.status_code == 200
    assert "access-control-allow-origin" not in reply.headers


def test_who_is_logged_in_is_guarded_too(tmp_path):
    locked = locked_drift(tmp_path)
    evil = {"origin": "https://evil.example"}

    assert locked.ask("POST", UPLOADS, "dev", headers=evil).status_code == 403
    assert locked.ask("POST", UPLOADS, "dev").status_code == 202


def test_behind_a_proxy_the_public_page_is_our_own():
    app = create_app(MemoryRegistry(), public_url="https://registry.example.com")

    for origin, status in (
        ("https://registry.example.com", 202),
        ("http://localhost:5000", 202),
        ("http://registry.example.com", 403),
        ("https://registry.example.com.evil.example", 403),
    ):
        assert asked(app, "POST", UPLOADS, headers={"origin": origin}).status_code == status


OURS = [
    "localhost:5000",
    "LOCALHOST",
    "localhost.:5000",
    "registry.localhost:5000",
    "127.0.0.1:5000",
    "127.5.5.5",
    "[::1]:5000",
    "host.docker.internal:5000",
    "host.containers.internal:5000",
    socket.gethostname(),
    "registry.example.com",
]
FOREIGN = [
    "evil.example:5000",
    "evil.example",
    "localhost.evil.example:5000",
    "127.0.0.1.evil.example",
    "notlocalhost:5000",
    "192.0.2.1:5000",
    "0.0.0.0:5000",
    "[2001:db8::1]:5000",
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/", "/health", "/whoami"])
def test_a_borrowed_name_is_refused_where_nobody_logs_in(host, path):
    app = create_app(MemoryRegistry(), local_only=True, public_url="https://registry.example.com")
    reply = asked(app, "GET", path, headers={"host": host})

    assert reply.status_code == 403
    assert "use localhost" in reply.text


@pytest.mark.parametrize("host", OURS)
def test_this_machines_names_are_fine(host):
    app = create_app(MemoryRegistry(), local_only=True, public_url="https://registry.example.com")

    assert asked(app, "GET", "/v2/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_where_others_are_served_every_name_is_fine(host):
    assert asked(create_app(MemoryRegistry()), "GET", "/v2/", headers={"host": host}).is_success


@pytest.mark.parametrize("host", ["a b", 'x"y', "a/b", "a@b", "a:b:c", "[::1", "box:999999", ""])
def test_a_host_that_is_none_is_refused(tmp_path, host):
    reply = locked_drift(tmp_path).ask("GET", "/v2/", headers={"host": host})

    assert reply.status_code == 400
    assert "www-authenticate" not in reply.headers


def test_two_hosts_are_refused():
    async def work() -> int:
        transport = httpx2.ASGITransport(create_app(MemoryRegistry(), local_only=True))
        headers = [("host", "localhost"), ("host", "evil.example")]
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            return (await client.get("/v2/", headers=headers)).status_code

    assert asyncio.run(work()) == 400


def ask(url: str, **headers: str) -> int:
    return httpx2.get(
        f"{url}/v2/_catalog", headers=headers, verify=PLAIN, trust_env=False
    ).status_code


def test_a_running_drift_knows_when_to_look_at_names(tmp_path):
    users = ("--htpasswd", str(write_htpasswd(tmp_path / "htpasswd")))
    root = tmp_path / "root"
    with running_drift(root) as nobody_asked:
        assert ask(nobody_asked.url) == 200
        assert ask(nobody_asked.url, host="evil.example") == 403
        reply = httpx2.post(
            nobody_asked.url + UPLOADS, headers={"origin": "https://evil.example"}, trust_env=False
        )
        assert reply.status_code == 403
    with running_drift(root, "--public-url", "https://reg.example") as proxied:
        assert ask(proxied.url, host="reg.example") == 200
    with running_drift(root, *users, "--anonymous-pull") as readable:
        assert ask(readable.url) == 200
        assert ask(readable.url, host="evil.example") == 403
    with running_drift(root, *users) as locked:
        assert ask(locked.url, host="evil.example") == 401
        assert ask(locked.url, host="evil.example", **basic("vic")) == 200
    with running_drift(root, "--host", "0.0.0.0", "--allow-anonymous") as everywhere:
        assert ask(everywhere.url.replace("0.0.0.0", "127.0.0.1"), host="evil.example") == 200


def test_who_names_no_host_is_no_browser_and_learns_ours(tmp_path):
    users = ("--htpasswd", str(write_htpasswd(tmp_path / "htpasswd")), "--anonymous-pull")
    with running_drift(tmp_path / "root", *users) as drift:
        place = ("127.0.0.1", int(drift.url.rpartition(":")[2]))
        with socket.create_connection(place) as connection:
            connection.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
            reply = connection.makefile("rb").read()

    assert reply.startswith(b"HTTP/1.1 401 ")
    assert f'realm="{drift.url}/token"'.encode() in reply
