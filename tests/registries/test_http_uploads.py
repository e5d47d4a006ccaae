"""Blobs pushed over bad lines, to registries that fail: sent once where possible, or not at all."""

import asyncio
import os
import random
import socket
import time
from contextlib import contextmanager

import psutil
import pytest

from ghostnb.errors import (
    IntegrityError,
    NotFoundError,
    ProtocolError,
    RejectedError,
    ServerError,
    TransportTimeoutError,
    UnsafeRedirectError,
)
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.content import content_of, content_read_by
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.copying import Copier
from ghostnb.wire.retries import RetryPolicy
from tests.parts.drift import running_drift
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.processes import free_port
from tests.parts.proxies import Cut, cutting_proxy
from tests.parts.registries import docker_registry
from tests.parts.replies import drop, error, redirect, reply, too_many
from tests.registries.asking import SECRETS, ask
from tests.registries.conftest import listed, push
from tests.serving import wait_until

DATA = random.Random(7).randbytes(3_000_000)
BLOB = Descriptor("application/octet-stream", Digest.of(DATA), len(DATA))
PLACE = "/upload/1"
BEGIN = ("POST", "/v2/app/blobs/uploads/")
BIG_BYTES = 300 * 2**20
BIG = Descriptor("application/octet-stream", Digest("sha256:" + "0" * 64), BIG_BYTES)
ONCE = RetryPolicy(max_attempts=1)


async def zeros(first):
    while True:
        yield bytes(2**20)


@pytest.fixture(params=["httpx2", "pyreqwest"], autouse=True)
def carrier(request, monkeypatch):
    monkeypatch.setenv("GHOSTNB_FAST", "on" if request.param == "pyreqwest" else "off")
    return request.param


def sends(blob=BLOB, content=None, repository="app"):
    async def question(registry):
        await registry.push_blob(repository, blob, content or content_of(DATA))

    return question


async def there(registry):
    return b"".join(await listed(registry.open_blob("app", BLOB)))


async def arrives(registry):
    """Push the blob, and read it again."""
    await sends()(registry)
    assert await there(registry) == DATA


def leftovers(root):
    """List the uploads that a registry still holds."""
    folders = [*root.rglob("_uploads/*"), *root.rglob("uploads/*")]
    return [path for path in folders if path.exists()]


@contextmanager
def scripted(put=None, *, location=None, **more):
    """Run a registry that takes one upload; `put` answers its last request."""
    routes = {BEGIN: None, ("PUT", PLACE): put or reply(201), ("DELETE", PLACE): reply(204)}
    routes |= {("GET", PLACE): error(404, "BLOB_UPLOAD_UNKNOWN"), **more}
    with faulty_server(routes) as server:
        where = f"{PLACE}?_state=a%2Fb" if location is None else location
        server.routes[BEGIN] = reply(202, headers={"Location": where} if where else {})
        yield server


# What broke off


def test_an_upload_goes_on_where_its_connection_broke(tmp_path):
    with running_drift(tmp_path / "root") as drift:
        port = int(drift.url.rpartition(":")[2])
        with cutting_proxy("127.0.0.1", port) as proxy:
            proxy.breaks.append(2_000_000)
            ask(proxy.url, sends())
            assert proxy.broken == 1
            assert proxy.up_bytes < 2_000_000 + len(DATA), "sent again from the beginning"
        assert ask(drift.url, there) == DATA
    assert leftovers(tmp_path / "root") == []


def test_a_line_that_keeps_breaking_is_no_end_as_long_as_it_moves(tmp_path):
    with running_drift(tmp_path / "root") as drift:
        port = int(drift.url.rpartition(":")[2])
        with cutting_proxy("127.0.0.1", port, [Cut(up=300_000)] * 60) as proxy:
            ask(proxy.url, sends())
            assert proxy.broken >= 8
        assert ask(drift.url, there) == DATA


def test_a_registry_that_lost_the_piece_is_sent_all_of_it():
    with docker_registry() as running:
        with cutting_proxy("127.0.0.1", running.port) as proxy:
            proxy.breaks.append(2_000_000)
            ask(proxy.url, sends())
            assert (proxy.broken, proxy.up_bytes > len(DATA)) == (1, True)
        assert ask(running.url, there) == DATA


