"""A registry that keeps nothing itself is served read only: pulls go on to where it is."""

from __future__ import annotations

import asyncio
import random

import httpx2
import pytest

from ghostnb.drift import create_app
from ghostnb.errors import ForbiddenError
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.parts.drift import IN_PROCESS_URL, drift_transport, through_drift
from tests.parts.images import artifact, plain_image
from tests.parts.layers import Layer
from tests.registries.conftest import descriptor_of, fill, pieces_of, push

DATA = random.Random(3).randbytes(3_000_000)
IMAGE = plain_image("image")


@pytest.fixture(scope="module")
def origin():
    memory = MemoryRegistry()

    async def work():
        await fill(memory)
        await push(memory, "onwards/app:1", IMAGE)
        await push(memory, "onwards/app:", artifact("a/b", [], subject=IMAGE))
        large = descriptor_of(Layer(DATA).descriptor())
        await memory.push_blob("onwards/app", large, lambda first: pieces_of(DATA, 100_000))

    asyncio.run(work())
    return memory


def ask(origin, method, path, **options):
    """Ask a Drift that asks another Drift."""
    return asked(create_app(through_drift(origin)), method, f"/v2/{path}", **options)


def test_manifests_are_given(origin):
    for reference in ("1", IMAGE.digest):
        reply = ask(origin, "GET", f"onwards/app/manifests/{reference}")
        assert (reply.status_code, reply.content) == (200, IMAGE.raw)
        assert reply.headers["docker-content-digest"] == IMAGE.digest


@pytest.mark.parametrize(
    ("asked_for", "first", "last"),
    [
        ("", 0, 2_999_999),
        ("bytes=0-9", 0, 9),
        ("bytes=-10", 2_999_990, 2_999_999),
        ("bytes=99990-1200000", 99_990, 1_200_000),
    ],
)
def test_blobs_and_parts_of_them_are_given(origin, asked_for, first, last):
    target = f"onwards/app/blobs/{Digest.of(DATA)}"
    headers = {"range": asked_for} if asked_for else {}
    reply = ask(origin, "GET", target, headers=headers)
    assert reply.status_code == (206 if asked_for else 200)
    assert reply.content == DATA[first : last + 1]
    assert reply.headers["content-length"] == str(last - first + 1)
    assert ask(origin, "HEAD", target).headers["content-length"] == "3000000"


def test_lists_are_given(origin):
    assert ask(origin, "GET", "onwards/app/tags/list").json()["tags"] == ["1"]
    assert "onwards/app" in ask(origin, "GET", "_catalog").json()["repositories"]
    reply = ask(origin, "GET", f"onwards/app/referrers/{IMAGE.digest}")
    assert len(reply.json()["manifests"]) == 1
    reply = ask(origin, "GET", f"onwards/other/referrers/{IMAGE.digest}")
    assert (reply.status_code, reply.json()["manifests"]) == (200, [])


def test_what_is_not_there_is_not_found(origin):
    for path, code in (
        ("onwards/app/manifests/none", "MANIFEST_UNKNOWN"),
        (f"onwards/app/blobs/{Digest.of(b'absent')}", "BLOB_UNKNOWN"),
        ("onwards/none/tags/list", "NAME_UNKNOWN"),
    ):
        reply = ask(origin, "GET", path)
        assert (reply.status_code, reply.json()["errors"][0]["code"]) == (404, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "onwards/app/blobs/uploads/"),
        ("PATCH", "onwards/app/blobs/uploads/x"),
        ("PUT", "onwards/app/manifests/1"),
        ("DELETE", "onwards/app/manifests/1"),
        ("DELETE", f"onwards/app/blobs/{Digest.of(DATA)}"),
    ],
)
def test_nothing_is_taken(origin, method, path):
    reply = ask(origin, method, path)
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (405, "UNSUPPORTED")
    assert "read only" in reply.json()["errors"][0]["message"]


class Recording(httpx2.AsyncBaseTransport):
    """Carries requests, and keeps what was asked."""

    def __init__(self, transport):
        self._transport = transport
        self.asked = []

    async def handle_async_request(self, request):
        self.asked.append((request.method, request.headers.get("range", "")))
        return await self._transport.handle_async_request(request)


def recorded(origin, *questions):
    """Ask one Drift after the other, all over one cache; give what the origin was asked."""
    transport = Recording(drift_transport(origin))
    cache, config = ContentCache(), RegistryConfig("reg", IN_PROCESS_URL)
    for method, path, headers in questions:
        registry = HTTPRegistry(config, transport=transport, cache=cache)
        reply = asked(create_app(registry), method, f"/v2/{path}", headers=headers)
        assert reply.status_code < 300
    return transport.asked


def test_a_part_is_read_from_where_it_begins(origin):
    path = f"onwards/app/blobs/{Digest.of(DATA)}"
    assert recorded(origin, ("GET", path, {"range": "bytes=2999990-2999995"})) == [
        ("HEAD", ""),
        ("GET", "bytes=2999990-2999999"),
    ]


def test_who_asks_what_a_tag_leads_to_has_nothing_read(origin):
    assert recorded(origin, ("HEAD", "onwards/app/manifests/1", {})) == [("HEAD", "")]
    reply = ask(origin, "HEAD", "onwards/app/manifests/1")
    assert reply.headers["docker-content-digest"] == IMAGE.digest
    assert reply.headers["content-type"] == IMAGE.media_type
    assert reply.headers["content-length"] == str(len(IMAGE.raw))


def test_a_list_is_read_once_for_all_of_its_pages():
    memory = MemoryRegistry()
    for number in range(5):
        asyncio.run(push(memory, f"many:{number}", IMAGE))
    transport = Recording(drift_transport(memory))
    config = RegistryConfig("reg", IN_PROCESS_URL)
    app = create_app(HTTPRegistry(config, transport=transport, cache=ContentCache()))
    path, found = "/v2/many/tags/list?n=2", []
    while path:
        reply = asked(app, "GET", path)
        found += reply.json()["tags"]
        path = reply.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert found == ["0", "1", "2", "3", "4"]
    assert len(transport.asked) == 1
    asyncio.run(push(memory, "many:5", IMAGE))
    assert asked(app, "GET", "/v2/many/tags/list").json()["tags"][-1] == "5"


def test_what_was_cached_is_asked_for_again(origin):
    path = f"onwards/app/manifests/{IMAGE.digest}"
    assert recorded(origin, ("GET", path, {}), ("GET", path, {})) == [("GET", ""), ("GET", "")]


class Failing(MemoryRegistry):
    """A registry whose storage may not be read."""

    async def open_range(self, digest, first, last):
        raise ForbiddenError("The storage may not be read.")
        yield b""


def test_what_cannot_be_read_is_an_error_and_no_broken_answer():
    registry = Failing()
    asyncio.run(push(registry, "a:1", IMAGE))
    path = f"/v2/a/blobs/{IMAGE.layers[0].digest}"
    reply = asked(create_app(registry), "GET", path)
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (403, "DENIED")
