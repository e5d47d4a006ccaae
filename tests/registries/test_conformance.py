"""What every registry does alike: in memory, in a directory, over HTTP."""

import asyncio
import hashlib

import msgspec
import pytest

from ghostnb.errors import (
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest, Index, Manifest, Platform, Reference
from ghostnb.registries.abilities import TellsUsage
from ghostnb.registries.protocol import WritableRegistry
from ghostnb.registries.reading import read_image, read_images
from tests.parts.images import plain_image
from tests.parts.layers import layer_of
from tests.parts.schema1 import schema1_image
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import ask, descriptor_of, listed, pieces_of, push

MULTI = "team/multi:latest"
NESTED = "team/nested:latest"
HOSTILE = ["../etc", "team/../../etc", "/etc", "Team/App", "team//app", "a" * 256, "", "team/app\n"]
ABSENT = "sha256:" + "0" * 64


def reference(name):
    repository, _, tag = name.rpartition(":")
    return Reference("", repository, tag)


def first_layer(case, name="library/nginx:1.27"):
    """A repository with the first layer of an image in it: descriptor and bytes."""
    layer = case[name].layers[0]
    return name.rpartition(":")[0], descriptor_of(layer.descriptor()), layer.data


def test_ping_answers_with_name_and_kind(case):
    async def question(registry):
        answer = await registry.ping()
        assert (answer.registry, answer.url, answer.kind) == (
            registry.name,
            registry.url,
            registry.kind,
        )
        assert answer.latency_seconds >= 0
        assert answer.authenticated == case.takes_credentials

    case.ask(question)


def test_every_repository_is_listed_once(case):
    found = case.ask(lambda registry: listed(registry.repositories()))
    names = [record.repository for record in found]
    assert sorted(case.repositories) == names
    assert {record.registry for record in found} == {case.open().name}
    for record in found:
        assert record.tag_count in (None, len(case.tags(record.repository)))


def test_a_namespace_is_whole_parts_of_a_name(case):
    async def question(registry):
        return {
            namespace: {record.repository async for record in registry.repositories(namespace)}
            for namespace in ("team", "team/app", "tea", "nowhere")
        }

    assert case.ask(question) == {
        "team": {name for name in case.repositories if name.startswith("team/")},
        "team/app": {"team/app/api"},
        "tea": set(),
        "nowhere": set(),
    }


def test_what_tells_no_usage_says_so(case):
    """None of these has a vendor that counts, neither itself nor behind an agent."""

    async def question(registry):
        if isinstance(registry, TellsUsage):
            with pytest.raises(UnsupportedError, match=r"tells? what is stored") as e:
                await listed(registry.usage_records())
            assert "inventory" in str(e.value)

    case.ask(question)


def test_every_tag_is_listed_once(case):
    async def question(registry):
        return {name: await listed(registry.tags(name)) for name in case.repositories}

    found = case.ask(question)
    # docker-registry 2.8 gives them in any order; our own are sorted.
    if case.open().kind == "auto":
        found = {name: sorted(tags) for name, tags in found.items()}
    assert {name: case.tags(name) for name in case.repositories} == found


def test_a_repository_that_lost_its_tags_has_none(case):
    for repository in case.emptied:
        assert case.ask(lambda registry, name=repository: listed(registry.tags(name))) == []


def test_an_unknown_repository_is_not_found(case):
    async def question(registry):
        with pytest.raises(NotFoundError, match="team/unknown"):
            await listed(registry.tags("team/unknown"))
        with pytest.raises(NotFoundError, match="team/unknown"):
            await registry.manifest("team/unknown", "latest")

    case.ask(question)


def test_an_unknown_tag_is_not_found(case):
    async def question(registry):
        with pytest.raises(NotFoundError, match=r"3\.21"):
            await registry.manifest("library/alpine", "3.21")

    case.ask(question)


def test_an_unknown_digest_is_not_found(case):
    async def question(registry):
        with pytest.raises(NotFoundError, match=ABSENT):
            await registry.manifest("library/alpine", ABSENT)
        missing = Descriptor("application/octet-stream", Digest(ABSENT), 3)
        with pytest.raises(NotFoundError, match=ABSENT):
            await registry.blob("library/alpine", missing)
        with pytest.raises(NotFoundError, match=ABSENT):
            await listed(registry.open_blob("library/alpine", missing))

    case.ask(question)


def test_a_manifest_of_another_repository_is_not_found(case):
    digest = case["library/nginx:1.27"].digest

    async def question(registry):
        with pytest.raises(NotFoundError, match=digest):
            await registry.manifest("team/app/api", digest)

    case.ask(question)


def test_manifests_are_the_same_bytes_by_tag_and_by_digest(case):
    async def question(registry):
        for name, document in case.images.items():
            repository, _, tag = name.rpartition(":")
            by_tag = await registry.manifest(repository, tag)
            by_digest = await registry.manifest(repository, document.digest)
            assert (document.raw, document.raw) == (by_tag.raw, by_digest.raw)
            assert (document.digest, document.media_type) == (by_tag.digest, by_tag.media_type)
            assert by_tag == by_digest

    case.ask(question)


def test_an_index_names_its_children_and_they_are_there(case):
    document = case[MULTI]

    async def question(registry):
        index = await registry.manifest("team/multi", "latest")
        assert isinstance(index, Index)
        assert [child.digest for child in document.children] == [
            entry.digest for entry in index.manifests
        ]
        for child in document.children:
            found = await registry.manifest("team/multi", child.digest)
            assert isinstance(found, Manifest)
            assert child.raw == found.raw

    case.ask(question)


def test_children_are_found_before_their_index_was_read(case):
    child = case[MULTI].children[1]
    found = case.ask(lambda registry: registry.manifest("team/multi", child.digest))
    assert child.raw == found.raw


def test_grandchildren_are_found_before_their_indexes_were_read(case):
    grandchild = case[NESTED].children[1].children[0]
    found = case.ask(lambda registry: registry.manifest("team/nested", grandchild.digest))
    assert grandchild.raw == found.raw


def test_nested_indexes_give_every_platform(case):
    document = case[NESTED]
    images = case.ask(lambda registry: listed(read_images(registry, reference(NESTED))))
    assert list(document.platforms) == [image.platform for image in images]
    assert list(document.platforms) == ["linux/amd64", "linux/arm64/v8", "linux/s390x"]


def test_attestations_are_no_images(case):
    document = case[MULTI]

    async def question(registry):
        index = await registry.manifest("team/multi", "latest")
        return index, await listed(read_images(registry, reference(MULTI)))

    index, images = case.ask(question)
    assert (len(index.images), len(index.attestations)) == (2, 2)
    assert [child.digest for child in document.children[:2]] == [image.digest for image in images]


def test_images_of_an_index_hold_what_manifests_and_configs_say(case):
    document = case[MULTI]
    images = case.ask(lambda registry: listed(read_images(registry, reference(MULTI))))
    for child, image in zip(document.children[:2], images, strict=True):
        assert (child.raw, child.total_bytes) == (image.raw_manifest, image.size_bytes)
        assert child.config == msgspec.json.decode(image.raw_config)
        assert document.platforms == image.platforms
        assert [(part.digest, part.diff_id) for part in child.layers] == [
            (layer.digest, layer.diff_id) for layer in image.layers
        ]


def test_an_image_has_what_its_config_says(case):
    document = case["library/nginx:1.27"]
    image = case.ask(lambda registry: read_image(registry, reference("library/nginx:1.27")))
    config = document.config["config"]
    assert config["Labels"] == image.labels
    assert (tuple(config["Env"]), tuple(config["Cmd"])) == (image.env, image.cmd)
    assert (
        image.created,
        image.author,
    ) == ("2024-06-01T09:30:00.123456789Z", "NGINX Docker Maintainers")
    assert len(document.config["history"]) == len(image.history)
    assert [layer.created_by for layer in image.layers[:2]] != [None, None]


def test_without_a_platform_this_machines_is_read(case, monkeypatch):
    monkeypatch.setattr(
        Platform, "default", classmethod(lambda cls: cls("arm64", "linux")), raising=True
    )
    document = case[MULTI]
    image = case.ask(lambda registry: read_image(registry, reference(MULTI)))
    assert document.children[1].digest == image.digest


def test_a_given_platform_is_read(case):
    document = case[MULTI]
    for text, child in (("linux/amd64", 0), ("linux/arm64", 1), ("linux/arm64/v8", 1)):
        wanted = Platform.parse(text)
        image = case.ask(
            lambda registry, wanted=wanted: read_image(registry, reference(MULTI), wanted)
        )
        assert document.children[child].digest == image.digest


def test_a_missing_platform_says_which_there_are(case):
    case[MULTI]
    wanted = Platform.parse("linux/riscv64")
    with pytest.raises(NotFoundError, match=r"linux/amd64, linux/arm64/v8"):
        case.ask(lambda registry: read_image(registry, reference(MULTI), wanted))


def test_a_blob_is_given_whole_and_in_pieces(case):
    repository, descriptor, data = first_layer(case)

    async def question(registry):
        assert data == await registry.blob(repository, descriptor)
        assert data == b"".join(await listed(registry.open_blob(repository, descriptor)))

    case.ask(question)


def test_an_iterator_of_pieces_may_be_left_early(case):
    repository, descriptor, data = first_layer(case)

    async def question(registry):
        pieces = registry.open_blob(repository, descriptor)
        assert data.startswith(await anext(pieces))
        await pieces.aclose()
        assert data == await registry.blob(repository, descriptor)

    case.ask(question)


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_wrong_size_is_an_integrity_error_and_nothing_is_kept(case, difference):
    repository, right, data = first_layer(case)
    wrong = msgspec.structs.replace(right, size_bytes=right.size_bytes + difference)

    async def question(registry):
        with pytest.raises(IntegrityError, match=str(wrong.size_bytes)):
            await registry.blob(repository, wrong)
        with pytest.raises(IntegrityError):
            await listed(registry.open_blob(repository, wrong))
        assert data == await registry.blob(repository, right)

    case.ask(question)


@pytest.mark.parametrize("name", ["team/zstd:latest", "team/plain-tar:latest"])
def test_layers_of_any_compression_are_read(case, name):
    repository, descriptor, data = first_layer(case, name)

    async def question(registry):
        image = await read_image(registry, reference(name))
        assert [descriptor.media_type] == [layer.media_type for layer in image.layers]
        assert data == await registry.blob(repository, descriptor)

    case.ask(question)


def test_an_artifact_is_read_without_a_config(case):
    document = case["team/artifact:latest"]

    async def question(registry):
        manifest = await registry.manifest("team/artifact", "latest")
        assert not manifest.is_image
        assert manifest.artifact_type == "application/vnd.example.table"
        content = await registry.blob("team/artifact", manifest.layers[0])
        assert content == b"a,b\n1,2\n"
        image = await read_image(registry, reference("team/artifact:latest"))
        assert (document.digest, b"") == (image.digest, image.raw_config)

    case.ask(question)


def test_a_subject_is_kept(case):
    case["team/app/api:signature"]
    found = case.ask(lambda registry: registry.manifest("team/app/api", "signature"))
    assert case["team/app/api:1.1"].digest == found.subject.digest


def test_a_foreign_layer_is_not_in_the_registry(case):
    document = case["team/windows:latest"]

    async def question(registry):
        manifest = await registry.manifest("team/windows", "latest")
        foreign, own = manifest.layers
        assert foreign.is_foreign
        assert own.size_bytes == manifest.size_bytes
        with pytest.raises(NotFoundError):
            await registry.blob("team/windows", foreign)
        image = await read_image(registry, reference("team/windows:latest"))
        assert len(document.layers) == len(image.layers)

    case.ask(question)


def test_an_image_without_layers_is_read(case):
    case["team/empty:latest"]
    image = case.ask(lambda registry: read_image(registry, reference("team/empty:latest")))
    assert (image.layers, image.size_bytes) == ((), 0)


def test_tag_details_tell_digest_size_time_and_platforms(case):
    document = case[MULTI]

    async def question(registry):
        return {
            repository: {record.tag: record async for record in registry.tag_details(repository)}
            for repository in ("team/multi", "library/alpine")
        }

    found = case.ask(question)
    multi = found["team/multi"]["latest"]
    layers = {
        layer.digest: layer.size_bytes for child in document.children[:2] for layer in child.layers
    }
    assert (document.digest, document.media_type) == (multi.digest, multi.media_type)
    assert (sum(layers.values()), document.platforms) == (multi.size_bytes, multi.platforms)
    assert multi.created == "2020-05-22T12:00:00Z"
    assert sorted(found["library/alpine"]) == ["3.19", "3.20", "latest"]


def test_a_search_finds_by_name_the_best_first(case):
    async def question(registry):
        exact = await listed(registry.search("API", limit=5))
        assert [record.repository for record in exact] == ["team/app/api"]
        alpine = await listed(registry.search("alpine", limit=5))
        assert [("library/alpine", "latest", case["library/alpine:latest"].digest)] == [
            (record.repository, record.tag, record.digest) for record in alpine
        ]
        assert len(await listed(registry.search("team", limit=2))) == 2
        assert await listed(registry.search("no-such-thing", limit=5)) == []

    case.ask(question)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_repository_name_is_refused(case, name):
    descriptor = Descriptor("text/plain", Digest(ABSENT), 0)

    async def question(registry):
        with pytest.raises(InvalidReferenceError):
            await listed(registry.tags(name))
        with pytest.raises(InvalidReferenceError):
            await registry.manifest(name, "latest")
        with pytest.raises(InvalidReferenceError):
            await registry.blob(name, descriptor)
        with pytest.raises(InvalidReferenceError):
            await listed(registry.open_blob(name, descriptor))
        if isinstance(registry, WritableRegistry):
            with pytest.raises(InvalidReferenceError):
                await registry.push_blob(name, descriptor, lambda first: pieces_of(b""))
            with pytest.raises(InvalidReferenceError):
                await registry.push_manifest(name, b"{}", "text/plain", tag="x")

    case.ask(question)


@pytest.mark.parametrize("locator", ["../../etc/passwd", "", "-x", "sha256:../..", "sha256:abc"])
def test_a_hostile_tag_or_digest_is_refused(case, locator):
    with pytest.raises(InvalidReferenceError):
        case.ask(lambda registry: registry.manifest("library/alpine", locator))


def test_references_are_read_within_the_registry(case):
    digest = case["library/alpine:3.20"].digest
    registry = case.open()
    assert Reference("", "library/alpine", "3.20") == registry.reference("library/alpine:3.20")
    assert Reference("", "library/alpine", "latest") == registry.reference("library/alpine")
    assert digest == registry.reference(f"library/alpine@{digest}").digest
    with pytest.raises(InvalidReferenceError):
        registry.reference("other.example:5000/library/alpine:3.20")


def test_a_tag_moves_and_the_manifest_before_stays(writable):
    old, new = plain_image("old"), plain_image("new")

    async def question(registry):
        await push(registry, "team/app:1.0", old)
        assert new.digest == await push(registry, "team/app:1.0", new)
        assert new.raw == (await registry.manifest("team/app", "1.0")).raw
        assert old.raw == (await registry.manifest("team/app", old.digest)).raw
        assert await listed(registry.tags("team/app")) == ["1.0"]

    ask(writable, question)


def test_a_manifest_may_have_many_tags_and_many_repositories(writable):
    document = plain_image("shared")

    async def question(registry):
        for name in ("team/app:1", "team/app:1.0", "team/app:1", "other:1"):
            await push(registry, name, document)
        # distribution does not sort them.
        assert sorted(await listed(registry.tags("team/app"))) == ["1", "1.0"]
        assert await listed(registry.tags("other")) == ["1"]

    ask(writable, question)


def test_a_manifest_pushed_without_a_tag_makes_a_repository_without_tags(store):
    document = plain_image("untagged")

    async def question(registry):
        await push(registry, "team/app:", document)
        assert await listed(registry.tags("team/app")) == []
        assert document.raw == (await registry.manifest("team/app", document.digest)).raw

    ask(store, question)


def test_what_an_index_names_need_not_be_there(store):
    document = STANDARD_IMAGES[MULTI]

    async def question(registry):
        await registry.push_manifest("team/multi", document.raw, document.media_type, tag="x")
        assert isinstance(await registry.manifest("team/multi", "x"), Index)
        with pytest.raises(NotFoundError):
            await registry.manifest("team/multi", document.children[0].digest)

    ask(store, question)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"no json", ProtocolError),
        (b'{"layers":[],"manifests":[]}', ProtocolError),
        (b" " * (4 * 2**20 + 1), ProtocolError),
        (schema1_image("team/old", "1", [layer_of("old")]).raw, UnsupportedError),
    ],
)
def test_what_is_no_manifest_is_not_stored(writable, raw, error):
    async def question(registry):
        await push(registry, "team/app:1.0", plain_image("good"))
        with pytest.raises(error):
            await registry.push_manifest("team/app", raw, "application/json", tag="2.0")
        assert await listed(registry.tags("team/app")) == ["1.0"]

    ask(writable, question)