def test_an_upload_of_minutes_is_taken_up_though_it_broke_late(tmp_path):
    """The time within which is tried again counts from where it broke."""
    patience = RetryPolicy(total_seconds=2.0, max_attempts=4, first_wait_seconds=0.01)
    with docker_registry() as running, cutting_proxy("127.0.0.1", running.port) as proxy:
        proxy.breaks.append(2_900_000)

        async def slow(first):
            for start in range(first, len(DATA), 500_000):
                await asyncio.sleep(0.5)
                yield DATA[start : start + 500_000]

        ask(proxy.url, sends(content=slow), policy=patience)
        assert proxy.broken == 1
        assert ask(running.url, there) == DATA


def test_an_upload_may_take_longer_than_an_answer():
    with docker_registry() as running:

        async def slow(first):
            for start in range(first, len(DATA), 500_000):
                await asyncio.sleep(0.4)
                yield DATA[start : start + 500_000]

        with cutting_proxy("127.0.0.1", running.port) as proxy:
            ask(proxy.url, sends(content=slow), timeout_seconds=1.0)
            assert proxy.up_bytes < len(DATA) * 1.1
        assert ask(running.url, there) == DATA


def test_a_registry_that_takes_no_more_of_it_is_given_up_in_time():
    routes = {BEGIN: reply(202, headers={"Location": PLACE}), "/v2/": reply(200)}
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, faulty_server(routes) as server:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}{PLACE}"
        server.routes[BEGIN] = reply(202, headers={"Location": place})
        started = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            ask(server.url, sends(BIG, zeros), timeout_seconds=0.5, policy=ONCE)
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("kind", ["drift", "docker-registry"])
def test_what_came_whole_is_not_sent_again_when_the_answer_is_lost(tmp_path, kind):
    with opened(kind, tmp_path) as (_, port), cutting_proxy("127.0.0.1", port) as proxy:
        proxy.lost.append(b"PUT /v2/app/blobs")
        ask(proxy.url, arrives)
        assert proxy.broken == 1
        assert proxy.up_bytes < len(DATA) * 1.1


@contextmanager
def opened(kind, directory):
    if kind == "drift":
        with running_drift(directory / "root") as drift:
            yield directory / "root", int(drift.url.rpartition(":")[2])
    else:
        with docker_registry() as running:
            yield running.storage_dir, running.port


@pytest.mark.parametrize("lost", [[b"POST "], [b"PUT "], [b"PUT ", b"HEAD "], [b"POST "] * 2])
def test_answers_may_be_lost(lost):
    with docker_registry() as running, cutting_proxy("127.0.0.1", running.port) as proxy:

        async def question(registry):
            # One that never answered is not there.
            await registry.ping()
            proxy.lost += lost
            await arrives(registry)

        ask(proxy.url, question)
        assert (proxy.broken, proxy.lost) == (len(lost), [])


def test_a_lost_answer_to_a_mount_is_no_failure():
    with docker_registry() as running, cutting_proxy("127.0.0.1", running.port) as proxy:

        async def question(registry):
            await sends(repository="other")(registry)
            proxy.lost.append(b"mount=")
            if not await registry.mount_blob("app", BLOB, "other"):
                await sends()(registry)
            assert await there(registry) == DATA

        ask(proxy.url, question)
        assert proxy.broken == 1


def test_a_registry_that_is_started_anew_gets_it_all(tmp_path):
    port = free_port()
    storage = tmp_path / "storage"

    async def question(registry):
        with docker_registry(storage_dir=storage, port=port) as running:
            restarted = asyncio.Event()

            async def pieces(first):
                yield DATA[first : first + 500_000]
                if not restarted.is_set():
                    restarted.set()
                    running.process.kill()
                    running.process.wait()
                    await asyncio.sleep(0.05)
                for start in range(first + 500_000, len(DATA), 500_000):
                    yield DATA[start : start + 500_000]

            push = asyncio.create_task(registry.push_blob("app", BLOB, pieces))
            await restarted.wait()
        with docker_registry(storage_dir=storage, port=port):
            await push
            assert await there(registry) == DATA

    patience = RetryPolicy(total_seconds=20, max_attempts=8, first_wait_seconds=0.1)
    ask(f"http://127.0.0.1:{port}", question, policy=patience)


