"""Images copied between registries of every kind: nothing changes, nothing is sent twice."""

import asyncio
from contextlib import contextmanager

import pytest

from ghostnb.errors import IntegrityError, NotFoundError, UnsupportedError
from ghostnb.oci import Digest, Index, Platform, Reference
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.syncing.sync import SyncPlan, draft_copy
from tests.parts.drift import through_drift
from tests.parts.images import artifact, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.pushes import skopeo
from tests.parts.registries import docker_registry
from tests.parts.schema1 import schema1_image
from tests.parts.standard import STANDARD_IMAGES, by_repository
from tests.parts.storage import write_storage
from tests.registries.conftest import descriptor_of, fill, listed, push

MULTI = "team/multi:latest"
ARM = Platform.parse("linux/arm64")


def over_http(running):
    config = RegistryConfig("reg", running.url, insecure=True)
    return HTTPRegistry(config, cache=ContentCache())


@contextmanager
def opened(kind, directory):
    if kind == "memory":
        yield MemoryRegistry(directory.name)
    elif kind == "layout":
        yield LayoutRegistry(directory / "layout")
    elif kind == "drift":
        yield through_drift(MemoryRegistry())
    else:
        with docker_registry(delete=True) as running:
            yield over_http(running)


@contextmanager
def holding_the_standard_set(kind, directory):
    if kind == "docker-registry":
        with docker_registry() as running:
            # By files: pushed one by one, they take longer than the copy.
            write_storage(running.storage_dir, by_repository())
            yield over_http(running)
        return
    with opened(kind, directory) as registry:
        asyncio.run(fill(registry))
        yield registry


def run(question, *registries):
    async def body():
        try:
            return await question()
        finally:
            for registry in registries:
                await registry.aclose()

    return asyncio.run(body())


@pytest.mark.parametrize("to", ["memory", "layout", "drift", "docker-registry"])
@pytest.mark.parametrize("of", ["memory", "layout", "docker-registry"])
def test_every_kind_of_image_arrives_as_it_is(tmp_path, of, to):
    with (
        holding_the_standard_set(of, tmp_path / "of") as source,
        opened(to, tmp_path / "to") as target,
    ):

        async def question():
            copier = Copier(source, target)
            for name in STANDARD_IMAGES:
                repository, _, tag = name.rpartition(":")
                await copier.copy(source.reference(name), f"copy/{repository}", tag)
            for name, document in STANDARD_IMAGES.items():
                repository, _, tag = name.rpartition(":")
                await same(target, f"copy/{repository}", tag, document)

        run(question, source, target)


async def same(registry, repository, locator, document):
    """See that a document is there with all that it names, byte for byte."""
    assert document.raw == (await registry.manifest(repository, locator)).raw
    for blob in document.blobs:
        if blob.pushed:
            descriptor = descriptor_of(blob.descriptor())
            pieces = await listed(registry.open_blob(repository, descriptor))
            assert blob.data == b"".join(pieces)
    for child in document.children:
        await same(registry, repository, child.digest, child)


def test_skopeo_finds_what_it_would_have_copied_itself(tmp_path):
    with docker_registry() as one, docker_registry() as other, docker_registry() as by_skopeo:
        source, target = over_http(one), over_http(other)

        async def question():
            await push(source, MULTI, STANDARD_IMAGES[MULTI])
            return await Copier(source, target).copy(source.reference(MULTI), "team/multi", "x")

        copied = run(question, source, target)
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        skopeo("copy", "--all", *plain, f"docker://{one.host}/{MULTI}",
               f"docker://{by_skopeo.host}/team/multi:x")  # fmt: skip
        digests = {
            running.host: skopeo(
                "inspect", "--tls-verify=false", "--format={{.Digest}}",
                f"docker://{running.host}/team/multi:x",
            ).strip()
            for running in (other, by_skopeo)
        }  # fmt: skip
        assert set(digests.values()) == {STANDARD_IMAGES[MULTI].digest} == {copied.digest}
        skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{other.host}/team/multi:x",
               f"oci:{tmp_path / 'back'}:x")  # fmt: skip