@pytest.mark.parametrize("pushed", [b"abd", b"ab", b"abcd", b""])
def test_a_blob_that_is_not_what_its_digest_says_is_not_stored(writable, pushed):
    right = Descriptor("text/plain", Digest.of(b"abc"), 3)

    async def question(registry):
        await push(registry, "team/app:1.0", plain_image("good"))
        with pytest.raises(IntegrityError):
            await registry.push_blob("team/app", right, lambda first: pieces_of(pushed, 1))
        with pytest.raises(NotFoundError):
            await registry.blob("team/app", right)
        await registry.push_blob("team/app", right, lambda first: pieces_of(b"abc", 1))
        assert await registry.blob("team/app", right) == b"abc"

    ask(writable, question)


def test_a_blob_may_have_a_sha512_digest(writable):
    data = b"long" * 1000
    digest = Digest(f"sha512:{hashlib.sha512(data).hexdigest()}")
    descriptor = Descriptor("text/plain", digest, len(data))

    async def question(registry):
        await push(registry, "team/app:1.0", plain_image("good"))
        await registry.push_blob("team/app", descriptor, lambda first: pieces_of(data))
        assert data == await registry.blob("team/app", descriptor)
        assert data == b"".join(await listed(registry.open_blob("team/app", descriptor)))

    ask(writable, question)