# What is refused


def test_a_busy_registry_is_asked_again_when_it_says():
    with scripted([too_many(1), error(503, "UNAVAILABLE"), reply(201)]) as server:
        started = time.monotonic()
        ask(server.url, sends())
        assert time.monotonic() - started > 1
        assert [one.body == DATA for one in server.seen(PLACE, "PUT")] == [True] * 3


@pytest.mark.parametrize("status", [500, 503])
def test_a_registry_that_fails_for_ever_is_given_up_soon(status):
    broken = error(status, "UNKNOWN", "disk on fire")
    with scripted(broken, **{"/v2/app/blobs/*": reply(404)}) as server:
        server.routes["GET", PLACE] = broken
        started = time.monotonic()
        with pytest.raises(ServerError, match="disk on fire"):
            ask(server.url, sends())
        assert time.monotonic() - started < 5
        assert server.count(PLACE, "PUT") <= 4
        assert server.seen(method="DELETE"), "the upload was not cancelled"


def test_what_is_cancelled_leaves_nothing(tmp_path):
    with running_drift(tmp_path / "root") as drift:

        async def question(registry):
            begun = asyncio.Event()

            async def endless(first):
                yield DATA[:1_000_000]
                yield DATA[1_000_000:2_000_000]
                begun.set()
                await asyncio.Event().wait()

            task = asyncio.create_task(registry.push_blob("app", BLOB, endless))
            await begun.wait()
            assert leftovers(drift.root)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        ask(drift.url, question)
        wait_until(lambda: leftovers(drift.root) == [])


class SourceBrokeError(Exception):
    pass


@pytest.mark.parametrize("kind", ["drift", "docker-registry"])
def test_a_source_that_breaks_off_is_told_and_not_the_registry(tmp_path, kind):
    tries = []

    async def broken(first):
        tries.append(first)
        yield DATA[:1_000_000]
        yield DATA[1_000_000:2_000_000]
        raise SourceBrokeError("the source's own words")

    with opened(kind, tmp_path) as (root, port):
        with pytest.raises(SourceBrokeError, match="own words"):
            ask(f"http://127.0.0.1:{port}", sends(content=broken))
        assert tries == [0]
        if kind == "drift":
            assert leftovers(root) == []


@pytest.mark.parametrize("kind", ["drift", "docker-registry"])
@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"\0", b""])
def test_what_is_not_what_its_digest_says_is_not_stored(tmp_path, kind, data):
    async def question(registry):
        with pytest.raises(IntegrityError, match=BLOB.digest):
            await sends(content=content_of(data))(registry)
        with pytest.raises(NotFoundError):
            await registry.blob_size("app", BLOB.digest)

    with opened(kind, tmp_path) as (root, port):
        ask(f"http://127.0.0.1:{port}", question)
        if kind == "drift":
            assert leftovers(root) == []


def test_a_blob_that_is_too_large_is_told_so():
    refusal = reply(413, body=b"Request Entity Too Large", closes=True)
    with scripted(refusal) as server:
        with pytest.raises(RejectedError, match="413"):
            ask(server.url, sends())
        assert server.count(PLACE, "PUT") == 1
        assert server.count(PLACE, "DELETE") == 1


# Where it goes


def test_length_is_told_and_nothing_is_chunked():
    with scripted() as server:
        ask(server.url, sends())
        (sent,) = server.seen(PLACE, "PUT")
    assert sent.headers["content-length"] == str(len(DATA))
    assert "transfer-encoding" not in sent.headers
    assert sent.target == f"{PLACE}?_state=a%2Fb&digest={BLOB.digest.replace(':', '%3A')}"
    assert sent.body == DATA


def test_a_location_elsewhere_gets_no_credentials():
    with scripted() as storage, scripted(location=f"{storage.url}{PLACE}") as server:
        server.routes["/v2/"] = reply(200)
        server.routes[BEGIN] = [basic_challenge(), server.routes[BEGIN]]
        ask(server.url, sends(), username="ghost", password="nb-s3cret")
        assert server.authorizations
        assert storage.authorizations == []
        assert storage.seen(PLACE, "PUT")[0].body == DATA