def test_what_is_there_is_not_sent_again():
    with docker_registry() as running:
        source, target = MemoryRegistry(), over_http(running)
        base = [layer_of("shared", size_bytes=40_000), layer_of("shared too", size_bytes=40_000)]
        images = {f"team/app{n}:1": with_base(base, n) for n in range(5)}

        async def question():
            for name, document in images.items():
                await push(source, name, document)
            copier = Copier(source, target)
            first, *others = [
                (await copier.copy(source.reference(name), name.partition(":")[0], "1")).bytes_moved
                for name in images
            ]
            again = Copier(source, target)
            names = [source.reference(name) for name in images]
            repeated = [await again.copy(name, name.repository, "1") for name in names]
            return first, others, repeated

        first, others, repeated = run(question, source, target)
        assert first > 80_000
        assert max(others) < 5_000, "shared layers are mounted"
        assert [copied.bytes_moved for copied in repeated] == [0] * 5


def with_base(base, number):
    from tests.parts.images import Settings, Step, image

    steps = [Step(f"ADD {n}", part) for n, part in enumerate(base)]
    return image([*steps, Step(f"RUN {number}", layer_of(f"own {number}"))], Settings())


def test_copies_at_once_send_a_shared_layer_once():
    sent = []

    class Counting(MemoryRegistry):
        async def push_blob(self, repository, descriptor, content):
            sent.append(descriptor.digest)
            await super().push_blob(repository, descriptor, content)

    source, target = MemoryRegistry(), Counting("to")
    base = [layer_of("shared", size_bytes=300_000)]

    async def question():
        for n in range(20):
            await push(source, f"app{n}:1", with_base(base, n))
        copier = Copier(source, target)
        await asyncio.gather(
            *(copier.copy(source.reference(f"app{n}:1"), f"app{n}", "1") for n in range(20))
        )

    run(question)
    assert sent.count(base[0].digest) == 1
    assert len(sent) == len(set(sent))


def test_what_another_copy_brought_is_mounted_and_the_plan_knows():
    document = plain_image("large", size_bytes=300_000)
    with docker_registry(delete=True) as one, docker_registry(delete=True) as other:
        write_storage(one.storage_dir, {"app": {"1": document}})
        source, target = over_http(one), over_http(other)

        async def question():
            reference = source.reference("app:1")
            await Copier(source, target).copy(reference, "here", "1")
            plan = SyncPlan(await draft_copy(source, target, reference, "there", "1"))
            mounted = await Copier(source, target).copy(reference, "there", "1")
            await same(target, "there", "1", document)
            # What is gone by now is sent.
            for blob in document.blobs:
                await target.delete_blob("here", Digest(blob.digest))
                await target.delete_blob("there", Digest(blob.digest))
            again = SyncPlan(await draft_copy(source, target, reference, "elsewhere", "1"))
            sent = await Copier(source, target).copy(reference, "elsewhere", "1")
            await same(target, "elsewhere", "1", document)
            assert plan.bytes_moved == mounted.bytes_moved == len(document.raw)
            assert again.bytes_moved == sent.bytes_moved > 300_000

        run(question, source, target)


def test_a_tag_is_put_on_what_is_there_already(tmp_path):
    with docker_registry() as running:
        registry = over_http(running)
        document = STANDARD_IMAGES[MULTI]

        async def question():
            await push(registry, MULTI, document)
            copier = Copier(registry, registry)
            retagged = await copier.copy(registry.reference(MULTI), "team/multi", "stable")
            moved = await copier.copy(registry.reference(MULTI), "elsewhere", "stable")
            await same(registry, "team/multi", "stable", document)
            await same(registry, "elsewhere", "stable", document)
            return retagged, moved

        retagged, moved = run(question, registry)
        manifests = sum(len(one.raw) for one in (document, *document.children))
        assert (retagged.bytes_moved, retagged.is_changed) == (0, True)
        assert moved.bytes_moved == manifests, "blobs are mounted"


def test_one_platform_keeps_its_own_digest_and_several_are_a_smaller_index():
    document = STANDARD_IMAGES[MULTI]
    third = plain_image("third", platform="linux/s390x")
    three = index([*document.children[:2], third], attested=True)
    source, target = MemoryRegistry(), MemoryRegistry("to")
    amd = Platform.parse("linux/amd64")

    async def question():
        await push(source, "team/three:1", three)
        copier, reference = Copier(source, target), source.reference("team/three:1")
        one = await copier.copy(reference, "one", "1", platforms=[ARM])
        two = await copier.copy(reference, "two", "1", platforms=[ARM, amd])
        again = await copier.copy(reference, "two", "1", platforms=[ARM, amd])
        assert one.digest == document.children[1].digest
        assert (two.digest, 0) == (again.digest, again.bytes_moved)
        smaller = await target.manifest("two", "1")
        assert isinstance(smaller, Index)
        assert [str(entry.platform) for entry in smaller.images] == [
            "linux/amd64",
            "linux/arm64/v8",
        ]
        assert len(smaller.attestations) == 2
        for entry in smaller.manifests:
            await target.manifest("two", entry.digest)
        with pytest.raises(NotFoundError, match=r"linux/riscv64.*linux/s390x"):
            await copier.copy(reference, "none", "1", platforms=[Platform.parse("linux/riscv64")])

    run(question)


