"""From a reference to images: platforms, nesting, what is missing, what is something else."""

import asyncio
import dataclasses
from contextlib import contextmanager

import pytest

from ghostnb.errors import (
    GhostnbError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
    UnsupportedError,
)
from ghostnb.oci import Platform, Reference
from ghostnb.registries import reading
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.reading import images_of, read_image, read_images, read_tag
from tests.parts import media_types
from tests.parts.images import Document, Settings, Step, encode, image, index, plain_image
from tests.parts.replies import reply
from tests.parts.schema1 import schema1_image
from tests.parts.standard import STANDARD_IMAGES
from tests.serving import serving_images

REFERENCE = Reference("", "a/b", "1")
AMD = plain_image("amd")
ARM = plain_image("arm", platform="linux/arm64/v8")
OLD_ARM = plain_image("old-arm", platform="linux/arm/v6")
WINDOWS = plain_image("windows", platform="windows/amd64")


@contextmanager
def registry_of(document: Document, **images: Document):
    """Serve a document as ``a/b:1``, and speak to it."""
    with serving_images({"a/b:1": document, **images}) as server:
        config = RegistryConfig("team", server.url)
        yield HTTPRegistry(config, cache=ContentCache()), server


def ask(registry, question):
    async def work():
        try:
            return await question(registry)
        finally:
            await registry.aclose()

    return asyncio.run(work())


def platform_read(document: Document, wanted: str | None = None) -> str | None:
    with registry_of(document) as (registry, _):
        platform = Platform.parse(wanted) if wanted else None
        return ask(registry, lambda one: read_image(one, REFERENCE, platform)).platform


async def read_all(registry, **options):
    top = await registry.manifest("a/b", "1")
    return [found async for found in images_of(registry, REFERENCE, top, **options)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/aarch64", "linux/arm64/v8"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
        ("linux/amd64", "linux/amd64"),
    ],
)
def test_a_platform_chooses_its_image(wanted, found):
    assert platform_read(index([WINDOWS, OLD_ARM, ARM, AMD]), wanted) == found


def test_by_default_this_machines_platform_is_read_else_amd64_else_the_first(monkeypatch):
    def machine_is(name):
        monkeypatch.setattr(Platform, "default", classmethod(lambda cls: Platform(name, "linux")))

    both = index([WINDOWS, AMD, ARM])
    machine_is("arm64")
    assert platform_read(both) == "linux/arm64/v8"
    machine_is("riscv64")
    assert platform_read(both) == "linux/amd64"
    assert platform_read(index([WINDOWS, ARM])) == "windows/amd64"


def test_one_image_alone_is_asked_for_its_own_platform():
    assert platform_read(ARM, "linux/arm64") == "linux/arm64/v8"
    with pytest.raises(NotFoundError, match=r"linux/s390x.*platforms are: linux/arm64/v8\."):
        platform_read(ARM, "linux/s390x")


@pytest.mark.parametrize("fields", [{"os": "linux"}, {"architecture": "amd64"}, {}])
def test_a_config_that_names_half_a_platform_is_no_match_and_no_crash(fields):
    with registry_of(AMD) as (registry, server):
        odd = with_config(AMD, fields)
        server.routes.update(routes(odd))
        wanted = Platform.parse("linux/amd64")
        with pytest.raises(NotFoundError, match="no image for linux/amd64"):
            ask(registry, lambda one: read_image(one, REFERENCE, wanted))


def with_config(document: Document, fields: dict) -> Document:
    """Build the same image with another config."""
    from tests.parts.layers import Layer

    config = Layer(encode(fields), media_types.OCI_CONFIG)
    raw = encode({**document.manifest, "config": config.descriptor()})
    return Document(document.media_type, raw, (config, *document.blobs[1:]))


def routes(document: Document, tag: str = "1"):
    from tests.serving import routes_of

    return routes_of({f"a/b:{tag}": document})


def test_an_index_of_nothing_has_no_image():
    with registry_of(index([])) as (registry, _):
        with pytest.raises(NotFoundError, match="none that it names"):
            ask(registry, lambda one: read_image(one, REFERENCE))
        assert ask(registry, read_all) == []


def test_all_images_come_in_order_and_know_of_each_other():
    many = index([plain_image(f"n{n}", layers=1, platform=f"linux/p{n}") for n in range(20)])
    with registry_of(many) as (registry, _):
        found = ask(registry, read_all)

    assert [one.platform for one in found] == [f"linux/p{n}" for n in range(20)]
    assert {one.platforms for one in found} == {tuple(f"linux/p{n}" for n in range(20))}
    assert [one.digest for one in found] == [child.digest for child in many.children]


def test_attestations_are_not_images_and_are_not_read():
    attested = index([AMD, ARM], attested=True)
    with registry_of(attested) as (registry, server):
        found = ask(registry, read_all)

        assert [one.platform for one in found] == ["linux/amd64", "linux/arm64/v8"]
        for proof in attested.children[2:]:
            assert server.count(f"/v2/a/b/manifests/{proof.digest}") == 0