def test_a_redirected_upload_is_sent_where_it_leads():
    with scripted() as other, scripted() as server:
        server.routes["PUT", PLACE] = redirect("/upload/2", 307)
        server.routes["PUT", "/upload/2"] = redirect(f"{other.url}{PLACE}", 308)
        server.routes[BEGIN] = [basic_challenge(), server.routes[BEGIN]]
        server.routes["/v2/"] = reply(200)
        ask(server.url, sends(), username="ghost", password="nb-s3cret")
        assert server.seen("/upload/2", "PUT")[0].headers["authorization"]
        (sent,) = other.seen(method="PUT")
        assert (sent.body == DATA, sent.headers.get("authorization")) == (True, None)


def basic_challenge(**manner):
    return reply(401, headers={"WWW-Authenticate": 'Basic realm="r"'}, **manner)


def test_an_upload_does_not_leave_encryption(certificates):
    with scripted() as plain:
        routes = {BEGIN: reply(202, headers={"Location": f"{plain.url}{PLACE}"})}
        with faulty_server(routes, tls=certificates.server_context()) as server:
            url = f"https://127.0.0.1:{server.port}"
            with pytest.raises(UnsafeRedirectError, match="give up encryption"):
                ask(url, sends(), ca_file=str(certificates.ca_file))
            server.routes[BEGIN] = reply(202, headers={"Location": PLACE})
            server.routes["PUT", PLACE] = redirect(f"{plain.url}{PLACE}")
            with pytest.raises(UnsafeRedirectError, match="give up encryption"):
                ask(url, sends(), ca_file=str(certificates.ca_file))
        assert plain.requests == []


def test_an_upload_without_a_place_is_told():
    with scripted(location="") as server, pytest.raises(ProtocolError, match="did not say where"):
        ask(server.url, sends())


def test_a_401_in_the_middle_is_answered_with_all_of_it():
    with scripted([basic_challenge(), reply(201)]) as server:
        server.routes["/v2/"] = reply(200)
        ask(server.url, sends(), username="ghost", password="nb-s3cret")
        bodies = [one.body == DATA for one in server.seen(PLACE, "PUT")]
    assert bodies == [True, True]


@pytest.mark.parametrize("patched", [202, 201])
def test_the_rest_of_an_upload_is_appended(patched):
    """Amazon ECR answers 201 to a piece (REGISTRIES: ECR)."""
    came = 1_000_000
    with scripted() as server:
        server.routes["PUT", PLACE] = [drop(), reply(201)]
        told = {"Location": f"{PLACE}?n=2", "Range": f"0-{came - 1}"}
        server.routes["GET", PLACE] = reply(204, headers=told)
        server.routes["PATCH", PLACE] = reply(patched, headers={"Location": f"{PLACE}?n=3"})
        # Any answer at all, so that it is known to be there.
        ask(server.url, sends())
        (piece,) = server.seen(PLACE, "PATCH")
        assert piece.body == DATA[came:]
        assert piece.headers["content-range"] == f"{came}-{len(DATA) - 1}"
        assert server.seen(PLACE, "PUT")[-1].query["n"] == "3"
        assert server.seen(PLACE, "PUT")[-1].body == b""


def test_what_was_still_on_its_way_when_the_line_broke_is_asked_for_again():
    """A registry that had told less than it took in, since the line broke only just now."""
    with scripted() as server:
        server.routes["PUT", PLACE] = [drop(), reply(201)]
        told = [reply(204, headers={"Range": f"0-{came - 1}"}) for came in (1_000_000, 2_000_000)]
        server.routes["GET", PLACE] = [told[0], told[0], told[1]]
        refused = error(416, "BLOB_UPLOAD_INVALID", "2000000 bytes have come")
        server.routes["PATCH", PLACE] = [drop(), refused, reply(202, headers={"Location": PLACE})]
        ask(server.url, sends())
        pieces = server.seen(PLACE, "PATCH")
    assert [one.body == DATA[1_000_000:] for one in pieces] == [True, True, False]
    assert pieces[-1].body == DATA[2_000_000:]


