"""Collecting garbage while others push: what was acknowledged is whole."""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from dataclasses import dataclass, field

import httpx2
import pytest

from ghostnb.drift import create_app
from ghostnb.oci import Digest
from ghostnb.registries.content import content_of
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.calling import UPLOADS, Caller, check_refusal, push, put, upload
from tests.drift.forking import fork_drift, forked_drift
from tests.parts.drift import IN_PROCESS_URL
from tests.parts.images import artifact, index, plain_image
from tests.parts.layers import layer_of
from tests.registries.conftest import ask, descriptor_of
from tests.registries.conftest import push as put_all

ENOUGH = 30
CLIENTS = 3
BASE = [layer_of("base/0", size_bytes=50_000), layer_of("base/1")]


@dataclass
class Seen:
    """What happened meanwhile."""

    acknowledged: int = 0
    refused: int = 0
    collected: int = 0
    blobs_deleted: int = 0
    errors: list[BaseException] = field(default_factory=list)


@pytest.fixture(params=["memory", "layout"])
def registry(request, tmp_path):
    """Give what makes an empty registry in the process that serves it."""
    return {"memory": MemoryRegistry, "layout": lambda: LayoutRegistry(tmp_path / "root")}[
        request.param
    ]


def collect(call, **options):
    reply = call("POST", "/admin/gc", json.dumps({"grace_seconds": 0, **options}))
    assert reply.status == 200, reply
    return reply.json["metrics"]


def collect_on(call, seen, over, options):
    chance = random.Random(1)
    while not over.wait(chance.uniform(0, 0.1)):
        seen.blobs_deleted += collect(call, **options)["blobs_deleted"]
        seen.collected += 1


def push_on(call, seen, over, name):
    """Push images that share their base, as Docker does, and delete some of them."""
    chance = random.Random(name)
    for number in range(10_000):
        if over.is_set():
            return
        image = plain_image(f"{name}/{number % 5}", layers=1, base=BASE)
        if not pushed(call, seen, name, str(number), image):
            continue
        check_whole(call, name, str(number), image)
        if chance.random() < 0.6:
            # Then nobody may need the base any more.
            assert call("DELETE", f"/v2/{name}/manifests/{image.digest}").status == 202


def pushed(call, seen, name, tag, image):
    """Push only what is not there; False if that was collected before the manifest came."""
    for blob in image.blobs:
        if call("HEAD", f"/v2/{name}/blobs/{blob.digest}").status == 404:
            target = f"{UPLOADS.format(name)}?digest={blob.digest}"
            reply = call("POST", target, blob.data)
            # With no grace, what is on its way is collected too.
            assert reply.status in (201, 404), reply
    reply = put(call, name, tag, image)
    if reply.status == 201:
        seen.acknowledged += 1
        return True
    check_refusal(reply, 400, "MANIFEST_BLOB_UNKNOWN")
    seen.refused += 1
    return False


def check_whole(call, name, tag, image):
    assert call("GET", f"/v2/{name}/manifests/{tag}").body == image.raw
    for blob in image.blobs:
        assert call("GET", f"/v2/{name}/blobs/{blob.digest}").body == blob.data


def run_beside(url, seen, work, *arguments):
    """Run a work on a connection and a thread of its own."""

    def body():
        try:
            with Caller(url) as call:
                work(call, seen, *arguments)
        except BaseException as e:
            seen.errors.append(e)

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@pytest.mark.parametrize("options", [{}, {"delete_untagged": True}], ids=["loose", "untagged"])
def test_no_acknowledged_manifest_lacks_a_blob(registry, options):
    seen, over = Seen(), threading.Event()
    with forked_drift(registry) as running:
        threads = [run_beside(running.url, seen, collect_on, over, options)]
        threads += [
            run_beside(running.url, seen, push_on, over, f"team/app{n}") for n in range(CLIENTS)
        ]
        deadline = time.monotonic() + 40
        while min(seen.acknowledged, seen.collected, seen.blobs_deleted, seen.refused) < ENOUGH:
            assert not seen.errors, seen.errors
            assert time.monotonic() < deadline, seen
            time.sleep(0.05)
        over.set()
        for thread in threads:
            thread.join(20)
        assert seen.errors == []
        check_all_tags(running.url)


def check_all_tags(url):
    """See that every manifest that a tag leads to has all its blobs."""
    with Caller(url) as call:
        for name in call("GET", "/v2/_catalog").json["repositories"]:
            for tag in call("GET", f"/v2/{name}/tags/list").json["tags"]:
                manifest = call("GET", f"/v2/{name}/manifests/{tag}").json
                for entry in (manifest["config"], *manifest["layers"]):
                    reply = call("GET", f"/v2/{name}/blobs/{entry['digest']}")
                    assert Digest.of(reply.body) == entry["digest"]


def test_what_is_young_is_not_collected_from_under_a_push(registry):
    """With a grace, nothing that is on its way is ever refused."""
    seen, over = Seen(), threading.Event()
    with forked_drift(registry) as running:
        options = {"grace_seconds": 60, "delete_untagged": True}
        threads = [run_beside(running.url, seen, collect_on, over, options)]
        threads += [run_beside(running.url, seen, push_on, over, f"team/app{n}") for n in range(2)]
        time.sleep(1)
        over.set()
        for thread in threads:
            thread.join(20)
        assert seen.errors == []
        assert (seen.refused, seen.blobs_deleted) == (0, 0)
        assert seen.acknowledged > 5
        assert seen.collected > 5