def test_a_manifest_may_be_pushed_under_its_sha512_digest(store):
    document = plain_image("good")
    digest = Digest.of(document.raw, "sha512")

    async def question(registry):
        await push(registry, "team/other:1.0", document)
        kept = await registry.push_manifest(
            "team/app", document.raw, document.media_type, tag="1.0", digest=digest
        )
        assert kept == digest
        for locator in (digest, "1.0"):
            found = await registry.manifest("team/app", locator)
            assert (found.raw, found.digest) == (document.raw, digest)

    ask(store, question)


def test_a_manifest_is_not_pushed_under_a_digest_that_is_not_its_own(writable):
    document = plain_image("good")

    async def question(registry):
        with pytest.raises(IntegrityError):
            await registry.push_manifest(
                "team/app", document.raw, document.media_type, digest=Digest.of(b"other")
            )
        with pytest.raises(NotFoundError):
            await listed(registry.tags("team/app"))

    ask(writable, question)


def test_an_algorithm_that_cannot_be_checked_is_refused(writable):
    descriptor = Descriptor("text/plain", Digest("md5:abc"), 1)

    async def question(registry):
        with pytest.raises(InvalidReferenceError, match="cannot be checked"):
            await registry.push_blob("team/app", descriptor, lambda first: pieces_of(b"a"))

    ask(writable, question)


