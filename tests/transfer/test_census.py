"""What a census finds in registries of every kind, against documents made by the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from ghostnb.errors import ForbiddenError, ProtocolError, ServerError, TransportError
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.walk import Tally
from ghostnb.transfer.deleting.census import Census, read_census, read_holdings
from ghostnb.transfer.holdings import subject_of_tag
from tests.parts.drift import through_drift
from tests.parts.images import Document, artifact, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.pushes import Pusher
from tests.parts.registries import docker_registry
from tests.parts.schema1 import schema1_image
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import ask, push
from tests.serving import CountingTransport
from tests.transfer.deleting import TagsOnly, Unlisted, filled

IMAGE, OTHER = plain_image("one"), plain_image("other")
SIGNATURE = artifact("application/x-signature", [layer_of("signature")], subject=IMAGE)
BOM = artifact("application/x-sbom", [layer_of("sbom")], subject=SIGNATURE)
NAME = "team/app"


def census(registry: Any, **options: Any) -> Census:
    return ask(registry, lambda one: read_census(one, Tally(), **options))


def found(census: Census) -> set[tuple[str, str, str, int]]:
    return set(census.contents.itertuples(index=False, name=None))


def expected(images: dict[str, Document]) -> set[tuple[str, str, str, int]]:
    """Say what each manifest of some documents is and names."""
    return {
        (name.rpartition(":")[0], one.digest, digest, size)
        for name, document in images.items()
        for one in whole(document)
        for digest, size in content(one)
    }


def whole(document: Document) -> Iterable[Document]:
    yield document
    for child in document.children:
        yield from whole(child)


def content(document: Document) -> Iterable[tuple[str, int]]:
    yield document.digest, document.size_bytes
    for blob in document.blobs:
        if blob.pushed:
            yield blob.digest, len(blob.data)


def tagged(census: Census) -> dict[str, str]:
    return {
        f"{name}:{tag}": digest
        for name, holdings in census.repositories.items()
        for tag, digest in holdings.tags.items()
    }


@pytest.mark.parametrize("kind", [MemoryRegistry, TagsOnly])
def test_the_standard_set_is_found(kind):
    result = census(filled(kind(), STANDARD_IMAGES))
    assert found(result) == expected(STANDARD_IMAGES)
    assert tagged(result) == {name: one.digest for name, one in STANDARD_IMAGES.items()}
    assert result.failures == []


def test_over_http_the_same_is_found(registry):
    config = RegistryConfig("reg", registry.url, insecure=True)
    result = census(HTTPRegistry(config, cache=ContentCache()))
    standard = {name.rpartition(":")[0] for name in STANDARD_IMAGES}
    assert {row for row in found(result) if row[0] in standard} == expected(STANDARD_IMAGES)
    assert not result.has_untagged
    assert "does not list untagged manifests" in result.notes[0]


def test_what_is_attached_is_found_where_it_is_not_listed():
    images = {f"{NAME}:v1": IMAGE, f"{NAME}:_s": SIGNATURE, f"{NAME}:_b": BOM}
    hidden = filled(MemoryRegistry(), {**images, f"{NAME}:_o": OTHER})
    result = census(through_drift(hidden))
    assert found(result) == expected(images)
    holdings = result.repositories[NAME]
    assert holdings.referrers_of(Digest(IMAGE.digest)) == [SIGNATURE.digest]
    assert holdings.referrers_of(Digest(SIGNATURE.digest)) == [BOM.digest]
    assert holdings.subjects_of(Digest(BOM.digest)) == [SIGNATURE.digest]


def test_a_manifest_of_which_a_mirror_left_out_a_part_is_whole_enough():
    registry = filled(TagsOnly(), {f"{NAME}:all": index([IMAGE, OTHER])})
    del registry._repositories[NAME].manifests[OTHER.digest]
    result = census(registry)
    assert result.failures == []
    assert set(result.repositories[NAME].manifests) == {
        IMAGE.digest,
        index([IMAGE, OTHER]).digest,
    }


def test_repositories_that_are_not_listed_are_read_when_named():
    registry = filled(Unlisted("hub"), {"a/app:v1": IMAGE, "b/app:v1": OTHER})
    result = census(registry, named={"a/app": []})
    assert found(result) == expected({"a/app:v1": IMAGE})
    assert result.unlisted is not None
    assert result.notes[0].startswith("hub does not list its repositories")


def test_a_list_for_administrators_alone_is_as_none():
    class Closed(MemoryRegistry):
        async def repositories(self, namespace=None):
            raise ForbiddenError("The catalog is for administrators.")
            yield

    result = census(filled(Closed(), {"a/app:v1": IMAGE}), named={"a/app": []})
    assert "for administrators" in result.notes[0]
    assert found(result) == expected({"a/app:v1": IMAGE})


def test_no_list_because_nobody_answers_is_an_error():
    class Gone(MemoryRegistry):
        async def repositories(self, namespace=None):
            raise TransportError("No answer.")
            yield

    with pytest.raises(TransportError):
        census(Gone(), named={"a/app": []})


class Flaky(TagsOnly):
    """Fails to read what is in `broken`: a repository's tags, or one tag."""

    broken: set[str]

    async def tags(self, repository):
        if repository in self.broken:
            raise ServerError(f"{repository} is broken.")
        async for tag in super().tags(repository):
            yield tag

    async def manifest(self, repository, locator):
        if f"{repository}:{locator}" in self.broken:
            raise ServerError(f"{locator} is broken.")
        return await super().manifest(repository, locator)

    async def referrers(self, repository, digest):
        if digest in self.broken:
            raise ServerError(f"{digest} is broken.")
        return await super().referrers(repository, digest)


