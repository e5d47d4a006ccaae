"""Copies where everything breaks: nothing wrong arrives, and nothing names what is not there."""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from ghostnb.errors import (
    IntegrityError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    ServerError,
    TransportTimeoutError,
)
from ghostnb.oci import Digest, Index, Reference
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.copying import Copier
from ghostnb.wire.retries import RetryPolicy
from tests.parts.disks import small_disk
from tests.parts.images import Document, Step, artifact, encode, image, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.processes import free_port
from tests.parts.proxies import cutting_proxy, random_cuts
from tests.parts.pushes import skopeo
from tests.parts.registries import docker_registry
from tests.parts.replies import cut, hang, reply
from tests.parts.storage import write_storage
from tests.registries.asking import open_registry
from tests.registries.conftest import descriptor_of, push
from tests.serving import serving_images
from tests.transfer.test_copying import same

COUNT = 30
LARGE = image([Step(f"ADD {n}", layer_of(f"large {n}", size_bytes=1_000_000)) for n in range(10)])
# Dies in the middle of a blob when three others are there.
COPY = """
import asyncio, os, signal, sys
from ghostnb.loop import new_loop
from ghostnb.oci import Reference
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.factory import open_registry
from ghostnb.transfer.copying import Copier

source, target = (open_registry(RegistryConfig.from_url(url)) for url in sys.argv[1:3])
push, done = target.push_blob, []

async def dying(repository, blob, content):
    async def pieces(first):
        count = 0
        async for piece in content(first):
            yield piece
            count += len(piece)
            if len(done) >= 3 and count >= 500_000:
                os.kill(os.getpid(), signal.SIGKILL)
    await push(repository, blob, pieces)
    done.append(blob)

async def main():
    if sys.argv[3] == "die":
        target.push_blob = dying
    copied = await Copier(source, target).copy(Reference("", "app", "1"), "app", "1")
    print(copied.bytes_moved)
    await source.aclose()
    await target.aclose()

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""


@pytest.fixture(params=["httpx2", "pyreqwest"])
def carrier(request, monkeypatch):
    monkeypatch.setenv("GHOSTNB_FAST", "on" if request.param == "pyreqwest" else "off")


def run(question, *registries):
    async def body():
        try:
            return await question()
        finally:
            for registry in registries:
                await registry.aclose()

    return asyncio.run(body())


async def has_nothing_half(registry, repository="app"):
    """See that every tag leads to what is there; give the tags."""
    try:
        tags = [tag async for tag in registry.tags(repository)]
    except NotFoundError:
        return []
    for tag in tags:
        await complete(registry, repository, tag)
    return tags


async def complete(registry, repository, locator):
    manifest = await registry.manifest(repository, locator)
    if isinstance(manifest, Index):
        for entry in manifest.manifests:
            await complete(registry, repository, entry.digest)
        return
    for blob in (manifest.config, *manifest.layers):
        assert await registry.blob_size(repository, blob.digest) == blob.size_bytes


# Lines and processes that break


@pytest.mark.parametrize("side", ["source", "target"])
def test_copies_over_a_bad_line_are_right_or_are_not_there(tmp_path, carrier, side):
    images = {
        f"app:{n}": plain_image(f"bad-{n}", layers=2, size_bytes=20_000) for n in range(COUNT)
    }
    images |= {"app:0": index([images["app:1"], images["app:2"]])}
    with docker_registry() as one, docker_registry() as other:
        write_storage(
            one.storage_dir,
            {"app": {name.partition(":")[2]: document for name, document in images.items()}},
        )
        far = one if side == "source" else other
        cuts = random_cuts(len(side), 60_000)
        with cutting_proxy("127.0.0.1", far.port, cuts) as proxy:
            source = open_registry(proxy.url if side == "source" else one.url)
            target = open_registry(proxy.url if side == "target" else other.url)
            failed = copy_all(source, target, images)
            assert proxy.broken > COUNT / 4
        judge(other, images, failed, tmp_path)
        assert len(failed) < COUNT / 2


def fill(url, images):
    registry = open_registry(url)

    async def question():
        for name, document in images.items():
            await push(registry, name, document)

    run(question, registry)


def copy_all(source, target, images):
    """Copy images by one copier, eight at once; give the errors of those that failed."""
    failed = {}

    async def question():
        copier, places = Copier(source, target), asyncio.Semaphore(8)

        async def copy(name):
            async with places:
                try:
                    tag = name.partition(":")[2]
                    copied = await copier.copy(source.reference(name), "app", tag)
                    assert copied.digest == images[name].digest
                except RegistryError as e:
                    failed[name] = e

        await asyncio.gather(*map(copy, images))

    run(question, source, target)
    return failed


def judge(running, images, failed, directory):
    registry = open_registry(running.url)

    async def question():
        tags = await has_nothing_half(registry)
        assert {f"app:{tag}" for tag in tags} >= images.keys() - failed.keys()
        for tag in tags:
            await same(registry, "app", tag, images[f"app:{tag}"])

    run(question, registry)
    for name in [name for name in images if name not in failed][:2]:
        skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{running.host}/{name}",
               f"oci:{directory}/judge:{name.partition(':')[2]}")  # fmt: skip


@pytest.mark.parametrize("kind", ["docker-registry", "layout"])
def test_a_copy_that_was_killed_goes_on_with_what_is_missing(tmp_path, kind):
    with docker_registry() as one, docker_registry() as other:
        fill(one.url, {"app:1": LARGE})
        url = other.url if kind == "docker-registry" else f"oci:{tmp_path / 'layout'}"
        killed = copy_in_a_process(one.url, url, "die")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        have = there(url)
        assert have, "some of it was there already"
        assert len(have) < len(LARGE.blobs)
        again = copy_in_a_process(one.url, url, "live")
        assert again.returncode == 0, again.stderr
        missing = sum(len(blob.data) for blob in LARGE.blobs if blob.digest not in have)
        assert int(again.stdout) == missing + len(LARGE.raw)
        target = opened(url)
        run(lambda: same(target, "app", "1", LARGE), target)


def opened(url):
    return (
        LayoutRegistry(url.removeprefix("oci:")) if url.startswith("oci:") else open_registry(url)
    )


def copy_in_a_process(source, target, how):
    command = [sys.executable, "-c", COPY, source, target, how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def there(url):
    """Name the blobs that are there; no tag may be."""
    registry, found = opened(url), []

    async def question():
        assert await has_nothing_half(registry) == []
        for blob in LARGE.blobs:
            try:
                size = await registry.blob_size("app", Digest(blob.digest))
            except NotFoundError:
                continue
            assert size == len(blob.data)
            found.append(blob.digest)

    run(question, registry)
    return found


def test_a_target_that_is_killed_and_started_anew_gets_all_of_it(tmp_path, carrier):
    port, storage, source = free_port(), tmp_path / "storage", MemoryRegistry()
    patience = RetryPolicy(total_seconds=20, max_attempts=8, first_wait_seconds=0.1)
    target = open_registry(f"http://127.0.0.1:{port}", policy=patience)

    async def question():
        await push(source, "app:1", LARGE)
        with docker_registry(storage_dir=storage, port=port) as running:
            killed = asyncio.Event()
            original = target.push_blob

            async def push_blob(repository, blob, content):
                async def pieces(first):
                    async for piece in content(first):
                        yield piece
                        if blob.digest == LARGE.layers[4].digest and not killed.is_set():
                            killed.set()
                            running.process.kill()
                            running.process.wait()

                await original(repository, blob, pieces)

            target.push_blob = push_blob
            reference = source.reference("app:1")
            task = asyncio.create_task(Copier(source, target).copy(reference, "app", "1"))
            await killed.wait()
        with docker_registry(storage_dir=storage, port=port):
            await task
            await same(target, "app", "1", LARGE)

    run(question, target)


# Disks that are full


def test_a_full_disk_of_the_target_is_told_and_nothing_names_what_is_not_there(tmp_path):
    source = MemoryRegistry()
    documents = {"app:1": plain_image("small"), "app:2": LARGE, "app:3": index([LARGE])}
    with small_disk(tmp_path / "disk", 6) as disk, docker_registry(storage_dir=disk) as running:
        target = open_registry(running.url)
        said = copy_to_a_full_disk(source, target, documents)
    # The registry's own words, and as soon as it has said them often enough.
    assert isinstance(said, ServerError)
    assert "log says" in said.hint


def test_a_full_disk_of_a_layout_is_told(tmp_path):
    documents = {"app:1": plain_image("small"), "app:2": LARGE, "app:3": index([LARGE])}
    with small_disk(tmp_path / "disk", 6) as disk:
        said = copy_to_a_full_disk(MemoryRegistry(), LayoutRegistry(disk / "it"), documents)
        assert "Free some space" in said.hint
        assert "No space left" in str(said)
        assert list(disk.rglob("*.partial")) == []


def copy_to_a_full_disk(source, target, documents):
    async def question():
        for name, document in documents.items():
            await push(source, name, document)
        copier = Copier(source, target)
        await copier.copy(source.reference("app:1"), "app", "1")
        for tag in ("2", "3"):
            async with asyncio.timeout(20):
                with pytest.raises(RegistryError) as caught:
                    await copier.copy(source.reference(f"app:{tag}"), "app", tag)
        assert await has_nothing_half(target) == ["1"]
        await same(target, "app", "1", documents["app:1"])
        return caught.value

    return run(question, target)


# Sources that lie


def with_layer(layer, **changes):
    """Make an image whose manifest says something else of its layer."""
    honest = image([Step("ADD it", layer)])
    body = honest.manifest
    body["layers"][0] |= changes
    return Document(honest.media_type, encode(body), honest.blobs, platform=honest.platform)


@contextmanager
def copying(images, to="memory", **settings):
    """Serve images, to be broken; give the server, and what copies one of them."""
    with serving_images(images) as server, target_of(to) as target:

        def copy(name="app:1", **options):
            source = open_registry(server.url, **settings)

            async def question():
                try:
                    tag = name.partition(":")[2]
                    await Copier(source, target).copy(
                        Reference("", "app", tag), "app", tag, **options
                    )
                finally:
                    assert not set(await has_nothing_half(target)) - {"good"}

            run(question, source, target)

        yield server, copy


@contextmanager
def target_of(kind):
    if kind == "memory":
        yield MemoryRegistry("to")
    else:
        with docker_registry() as running:
            yield open_registry(running.url)


LAYER = layer_of("lying", size_bytes=50_000)


@pytest.mark.parametrize("to", ["memory", "docker-registry"])
@pytest.mark.parametrize("difference", [-1, 1, 10**6])
def test_a_size_that_is_not_so_is_no_copy(to, difference):
    liar = with_layer(LAYER, size=len(LAYER.data) + difference)
    with copying({"app:1": liar}, to) as (_, copy), pytest.raises(IntegrityError) as caught:
        copy()
    assert LAYER.digest in str(caught.value)
    assert "app in reg" in str(caught.value)


@pytest.mark.parametrize("to", ["memory", "docker-registry"])
def test_other_bytes_are_no_copy(to):
    document = image([Step("ADD it", LAYER)])
    with copying({"app:1": document}, to) as (server, copy):
        server.routes[f"/v2/app/blobs/{LAYER.digest}"] = reply(body=bytes(len(LAYER.data)))
        with pytest.raises(IntegrityError, match=LAYER.digest):
            copy()


@pytest.mark.parametrize("to", ["memory", "docker-registry"])
def test_a_blob_that_never_comes_whole_is_no_copy(to):
    document = image([Step("ADD it", LAYER)])
    with copying({"app:1": document}, to) as (server, copy):
        server.routes[f"/v2/app/blobs/{LAYER.digest}"] = cut(LAYER.data, 0)
        with pytest.raises(RegistryError, match="reg at") as caught:
            copy()
        assert caught.value.registry == "reg"


@pytest.mark.parametrize("to", ["memory", "docker-registry"])
def test_an_absent_platform_is_named(to):
    document = index(
        [plain_image("one"), plain_image("absent", platform="linux/s390x")], docker=False
    )
    absent = document.children[1].digest
    with copying({"app:1": document}, to) as (server, copy):
        del server.routes[f"/v2/app/manifests/{absent}"]
        with pytest.raises(NotFoundError, match=rf"(?s){absent}.*linux/s390x"):
            copy()


def test_an_absent_layer_is_named():
    document = image([Step("ADD it", LAYER)])
    with copying({"app:1": document}) as (server, copy):
        del server.routes[f"/v2/app/blobs/{LAYER.digest}"]
        with pytest.raises(NotFoundError, match=LAYER.digest):
            copy()


@pytest.mark.parametrize("what", ["blobs", "manifests"])
def test_a_source_that_falls_silent_is_given_up(carrier, what):
    document = image([Step("ADD it", LAYER)])
    settings = {"timeout_seconds": 0.3, "policy": RetryPolicy(max_attempts=2)}
    with copying({"app:1": document}, **settings) as (server, copy):
        routes = {path: hang() for path in server.routes if f"/{what}/" in path}
        server.routes.update(routes)
        started = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            copy()
        assert time.monotonic() - started < 10


# Sources that are built to have no end


def nested(depth):
    document = plain_image("innermost")
    for _ in range(depth):
        document = index([document])
    return document


def test_indexes_that_nest_without_end_are_refused():
    source, target = MemoryRegistry(), MemoryRegistry("to")

    async def question():
        await push(source, "app:1", nested(20))
        await push(source, "app:2", nested(3))
        copier = Copier(source, target)
        with pytest.raises(ProtocolError, match="nests indexes"):
            await copier.copy(source.reference("app:1"), "app", "1")
        assert await has_nothing_half(target) == []
        await copier.copy(source.reference("app:2"), "app", "2")

    run(question)


def test_what_is_attached_without_end_is_refused():
    source, target = MemoryRegistry(), MemoryRegistry("to")

    async def question():
        document = plain_image("signed")
        await push(source, "app:1", document)
        for n in range(20):
            document = artifact(f"application/x-{n}", [layer_of(f"a{n}")], subject=document)
            await push(source, "app:", document)
        copier = Copier(source, target)
        with pytest.raises(ProtocolError, match="attached"):
            await copier.copy(source.reference("app:1"), "app", "1", referrers=True)
        await copier.copy(source.reference("app:1"), "app", "1")

    run(question)


@pytest.mark.parametrize("referrers", [False, True])
def test_what_is_named_again_and_again_is_copied_once(referrers):
    """Seven indexes that each name the next ten times lead to ten million leaves."""
    pushed = []

    class Counting(MemoryRegistry):
        async def push_manifest(self, repository, raw, media_type, **names):
            await asyncio.sleep(0)
            pushed.append(Digest.of(raw))
            return await super().push_manifest(repository, raw, media_type, **names)

    source, target = MemoryRegistry(), Counting("to")
    levels = [plain_image("leaf")]
    for _ in range(7):
        levels.append(index([levels[-1]] * 10))

    async def question():
        for level in levels[:-1]:
            for blob in level.blobs:
                from ghostnb.registries.content import content_of

                await source.push_blob(
                    "app", descriptor_of(blob.descriptor()), content_of(blob.data)
                )
            await source.push_manifest("app", level.raw, level.media_type)
        await source.push_manifest("app", levels[-1].raw, levels[-1].media_type, tag="1")
        async with asyncio.timeout(5):
            await Copier(source, target).copy(
                source.reference("app:1"), "app", "1", referrers=referrers
            )

    run(question)
    assert sorted(pushed) == sorted(level.digest for level in levels)


def test_each_copy_counts_its_own_bytes_when_several_share_a_copier():
    documents = {f"app{n}:1": plain_image(f"own-{n}", size_bytes=20_000) for n in range(5)}

    class Slow(MemoryRegistry):
        async def push_blob(self, repository, descriptor, content):
            await asyncio.sleep(0.01)
            await super().push_blob(repository, descriptor, content)

    source = MemoryRegistry()

    async def question():
        for name, document in documents.items():
            await push(source, name, document)
        copier = Copier(source, Slow("to"))
        copied = await asyncio.gather(
            *(
                copier.copy(source.reference(name), name.partition(":")[0], "1")
                for name in documents
            )
        )
        wanted = [
            len(one.raw) + sum(len(blob.data) for blob in one.blobs) for one in documents.values()
        ]
        assert [one.bytes_moved for one in copied] == wanted
        assert copier.bytes_moved == sum(wanted)

    run(question)


def test_what_the_target_lost_meanwhile_is_sent_when_it_is_tried_again():
    source = MemoryRegistry()
    one, other = (image([Step("ADD it", LAYER), Step("x", layer_of(text))]) for text in "ab")

    async def question():
        await push(source, "app:1", one)
        await push(source, "app:2", other)
        copier = Copier(source, target)
        await copier.copy(source.reference("app:1"), "app", "1")
        await target.delete_blob("app", Digest(LAYER.digest))
        with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN"):
            await copier.copy(source.reference("app:2"), "app", "2")
        await copier.copy(source.reference("app:2"), "app", "2")
        await same(target, "app", "2", other)

    with docker_registry(delete=True) as running:
        target = open_registry(running.url)
        run(question, target)
