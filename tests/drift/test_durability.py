"""A Drift that is killed at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import Caller, add_digest, begin, push, put, upload
from tests.drift.forking import fork_drift, forked_drift
from tests.parts.images import plain_image
from tests.parts.pushes import skopeo
from tests.registries.layout.test_writing import leftovers

KILLS = 50
PLACES = 5
CLIENTS = 3
SIZES = (200, 30_000, 400_000)
STEP = 60_000


@dataclass
class Place:
    """A directory that is served again and again, and what was acknowledged there."""

    root: Path
    blobs: dict[Digest, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    upload: str = ""
    data: bytes = b""
    came: int = 0

    def serve(self):
        return fork_drift(lambda: LayoutRegistry(self.root))


def until_killed(place, work):
    """Make a thread that works until nobody answers, and that tells what else went wrong."""

    def body():
        try:
            work()
        except (OSError, http.client.HTTPException):
            return
        except BaseException as e:
            place.errors.append(e)

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def push_on(place, url, name, seed):
    """Push images of all sizes, and note what is acknowledged."""
    chance = random.Random(seed)
    with Caller(url, timeout_seconds=10) as call:
        for number in range(1000):
            image = plain_image(f"{name}:{number}", layers=1, size_bytes=chance.choice(SIZES))
            for blob in image.blobs:
                place.blobs[upload(call, name, blob.data)] = len(blob.data)
            reply = put(call, name, str(number), image)
            assert reply.status == 201, reply
            place.tags[f"{name}:{number}"] = image.digest


def upload_on(place, url):
    """Go on with the one upload that outlives all the kills."""
    with Caller(url, timeout_seconds=10) as call:
        place.upload = place.upload or begin(call, "long/upload")
        reply = call("GET", place.upload)
        assert reply.status == 204, reply
        done = int(reply.headers["range"].partition("-")[2])
        size = done + 1 if done else 0
        assert size >= place.came
        while size < len(place.data) - STEP:
            piece = place.data[size : size + STEP]
            target = f"{size}-{size + len(piece) - 1}"
            reply = call("PATCH", place.upload, piece, content_range=target)
            assert reply.status == 202, reply
            size = place.came = size + len(piece)
            time.sleep(0.02)


def killed_round(place, number, chance):
    """Serve, let clients push, and kill it in the midst of that."""
    running = place.serve()
    threads = [
        until_killed(place, lambda n=n: push_on(place, running.url, f"r{number}/c{n}", n + number))
        for n in range(CLIENTS)
    ]
    threads.append(until_killed(place, lambda: upload_on(place, running.url)))
    time.sleep(chance.uniform(0.01, 0.4))
    running.kill()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert place.errors == []


def check_all(place, *, blobs, tags):
    """Read what was acknowledged, and hold it against its digests."""

    async def work():
        registry = LayoutRegistry(place.root)
        for digest, size in blobs.items():
            await registry.blob("any/name", Descriptor("text/plain", digest, size))
        for name, digest in tags.items():
            repository, _, tag = name.rpartition(":")
            manifest = await registry.manifest(repository, tag)
            assert manifest.digest == digest
            for entry in (manifest.config, *manifest.layers):
                await registry.blob(repository, entry)

    asyncio.run(work())


def test_a_server_may_be_killed_at_any_moment(tmp_path):
    chance = random.Random(23)
    places = [Place(tmp_path / str(n), data=chance.randbytes(20_000_000)) for n in range(PLACES)]
    for number in range(KILLS):
        place = places[number % PLACES]
        blobs, tags = set(place.blobs), set(place.tags)
        killed_round(place, number, chance)
        check_all(
            place,
            blobs={key: size for key, size in place.blobs.items() if key not in blobs},
            tags={key: digest for key, digest in place.tags.items() if key not in tags},
        )
    # How much was acknowledged depends on the machine; without any, nothing was tried.
    assert sum(len(place.tags) for place in places) > KILLS // 5
    assert sum(place.came for place in places) > KILLS // 5 * STEP
    for place in places:
        check_all(place, blobs=place.blobs, tags=place.tags)
        check_for_skopeo(place, chance, tmp_path)
        check_next_server(place)


def check_for_skopeo(place, chance, tmp_path):
    """Let another program read the layout that was left."""
    for name in chance.sample(sorted(place.tags), min(2, len(place.tags))):
        target = tmp_path / f"{place.root.name}-{name}".replace("/", "-").replace(":", "-")
        skopeo("copy", "--preserve-digests", f"oci:{place.root}:{name}", f"dir:{target}")
        assert Digest.of((target / "manifest.json").read_bytes()) == place.tags[name]


def check_next_server(place):
    """See that nothing that was left over is in the way, and that it goes."""
    with forked_drift(lambda: LayoutRegistry(place.root)) as running, Caller(running.url) as call:
        push(call, "after/all", "1", plain_image("after"))
        if place.upload:
            size = int(call("GET", place.upload).headers["range"].partition("-")[2]) + 1
            size = size if size > 1 else 0
            target = add_digest(place.upload, Digest.of(place.data))
            reply = call("PUT", target, place.data[size:])
            assert reply.status == 201, reply
    for path in place.root.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    asyncio.run(LayoutRegistry(place.root).collect_garbage())
    assert leftovers(place.root) == []
    assert os.listdir(place.root / ".ghostnb" / "uploads") == []
    check_all(place, blobs={}, tags=place.tags)


def at_once(*works):
    """Run works in threads that begin together; raise what one of them raised."""
    barrier, errors = threading.Barrier(len(works)), []

    def body(work):
        try:
            barrier.wait()
            work()
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=body, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def push_same(url, count):
    """Push images that others push at the same moment; whoever reads, reads them whole."""
    with Caller(url) as call:
        for number in range(count):
            image = plain_image(f"same/{number}", layers=2, size_bytes=200_000)
            push(call, "team/app", str(number), image)
            for layer in image.layers:
                assert call("GET", f"/v2/team/app/blobs/{layer.digest}").body == layer.data
            assert call("GET", f"/v2/team/app/manifests/{number}").body == image.raw


def test_two_clients_that_push_the_same_both_succeed(tmp_path):
    with forked_drift(lambda: LayoutRegistry(tmp_path)) as running:
        at_once(*[lambda: push_same(running.url, 10)] * 3)
    check_same(tmp_path)


def test_two_servers_of_one_directory_that_are_pushed_the_same_both_succeed(tmp_path):
    with (
        forked_drift(lambda: LayoutRegistry(tmp_path)) as one,
        forked_drift(lambda: LayoutRegistry(tmp_path)) as other,
    ):
        at_once(*[lambda url=running.url: push_same(url, 10) for running in (one, other)])
    check_same(tmp_path)


def check_same(root):
    images = [plain_image(f"same/{n}", layers=2, size_bytes=200_000) for n in range(10)]
    place = Place(root, tags={f"team/app:{n}": image.digest for n, image in enumerate(images)})
    check_all(place, blobs={}, tags=place.tags)
    contents = {digest for one in images for digest in (one.digest, *(b.digest for b in one.blobs))}
    assert {f"sha256:{path.name}" for path in root.glob("blobs/sha256/*")} == contents
    assert leftovers(root) == []