def test_what_cannot_be_read_is_on_record_and_the_rest_is_there():
    registry = filled(Flaky("reg"), {f"{NAME}:v1": IMAGE, f"{NAME}:v2": OTHER, "b/app:v1": OTHER})
    registry.broken = {f"{NAME}:v1", "b/app", OTHER.digest}
    result = census(registry)
    assert found(result) == expected({f"{NAME}:v2": OTHER})
    assert list(result.repositories[NAME].unread) == ["v1"]
    places = sorted((one.repository, one.tag) for one in result.failures)
    assert places == sorted([("b/app", ""), (NAME, "v1"), (NAME, OTHER.digest)])
    assert len([note for note in result.notes if "is broken" in note]) == 3


def test_read_anew_what_cannot_be_listed_is_an_error():
    registry = filled(Flaky("reg"), {f"{NAME}:v1": IMAGE})
    registry.broken = {NAME}
    with pytest.raises(ServerError):
        asyncio.run(read_holdings(registry, NAME))


def test_read_anew_a_repository_that_is_gone_holds_nothing():
    assert asyncio.run(read_holdings(TagsOnly(), NAME)).manifests == {}


def test_indexes_that_nest_without_end_are_given_up():
    nested = IMAGE
    for number in range(20):
        nested = index([nested], annotations={"level": str(number)})
    with pytest.raises(ProtocolError, match="deeper than 16"):
        census(filled(TagsOnly(), {f"{NAME}:deep": nested}))


def test_what_an_index_holds_and_is_gone_does_not_count_though_it_is_cached(fresh_registry):
    config = RegistryConfig("reg", fresh_registry.url, insecure=True)
    both, cache = index([IMAGE, OTHER]), ContentCache()
    images = {f"{NAME}:all": both}
    with Pusher(fresh_registry.url) as pusher:
        pusher.push(NAME, "all", both)
        before = census(HTTPRegistry(config, cache=cache))
        pusher.delete_manifest(NAME, OTHER.digest)
    after = census(HTTPRegistry(config, cache=cache))
    assert found(before) == expected(images)
    assert set(after.repositories[NAME].manifests) == {both.digest, IMAGE.digest}


def test_a_registry_without_a_list_of_what_is_attached_is_asked_for_one_once(fresh_registry):
    images = {f"{NAME}:v{n}": plain_image(f"{n}") for n in range(8)}
    transport = CountingTransport()
    config = RegistryConfig("reg", fresh_registry.url, insecure=True)

    async def asked(registry):
        for name, document in {**images, f"{NAME}:": SIGNATURE, f"{NAME}:v": IMAGE}.items():
            await push(registry, name, document)
        transport.paths.clear()
        return await read_census(registry, Tally())

    result = ask(HTTPRegistry(config, cache=ContentCache(), transport=transport), asked)
    holdings = result.repositories[NAME]
    assert SIGNATURE.digest in holdings.referrers_of(Digest(IMAGE.digest))
    assert transport.count("/referrers/") == 1
    # Nine tags and the one that lists; the signature; the lists of repositories and of tags; and
    # who it is.
    assert len(transport.paths) <= 16


def test_docker_schema_1_is_counted_as_far_as_it_is_read():
    old = schema1_image(NAME, "old", [layer_of("old")])
    with docker_registry(schema1=True) as running:
        with Pusher(running.url) as pusher:
            pusher.push(NAME, "old", old)
        config = RegistryConfig("reg", running.url, insecure=True)
        result = census(HTTPRegistry(config, cache=ContentCache()))
    holdings = result.repositories[NAME]
    assert holdings.tags == {"old": old.digest}
    assert holdings.unknown == []
    assert any("schema 1" in note for note in result.notes)


@pytest.mark.parametrize(
    ("tag", "subject"),
    [
        (f"sha256-{'a' * 64}", f"sha256:{'a' * 64}"),
        (f"sha256-{'a' * 64}.sig", f"sha256:{'a' * 64}"),
        (f"sha512-{'b' * 128}", f"sha512:{'b' * 128}"),
        (f"sha256-{'a' * 63}", None),
        (f"sha256-{'a' * 65}", None),
        (f"sha256-{'g' * 64}", None),
        (f"x-sha256-{'a' * 64}", None),
        ("latest", None),
    ],
)
def test_the_tags_that_are_made_of_digests(tag, subject):
    assert subject_of_tag(tag) == subject