def test_a_collection_may_be_killed_at_any_moment(tmp_path):
    """What a tag leads to is whole whatever was removed; and the next one goes on."""
    chance, root = random.Random(6), tmp_path / "root"
    kept = index([plain_image("a"), plain_image("b")])
    lost = [artifact("a/b", [], annotations={"n": str(n)}) for n in range(30)]

    async def fill(store, name):
        await put_all(store, f"{name}:", lost[0])
        puts = (store.push_manifest(name, one.raw, one.media_type) for one in lost)
        await asyncio.gather(*puts)

    ask(LayoutRegistry(root), lambda one: put_all(one, "team/kept:multi", kept))
    for number in range(10):
        ask(LayoutRegistry(root), lambda one, n=number: fill(one, f"team/lost{n}"))
        running = fork_drift(lambda: LayoutRegistry(root))
        with Caller(running.url) as call:
            assert call("GET", "/v2/").status == 200
            body = json.dumps({"grace_seconds": 0, "delete_untagged": True})
            call.connection.request("POST", "/admin/gc", body)
            time.sleep(chance.uniform(0.001, 0.06))
            running.kill()
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        assert call("GET", "/v2/team/kept/manifests/multi").body == kept.raw
        for child in kept.children:
            check_whole(call, "team/kept", child.digest, child)
        collect(call, delete_untagged=True)
        assert call("GET", "/v2/_catalog").json["repositories"] == ["team/kept"]
        contents = {one.digest for one in (kept, *kept.children)}
        contents |= {blob.digest for child in kept.children for blob in child.blobs}
        left = {f"sha256:{path.name}" for path in root.glob("blobs/sha256/*")}
        assert {one for one in left if "partial" not in one} == contents


class Pausing(MemoryRegistry):
    """Waits, when told to, where a manifest's blobs are looked for or garbage is collected."""

    def __init__(self):
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.where = ""

    async def touch_blobs(self, digests):
        await self._pause("touch_blobs")
        return await super().touch_blobs(digests)

    async def collect_garbage(self, **options):
        await self._pause("collect_garbage")
        return await super().collect_garbage(**options)

    async def _pause(self, where):
        if where == self.where:
            self.reached.set()
            await self.go_on.wait()


@pytest.mark.parametrize("where", ["touch_blobs", "collect_garbage"])
def test_a_collection_and_a_manifest_take_turns(where):
    image = plain_image("x")

    async def work():
        store = Pausing()
        for blob in image.blobs:
            await store.push_blob("a", descriptor_of(blob.descriptor()), content_of(blob.data))
        store.where = where
        transport = httpx2.ASGITransport(create_app(store))
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            kind = {"content-type": image.media_type}
            asked = {
                "touch_blobs": client.put("/v2/a/manifests/1", content=image.raw, headers=kind),
                "collect_garbage": client.post("/admin/gc", json={"grace_seconds": 0}),
            }
            first = asyncio.create_task(asked.pop(where))
            await store.reached.wait()
            second = asyncio.create_task(asked.popitem()[1])
            await asyncio.sleep(0.05)
            assert not second.done()
            store.go_on.set()
            return await first, await second

    first, second = asyncio.run(work())
    if where == "touch_blobs":
        assert (first.status_code, second.json()["metrics"]["blobs_deleted"]) == (201, 0)
    else:
        assert (first.json()["metrics"]["blobs_deleted"], second.status_code) == (4, 400)


def aged(root):
    """Make every file older than any grace."""
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))


@pytest.fixture
def aging(tmp_path):
    """Serve a layout, and give a way to make all of it old."""
    with forked_drift(lambda: LayoutRegistry(tmp_path)) as running, Caller(running.url) as call:
        yield call, lambda: aged(tmp_path)


def collect_untagged(call):
    reply = call("POST", "/admin/gc", json.dumps({"delete_untagged": True}))
    return reply.json["metrics"]["manifests_deleted"], reply.json["metrics"]["blobs_deleted"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_manifest_that_was_asked_for_is_there_when_an_index_names_it(aging, method):
    call, age = aging
    whole = index([plain_image("a"), plain_image("b")])
    seen, unseen = whole.children
    for child in whole.children:
        push(call, "a/b", "", child)
    age()
    # As clients do that push only what is absent.
    assert call(method, f"/v2/a/b/manifests/{seen.digest}").status == 200
    assert collect_untagged(call)[0] == 1
    assert put(call, "a/b", "latest", whole).status == 201
    check_whole(call, "a/b", seen.digest, seen)
    assert call("GET", f"/v2/a/b/manifests/{unseen.digest}").status == 404


def test_a_blob_that_was_asked_for_stays_though_the_client_has_it(aging):
    call, age = aging
    digest = upload(call, "a/b", b"a layer")
    age()
    reply = call("HEAD", f"/v2/a/b/blobs/{digest}", if_none_match=f'"{digest}"')
    assert reply.status == 304
    assert collect_untagged(call) == (0, 0)
    assert call("GET", f"/v2/a/b/blobs/{digest}").status == 200


def test_what_a_pushed_manifest_names_stays_for_the_grace(aging):
    call, age = aging
    whole, subject = index([plain_image("a")]), plain_image("subject")
    attached = artifact("application/vnd.example.sig", [], subject=subject)
    for document in (whole, subject):
        push(call, "a/b", "", document)
    upload(call, "a/b", attached.blobs[0].data)
    age()
    for document in (whole, attached):
        assert put(call, "a/b", document.digest, document).status == 201
        assert call("DELETE", f"/v2/a/b/manifests/{document.digest}").status == 202
    assert collect_untagged(call) == (0, 0)
    for document in (whole.children[0], subject):
        check_whole(call, "a/b", document.digest, document)