def test_nesting_is_followed_to_an_end():
    deep = AMD
    for _ in range(8):
        deep = index([deep])
    with registry_of(deep) as (registry, _):
        assert [one.digest for one in ask(registry, read_all)] == [AMD.digest]
    with (
        registry_of(index([deep])) as (registry, _),
        pytest.raises(ProtocolError, match="nests indexes deeper than 8"),
    ):
        ask(registry, read_all)


def test_the_platform_of_the_index_wins_since_it_knows_the_variant():
    child = image([Step("x")], platform="linux/arm64")
    entry = {
        **child.descriptor(),
        "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
    }
    raw = encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [entry]})
    with registry_of(Document(media_types.OCI_INDEX, raw, children=(child,))) as (registry, _):
        assert ask(registry, read_all)[0].platform == "linux/arm64/v8"


def test_an_image_that_several_entries_lead_to_comes_once_a_platform():
    other = dataclasses.replace(AMD, platform="linux/amd64/v2")
    with registry_of(index([index([AMD, ARM]), AMD, other, AMD])) as (registry, _):
        found = ask(registry, read_all)

    assert [(str(one.digest), one.platform) for one in found] == [
        (AMD.digest, "linux/amd64"),
        (ARM.digest, "linux/arm64/v8"),
        (AMD.digest, "linux/amd64/v2"),
    ]


def test_an_image_that_was_never_pushed_is_an_error_or_is_told_of():
    both = index([AMD, ARM])
    errors: list[GhostnbError] = []
    with registry_of(both) as (registry, server):
        server.routes[f"/v2/a/b/manifests/{AMD.digest}"] = reply(404)
        with pytest.raises(NotFoundError):
            ask(registry, read_all)
        found = ask(registry, lambda one: read_all(one, on_error=errors.append))

    assert [one.platform for one in found] == ["linux/arm64/v8"]
    assert [type(error) for error in errors] == [NotFoundError]


def test_a_nested_index_that_is_missing_is_an_error_or_is_told_of():
    nested = index([plain_image("inner", platform="linux/s390x")])
    errors: list[GhostnbError] = []
    with registry_of(index([AMD, nested, ARM])) as (registry, server):
        server.routes[f"/v2/a/b/manifests/{nested.digest}"] = reply(404)
        with pytest.raises(NotFoundError):
            ask(registry, read_all)
        found = ask(registry, lambda one: read_all(one, on_error=errors.append))

    assert [one.platform for one in found] == ["linux/amd64", "linux/arm64/v8"]
    assert [type(error) for error in errors] == [NotFoundError]


def test_an_index_that_nests_too_deep_leaves_the_others():
    deep = AMD
    for _ in range(9):
        deep = index([deep])
    errors: list[GhostnbError] = []
    with registry_of(index([deep, ARM])) as (registry, _):
        found = ask(registry, lambda one: read_all(one, on_error=errors.append))

    assert [one.platform for one in found] == ["linux/arm64/v8"]
    assert ["nests indexes deeper than 8" in str(error) for error in errors] == [True]


def test_a_config_that_is_not_there_says_that_the_image_is_damaged():
    """Its manifest is there: "check the spelling" would lead astray."""
    with registry_of(AMD) as (registry, server):
        server.routes[f"/v2/a/b/blobs/{AMD.blobs[0].digest}"] = reply(404)
        with pytest.raises(ProtocolError, match=f"a/b:1 in team .*{AMD.blobs[0].digest}") as caught:
            ask(registry, lambda one: read_image(one, REFERENCE))

    assert isinstance(caught.value.__cause__, NotFoundError)
    assert "spelling" not in str(caught.value)


def test_any_error_of_one_image_leaves_the_others():
    errors: list[GhostnbError] = []
    wrong, broken = plain_image("wrong"), plain_image("broken", platform="linux/386")
    with registry_of(index([wrong, broken, ARM])) as (registry, server):
        server.routes[f"/v2/a/b/manifests/{wrong.digest}"] = reply(body=AMD.raw)
        server.routes[f"/v2/a/b/blobs/{broken.blobs[0].digest}"] = reply(body=b"{}")
        found = ask(registry, lambda one: read_all(one, on_error=errors.append))

    assert [one.platform for one in found] == ["linux/arm64/v8"]
    assert [type(error) for error in errors] == [IntegrityError] * 2


def test_a_digest_that_cannot_be_checked_leaves_the_others():
    odd = {**AMD.descriptor(), "digest": "blake3:abcdef"}
    entries = [odd, ARM.descriptor()]
    raw = encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries})
    errors: list[GhostnbError] = []
    with registry_of(Document(media_types.OCI_INDEX, raw, children=(ARM,))) as (registry, server):
        server.routes["/v2/a/b/manifests/blake3:abcdef"] = server.routes["/v2/a/b/manifests/1"]
        found = ask(registry, lambda one: read_all(one, on_error=errors.append))

    assert [one.platform for one in found] == ["linux/arm64/v8"]
    assert "cannot be checked" in str(errors[0])