@pytest.mark.parametrize("to", ["memory", "layout", "drift", "docker-registry"])
def test_what_is_attached_is_copied_when_asked_for(tmp_path, to):
    subject = plain_image("signed")
    sbom = artifact("application/spdx+json", [layer_of("sbom")], subject=subject)
    of_sbom = artifact("application/vnd.sig", [layer_of("sig")], subject=sbom)
    cosign = artifact("application/vnd.cosign", [layer_of("cosign")])
    cosign_tag = f"{subject.digest.replace(':', '-')}.sig"
    source = MemoryRegistry()
    with opened(to, tmp_path) as target:

        async def question():
            await push(source, "app:1", subject)
            await push(source, "app:", sbom)
            await push(source, "app:", of_sbom)
            await push(source, f"app:{cosign_tag}", cosign)
            copier, reference = Copier(source, target), source.reference("app:1")
            await copier.copy(reference, "without", "1")
            assert await target.referrers("without", Digest(subject.digest)) == []
            await copier.copy(reference, "with", "1", referrers=True)
            found = await target.referrers("with", Digest(subject.digest))
            assert [one.digest for one in found] == [sbom.digest]
            found = await target.referrers("with", Digest(sbom.digest))
            assert [one.digest for one in found] == [of_sbom.digest]
            assert (await target.manifest("with", cosign_tag)).digest == cosign.digest
            again = await copier.copy(reference, "with", "1", referrers=True)
            assert again.bytes_moved == 0

        run(question, target)


def test_a_source_that_lies_about_a_digest_leaves_nothing(tmp_path):
    document = plain_image("liar")
    layer = document.layers[0]

    class Lying(MemoryRegistry):
        async def open_blob(self, repository, descriptor):
            whole = [piece async for piece in super().open_blob(repository, descriptor)]
            data = b"".join(whole)
            if descriptor.digest == layer.digest:
                data = data[:-1] + bytes([data[-1] ^ 1])
                from ghostnb.registries.verify import check_pieces
                from tests.registries.conftest import pieces_of

                async for piece in check_pieces(pieces_of(data), descriptor, source="the liar"):
                    yield piece
                return
            yield data

    source = Lying()
    with docker_registry() as running:
        target = over_http(running)

        async def question():
            await push(source, "app:1", document)
            with pytest.raises(IntegrityError, match="the liar"):
                await Copier(source, target).copy(source.reference("app:1"), "app", "1")
            with pytest.raises(NotFoundError):
                await target.manifest("app", "1")
            with pytest.raises(NotFoundError):
                await target.blob_size("app", Digest(layer.digest))

        run(question, target)


def test_a_tag_that_moves_during_the_copy_leads_to_what_was_looked_up():
    old, new = STANDARD_IMAGES[MULTI], plain_image("new")

    class Moving(MemoryRegistry):
        async def resolve(self, repository, locator):
            found = await super().resolve(repository, locator)
            await push(self, MULTI, new)
            return found

    source, target = Moving(), MemoryRegistry("to")

    async def question():
        await push(source, MULTI, old)
        await Copier(source, target).copy(source.reference(MULTI), "team/multi", "latest")
        await same(target, "team/multi", "latest", old)

    run(question)


def test_a_schema_1_image_is_refused():
    old = schema1_image("team/old", "1", [layer_of("old")])
    with docker_registry(schema1=True) as running:
        import httpx2

        for blob in old.blobs:
            begun = httpx2.post(f"{running.url}/v2/team/old/blobs/uploads/")
            url = f"{begun.headers['location']}&digest={blob.digest}"
            httpx2.put(url, content=blob.data).raise_for_status()
        httpx2.put(
            f"{running.url}/v2/team/old/manifests/1",
            content=old.raw,
            headers={"content-type": old.media_type},
        ).raise_for_status()
        source = over_http(running)

        async def question():
            with pytest.raises(UnsupportedError, match="schema 1"):
                await Copier(source, MemoryRegistry()).copy(
                    Reference("", "team/old", "1"), "team/old", "1"
                )

        run(question, source)