def test_a_registry_that_never_counts_alike_is_given_up():
    with scripted() as server:
        server.routes["PUT", PLACE] = drop()
        server.routes["GET", PLACE] = reply(204, headers={"Range": "0-999999"})
        server.routes["PATCH", PLACE] = error(416, "RANGE_INVALID", "other bytes")
        with pytest.raises(RejectedError, match="other bytes"):
            ask(server.url, sends())
        assert server.count(PLACE, "PATCH") == 2


def test_a_blob_that_a_killed_registry_left_half_written_is_sent_again():
    """distribution 2.8 answers 500 where the file that says which blob it is was cut off."""
    with scripted([drop(), reply(201)]) as server:
        server.routes["HEAD", f"/v2/app/blobs/{BLOB.digest}"] = reply(500)
        ask(server.url, sends())
        assert server.seen(PLACE, "PUT")[-1].body == DATA
        assert server.count(method="HEAD") == 1


def test_a_state_without_a_place_is_of_the_same_place():
    with scripted() as server:
        server.routes["PUT", PLACE] = [drop(), reply(201)]
        server.routes["GET", PLACE] = reply(204, headers={"Range": "0-999999"})
        server.routes["PATCH", PLACE] = reply(202, headers={"Location": f"{PLACE}?n=3"})
        ask(server.url, sends())
        assert server.seen(PLACE, "PATCH")[0].body == DATA[1_000_000:]


# All at once


def test_one_connection_is_enough_to_copy_within_a_registry():
    document = plain_image("narrow", layers=8, size_bytes=100_000)

    async def question(registry):
        await push(registry, "one:1", document)
        await copies("one:1", "two")(registry)

    with docker_registry() as running, cutting_proxy("127.0.0.1", running.port) as proxy:
        ask(running.url, question, max_connections=1)
        # And if the line breaks while it is both read from and written to.
        proxy.cuts = iter([Cut(up=250_000, down=250_000)] * 3)
        ask(proxy.url, copies("one:1", "three"), max_connections=1)
        assert proxy.broken


def copies(name, repository):
    async def question(registry):
        async def never(*args):
            return False

        registry.mount_blob = never
        copier = Copier(registry, registry)
        async with asyncio.timeout(20):
            await copier.copy(registry.reference(name), repository, "1")

    return question


def test_a_large_blob_takes_little_memory_and_lets_the_loop_go_on():
    piece = os.urandom(2**20)
    count = BIG_BYTES // len(piece)
    import hashlib

    hasher = hashlib.sha256()
    for _ in range(count):
        hasher.update(piece)
    digest = Digest(f"sha256:{hasher.hexdigest()}")
    blob = Descriptor("application/octet-stream", digest, BIG_BYTES)

    class Source(MemoryRegistry):
        async def open_blob(self, repository, descriptor):
            for _ in range(count):
                yield piece

    async def question(registry):
        from ghostnb.registries.content import blob_pieces

        process, source = psutil.Process(), Source()
        before = most = process.memory_info().rss
        longest, last = 0.0, time.monotonic()
        content = content_read_by(lambda: blob_pieces(source, "app", blob))
        task = asyncio.create_task(registry.push_blob("app", blob, content))
        while not task.done():
            await asyncio.sleep(0.005)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            most = max(most, process.memory_info().rss)
        await task
        assert await registry.blob_size("app", digest) == BIG_BYTES
        return most - before, longest

    with docker_registry() as running:
        grown, longest = ask(running.url, question)
    assert grown < 60 * 2**20
    # On a machine that does nothing else 0.1 holds; a blocking upload would take a second.
    assert longest < 0.5


def test_no_error_shows_a_password(htpasswd_registry):
    url = htpasswd_registry.url
    for settings in ({}, {"username": "ghost", "password": "wr0ng-secret"}):
        from ghostnb.errors import UnauthorizedError

        with pytest.raises(UnauthorizedError) as caught:
            ask(url, sends(), **settings)
        assert not any(secret in f"{caught.value!r} {caught.value}" for secret in SECRETS)