def test_a_config_that_is_none_is_a_protocol_error():
    odd = with_config(AMD, {"history": "none"})
    with registry_of(odd) as (registry, _), pytest.raises(ProtocolError, match="a/b:1 in team"):
        ask(registry, read_all)


def test_an_artifact_has_layers_and_no_config_is_asked_for():
    artifact = STANDARD_IMAGES["team/artifact:latest"]
    with registry_of(artifact) as (registry, server):
        (found,) = ask(registry, read_all)

        assert [one.digest for one in found.layers] == [one.digest for one in artifact.layers]
        assert (found.platform, found.platforms, found.raw_config) == (None, (), b"")
        assert not [request for request in server.seen() if "/blobs/" in request.path]


def test_a_schema_1_image_is_unsupported_and_its_tag_is_listed():
    old = schema1_image("a/b", "1", AMD.layers)
    with registry_of(old) as (registry, _):
        with pytest.raises(UnsupportedError, match="schema 1"):
            ask(registry, lambda one: read_image(one, REFERENCE))
        record = ask(registry, lambda one: read_tag(one, "a/b", "1"))

    assert (record.tag, record.media_type) == ("1", old.media_type)
    assert (record.size_bytes, record.created, record.platforms) == (None, None, None)


def test_a_tags_size_counts_each_layer_once_and_no_foreign_one():
    base = AMD.layers
    both = index([AMD, plain_image("more", layers=1, base=base, platform="linux/arm64/v8")])
    with registry_of(both) as (registry, _):
        record = ask(registry, lambda one: read_tag(one, "a/b", "1"))
    with registry_of(STANDARD_IMAGES["team/windows:latest"]) as (registry, _):
        windows = ask(registry, lambda one: read_tag(one, "a/b", "1"))

    layers = {layer.digest: layer.size_bytes for child in both.children for layer in child.layers}
    assert record.size_bytes == sum(layers.values()) < sum(c.total_bytes for c in both.children)
    assert record.platforms == ("linux/amd64", "linux/arm64/v8")
    assert record.digest == both.digest
    assert windows.size_bytes == STANDARD_IMAGES["team/windows:latest"].layers[1].size_bytes


def test_a_tag_of_which_a_part_was_never_pushed_counts_what_is_there():
    with registry_of(index([AMD, ARM])) as (registry, server):
        server.routes[f"/v2/a/b/manifests/{AMD.digest}"] = reply(404)
        record = ask(registry, lambda one: read_tag(one, "a/b", "1"))
        server.routes[f"/v2/a/b/manifests/{ARM.digest}"] = reply(body=AMD.raw)
        fresh = HTTPRegistry(RegistryConfig("team", server.url), cache=ContentCache())
        with pytest.raises(IntegrityError):
            ask(fresh, lambda one: read_tag(one, "a/b", "1"))

    assert (record.platforms, record.size_bytes) == (("linux/arm64/v8",), ARM.total_bytes)


@pytest.mark.parametrize("document", [AMD, index([AMD, ARM])], ids=["image", "index"])
def test_a_tag_whose_config_is_not_there_has_no_made_up_size(document):
    with registry_of(document) as (registry, server):
        server.routes[f"/v2/a/b/blobs/{AMD.blobs[0].digest}"] = reply(404)
        with pytest.raises(ProtocolError):
            ask(registry, lambda one: read_tag(one, "a/b", "1"))


def test_a_tags_time_is_that_of_the_first_image_that_has_one():
    timeless = image([Step("x")], Settings(created=None))
    with registry_of(index([timeless, ARM])) as (registry, _):
        record = ask(registry, lambda one: read_tag(one, "a/b", "1"))

    assert record.created == ARM.config["created"]


def test_images_are_read_some_at_once(monkeypatch):
    monkeypatch.setattr(reading, "_BATCH", 4)
    under_way, most = 0, 0

    class Slow(HTTPRegistry):
        async def blob(self, repository, descriptor):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            return await super().blob(repository, descriptor)

    many = index([plain_image(f"n{n}", layers=1, platform=f"linux/p{n}") for n in range(10)])
    with registry_of(many) as (_, server):
        registry = Slow(RegistryConfig("team", server.url), cache=ContentCache())
        assert len(ask(registry, read_all)) == 10

    assert most == 4


def test_images_of_a_reference_may_be_of_one_platform():
    async def read(registry):
        platform = Platform.parse("linux/arm64")
        return [one async for one in read_images(registry, REFERENCE, platform)]

    with registry_of(index([AMD, ARM])) as (registry, _):
        assert [one.digest for one in ask(registry, read)] == [ARM.digest]