def test_an_empty_blob_is_stored(writable):
    descriptor = Descriptor("text/plain", Digest.of(b""), 0)

    async def question(registry):
        await registry.push_blob("team/app", descriptor, lambda first: pieces_of(b""))
        assert await registry.blob("team/app", descriptor) == b""
        assert await listed(registry.open_blob("team/app", descriptor)) == []

    ask(writable, question)


def test_a_push_that_breaks_off_stores_nothing(writable):
    descriptor = Descriptor("text/plain", Digest.of(b"abc"), 3)

    async def broken():
        yield b"ab"
        raise ConnectionResetError

    async def question(registry):
        with pytest.raises(ConnectionResetError):
            await registry.push_blob("team/app", descriptor, lambda first: broken())
        with pytest.raises(NotFoundError):
            await registry.blob("team/app", descriptor)

    ask(writable, question)


def test_a_cancelled_push_stores_nothing(writable):
    descriptor = Descriptor("text/plain", Digest.of(b"abc"), 3)

    async def endless(begun):
        yield b"ab"
        begun.set()
        await asyncio.Event().wait()

    async def question(registry):
        begun = asyncio.Event()
        push = asyncio.create_task(
            registry.push_blob("team/app", descriptor, lambda first: endless(begun))
        )
        await begun.wait()
        push.cancel()
        with pytest.raises(asyncio.CancelledError):
            await push
        with pytest.raises(NotFoundError):
            await registry.blob("team/app", descriptor)

    ask(writable, question)


def test_many_pushes_at_once_all_arrive(writable):
    documents = {f"team/app:{n}": plain_image(f"at-once-{n}", layers=1) for n in range(40)}

    async def question(registry):
        await asyncio.gather(*(push(registry, *pair) for pair in documents.items()))
        found = [record async for record in registry.tag_details("team/app")]
        assert {f"team/app:{record.tag}": record.digest for record in found} == {
            name: document.digest for name, document in documents.items()
        }

    ask(writable, question)


def test_writable_registries_say_so(cases):
    kinds = {name: isinstance(case.open(), WritableRegistry) for name, case in cases.items()}
    assert kinds["memory"]
    assert kinds["layout"]
    assert not kinds["archive"]
